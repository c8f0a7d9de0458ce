//go:build race

package crashpoint

// One in so many operations of the disk is a crash point here, and one in so many
// recoveries is crashed. There is one goroutine, and the race detector has little to find.
const oneIn, againIn = 120, 12
