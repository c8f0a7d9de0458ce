package main

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// ledger says what each znode that was created must hold, by path.
type ledger struct {
	want map[string]content
}

// content stands for a znode's bytes.
type content struct {
	size int
	sum  [sha256.Size]byte
}

func contentOf(data []byte) content { return content{len(data), sha256.Sum256(data)} }

func newLedger() *ledger { return &ledger{want: map[string]content{}} }

// created notes a znode that was acknowledged, or is about to be.
func (l *ledger) created(path string, c content) {
	l.want[path] = c
}

// findings are what turned out to be wrong: the first few in words.
type findings struct {
	count int
	first []error
}

func (f *findings) add(format string, args ...any) {
	f.count++
	if len(f.first) < 10 {
		f.first = append(f.first, fmt.Errorf(format, args...))
	}
}

func (f *findings) err() error {
	if f.count == 0 {
		return nil
	}
	return fmt.Errorf("%d faults, first of all:\n%w", f.count, errors.Join(f.first...))
}

// checkView compares every znode of a replica with what was read from files.
func (l *ledger) checkView(v *tree.View) error {
	var f findings
	found := 0
	for z := range v.WalkNodes(base) {
		found++
		want, ok := l.want[z.Path()]
		switch {
		case !ok:
			f.add("%s: was never created", z.Path())
		case contentOf(z.Data()) != want:
			f.add("%s: holds %d bytes that are not the %d that were read", z.Path(), len(z.Data()), want.size)
		}
	}
	for path := range l.want {
		if _, ok := v.Exists(path); !ok {
			f.add("%s: is missing", path)
		}
	}
	if found != len(l.want) {
		f.add("%d znodes, not %d", found, len(l.want))
	}
	return f.err()
}

// checkSightings compares what the watcher saw with what is there: each znode
// once, at the zxid that created it, and in the order of the zxids.
func checkSightings(saw []sighting, v *tree.View) error {
	var f findings
	seen := map[string]bool{}
	last := int64(0)
	for _, s := range saw {
		stat, ok := v.Exists(s.path)
		switch {
		case !ok:
			f.add("the watcher saw %s, which is not there", s.path)
		case seen[s.path]:
			f.add("the watcher saw %s twice", s.path)
		case stat.Czxid != s.zxid:
			f.add("the watcher saw %s at zxid %d, but it was created at %d", s.path, s.zxid, stat.Czxid)
		case s.zxid <= last:
			f.add("the watcher saw %s (zxid %d) after zxid %d", s.path, s.zxid, last)
		}
		seen[s.path], last = true, s.zxid
	}
	for path := range v.Walk(base) {
		if path != base && !seen[path] {
			f.add("the watcher did not see %s", path)
		}
	}
	return f.err()
}

// checkOrder compares what the watcher saw with the order in which one session
// created it.
func checkOrder(saw []sighting, order []string) error {
	for i := range min(len(saw), len(order)) {
		if saw[i].path != order[i] {
			return fmt.Errorf("creation %d was %s, but the watcher saw %s", i+1, order[i], saw[i].path)
		}
	}
	if len(saw) != len(order) {
		return fmt.Errorf("the watcher saw %d creations of %d", len(saw), len(order))
	}
	return nil
}

// checkAlike compares the replicas' trees, which are to be at one zxid, and each
// one's digest with what it holds.
func checkAlike(views [replicas]*tree.View) error {
	var f findings
	for i, v := range views {
		if v.Zxid() != views[0].Zxid() || v.Digest() != views[0].Digest() {
			f.add("replica %d has digest %016x at zxid %d, replica 1 has %016x at %d", i+1, v.Digest(), v.Zxid(), views[0].Digest(), views[0].Zxid())
		}
		if sum := v.ComputeDigest(); sum != v.Digest() {
			f.add("replica %d has digest %016x, but what it holds has %016x", i+1, v.Digest(), sum)
		}
	}
	return f.err()
}

// checkEphemeral looks whether the ephemeral znode is the one that was created,
// and its session alive.
func checkEphemeral(v *tree.View, created tree.Stat) error {
	stat, ok := v.Exists(ephemeral)
	switch {
	case !ok:
		return fmt.Errorf("%s is gone", ephemeral)
	case stat.Czxid != created.Czxid || stat.EphemeralOwner != created.EphemeralOwner:
		return fmt.Errorf("%s was created at zxid %d by session %d, not at %d by %d", ephemeral,
			stat.Czxid, stat.EphemeralOwner, created.Czxid, created.EphemeralOwner)
	}
	if _, ok := v.Session(created.EphemeralOwner); !ok {
		return fmt.Errorf("session %d, which holds %s, is gone", created.EphemeralOwner, ephemeral)
	}
	return nil
}
