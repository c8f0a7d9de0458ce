package difftest

import (
	"fmt"
	"io"
)

// known is a difference between Apache ZooKeeper 3.8.0 and Zabtree that is wanted.
type known struct {
	name   string
	reason string
	match  func(d *Difference) bool
}

// knownDifferences is the one list of them. Each is as narrow as can be: what is
// not on it fails the test.
var knownDifferences = []known{}

// explain returns the name of the known difference that d is.
func explain(d *Difference) string {
	for _, k := range knownDifferences {
		if k.match(d) {
			return k.name
		}
	}
	return ""
}

// List writes what may differ and what is not compared, with reasons.
func List(w io.Writer) {
	fmt.Fprintln(w, "known differences")
	for _, k := range knownDifferences {
		fmt.Fprintf(w, "  %s: %s\n", k.name, k.reason)
	}
	fmt.Fprintln(w, "not generated")
	for _, e := range notGenerated {
		fmt.Fprintf(w, "  %s: %s\n", e.what, e.reason)
	}
}
