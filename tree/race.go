//go:build race

package tree

import "errors"

// checkShared finds, under the race detector, that somebody wrote to bytes that
// a View or a Change shared with them.
func checkShared(z *Znode) {
	if dataHashOf(z.data) != z.dataHash {
		panic(errors.New("tree: the shared data of " + z.path + " was written to"))
	}
}
