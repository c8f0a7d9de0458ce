package snapshot

import (
	"errors"
	"strings"

	"github.com/zabtree/zabtree/internal/disk"
)

// Ours says whether a file begins as a snapshot does, damaged or not. A file aside
// may also have been cut off before its header: then it is empty, or short and all
// zeros.
func Ours(fsys disk.FS, name string) (bool, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return false, err
	}
	ok, err := ours(f, strings.HasSuffix(name, disk.PartSuffix))
	return ok, errors.Join(err, f.Close())
}

func ours(f disk.File, aside bool) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	if size > headerFixed+MaxLabelBytes {
		aside = false // the header was durable before that
		size = 8
	}
	if !aside {
		size = min(size, 8)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return false, err
	}
	if len(b) >= 8 && le.Uint64(b) == magicHeader {
		return true, nil
	}
	for _, c := range b {
		if c != 0 {
			return false, nil
		}
	}
	return aside, nil
}
