package tree

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (e *env) command(c Command) Outcome {
	e.Helper()
	out, _ := e.apply(e.w.entry(c))
	return out
}

func TestCreateSession(t *testing.T) {
	e := newEnv(t)
	out, changes := e.apply(e.w.entry(CreateSession{Timeout: 1500*time.Millisecond + 1, Password: Password{9}, Server: 4}))
	require.NoError(t, out.Err())
	require.Empty(t, changes)
	require.Equal(t, []any{int64(2), int64(2), uint64(4), uint64(1)}, []any{out.Session, out.Attachment, out.Server, out.Next})
	info, ok := e.s.View().Session(2)
	require.True(t, ok)
	require.Equal(t, SessionInfo{ID: 2, Timeout: 1500 * time.Millisecond, Password: Password{9}, Server: 4, Attachment: 2}, info)
	_, ok = e.s.View().Session(3)
	require.False(t, ok)
}

// TestExactlyOnce: a write that is logged again is answered from the record of
// the first, one that comes too early has no effect, and what was answered is
// forgotten.
func TestExactlyOnce(t *testing.T) {
	e := newEnv(t)
	seq := func(sequence, answered uint64, op Op) Outcome {
		out := e.command(Write{1, 1, sequence, answered, op})
		require.Equal(t, sequence, out.Sequence)
		return out
	}
	first := seq(1, 0, Create{Path: "/n", Mode: Sequential})
	require.Equal(t, "/n0000000000", first.Results()[0].Path)
	again := seq(1, 0, Create{Path: "/n", Mode: Sequential})
	require.True(t, again.Repeated)
	require.Equal(t, first.Results(), again.Results())
	require.Equal(t, first.Record(), again.Record())
	require.EqualValues(t, 2, e.stat("/").NumChildren)

	early := seq(3, 1, Create{Path: "/early"})
	require.ErrorIs(t, early.Err(), ErrResend)
	require.EqualValues(t, 2, early.Next)
	require.Nil(t, early.Results())
	info, _ := e.s.View().Session(1)
	require.EqualValues(t, 0, info.AnsweredUpTo, "no effect at all")

	failed := seq(2, 0, Delete{Path: "/absent"})
	require.ErrorIs(t, failed.Err(), ErrNoNode)
	e.applied(seq(3, 0, Create{Path: "/absent"}))
	again = seq(2, 0, Delete{Path: "/absent"})
	require.True(t, again.Repeated)
	require.Equal(t, failed.Err(), again.Err(), "a failure is a result too")
	_, exists := e.s.View().Exists("/absent")
	require.True(t, exists)

	e.applied(seq(4, 2, Set{Path: "/absent"}))
	info, _ = e.s.View().Session(1)
	require.Equal(t, []uint64{4, 2}, []uint64{info.LastSequence, info.AnsweredUpTo})
	require.ErrorIs(t, seq(2, 2, Set{Path: "/absent"}).Err(), ErrAnswered)
	require.True(t, seq(3, 2, Set{Path: "/absent"}).Repeated)
	require.ErrorIs(t, seq(0, 0, Set{Path: "/absent"}).Err(), ErrResend)
	e.applied(seq(5, 1<<60, Set{Path: "/absent"}))
	info, _ = e.s.View().Session(1)
	require.Equal(t, []uint64{5, 4}, []uint64{info.LastSequence, info.AnsweredUpTo}, "nobody has the answer to what is not applied")
	require.EqualValues(t, 2, e.stat("/absent").Version)
}

func (e *env) applied(out Outcome) {
	e.Helper()
	require.NoError(e, out.Err())
	require.False(e, out.Repeated)
}

