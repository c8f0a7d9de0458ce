// Package clients runs clients that others wrote against Zabtree's client port, and
// where it says something against Apache ZooKeeper as well: zkCli, which is Apache's own
// Java client, and go-zookeeper. There is nothing but tests.
package clients
