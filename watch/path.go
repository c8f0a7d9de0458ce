package watch

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/tree"
)

// MaxPath is the length in bytes of the longest path that can be watched or
// decoded: what ZooKeeper's default packet limit leaves room for.
const MaxPath = 1 << 20

// parentOf returns the path of the znode above path, and "" for the root.
func parentOf(path string) string {
	switch i := strings.LastIndexByte(path, '/'); {
	case i > 0:
		return path[:i]
	case i == 0 && len(path) > 1:
		return "/"
	}
	return ""
}

// checkPath returns an error that wraps tree.ErrBadPath if path cannot be that of
// a znode, for a watch on it would be silent for ever.
func checkPath(path string) error {
	if len(path) > MaxPath {
		return fmt.Errorf("%w: %d bytes, more than %d", tree.ErrBadPath, len(path), MaxPath)
	}
	return tree.ValidatePath(path)
}