// TestFencing: what comes under an old attachment has no effect, and an attach
// that was overtaken by another does not take the session away.
func TestFencing(t *testing.T) {
	e := newEnv(t)
	password := Password{0, 7}
	moved := e.command(Attach{1, password, 2, 1, nil, false, 0})
	require.NoError(t, moved.Err())
	require.Equal(t, []any{int64(2), uint64(2), uint64(1)}, []any{moved.Attachment, moved.Server, moved.Next})
	require.ErrorIs(t, e.command(Write{1, 1, 1, 0, Create{Path: "/old"}}).Err(), ErrSessionMoved)
	require.ErrorIs(t, e.command(CloseSession{1, 1, 0}).Err(), ErrSessionMoved)
	require.ErrorIs(t, e.command(AddAuth{1, 1, []ID{alice}}).Err(), ErrSessionMoved)
	late := e.command(Attach{1, password, 3, 1, nil, false, 0})
	require.ErrorIs(t, late.Err(), ErrSessionMoved)
	require.EqualValues(t, 2, late.Attachment)
	require.ErrorIs(t, e.command(Attach{1, Password{1, 7}, 3, 0, nil, false, 0}).Err(), ErrSessionExpired, "wrong password")
	require.ErrorIs(t, e.command(Attach{7, password, 3, 0, nil, false, 0}).Err(), ErrSessionExpired)
	e.applied(e.command(Write{1, 2, 1, 0, Create{Path: "/new"}}))
	info, _ := e.s.View().Session(1)
	require.Equal(t, []any{uint64(2), int64(2), uint64(1)}, []any{info.Server, info.Attachment, info.LastSequence})
	again := e.command(Attach{1, password, 3, 0, nil, false, 0})
	require.EqualValues(t, 2, again.Next)
}

// TestSessionEnd: all ephemerals go at one zxid, in order, found where the end
// stands in the log; nothing of the session takes effect after it
// (ZOOKEEPER-1208, 3145).
func TestSessionEnd(t *testing.T) {
	e := newEnv(t)
	e.apply(e.w.session())
	e.ok(Create{Path: "/dir"})
	e.ok(Create{Path: "/b", Mode: Ephemeral})
	e.ok(Create{Path: "/dir/a", Mode: EphemeralSequential})
	e.ok(Create{Path: "/a", Mode: Ephemeral})
	e.ok(Create{Path: "/kept"})
	e.apply(e.w.write(2, Create{Path: "/other", Mode: Ephemeral}))
	e.ok(Delete{Path: "/b"})
	require.Equal(t, []string{"/a", "/dir/a0000000000"}, slices.Collect(e.s.View().Ephemerals(1)))
	old := e.s.View()
	out, changes := e.apply(e.w.entry(ExpireSessions{[]int64{99, 1, 1}}))
	require.Equal(t, []int64{1}, out.Ended)
	var paths []string
	for _, c := range changes {
		require.Equal(t, []any{Deleted, e.w.zxid}, []any{c.Kind, c.Zxid})
		paths = append(paths, c.Path)
	}
	require.Equal(t, []string{"/a", "/dir/a0000000000"}, paths)
	require.Equal(t, e.w.zxid, e.stat("/dir").Pzxid)
	require.NotNil(t, e.s.View().Lookup("/other"))
	require.NotNil(t, old.Lookup("/a"), "a view is a view")
	require.ErrorIs(t, e.do(Create{Path: "/late", Mode: Ephemeral}).Err(), ErrSessionExpired)
	require.ErrorIs(t, e.command(CloseSession{1, 1, 0}).Err(), ErrSessionExpired)
	require.Equal(t, 1, e.s.View().NumSessions())
}

// TestCloseInOrder: an end with a sequence waits for the writes before it.
func TestCloseInOrder(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/a"})
	early := e.command(CloseSession{1, 1, 3})
	require.ErrorIs(t, early.Err(), ErrResend)
	require.EqualValues(t, 2, early.Next)
	e.ok(Create{Path: "/b"})
	out := e.command(CloseSession{1, 1, 3})
	require.NoError(t, out.Err())
	require.Equal(t, []int64{1}, out.Ended)
	fate, done := e.s.View().Fate(1, 3)
	require.Equal(t, FateApplied, fate)
	require.NoError(t, done.Err())
	require.Empty(t, done.Results())
}

