package check

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// legalSlices returns slices of several runs, which were found to be legal.
func legalSlices(t *testing.T) (found []*Slice) {
	for seed := range uint64(60) {
		w := newWorld(t, seed, 1+int(seed%3))
		config := w.config()
		config.Slices.Judge = func(s *Slice) error {
			err := judge(s)
			if err == nil {
				found = append(found, s)
			}
			return err
		}
		w.check = New(config)
		w.run(1500)
	}
	require.Greater(t, len(found), 20)
	return found
}

// doctored returns the slice with one operation changed, or nil.
func (s *Slice) doctored(change func(o *SliceOp) bool) *Slice {
	c := &Slice{Init: s.Init, Ops: slices.Clone(s.Ops)}
	for i, o := range s.Ops {
		d := *o
		if d.Found != nil {
			read := *d.Found
			d.Found = &read
		}
		d.Results = slices.Clone(d.Results)
		if change(&d) {
			c.Ops[i] = &d
			return c
		}
	}
	return nil
}

func isRead(o *SliceOp, kind protocol.ReadKind) bool {
	return o.Op == nil && o.Gone == nil && o.Read.Kind == kind && o.Found != nil && o.Found.Exists
}

// TestJudge shows that the judge, which knows nothing of zxids, finds what is wrong
// in a slice.
func TestJudge(t *testing.T) {
	doctors := map[string]func(o *SliceOp) bool{
		"data": func(o *SliceOp) bool {
			if isRead(o, protocol.ReadData) {
				o.Found.Data = []byte("never written")
				return true
			}
			return false
		},
		"stale version": func(o *SliceOp) bool {
			if isRead(o, protocol.ReadExists) {
				o.Found.Stat.Version -= 1000
				return true
			}
			return false
		},
		"names": func(o *SliceOp) bool {
			if isRead(o, protocol.ReadChildren) {
				o.Found.Names = append(slices.Clone(o.Found.Names), "x")
				return true
			}
			return false
		},
		"sequential name": func(o *SliceOp) bool {
			if c, ok := o.Op.(tree.Create); ok && o.Known && c.Mode&tree.Sequential != 0 && o.Results[0].Err == nil {
				o.Results[0].Path = c.Path + "9999999999"
				return true
			}
			return false
		},
		"lost update": func(o *SliceOp) bool {
			if _, ok := o.Op.(tree.Set); ok && o.Known && o.Results[0].Err == nil {
				o.Results[0].Stat.Version += 1000
				return true
			}
			return false
		},
	}
	legal := legalSlices(t)
	for name, change := range doctors {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, s := range legal {
				if d := s.doctored(change); d != nil {
					n++
					require.Error(t, judge(d))
				}
			}
			require.Greater(t, n, 5)
		})
	}
}

// TestStaleReadInSlice is the history that a search is for: a read that began after
// a write was answered, and does not see it.
func TestStaleReadInSlice(t *testing.T) {
	set := &SliceOp{Client: 1, Call: 1, Return: 2, Known: true, Op: tree.Set{Path: "/r", Data: []byte("new")}}
	set.Results = []tree.Result{{Stat: tree.Stat{Version: 1, DataLength: 3}}}
	read := &SliceOp{Client: 2, Call: 3, Return: 4, Known: true, Read: protocol.Read{Kind: protocol.ReadData, Path: "/r"}}
	read.Found = &protocol.Reading{Exists: true, Data: []byte("old"), Stat: tree.Stat{DataLength: 3}}
	s := &Slice{Init: SliceState{root: "/r", nodes: map[string]sliceNode{}}, Ops: []*SliceOp{set, read}}
	s.Init.put("/r", sliceNode{data: "old"})
	s.number()
	require.ErrorIs(t, judge(s), errIllegal)
	read.Call = 1 // at the same time it may come first
	require.NoError(t, judge(s))
	require.ErrorIs(t, judgeWithin(s, 1), ErrUndecided)
	require.Contains(t, s.Init.String(), "/r {data:old")
}

// TestVerdicts: an illegal slice is a violation, an undecided one is counted.
func TestVerdicts(t *testing.T) {
	w := run(t, 2, 1500, true)
	for _, verdict := range []error{nil, ErrUndecided, errIllegal} {
		config := w.config()
		config.Slices.Judge = func(*Slice) error { return verdict }
		c := New(config)
		err := tellAll(c, w.history)
		if verdict != errIllegal {
			require.NoError(t, err)
			require.Equal(t, verdict == ErrUndecided, c.Stats().Undecided > 0)
			continue
		}
		var v *Violation
		require.ErrorAs(t, err, &v)
		require.Equal(t, Linearizability, v.Checker)
		require.Contains(t, v.Error(), Linearizability)
	}
}
