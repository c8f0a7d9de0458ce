package zabtest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/zabtree/zabtree/zab"
)

// StateMachineUnderTest is what TestStateMachine needs to know.
type StateMachineUnderTest struct {
	// New returns a new, empty state machine.
	New func(t *testing.T) zab.StateMachine

	// Command draws a command that the state machine understands: some that have an
	// effect and some that fail, from a space small enough that they meet.
	Command func(rng *rand.Rand) []byte

	// Seed decides all random choices. It is logged. 0 is a seed like any other.
	Seed uint64
}

// TestStateMachine checks that a state machine keeps the contract of
// [zab.StateMachine]: that it depends on nothing but the entries, in whatever
// batches they come; that it takes entries of every kind, keeps no slice of theirs
// and changes no bytes; that a snapshot is of one moment, whatever is applied
// while it is written, and the same bytes from every replica; and that Restore
// takes over a whole state or nothing. Run it with the race detector too. Each
// check is a subtest on state machines of its own.
func TestStateMachine(t *testing.T, m StateMachineUnderTest) {
	t.Helper()
	mustHave(t, m.New != nil, "TestStateMachine", "StateMachineUnderTest.New")
	mustHave(t, m.Command != nil, "TestStateMachine", "StateMachineUnderTest.Command")
	t.Logf("seed %d", m.Seed)
	for _, c := range []struct {
		name  string
		check func(*machineTest)
	}{
		{"Deterministic", (*machineTest).deterministic},
		{"AllKindsOfEntries", (*machineTest).allKinds},
		{"KeepsNoSlices", (*machineTest).keepsNoSlices},
		{"SnapshotIsOfOneMoment", (*machineTest).oneMoment},
		{"SnapshotBesideApply", (*machineTest).besideApply},
		{"SnapshotWriteFails", (*machineTest).writeFails},
		{"Restore", (*machineTest).restore},
		{"RestoreAllOrNothing", (*machineTest).restoreAllOrNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(&machineTest{T: t, m: m, rng: rand.New(rand.NewPCG(m.Seed, 1))})
		})
	}
}

// machineTest is one check and the log that it uses.
type machineTest struct {
	*testing.T
	m     StateMachineUnderTest
	rng   *rand.Rand
	last  zab.Zxid
	clock int64
}

// mustHave fails a suite that lacks what it needs.
func mustHave(t *testing.T, has bool, suite, what string) {
	t.Helper()
	if !has {
		t.Fatalf("zabtest.%s: %s is nil", suite, what)
	}
}

const machineEntries = 400

// new returns a new, empty state machine.
func (s *machineTest) new() zab.StateMachine {
	s.Helper()
	sm := s.m.New(s.T)
	if sm == nil {
		s.Fatal("StateMachineUnderTest.New returned nil")
	}
	return sm
}

// log draws the next n entries of a log: most are commands.
func (s *machineTest) log(n int) []zab.Entry {
	var es []zab.Entry
	for range n {
		e := zab.Entry{Zxid: zab.Zxid{Epoch: max(1, s.last.Epoch), Counter: s.last.Counter + 1}, PrevEpoch: s.last.Epoch,
			Kind: zab.KindCommand, Origin: s.rng.Uint64N(3) + 1, Request: s.rng.Uint64()}
		s.clock += s.rng.Int64N(1e9)
		e.Clock, e.Wall = s.clock, 1_700_000_000e9+s.clock+s.rng.Int64N(1e9)
		switch k := s.rng.IntN(40); {
		case s.last.Counter == 0 || k == 0:
			e.Kind, e.Origin, e.Request = zab.KindOpen, 0, 0
			e.Zxid.Epoch = s.last.Epoch + 1
		case k == 1:
			e.Kind, e.Data = zab.KindMembership, []byte{0x90}
		default:
			e.Data = s.m.Command(s.rng)
		}
		s.last = e.Zxid
		es = append(es, e)
	}
	return es
}

// apply gives entries to a state machine in batches of at most n, and returns
// the results.
func (s *machineTest) apply(sm zab.StateMachine, es []zab.Entry, n int) []any {
	s.Helper()
	var all []any
	for len(es) > 0 {
		k := min(n, len(es))
		if n > 1 {
			k = 1 + s.rng.IntN(k)
		}
		// A copy: the state machine gets a slice that is used again.
		batch, results := slices.Clone(es[:k]), make([]any, k)
		sm.Apply(batch, results)
		for i, r := range results {
			if h, ok := r.(zab.Halt); ok {
				s.Fatalf("entry %v of kind %d halts: %v", es[i].Zxid, es[i].Kind, h.Err)
			}
		}
		all = append(all, results...)
		clear(batch)
		es = es[k:]
	}
	return all
}

// written is a snapshot that was written out.
type written struct {
	meta zab.SnapshotMeta
	data []byte
}

