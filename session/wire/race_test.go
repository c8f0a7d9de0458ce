//go:build race

package wire

// race says that the race detector is on, under which memory means little.
const race = true
