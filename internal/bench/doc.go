// Command bench measures Zabtree on the machine it runs on.
//
//	go -C internal/bench run . -workload w1 -callers 128 -size 100
//
// w1 is durable writes through three replicas of one process that talk TCP over
// loopback and sync real files. Everything is measured against a floor: the same
// callers and batches with nothing but the work that no replicated log of three
// can avoid (see type floor). Peer zabtree is package zab with the floor's state
// machine; session is what users have: a tree, and sessions at the leader's member
// (see type sessionPeer). Two more are there if -peers names them: port is the same
// ensemble in a process of its own, written to over ZooKeeper's client port, and apache
// three servers of Apache ZooKeeper, if they are installed, written to likewise. CPU/write
// is this process's: of these two it is the client's. The peers take turns, round by round, within one
// run, so that what else happens on the machine hits all alike; figures are
// medians over the rounds, and a ratio is the median of the ratios of rounds that
// followed each other. Callers each make one write after the other, so their
// number is the number of writes in flight.
//
// The other workloads are about time rather than throughput: run with -h for
// the list.
//
// Nothing here passes or fails by the clock; it prints, as text or with -json. It
// exits with an error only if a peer breaks, or if after a round its replicas
// are not alike.
package main
