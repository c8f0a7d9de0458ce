package protocol

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// a replica in a state to which commands led, and a copy of it for each use.
func played(t *testing.T, id uint64, script string) (*stage, func() *Core) {
	v := &victims{}
	s := v.add(t, t.Name(), id, script)
	return s, func() *Core { return v.cores[0].Clone() }
}

func TestDefaults(t *testing.T) {
	defaults := Config{
		HeartbeatTicks: 2, ElectionTicks: 10, MaxCommandBytes: 1<<20 + 64<<10, GatherBytes: 64 << 10, MaxBatchBytes: 1 << 20,
		MaxInflightBytes: 8 << 20, MaxPendingBytes: 64 << 20, TailBytes: 16 << 20, ChunkBytes: 256 << 10,
	}
	require.Equal(t, defaults, Config{}.withDefaults())
}

// Only an established leader has a driver wait with proposals, and only while a batch is
// under way.
func TestGathering(t *testing.T) {
	const three = "replicas 3; connect all; stabilise"
	for name, c := range map[string]struct {
		id     uint64
		script string
		want   bool
	}{
		"leading":            {3, three, false},
		"leading, writing":   {3, three + "; hold 1 disk; hold 2 disk; hold 3 disk; propose 3 \"x\"", true},
		"leading, committed": {3, three + "; hold 3 disk; propose 3 \"x\"; stabilise", false},
		"leading, durable":   {3, three + "; hold 1 disk; hold 2 disk; propose 3 \"x\"; stabilise", false},
		"synchronising":      {3, "replicas 3; connect all; hold 3->1; hold 3->2; stabilise; hold 3 disk; release 3->1; release 3->2; hold 1->3 bulk; stabilise; deliver 1->3 bulk", false},
		"following, writing": {1, three + "; hold 1 disk; hold 2 disk; propose 3 \"x\"; stabilise", false},
		"looking":            {1, three + "; cut 1 from others", false},
	} {
		_, core := played(t, c.id, c.script)
		require.Equal(t, c.want, core().Gathering(), name)
		halted := core()
		halted.halt("")
		require.False(t, halted.Gathering(), name)
	}
}

// A candidate waits for whom the last leader preferred, as long as that one is linked
// and does not look yet.
func TestPreferredToCome(t *testing.T) {
	for name, c := range map[string]struct {
		prefer  uint64
		looking []uint64
		want    bool
	}{
		"nobody":       {0, nil, false},
		"itself":       {3, nil, false},
		"not linked":   {4, nil, false},
		"not heard of": {2, []uint64{1}, true},
		"looks":        {2, []uint64{2}, false},
	} {
		_, core := played(t, 3, "replicas 3; connect all")
		k := core()
		k.election.prefer = c.prefer
		for _, l := range k.links {
			l.look.looking = slices.Contains(c.looking, l.peer.ID)
		}
		require.Equal(t, c.want, k.preferredToCome(), name)
	}
}

// A leader that is told of later epochs leads the one after the last of them.
func TestLeadsAfterAllEpochs(t *testing.T) {
	_, core := played(t, 3, "replicas 3; connect all; hold 1 disk; hold 2 disk; stabilise")
	c := core()
	id, epoch := c.links[0].id, c.epoch
	require.Error(t, c.Receive(id, (&nack{epoch: epoch, accepted: maxEpoch + 1}).encode()))
	require.NoError(t, c.Receive(id, (&nack{epoch: epoch, accepted: 9}).encode()))
	require.Equal(t, roleLooking, c.role)
	require.NoError(t, c.Receive(id, (&nack{epoch: epoch, accepted: 7}).encode()))
	c.lead(nil)
	require.EqualValues(t, 10, c.epoch)
}

// A log that does not hold what was written to it is the end of a leader; a storage that
// cannot be read is one of a link.
func TestReadsOtherThanWritten(t *testing.T) {
	s, core := played(t, 3, "tune TailBytes 1; replicas 3; connect all; stabilise; cut 1 from others; "+
		"propose 3 \"x\"; stabilise; propose 3 \"y\"; stabilise; propose 3 \"z\"; stabilise; hold 3 reads; connect all; stabilise")
	require.Len(t, s.actor(3).entries, 1)
	r := s.actor(3).entries[0]
	require.NoError(t, r.err)
	_, n, err := DecodeEntry(r.raw)
	require.NoError(t, err)
	for name, raw := range map[string][]byte{"nothing": nil, "no entry": {1, 2, 3}, "a later one": r.raw[n:]} {
		c := core()
		c.EntriesRead(r.q, raw, nil)
		require.Error(t, c.Take().Halt, name)
	}
	c := core()
	c.EntriesRead(r.q, nil, errors.New("unreadable"))
	out := c.Take()
	require.NoError(t, out.Halt)
	require.Len(t, out.Close, 1)
	c = core()
	c.EntriesRead(r.q, r.raw, nil)
	out = c.Take()
	require.NoError(t, out.Halt)
	require.Empty(t, out.Close)
	require.NotEmpty(t, out.Sends)
}

