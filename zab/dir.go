package zab

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/dirstore"
	files "github.com/zabtree/zabtree/internal/disk"
)

// DirOptions are options of OpenDir. The zero value is a good choice.
type DirOptions struct {
	// SegmentBytes is the size of the files that the log is made of, which are
	// filled with zeros ahead of time: a multiple of 512 from 64 KiB to 1 GiB,
	// 16 MiB by default. Two or three of them are there at all times. It may be
	// changed from one start to the next.
	SegmentBytes int

	// Replica and Ensemble, if they are not zero, say whose directory it must be, or
	// become: another's is refused with ErrForeign before anything in it is touched.
	// Config.EnsembleID has the ensemble's.
	Replica  uint64
	Ensemble EnsembleID
}

func (o *DirOptions) store() dirstore.Options {
	return dirstore.Options{SegmentBytes: o.SegmentBytes, Replica: o.Replica, Ensemble: o.Ensemble, NewID: drawUint64}
}

// Validate returns what is wrong with o, or nil.
func (o *DirOptions) Validate() error {
	opts := o.store()
	if n := o.SegmentBytes; n > 0 && n < dirstore.MinSegmentBytes {
		return fmt.Errorf("zab: DirOptions.SegmentBytes is %d: want at least %d", n, dirstore.MinSegmentBytes)
	}
	return opts.Validate()
}

// OpenDir opens the storage in a directory, or makes one there, for a replica of
// this process. It is ErrInUse while another has it, also in another process.
// Directories are made with 0700, files with 0600.
//
// A directory that is not empty must be recognisable: by a valid IDENTITY, or by a
// segment of a log. Any other is ErrForeign, before anything in it is made, written
// or removed, except that what an interrupted first start leaves is fine: LOCK, the
// directories log and snapshots, and in them files with names of ours that end in
// .part and have no bytes of others; so is lost+found. Also in a directory of ours,
// files that are not recognised by name and content are never removed.
//
// The log is written into space that was filled ahead: an Append is one write and
// one fdatasync. Every sector of it is known as new, as never written or as damaged,
// so that damage is never taken for a crash: what a crash cut off in the middle of
// an Append is dropped, and anything else that is wrong is Recovered.Damage. What is
// left of a damaged log is kept, untouched, until the next Append.
//
// A goroutine prepares and removes files of the log when that is due; there is at
// most one, and Close waits for it.
func OpenDir(dir string, opts DirOptions) (Storage, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s, err := dirstore.Open(files.OS{}, dir, opts.store(), func(f func()) { go f() })
	if err != nil {
		return nil, err
	}
	return s, nil
}
