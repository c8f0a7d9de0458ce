// Package zookeeper has no code, only folders: it is the module of what measures
// Zabtree's ZooKeeper port with the real thing, Apache ZooKeeper 3.8.0 as Debian
// has it. The module needs the packages zookeeper and openjdk-17-jre-headless; its
// tests fail without them.
//
//   - zkwire is a raw client, which shares no code with what it judges.
//   - server runs both servers, each a process of its own.
//   - difftest sends the same generated operations to both and compares the answers
//     field by field; differences.go there is the one list of what may differ.
//   - clients runs clients that others wrote: zkCli against both, and go-zookeeper, also
//     while members are killed.
//   - cmd/difftest does that for any seed and cuts what it finds down.
package zookeeper