// TestFate: the question after the last write has an answer, also after the
// session's end, for a while.
func TestFate(t *testing.T) {
	e := newEnv(t)
	e.command(ChangeSettings{Settings{TombstoneTime: time.Minute, Tombstones: 2, TombstoneBytes: 500}})
	fate := func(sequence uint64) Fate { f, _ := e.s.View().Fate(1, sequence); return f }
	e.ok(Create{Path: "/a"})
	require.ErrorIs(t, e.do(Create{Path: "/a"}).Err(), ErrNodeExists)
	require.NoError(t, e.command(Write{1, 1, 3, 1, Set{Path: "/a"}}).Err())
	require.Equal(t, []Fate{FateAnswered, FateApplied, FateApplied, FatePending}, []Fate{fate(1), fate(2), fate(3), fate(4)})
	e.command(ExpireSessions{[]int64{1}})
	end := e.w.clock
	require.Equal(t, []Fate{FateAnswered, FateApplied, FateApplied, FateNever}, []Fate{fate(1), fate(2), fate(3), fate(4)})
	_, out := e.s.View().Fate(1, 2)
	require.ErrorIs(t, out.Err(), ErrNodeExists)
	require.True(t, out.Repeated)
	_, out = e.s.View().Fate(1, 3)
	require.EqualValues(t, 1, out.Results()[0].Stat.Version)
	e.w.clock = end + int64(time.Minute) - 2e6
	e.command(noCommand{})
	require.Equal(t, FateNever, fate(4))
	e.command(noCommand{})
	require.Equal(t, FateUnknown, fate(4), "time is up")
	require.Equal(t, "unknown", fate(3).String())

	var ids []int64
	for range 4 { // no more than two
		e.apply(e.w.session())
		ids = append(ids, e.w.zxid)
		e.command(CloseSession{e.w.zxid, 0, 0})
	}
	require.Equal(t, []Fate{FateUnknown, FateUnknown, FateNever, FateNever}, e.fates(ids))
	e.apply(e.w.session())
	big := e.w.zxid
	for range 10 { // no more than 500 bytes of results
		e.apply(e.w.write(big, Create{Path: "/a/0123456789012345678901234567890123456789", Mode: Sequential}))
	}
	e.command(CloseSession{big, 0, 0})
	require.Equal(t, []Fate{FateUnknown, FateUnknown}, e.fates([]int64{ids[3], big}))
	require.Zero(t, e.s.tombBytes)
}

func (e *env) fates(ids []int64) (fates []Fate) {
	for _, id := range ids {
		f, _ := e.s.View().Fate(id, 1e9)
		fates = append(fates, f)
	}
	return fates
}

// noCommand is an entry without a command.
type noCommand struct{ Command }

func (noCommand) AppendTo(dst []byte) []byte { return dst }

// TestSessionLimits: above its limits a session's write has no effect, and is
// executed once answers were acknowledged.
func TestSessionLimits(t *testing.T) {
	e := newEnv(t)
	e.command(ChangeSettings{Settings{Unanswered: 2, Identities: 1}})
	write := func(sequence, answered uint64) error {
		return e.command(Write{1, 1, sequence, answered, Create{Path: "/n", Mode: Sequential}}).Err()
	}
	require.NoError(t, write(1, 0))
	require.NoError(t, write(2, 0))
	require.ErrorIs(t, write(3, 0), ErrLimit)
	require.ErrorIs(t, write(4, 0), ErrResend)
	require.NoError(t, write(3, 1))
	require.EqualValues(t, 4, e.stat("/").NumChildren)
	e.command(ChangeSettings{Settings{Unanswered: 100, ResultBytes: 60}})
	require.ErrorIs(t, write(4, 1), ErrLimit, "bytes")
	require.NoError(t, write(4, 3))
	info, _ := e.s.View().Session(1)
	require.Equal(t, len(e.s.session(1).records[0].data), info.ResultBytes)

	require.NoError(t, e.command(AddAuth{1, 1, []ID{alice}}).Err())
	require.NoError(t, e.command(AddAuth{1, 1, []ID{alice}}).Err(), "given again")
	e.command(ChangeSettings{Settings{Identities: 1}})
	require.ErrorIs(t, e.command(AddAuth{1, 1, []ID{bob}}).Err(), ErrLimit)
	require.ErrorIs(t, e.command(AddAuth{5, 1, []ID{bob}}).Err(), ErrSessionExpired)
	info, _ = e.s.View().Session(1)
	require.Equal(t, []ID{alice}, info.Identities)
}

