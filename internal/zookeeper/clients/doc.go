// Package clients runs clients that others wrote against Zabtree's client port, and
// where it says something against Apache ZooKeeper as well: zkCli, which is Apache's own
// Java client, and go-zookeeper. What clients hear of a member that was left alone is
// compared with Apache's in the words of zkwire. There is nothing but tests.
package clients
