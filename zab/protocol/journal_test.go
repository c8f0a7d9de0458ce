package protocol

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// naiveJournal is a log as an array of all its zxids from the first one on, the
// log that is on disk, and what is queued to happen to that.
type naiveJournal struct {
	j     journal
	log   []Zxid
	base  int // so many of log are in the base
	disk  []Zxid
	queue []func([]Zxid) []Zxid
}

func (n *naiveJournal) last() Zxid { return endOf(n.log) }

func endOf(log []Zxid) Zxid {
	if len(log) == 0 {
		return Zxid{}
	}
	return log[len(log)-1]
}

func commonPrefix(a, b []Zxid) []Zxid {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[:i]
}

// tableOf is the table of epochs of a log that begins behind so many entries.
func tableOf(log []Zxid, base int) []EpochEnd {
	var ends []EpochEnd
	for i, z := range log {
		if i+1 < base {
			continue
		}
		if n := len(ends); n > 0 && ends[n-1].Epoch == z.Epoch {
			ends[n-1].Last = z.Counter
		} else {
			ends = append(ends, EpochEnd{z.Epoch, z.Counter})
		}
	}
	return ends
}

var naiveFounders = appendMembership(nil, Membership{{ID: 1, Incarnation: 1}})

func (n *naiveJournal) append(t require.TestingT, epoch uint32) Entry {
	e := Entry{Zxid: Zxid{epoch, n.last().Counter + 1}, PrevEpoch: n.last().Epoch, Kind: KindCommand, Clock: int64(len(n.log))}
	if epoch > n.last().Epoch {
		e.Kind = KindOpen
		if len(n.log) == 0 {
			e.Data = naiveFounders
		}
	}
	require.NoError(t, n.j.add(&e))
	n.log = append(n.log[:len(n.log):len(n.log)], e.Zxid)
	return e
}

func (n *naiveJournal) queued(b Batch, f func([]Zxid) []Zxid) {
	n.j.queue(b, n.j.last)
	n.queue = append(n.queue, f)
}

// durable is how much of the log is on disk now and stays there whatever of the
// queue has been carried out.
func (n *naiveJournal) durable() Zxid {
	disk := n.disk
	safe := commonPrefix(n.log, disk)
	for _, f := range n.queue {
		disk = f(disk)
		if c := commonPrefix(n.log, disk); len(c) < len(safe) {
			safe = c
		}
	}
	return endOf(safe)
}

func (n *naiveJournal) check(t *rapid.T) {
	j := &n.j
	require.Equal(t, n.last(), j.last)
	require.Equal(t, describeEnds(tableOf(n.log, n.base)), describeEnds(j.ends))
	require.Equal(t, n.durable(), j.durable, "log %v, disk %v, %d queued", n.log, n.disk, len(n.queue))
	require.Equal(t, len(n.queue) == 0, j.drained())
	for i, z := range n.log {
		if i+1 < n.base {
			continue
		}
		require.True(t, j.contains(z), "%v", z)
		require.Equal(t, z.Epoch, j.epochAt(z.Counter))
		require.False(t, j.contains(Zxid{z.Epoch + 1, z.Counter}))
	}
	require.False(t, j.contains(Zxid{n.last().Epoch, n.last().Counter + 1}))
	if n.base == 0 {
		require.True(t, j.contains(Zxid{}))
	}
	require.Equal(t, len(n.log) > 0, j.config.Founded())
}

func TestJournalAgainstArrays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &naiveJournal{}
		var bad journal
		t.Repeat(map[string]func(*rapid.T){
			"": n.check,
			"append": func(t *rapid.T) {
				epoch := max(1, n.last().Epoch+uint32(max(0, rapid.IntRange(-4, 2).Draw(t, "later epoch"))))
				var zs []Zxid
				for range rapid.IntRange(1, 4).Draw(t, "entries") {
					zs = append(zs, n.append(t, epoch).Zxid)
				}
				n.queued(Batch{}, func(d []Zxid) []Zxid { return append(d[:len(d):len(d)], zs...) })
			},
			"promise": func(t *rapid.T) {
				hs := HardState{AcceptedEpoch: n.j.accepted + 1}
				n.queued(Batch{HardState: &hs}, func(d []Zxid) []Zxid { return d })
			},
			"written": func(t *rapid.T) {
				k := rapid.IntRange(0, len(n.queue)).Draw(t, "writes")
				for _, f := range n.queue[:k] {
					n.disk = f(n.disk)
				}
				n.queue = n.queue[k:]
				require.False(t, n.j.written(n.j.seq-uint64(len(n.queue))))
			},
			"truncate": func(t *rapid.T) {
				keep := rapid.IntRange(n.base, len(n.log)).Draw(t, "keep")
				n.log = n.log[:keep:keep]
				z := n.last()
				n.j.truncate(z)
				n.queued(Batch{Truncate: &z}, func(d []Zxid) []Zxid { return d[:keep:keep] })
			},
			"compact": func(t *rapid.T) {
				d := int(n.durable().Counter)
				if d <= n.base {
					t.Skip("nothing to compact")
				}
				n.base = rapid.IntRange(n.base+1, d).Draw(t, "base")
				n.j.advanceBase(Base{Snapshot: SnapshotMeta{Zxid: n.log[n.base-1]}, Config: n.j.config})
			},
			"refuse": func(t *rapid.T) {
				bad = n.j.clone()
				last := n.last()
				for _, e := range []Entry{
					{Zxid: Zxid{max(1, last.Epoch), last.Counter + 2}, PrevEpoch: last.Epoch, Kind: KindCommand}, // a gap
					{Zxid: last, PrevEpoch: last.Epoch, Kind: KindCommand},                                       // again
					{Zxid: Zxid{last.Epoch + 1, last.Counter + 1}, PrevEpoch: last.Epoch, Kind: KindCommand},     // no opening
					{Zxid: Zxid{last.Epoch + 1, last.Counter + 1}, PrevEpoch: last.Epoch + 1, Kind: KindOpen},    // another before it
					{Zxid: Zxid{last.Epoch, last.Counter + 1}, PrevEpoch: last.Epoch, Kind: KindOpen},            // opened already
					{Zxid: Zxid{last.Epoch + 1, last.Counter + 1}, PrevEpoch: last.Epoch, Kind: 9},
				} {
					require.ErrorIs(t, bad.add(&e), ErrCorruptEntry, "%+v behind %v", e, last)
				}
				require.Equal(t, n.j.appendState(nil), bad.appendState(nil))
			},
		})
	})
}