// TestIdentitiesOfAConnection: a session has some from the start, and gets more or
// others with an attachment. What is refused changes nothing.
func TestIdentitiesOfAConnection(t *testing.T) {
	e := newEnv(t)
	password := Password{9}
	out := e.command(CreateSession{Timeout: time.Second, Password: password, Identities: []ID{alice, alice}})
	require.NoError(t, out.Err())
	id := out.Session
	has := func(want ...ID) {
		t.Helper()
		info, _ := e.s.View().Session(id)
		require.True(t, slices.Equal(want, info.Identities), "%v", info.Identities)
		e.s = reload(t, e.s)
	}
	has(alice)
	e.applied(e.command(Attach{id, password, 2, 0, nil, false, 0}))
	has(alice)
	e.applied(e.command(Attach{id, password, 2, 0, []ID{bob}, false, 0}))
	has(alice, bob)
	view := e.s.View()
	e.applied(e.command(Attach{id, password, 2, 0, []ID{bob}, true, 0}))
	has(bob)
	info, _ := view.Session(id)
	require.Len(t, info.Identities, 2, "a View stays as it was")
	e.applied(e.command(Attach{id, password, 2, 0, nil, true, 0}))
	has()

	e.command(ChangeSettings{Settings{Identities: 1}})
	info, _ = e.s.View().Session(id)
	attachment := info.Attachment
	for _, c := range []struct {
		c    Command
		want error
	}{
		{CreateSession{Identities: []ID{alice, bob}}, ErrLimit},
		{CreateSession{Identities: []ID{{"digest", "none"}}}, ErrInvalidACL},
		{CreateSession{Identities: []ID{{"digest", ":" + strings.Repeat("x", MaxIDBytes)}}}, ErrInvalidACL},
		{Attach{id, password, 3, 0, []ID{alice, bob}, true, 0}, ErrLimit},
		{Attach{id, password, 3, 0, []ID{alice, {"world", "anyone"}}, true, 0}, ErrInvalidACL},
		{Attach{99, password, 3, 0, []ID{{"nobody", ""}}, true, 0}, ErrInvalidACL},
		{Attach{99, password, 3, 0, []ID{alice, bob}, true, 0}, ErrSessionExpired},
		{Attach{id, password, 3, 1, []ID{alice, bob}, true, 0}, ErrSessionMoved},
	} {
		sessions := e.s.View().NumSessions()
		out := e.command(c.c)
		require.ErrorIs(t, out.Err(), c.want, "%+v", c.c)
		require.Equal(t, sessions, e.s.View().NumSessions())
		if _, ok := c.c.(CreateSession); ok {
			require.Zero(t, out.Session)
		}
		info, _ := e.s.View().Session(id)
		require.Equal(t, attachment, info.Attachment)
		if errors.Is(c.want, ErrInvalidACL) {
			require.ErrorIs(t, CheckCommand(c.c.AppendTo(nil), Limits{}), ErrInvalidACL)
		}
	}
	has()
	e.applied(e.command(Attach{id, password, 3, 0, []ID{alice, alice}, false, 0}))
	has(alice)
	e.command(ChangeSettings{Settings{Identities: 3}})
	e.applied(e.command(Attach{id, password, 3, 0, []ID{bob}, false, 0}))
	e.command(ChangeSettings{Settings{Identities: 1}})
	e.applied(e.command(Attach{id, password, 3, 0, []ID{bob}, false, 0}))
	has(alice, bob)
	require.ErrorIs(t, e.command(Attach{id, password, 3, 0, []ID{bob, alice}, true, 0}).Err(), ErrLimit, "settings that were lowered")
}