// behindASnapshot has 1 restart behind the log of 3, with chunks on their way.
const behindASnapshot = "tune MaxInflightBytes 32; replicas 3; connect all; stabilise; crash 1; " +
	"propose 3 \"alpha\" \"beta\" \"gamma\" \"delta\" \"epsilon\"; stabilise; snapshot 3; stabilise; propose 3 \"zeta\"; stabilise; " +
	"snapshot 3; stabilise; restart 1; connect all; hold 1->3; stabilise; hold 1 disk; deliver 1->3; stabilise"

// A follower acknowledges chunks in their order, each once.
func TestChunkAcksInOrder(t *testing.T) {
	_, core := played(t, 3, behindASnapshot)
	for name, c := range map[string]struct {
		acks []uint64
		ok   bool
	}{
		"in order":     {[]uint64{0, 1}, true},
		"two in one":   {[]uint64{1}, true},
		"twice":        {[]uint64{0, 0}, false},
		"backwards":    {[]uint64{1, 0}, false},
		"not yet sent": {[]uint64{2}, false},
	} {
		k := core()
		var err error
		for _, n := range c.acks {
			require.NoError(t, err, name)
			i := slices.IndexFunc(k.links, func(l *link) bool { return l.progress.mode == snapshotting })
			err = k.Receive(k.links[i].id, (&chunkAck{epoch: k.epoch, n: n}).encode())
		}
		require.Equal(t, c.ok, err == nil, name)
	}
}

// However many chunks fit in the window, few are asked for at a time: a slow disk reads
// them all, also for who is not there any more.
func TestFewChunksAhead(t *testing.T) {
	script := strings.Replace(behindASnapshot, "tune MaxInflightBytes 32", "tune ChunkBytes 1", 1)
	_, core := played(t, 3, script)
	k := core()
	i := slices.IndexFunc(k.links, func(l *link) bool { return l.progress.mode == snapshotting })
	s := &k.links[i].progress.snap
	require.Greater(t, s.chunks, uint64(2*chunksAhead))
	require.Equal(t, s.acked+chunksAhead, s.next)
}

// A chunk that cannot be stored ends the link to the leader who sent it, and no other.
func TestChunkNotStored(t *testing.T) {
	s, core := played(t, 1, behindASnapshot)
	require.NotEmpty(t, s.actor(1).stores)
	q := s.actor(1).stores[0]
	c := core()
	c.ChunkStored(q, errors.New("full"))
	require.Equal(t, []LinkID{c.following.link}, linksOf(c.Take().Close))
	earlier := q
	earlier.Token--
	c = core()
	c.ChunkStored(earlier, errors.New("full"))
	require.Empty(t, c.Take().Close)
	other := q
	other.Meta.Digest++
	c = core()
	c.ChunkStored(other, errors.New("full"))
	require.Empty(t, c.Take().Close)
	require.Equal(t, q.Meta, c.partial)
}

func linksOf(closes []CloseLink) (ids []LinkID) {
	for _, c := range closes {
		ids = append(ids, c.Link)
	}
	return ids
}

// countFrames returns how many frames of a kind are sent.
func countFrames(sends []Send, k kind) (n int) {
	for _, m := range sends {
		if m.Frame[0] == byte(k) {
			n++
		}
	}
	return n
}

// A follower forwards what it took in frames that are closed once they are full, and none
// that are empty.
func TestForwardedInBatches(t *testing.T) {
	_, core := played(t, 1, "replicas 3; connect all; stabilise")
	for n, frames := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 3} {
		c := core()
		half := make([]byte, c.cfg.MaxBatchBytes/2)
		_, err := c.Propose(slices.Repeat([]Proposal{{Data: half}}, n))
		require.NoError(t, err)
		require.Equal(t, frames, countFrames(c.Take().Sends, kindPropose), "%d proposals", n)
	}
}

// Only an established leader can hand over.
func TestWhoCanHandOver(t *testing.T) {
	const three = "replicas 3; connect all; stabilise"
	for name, c := range map[string]struct {
		id     uint64
		script string
		halted bool
		want   error
	}{
		"leading":     {3, three, false, nil},
		"halted":      {3, three, true, ErrNoLeader},
		"following":   {1, three, false, ErrNoLeader},
		"discovering": {3, "replicas 3; connect all; hold 1 disk; stabilise", false, ErrNoLeader},
	} {
		_, core := played(t, c.id, c.script)
		k := core()
		if c.halted {
			k.halt("")
		}
		require.ErrorIs(t, k.Handover(0), c.want, name)
	}
}

// A replica is itself only with its own incarnation: the one that was before it has lost
// what it promised.
func TestIsSelf(t *testing.T) {
	_, core := played(t, 2, "replicas 3; connect all")
	c := core()
	for _, x := range []struct {
		Founder
		want bool
	}{{Founder{2, 0xb}, true}, {Founder{2, 0xa}, false}, {Founder{1, 0xb}, false}} {
		require.Equal(t, x.want, c.isSelf(x.ID, x.Incarnation), "%v", x)
	}
}