func (s *machineTest) capture(sm zab.StateMachine) zab.Snapshot {
	s.Helper()
	c, err := sm.Snapshot()
	if err != nil {
		s.Fatalf("Snapshot: %v", err)
	}
	return c
}

// write writes a captured snapshot of the state after z, and releases it.
func (s *machineTest) write(c zab.Snapshot, z zab.Zxid) written {
	s.Helper()
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		s.Fatalf("WriteTo: %d bytes, %v; %d were written", n, err, b.Len())
	}
	sum := crc64.Checksum(b.Bytes(), crc64.MakeTable(crc64.ECMA))
	w := written{zab.SnapshotMeta{Zxid: z, Digest: c.Digest(), Size: n, Sum: sum}, b.Bytes()}
	c.Release()
	return w
}

func (s *machineTest) equal(what string, a, b any) {
	s.Helper()
	if !reflect.DeepEqual(a, b) {
		s.Fatalf("%s: %s and %s", what, clip(a), clip(b))
	}
}

func clip(v any) string {
	text := fmt.Sprintf("%#v", v)
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

// deterministic applies one log in different batches.
func (s *machineTest) deterministic() {
	es := s.log(machineEntries)
	a, b, c := s.new(), s.new(), s.new()
	s.equal("digests of empty state machines", a.Digest(), b.Digest())
	ra, rb := s.apply(a, es, 1), s.apply(b, es, 50)
	rc := make([]any, len(es))
	c.Apply(slices.Clone(es), rc)
	s.equal("digests after the same log, in batches of 1 and of up to 50", a.Digest(), b.Digest())
	s.equal("digests after the same log, in batches of 1 and in one", a.Digest(), c.Digest())
	for i := range es {
		s.equal(fmt.Sprintf("results of %v, in batches of 1 and of up to 50", es[i].Zxid), ra[i], rb[i])
		s.equal(fmt.Sprintf("results of %v, in batches of 1 and in one", es[i].Zxid), ra[i], rc[i])
	}
	wa, wb := s.write(s.capture(a), s.last), s.write(s.capture(b), s.last)
	s.equal("snapshots after the same log", wa, wb)
	if empty := s.new(); empty.Digest() == a.Digest() {
		s.Fatalf("the digest after %d entries is that of nothing: does Command have any effect?", len(es))
	}
}

// allKinds checks that entries that are no commands are borne, and bring no data.
func (s *machineTest) allKinds() {
	sm := s.new()
	es := []zab.Entry{
		{Zxid: zab.Zxid{Epoch: 1, Counter: 1}, Kind: zab.KindOpen, Data: []byte{0x91, 0x00}},
		{Zxid: zab.Zxid{Epoch: 1, Counter: 2}, PrevEpoch: 1, Kind: zab.KindMembership, Origin: 1, Request: 7, Data: []byte{0x90}},
		{Zxid: zab.Zxid{Epoch: 5, Counter: 3}, PrevEpoch: 1, Kind: zab.KindOpen},
	}
	s.apply(sm, es, 1)
	s.write(s.capture(sm), es[2].Zxid)
}

// keepsNoSlices reuses what Apply was given, all but the commands' bytes.
func (s *machineTest) keepsNoSlices() {
	es := s.log(machineEntries)
	a, b := s.new(), s.new()
	s.apply(a, es, 20)
	var sums []uint32
	for _, e := range es {
		sums = append(sums, crc32.ChecksumIEEE(e.Data))
	}
	batch, results := make([]zab.Entry, 1), make([]any, 1)
	for _, e := range es {
		e.Data = slices.Clip(e.Data) // appending to it must not show
		batch[0] = e
		b.Apply(batch, results)
		batch[0], results[0] = zab.Entry{Data: []byte("not yours")}, "not yours"
	}
	s.equal("digests", a.Digest(), b.Digest())
	for i, e := range es {
		if crc32.ChecksumIEEE(e.Data) != sums[i] {
			s.Fatalf("the bytes of %v were changed", e.Zxid)
		}
	}
}

// oneMoment writes a snapshot after more was applied.
func (s *machineTest) oneMoment() {
	a, b := s.new(), s.new()
	for range 5 {
		es := s.log(machineEntries / 5)
		s.apply(a, es, 20)
		s.apply(b, es, 20)
		at := s.last
		late := s.capture(a)
		digest := a.Digest()
		want := s.write(s.capture(b), at)
		more := s.log(machineEntries / 5)
		s.apply(a, more, 20)
		s.apply(b, more, 20)
		s.equal("digest of a snapshot after more was applied, and of the state then", late.Digest(), digest)
		s.equal("a snapshot written later and at once", s.write(late, at), want)
	}
}

// besideApply writes snapshots while entries are applied.
func (s *machineTest) besideApply() {
	sm := s.new()
	s.apply(sm, s.log(machineEntries), 20)
	at := s.last
	want := s.write(s.capture(sm), at)
	c := s.capture(sm)
	es := s.log(machineEntries)
	var wg sync.WaitGroup
	var got bytes.Buffer
	var err error
	wg.Go(func() {
		defer c.Release()
		_, err = c.WriteTo(&got)
	})
	s.apply(sm, es, 20)
	wg.Wait()
	if err != nil {
		s.Fatalf("WriteTo beside Apply: %v", err)
	}
	s.equal("a snapshot written beside Apply and before", got.Bytes(), want.data)
}

var errStop = errors.New("stop here")

// stopWriter takes n bytes.
type stopWriter struct{ n int }

func (w *stopWriter) Write(b []byte) (int, error) {
	if len(b) > w.n {
		return w.n, errStop
	}
	w.n -= len(b)
	return len(b), nil
}

// writeFails checks that an error of the writer comes back, and harms nothing.
func (s *machineTest) writeFails() {
	sm := s.new()
	s.apply(sm, s.log(machineEntries), 20)
	want := s.write(s.capture(sm), s.last)
	for _, n := range []int{0, 1, len(want.data) / 2, len(want.data) - 1} {
		c := s.capture(sm)
		if _, err := c.WriteTo(&stopWriter{n}); !errors.Is(err, errStop) {
			s.Fatalf("WriteTo to a writer that fails after %d of %d bytes: %v", n, len(want.data), err)
		}
		c.Release()
	}
	s.equal("snapshots before and after failures", s.write(s.capture(sm), s.last), want)
}

// restore goes on from a snapshot, in an empty state machine and in one that was
// somewhere else.
func (s *machineTest) restore() {
	a, b, c := s.new(), s.new(), s.new()
	es := s.log(machineEntries)
	s.apply(a, es, 20)
	s.apply(c, es[:machineEntries/2], 20)
	w := s.write(s.capture(a), s.last)
	for _, sm := range []zab.StateMachine{b, c} {
		if err := sm.Restore(w.meta, bytes.NewReader(w.data)); err != nil {
			s.Fatalf("Restore: %v", err)
		}
		s.equal("digests of the state and of the restored one", a.Digest(), sm.Digest())
		s.equal("snapshots of the state and of the restored one", s.write(s.capture(sm), s.last), w)
	}
	more := s.log(machineEntries)
	ra := s.apply(a, more, 20)
	for _, sm := range []zab.StateMachine{b, c} {
		s.equal("results after Restore", ra, s.apply(sm, more, 20))
		s.equal("digests after Restore and more entries", a.Digest(), sm.Digest())
	}
	// Readers give what they like.
	d := s.new()
	if err := d.Restore(w.meta, &dribble{w.data}); err != nil {
		s.Fatalf("Restore from a reader that gives byte after byte: %v", err)
	}
}

type dribble struct{ data []byte }

func (r *dribble) Read(b []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(1, len(b))], r.data)
	r.data = r.data[n:]
	return n, nil
}

