package zab_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/zabtree/zabtree/zab"
	"github.com/zabtree/zabtree/zab/zabtest"
)

// tally is a small state machine: a command is a name, and its result is how often
// that name was given.
type tally struct {
	mu    sync.Mutex // counts is read from elsewhere
	count map[string]uint64
}

func (s *tally) Apply(entries []zab.Entry, results []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range entries {
		if e.Kind == zab.KindCommand {
			if s.count == nil {
				s.count = make(map[string]uint64)
			}
			s.count[string(e.Data)]++
			results[i] = s.count[string(e.Data)]
		}
	}
}

// tallies are the names and numbers of one moment, in order.
type tallies []byte

// Snapshot copies everything: fine for a few names, O(1) is what is asked for.
func (s *tally) Snapshot() (zab.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := tallies{}
	for _, name := range slices.Sorted(maps.Keys(s.count)) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
		b = append(b, name...)
		b = binary.BigEndian.AppendUint64(b, s.count[name])
	}
	return b, nil
}

func (b tallies) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(binary.BigEndian.AppendUint64(b[:len(b):len(b)], b.Digest()))
	return int64(n), err
}

func (b tallies) Digest() uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

func (b tallies) Release() {}

func (s *tally) Restore(meta zab.SnapshotMeta, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if n := len(b) - 8; n < 0 || tallies(b[:n]).Digest() != meta.Digest || binary.BigEndian.Uint64(b[n:]) != meta.Digest {
		return errors.New("tally: not the snapshot that it should be")
	}
	count := make(map[string]uint64)
	for b = b[:len(b)-8]; len(b) > 0; {
		n := binary.BigEndian.Uint32(b)
		count[string(b[4:4+n])] = binary.BigEndian.Uint64(b[4+n:])
		b = b[4+n+8:]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = count
	return nil
}

func (s *tally) Digest() uint64 {
	snapshot, _ := s.Snapshot()
	return snapshot.Digest()
}

func TestStateMachine(t *testing.T) {
	zabtest.TestStateMachine(t, zabtest.StateMachineUnderTest{
		New:     func(*testing.T) zab.StateMachine { return &tally{} },
		Command: func(rng *rand.Rand) []byte { return fmt.Append(nil, "name", rng.IntN(20)) },
	})
}
