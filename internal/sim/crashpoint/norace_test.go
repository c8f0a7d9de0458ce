//go:build !race

package crashpoint

// One in so many operations of the disk is a crash point here, and one in so many
// recoveries is crashed: this takes a second or two.
const oneIn, againIn = 12, 12
