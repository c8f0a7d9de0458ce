//go:build !race

package crashpoint

// oneIn thins out what is crashed: this takes a second or two.
const oneIn = 15
