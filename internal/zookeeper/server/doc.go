// Package server runs the two servers that are compared, each as one process on
// the loopback interface with a temporary directory of its own: Apache ZooKeeper
// from Debian's package, and Zabtree's examples/server built from this repository.
//
// Both read the same zoo.cfg. A Process has one goroutine, which waits for the
// process to end; Close ends the process by its id and removes its directory.
package server