// TestJournalRebase: a base takes the place of the whole log at once, but counts as
// durable only once it is.
func TestJournalRebase(t *testing.T) {
	n := &naiveJournal{}
	for range 5 {
		n.append(t, 1)
	}
	n.j.queue(Batch{}, n.j.last)
	require.False(t, n.j.written(1))
	for range 3 {
		n.append(t, 1)
	}
	n.j.queue(Batch{}, n.j.last)
	base := Base{Snapshot: SnapshotMeta{Zxid: Zxid{3, 20}}, Clock: 7, Config: Configuration{Version: 1, Current: Membership{{ID: 1, Incarnation: 1}}}}
	n.j.rebase(base, Zxid{1, 4})
	n.j.queue(Batch{Base: &base}, n.j.last)
	n.j.pending[1].install = true
	require.Equal(t, Zxid{1, 4}, n.j.durable)
	require.Equal(t, Zxid{3, 20}, n.j.last)
	require.Equal(t, []EpochEnd{{3, 20}}, n.j.ends)
	require.False(t, n.j.written(2), "the entries that were queued before")
	require.Equal(t, Zxid{1, 4}, n.j.durable)
	require.True(t, n.j.written(3))
	require.Equal(t, Zxid{3, 20}, n.j.durable)
	require.EqualValues(t, 7, n.j.clock)
}

// TestJournalConfiguration: a change is pending from its append on, current once it
// is committed, and gone if it is cut off.
func TestJournalConfiguration(t *testing.T) {
	n := &naiveJournal{}
	n.append(t, 1)
	n.append(t, 1)
	next := Membership{{ID: 1, Incarnation: 1}, {ID: 2, Incarnation: 5}}
	change := Entry{Zxid: Zxid{1, 3}, PrevEpoch: 1, Kind: KindMembership, Data: appendMembership(nil, next)}
	require.NoError(t, n.j.add(&change))
	require.Equal(t, next, n.j.config.Pending)
	require.Equal(t, Zxid{1, 3}, n.j.config.PendingAt)
	require.False(t, n.j.settle(Zxid{1, 2}))

	cut := n.j.clone()
	cut.truncate(Zxid{1, 2})
	require.Nil(t, cut.config.Pending)
	require.True(t, cut.config.PendingAt.IsZero())
	require.NoError(t, cut.add(&change))

	unfounded := journal{}
	unfounded.rebase(Base{Snapshot: SnapshotMeta{Zxid: Zxid{1, 2}}}, Zxid{1, 2})
	require.ErrorIs(t, unfounded.add(&change), ErrCorruptEntry)

	require.True(t, n.j.settle(Zxid{2, 1}))
	require.Equal(t, Configuration{Version: 3, Current: next}, n.j.config)
	require.False(t, n.j.settle(Zxid{2, 1}))
}

// TestLastCommon: logs of an ensemble in which leaders come and go, each of whom
// writes one sequence in its epoch behind what it has, while others take over any
// part of it. What two logs have in common by their tables is what they have in
// common; or, if that is before the beginning of the one, lies before it.
func TestLastCommon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs := make([][]Zxid, 4)
		epoch := uint32(0)
		for range rapid.IntRange(1, 12).Draw(t, "epochs") {
			epoch += uint32(rapid.IntRange(1, 2).Draw(t, "epoch"))
			leader := rapid.IntRange(0, 3).Draw(t, "leader")
			for range rapid.IntRange(1, 4).Draw(t, "entries") {
				logs[leader] = append(slices.Clip(logs[leader]), Zxid{epoch, uint64(len(logs[leader]) + 1)})
			}
			for i := range logs {
				if i != leader && rapid.Bool().Draw(t, "follows") {
					common := len(commonPrefix(logs[i], logs[leader]))
					logs[i] = slices.Clip(logs[leader][:rapid.IntRange(common, len(logs[leader])).Draw(t, "up to")])
				}
			}
		}
		for i, a := range logs {
			for _, b := range logs[:i] {
				common := commonPrefix(a, b)
				require.Equal(t, endOf(common), lastCommon(tableOf(a, 0), tableOf(b, 0)), "%v and %v", a, b)
				require.Equal(t, endOf(common), lastCommon(tableOf(b, 0), tableOf(a, 0)))
				base := rapid.IntRange(0, len(a)).Draw(t, "base")
				got := lastCommon(tableOf(a, base), tableOf(b, 0))
				if len(common) >= base {
					require.Equal(t, endOf(common), got, "%v from %d and %v", a, base, b)
				} else {
					require.Less(t, got.Counter, uint64(base), "%v from %d and %v", a, base, b)
				}
			}
		}
	})
}
