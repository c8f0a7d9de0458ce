//go:build race

package explore

// underRace says that these tests run with the race detector, under which all takes
// ten times as long. There is one goroutine here and it has little to find: it gets the
// beginning of each search.
const underRace = true