// TestHalt: an entry that cannot be applied stops the State for good, after
// everything before it and before everything after it.
func TestHalt(t *testing.T) {
	for name, bad := range map[string]struct {
		data []byte
		want error
	}{
		"unknown command":   {[]byte{0x91, 100}, ErrUnknownCommand},
		"malformed":         {[]byte{0xc1}, ErrMalformed},
		"cut":               {CloseSession{1, 1, 1}.AppendTo(nil)[:3], ErrMalformed},
		"bytes left over":   {append(SetConfig{}.AppendTo(nil), 0), ErrMalformed},
		"too many fields":   {[]byte{0x93, byte(kindSetConfig), 0xc0, 0xc0}, ErrMalformed},
		"unknown operation": {Write{1, 1, 1, 0, nil}.AppendTo(nil), ErrUnknownOp},
		"nested multi":      {Write{1, 1, 1, 0, Multi{[]Op{Multi{}}}}.AppendTo(nil), ErrUnknownOp},
		"unknown rules":     {RaiseApplyVersion{ApplyVersion + 1}.AppendTo(nil), ErrUnknownCommand},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			entries := []Entry{e.w.write(1, Create{Path: "/a"}), {Zxid: 50, Data: bad.data}, {Zxid: 51, Data: SetConfig{}.AppendTo(nil)}}
			out, changes, err := e.s.Apply(entries)
			require.Len(t, out, 1)
			require.Len(t, changes, 1)
			require.ErrorIs(t, err, bad.want)
			halt, ok := errors.AsType[*HaltError](err)
			require.True(t, ok)
			require.EqualValues(t, 50, halt.Zxid)
			require.Equal(t, err, e.s.Err())
			require.EqualValues(t, 2, e.s.View().Zxid())
			require.NotNil(t, e.s.View().Lookup("/a"))
			require.Equal(t, e.s.View().ComputeDigest(), e.s.View().Digest())
			out, changes, again := e.s.Apply(entries[2:])
			require.Equal(t, err, again)
			require.Empty(t, out)
			require.Empty(t, changes)
			require.EqualValues(t, 2, e.s.View().Zxid())
		})
	}
	e := newEnv(t)
	_, _, err := e.s.Apply([]Entry{{Zxid: 1}})
	require.ErrorContains(t, err, "does not come after zxid 1")
}

// TestPanicHalts: a fault of this package is a value as well, and the last view
// stays whole.
func TestPanicHalts(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/a"})
	v := e.s.View()
	e.s.index = nil
	_, _, err := e.s.Apply([]Entry{e.w.write(1, Multi{[]Op{Create{Path: "/"}}}), e.w.entry(SetConfig{})})
	require.ErrorContains(t, err, "panic")
	require.Equal(t, err, e.s.Err())
	require.Same(t, v, e.s.View())
	require.Equal(t, v.Digest(), v.ComputeDigest())
}

// TestEntriesWithoutCommand only move the zxid and the clock on, which never
// goes back.
func TestEntriesWithoutCommand(t *testing.T) {
	s := New(Settings{})
	out, changes, err := s.Apply([]Entry{{Zxid: 5, Clock: 100}, {Zxid: 6, Clock: 90}})
	require.NoError(t, err)
	require.Empty(t, changes)
	require.NoError(t, out[1].Err())
	require.Nil(t, out[1].Record())
	require.Equal(t, []int64{6, 100}, []int64{s.View().Zxid(), s.View().Clock()})
	require.EqualValues(t, 6, s.Zxid())
	require.EqualValues(t, 1, s.View().ApplyVersion())
}

func TestSetConfig(t *testing.T) {
	e := newEnv(t)
	out, changes := e.apply(e.w.entry(SetConfig{[]byte("server.1=...")}))
	require.NoError(t, out.Err())
	require.Len(t, changes, 1)
	require.Equal(t, DataSet, changes[0].Kind)
	stat := e.stat("/zookeeper/config")
	require.Equal(t, []any{int32(-1), e.w.zxid, int32(12)}, []any{stat.Version, stat.Mzxid, stat.DataLength})
}
