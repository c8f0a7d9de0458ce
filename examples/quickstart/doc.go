// Command quickstart loads a directory into a replicated tree, in one process,
// and kills the leader half way.
//
//	go run ./examples/quickstart [DIRECTORY]
//
// It starts three replicas with their storage on disk, in a temporary directory,
// that talk TCP over loopback. Every regular file below DIRECTORY (default: the
// module that the current directory is in) becomes a znode with its name and its
// bytes, while one session watches and another holds an ephemeral znode. When
// half is loaded the leader is killed, and later started again. At the end
// everything is compared: each znode with the bytes that were read, the replicas
// with each other, what the watcher saw with what was created. The exit status is
// 0 only if all of it is right.
//
// The tree lives in memory, here three times: so must DIRECTORY.
package main
