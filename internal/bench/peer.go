package main

// A peer is something that keeps writes durably at three places. All peers of a
// run are alive at the same time and are measured in turns, on the same disk and
// with the same callers.
type peer interface {
	name() string

	// caller prepares the i-th caller: what it returns makes one durable write
	// of cmd and returns when it is acknowledged. It is called by one goroutine
	// at a time and keeps nothing of cmd after it returns.
	caller(i int) (func(cmd []byte) error, error)

	// settle waits until all three replicas have applied everything and returns
	// an error if they are not alike. It is called between rounds.
	settle() error

	close() error
}

// A command is a key in its first eight bytes, little-endian, and a value in the
// rest, down to nothing.
const (
	keyBytes = 8
	keySpace = 1 << 14
)
