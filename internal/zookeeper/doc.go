// Package zookeeper has no code, only folders: it is the module of what measures
// Zabtree's ZooKeeper port with the real thing, Apache ZooKeeper 3.8.0 as Debian
// has it. The module needs Debian's packages zookeeper, openjdk-17-jdk-headless,
// libcurator-recipes-java, libzookeeper-mt-dev, gcc, python3-kazoo, python3-mock,
// python3-objgraph, python3-pytest and python3-pytest-timeout, and npm; its tests fail
// without them.
//
//   - zkwire is a raw client, which shares no code with what it judges.
//   - server runs both servers, each a process of its own.
//   - difftest sends the same generated operations to both and compares the answers
//     field by field; differences.go there is the one list of what may differ.
//   - clients runs clients that others wrote against both, also while members are
//     killed.
//   - cmd/difftest does what difftest does for any seed and cuts what it finds down.
package zookeeper