// A leader that gives up tells those whose reads wait.
func TestWaitingReadsAreAnswered(t *testing.T) {
	_, core := played(t, 3, "replicas 3; connect all; stabilise; hold 1->3 control; hold 2->3 control; read 1; deliver 1->3 control")
	c := core()
	require.Len(t, c.reads.waiting, 1)
	c.look()
	require.Equal(t, 1, countFrames(c.Take().Sends, kindReadAnswer))
}

// What a proposer does with its bytes afterwards does not change the log.
func TestProposersBytes(t *testing.T) {
	_, core := played(t, 3, "replicas 3; connect all; stabilise")
	c := core()
	data := []byte("mine")
	_, err := c.Propose([]Proposal{{Data: data}, {Data: nil}, {Data: []byte{}}})
	require.NoError(t, err)
	out := c.Take()
	copy(data, "gone")
	require.Len(t, out.Writes, 1)
	var logged [][]byte
	for _, e := range out.Writes[0].Batch.Entries {
		logged = append(logged, e.Data)
	}
	require.Equal(t, [][]byte{[]byte("mine"), nil, {}}, logged)
}

// A change of membership is taken from who follows this leader in this epoch, by a leader.
func TestReconfigureFrom(t *testing.T) {
	const three = "replicas 3; connect all; stabilise"
	for name, c := range map[string]struct {
		id    uint64
		epoch uint32
		idle  bool
		taken bool
	}{
		"a follower":              {3, 1, false, true},
		"another epoch":           {3, 2, false, false},
		"who does not follow":     {3, 1, true, false},
		"told to who leads not":   {1, 1, false, false},
		"of another, by the idle": {3, 2, true, false},
	} {
		_, core := played(t, c.id, three)
		k := core()
		if c.idle {
			k.links[0].progress = progress{}
		}
		last := k.log.last
		m := reconfigure{epoch: c.epoch, request: 7, version: k.log.config.Version, next: k.log.config.Current[1:]}
		require.NoError(t, k.Receive(k.links[0].id, m.encode()), name)
		require.Equal(t, c.taken, last != k.log.last, name)
		require.Equal(t, c.taken, countFrames(k.Take().Sends, kindRefuse) == 0, name)
	}
}

// The log's beginning waits for a follower that is being sent an older snapshot, unless
// space is low.
func TestCompactedWhenSpaceIsLow(t *testing.T) {
	_, core := played(t, 3, behindASnapshot+"; propose 3 \"eta\"; stabilise; snapshot 3; stabilise; propose 3 \"theta\"; stabilise")
	for _, low := range []bool{false, true} {
		c := core()
		c.SetLowSpace(low)
		c.Compacted(c.BaseAt(SnapshotMeta{Zxid: c.commit}, 0))
		out := c.Take()
		require.Len(t, out.Writes, 1)
		require.Equal(t, low, out.Writes[0].Batch.Base != nil)
	}
}

// Who leads looks no more: a follower that looks later does not support what its leader
// said before.
func TestLeaderLooksNoMore(t *testing.T) {
	_, core := played(t, 1, "replicas 3; connect all; stabilise; cut 1 from others; connect 1 3")
	c := core()
	l := c.links[0]
	require.NoError(t, c.Receive(l.id, (&look{looking: true, round: 9, last: c.log.last, founded: true, candidate: true}).encode()))
	require.NoError(t, c.Receive(l.id, (&lead{epoch: 5}).encode()))
	require.Equal(t, l, c.leaderLink())
	require.False(t, l.look.looking)
}

// Of two candidates the one whose log ends later is better, then the preferred one, then
// the one with the higher ID.
func TestBetter(t *testing.T) {
	_, core := played(t, 1, "replicas 3; connect all")
	c := core()
	short, long := &look{last: Zxid{1, 4}}, &look{last: Zxid{2, 3}}
	for _, x := range []struct {
		prefer    uint64
		a         *look
		aID       uint64
		b         *look
		bID       uint64
		aIsBetter bool
	}{
		{0, short, 3, short, 2, true}, {0, short, 2, short, 3, false},
		{2, short, 2, short, 3, true}, {2, short, 3, short, 2, false},
		{2, short, 3, short, 1, true}, {2, short, 1, short, 3, false},
		{2, short, 2, long, 1, false}, {2, long, 1, short, 2, true},
	} {
		c.election.prefer = x.prefer
		require.Equal(t, x.aIsBetter, c.better(x.a, x.aID, x.b, x.bID), "%+v", x)
	}
}

// A snapshot says of proposals that were made before which of them are lost; in the middle
// of a stream it does not, for some may be on their way.
func TestSnapBarrier(t *testing.T) {
	_, core := played(t, 1, "replicas 3; connect all; stabilise")
	for _, stream := range []bool{true, false} {
		c := core()
		c.following.stream = stream
		m := snap{epoch: c.epoch, attempt: c.following.attempt, upTo: 9,
			base: Base{Snapshot: SnapshotMeta{Zxid: Zxid{c.epoch, 8}}, Config: c.log.config}}
		require.NoError(t, c.Receive(c.following.link, m.encode()))
		want := uint64(9)
		if stream {
			want = 0
		}
		require.Equal(t, want, c.Take().Barrier)
	}
}
