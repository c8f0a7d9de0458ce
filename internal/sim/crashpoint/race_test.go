//go:build race

package crashpoint

// oneIn thins out what is crashed. There is one goroutine here, and the race detector
// has little to find.
const oneIn = 150