// restoreAllOrNothing reads snapshots that are cut short, fail, or are wrong.
func (s *machineTest) restoreAllOrNothing() {
	sm, other := s.new(), s.new()
	s.apply(other, s.log(machineEntries), 20)
	w := s.write(s.capture(other), s.last)
	s.last = zab.Zxid{}
	s.apply(sm, s.log(machineEntries/2), 20)
	at := s.last
	before := s.write(s.capture(sm), at)
	try := func(what string, r io.Reader, mustFail bool) {
		s.Helper()
		err := sm.Restore(w.meta, r)
		switch {
		case err == nil && mustFail:
			s.Fatalf("Restore took a snapshot %s", what)
		case err == nil:
			s.equal("digest after Restore of a snapshot "+what, sm.Digest(), w.meta.Digest)
			if err := sm.Restore(before.meta, bytes.NewReader(before.data)); err != nil {
				s.Fatalf("Restore: %v", err)
			}
		default:
			s.equal("digests before and after Restore of a snapshot "+what, sm.Digest(), before.meta.Digest)
		}
	}
	size := len(w.data)
	for _, n := range []int{0, 1, size / 3, size / 2, size - 1} {
		try(fmt.Sprintf("of %d bytes cut to %d", size, n), bytes.NewReader(w.data[:n]), true)
		failing := io.MultiReader(bytes.NewReader(w.data[:n]), errReader{})
		try(fmt.Sprintf("that cannot be read after %d of %d bytes", n, size), failing, true)
	}
	for range 200 {
		bad := bytes.Clone(w.data)
		i, bit := s.rng.IntN(size), s.rng.IntN(8)
		bad[i] ^= 1 << bit
		try(fmt.Sprintf("with bit %d of byte %d of %d turned", bit, i, size), bytes.NewReader(bad), false)
	}
	s.equal("snapshots before and after", s.write(s.capture(sm), at), before)
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errStop }
