//go:build race

package sim

// underRace says that these tests run with the race detector, under which everything
// takes ten times as long. There is one goroutine here: it has little to find.
const underRace = true
