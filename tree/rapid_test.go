package tree

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	alice = DigestID("alice", "secret")
	bob   = DigestID("bob", "hunter2")
)

// genPath makes few paths, so that operations meet.
func genPath(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "system") == 0 {
		return rapid.SampledFrom([]string{"", "b", "/a/", "//a", "//", "/a//b", "/a/.", "/b/..", "/a\x00", "/a/\x01", "b/a", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/quota/a"}).Draw(t, "path")
	}
	path := ""
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 2, 3}).Draw(t, "depth") {
		path += "/" + rapid.SampledFrom([]string{"a", "b", "b.x", "a0000000000"}).Draw(t, "name")
	}
	return path
}

func genACL(t *rapid.T) []ACL {
	return rapid.SampledFrom([][]ACL{
		nil, nil, nil, nil, {World(PermAll)}, {World(PermRead | PermCreate)}, {World(PermAll &^ PermAdmin)},
		{{PermAll, ID{"ip", "10.1.0.0/16"}}, {PermRead, ID{"ip", "2001:db8::/32"}}}, {{PermAll, ID{"x509", "CN=a"}}},
		{}, {Auth(PermAll)}, {Auth(PermAll), {PermAll, alice}, {PermAll, ID{"auth", "x"}}, Auth(PermAll)}, {{PermAll, alice}, World(PermRead)}, {{PermAll &^ PermDelete, bob}, {PermAll &^ PermDelete, bob}},
	}).Draw(t, "acl")
}

func genCond(t *rapid.T) Cond {
	return rapid.SampledFrom([]Cond{{}, {}, {}, Version(-1), Version(0), Version(1), Version(2)}).Draw(t, "cond")
}

func genData(t *rapid.T) []byte {
	return rapid.SampledFrom([][]byte{nil, {}, []byte("x"), []byte("some data"), bytes.Repeat([]byte("0123456789"), 40)}).Draw(t, "data")
}

// quotasFirst are commands that make a quota, or two on top of each other, as they
// hardly come about by chance.
func quotasFirst(m *model) []func() Command {
	node := func(path, data string) Op { return Create{Path: path, Data: []byte(data)} }
	return []func() Command{
		func() Command { return CreateSession{Timeout: time.Second} },
		func() Command {
			id := slices.Max(slices.Collect(maps.Keys(m.sessions)))
			return Write{id, id, 1, 0, Multi{[]Op{
				node("/a", "12"), node("/a/b", "3"),
				node("/zookeeper/quota/a", ""), node("/zookeeper/quota/a/zookeeper_limits", "count=-1,bytes=9=;byteHardLimit=20;countHardLimit=4"), node("/zookeeper/quota/a/zookeeper_stats", ""),
				node("/zookeeper/quota/a/b", ""), node("/zookeeper/quota/a/b/zookeeper_limits", "count=-1,bytes=-1=;countHardLimit=2"), node("/zookeeper/quota/a/b/zookeeper_stats", "count=7"),
			}}}
		},
	}
}

// genQuotaOp makes an operation on the znodes of a few quotas.
func genQuotaOp(t *rapid.T) Op {
	of := rapid.SampledFrom([]string{"/a", "/a", "/a/b", "/zookeeper", "", "/none"}).Draw(t, "of")
	path := quotaPath + of
	switch rapid.IntRange(0, 4).Draw(t, "node") {
	case 0:
	case 1, 2:
		path += "/" + limitsName
	default:
		path += "/" + statsName
	}
	data := []byte(rapid.SampledFrom([]string{
		"", "count=-1,bytes=-1=;countHardLimit=3", "count=1,bytes=1", "count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=4", "byteHardLimit=0", "garbage", "count=x",
	}).Draw(t, "text"))
	switch rapid.IntRange(0, 5).Draw(t, "quotaOp") {
	case 0:
		return Delete{Path: path}
	case 1:
		return Set{Path: path, Data: data}
	case 2:
		return Multi{[]Op{Create{Path: quotaPath + of}, Create{Path: quotaPath + of + "/" + limitsName, Data: data}, Create{Path: quotaPath + of + "/" + statsName, Data: data}}}
	}
	return Create{Path: path, Data: data}
}

func genOp(t *rapid.T) Op {
	path := genPath(t)
	switch rapid.SampledFrom([]opKind{opCreate, opCreate, opCreate, opCreate, opSet, opSet, opDelete, opDelete, opCheck, opSetACL}).Draw(t, "op") {
	case opCreate:
		c := Create{Path: path, Data: genData(t), ACL: genACL(t)}
		c.Mode = rapid.SampledFrom([]Mode{Persistent, Persistent, Ephemeral, Sequential, EphemeralSequential, Container, Container, 5, 8}).Draw(t, "mode")
		if c.Mode == Persistent || c.Mode == Sequential {
			c.TTL = rapid.SampledFrom([]time.Duration{0, 0, MinTTL, 5 * time.Second}).Draw(t, "ttl")
		}
		return c
	case opSet:
		return Set{path, genData(t), genCond(t)}
	case opDelete:
		return Delete{path, genCond(t)}
	case opCheck:
		return Check{path, genCond(t)}
	}
	return SetACL{path, genACL(t), genCond(t)}
}

func genWriteOp(t *rapid.T) Op {
	if rapid.IntRange(0, 7).Draw(t, "quota") == 0 {
		return genQuotaOp(t)
	}
	if rapid.IntRange(0, 3).Draw(t, "multi") > 0 {
		return genOp(t)
	}
	return Multi{rapid.SliceOfN(rapid.Custom(genOp), 0, 5).Draw(t, "ops")}
}

func genIDs(t *rapid.T) []ID {
	return rapid.SampledFrom([][]ID{nil, nil, nil, {alice}, {bob}, {bob, alice, bob}, {alice, bob, Super}, {{"ip", "10.1.2.3"}, {"x509", "CN=a"}}, {{"ip", "2001:db8::1"}}}).Draw(t, "identities")
}

// genCommand makes a command that mostly fits the model's state.
func genCommand(t *rapid.T, m *model) Command {
	var id int64
	ids := slices.Sorted(maps.Keys(m.sessions))
	if len(ids) > 0 && rapid.IntRange(0, 19).Draw(t, "alive") > 0 {
		id = rapid.SampledFrom(ids).Draw(t, "session")
	} else {
		id = rapid.Int64Range(0, m.zxid+1).Draw(t, "nobody")
	}
	x := m.sessions[id]
	attachment := x.attachment
	if rapid.IntRange(0, 19).Draw(t, "stale") == 0 {
		attachment = rapid.SampledFrom([]int64{0, id, attachment - 1}).Draw(t, "attachment")
	}
	sequence := uint64(int64(x.last) + rapid.SampledFrom([]int64{1, 1, 1, 1, 1, 1, 1, 0, -1, 2}).Draw(t, "sequence"))
	switch kind := rapid.IntRange(0, 39).Draw(t, "command"); {
	case len(ids) == 0 || kind == 0:
		return CreateSession{Timeout: 4 * time.Second, Password: Password{byte(m.zxid)}, Server: uint64(kind), Identities: genIDs(t)}
	case kind == 1:
		password := x.password
		if rapid.IntRange(0, 4).Draw(t, "wrong") == 0 {
			password[15]++
		}
		return Attach{id, password, 7, rapid.SampledFrom([]int64{0, attachment}).Draw(t, "from"), genIDs(t), rapid.Bool().Draw(t, "replace"), 0}
	case kind == 2:
		return CloseSession{id, attachment, rapid.SampledFrom([]uint64{0, sequence}).Draw(t, "close")}
	case kind == 3:
		return ExpireSessions{rapid.SliceOfN(rapid.SampledFrom(append(ids, id)), 0, 3).Draw(t, "expire")}
	case kind == 4:
		return AddAuth{id, attachment, genIDs(t)}
	case kind < 8:
		path := genPath(t)
		if due := m.due(m.clock + int64(time.Second)); len(due) > 0 {
			path = rapid.SampledFrom(due).Draw(t, "due")
		}
		stat := m.nodes[path].stat
		return DeleteNode{path, stat.Czxid, stat.Mzxid - int64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "before"))}
	case kind == 8:
		return SetConfig{genData(t)}
	case kind == 9:
		return ChangeSettings{Settings{Unanswered: rapid.IntRange(1, 6).Draw(t, "unanswered"), Identities: 2, X509: rapid.Bool().Draw(t, "x509"), SoftQuotas: rapid.IntRange(0, 3).Draw(t, "soft") == 0}}
	}
	answered := uint64(max(0, int64(x.last)-rapid.Int64Range(-1, 4).Draw(t, "answered")))
	return Write{id, attachment, sequence, answered, genWriteOp(t)}
}

func checkView(t require.TestingT, m *model, v *View) {
	require.Equal(t, v.ComputeDigest(), v.Digest())
	require.Equal(t, m.zxid, v.Zxid())
	require.Equal(t, m.clock, v.Clock())
	require.Equal(t, len(m.nodes), v.Len())
	walked := 0
	for z := range v.WalkNodes("/") {
		walked++
		require.Equal(t, m.show(z.Path()), showNode(z.Path(), z.Data(), z.Stat(), z.ACL()))
		require.Equal(t, m.children(z.Path()), slices.Collect(v.Children(z.Path())))
		require.Same(t, z, v.Lookup(z.Path()))
	}
	require.Equal(t, len(m.nodes), walked)
	require.Equal(t, len(m.sessions), v.NumSessions())
	for info := range v.Sessions() {
		x := m.sessions[info.ID]
		require.Equal(t, []any{x.password, x.server, x.attachment, x.last, x.answered}, []any{info.Password, info.Server, info.Attachment, info.LastSequence, info.AnsweredUpTo})
		require.True(t, slices.Equal(x.ids, info.Identities))
		var owned []string
		for path, n := range m.nodes {
			if n.stat.EphemeralOwner == info.ID {
				owned = append(owned, path)
			}
		}
		slices.Sort(owned)
		require.Equal(t, owned, slices.Collect(v.Ephemerals(info.ID)))
		for sequence := uint64(1); sequence <= x.last; sequence++ {
			fate, out := v.Fate(info.ID, sequence)
			require.Equal(t, sequence <= x.answered, fate == FateAnswered)
			if fate == FateApplied {
				require.Equal(t, x.results[sequence].code, out.Code)
			}
		}
	}
	for id, x := range m.ended {
		fate, _ := v.Fate(id, x.last)
		never, _ := v.Fate(id, x.last+1)
		require.NotEqual(t, FateUnknown, fate) // the settings keep all for these tests
		require.Equal(t, FateNever, never)
	}
	var due []string
	for d := range v.Expired(m.clock) {
		due = append(due, d.Path)
		require.Equal(t, []int64{m.nodes[d.Path].stat.Czxid, m.nodes[d.Path].stat.Mzxid}, []int64{d.Czxid, d.Mzxid})
	}
	slices.Sort(due)
	require.Equal(t, m.due(m.clock), due)
}

func checkOutcome(t require.TestingT, c Command, want modelOutcome, got *Outcome) {
	require.Equal(t, want.code, got.Code, "%+v", c)
	require.Equal(t, want.repeated, got.Repeated)
	require.Equal(t, want.next, got.Next, "%+v", c)
	require.Equal(t, want.code != CodeOK, got.Err() != nil)
	if want.code != CodeOK {
		require.ErrorIs(t, got.Err(), want.code.Err())
	}
	require.Equal(t, want.result == nil, got.Record() == nil)
	if want.result == nil {
		return
	}
	members := 1
	if multi, ok := c.(Write).Op.(Multi); ok && !want.repeated {
		members = len(multi.Ops)
	}
	if want.repeated { // the operation that was sent again need not be the first one
		members = len(got.Results())
	}
	require.True(t, sameResults(got.Results(), want.result, members), "%+v %+v", want.result, got.Results())
}

func snapshotOf(t require.TestingT, v *View) []byte {
	var buf bytes.Buffer
	require.NoError(t, v.WriteSnapshot(&buf))
	return buf.Bytes()
}

// TestModel runs random commands against the model, in batches; checks that
// batches do not matter, nor a restart from a snapshot, and that views taken on
// the way never change.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, batched, single := newModel(Settings{}), New(Settings{}), New(Settings{})
		var views []*View
		var begin []func() Command
		if rapid.Bool().Draw(t, "quotas") {
			begin = quotasFirst(m)
		}
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			var entries []Entry
			var commands []Command
			var want []modelOutcome
			for range rapid.IntRange(0, 16).Draw(t, "batch") {
				var c Command
				if len(begin) > 0 {
					c, begin = begin[0](), begin[1:]
				} else {
					c = genCommand(t, m)
				}
				e := Entry{
					Zxid: m.zxid + rapid.Int64Range(1, 2).Draw(t, "gap"), Wall: 1e18 + rapid.Int64Range(-1e9, 1e9).Draw(t, "wall"),
					Clock: m.clock + rapid.SampledFrom([]int64{-1, 0, 1e6, 3e9}).Draw(t, "clock"), Data: c.AppendTo(nil),
				}
				entries, commands, want = append(entries, e), append(commands, c), append(want, m.apply(e, c))
			}
			outcomes, changes, err := batched.Apply(entries)
			require.NoError(t, err)
			require.Len(t, outcomes, len(entries))
			var wantChanges []modelChange
			for i := range outcomes {
				checkOutcome(t, commands[i], want[i], &outcomes[i])
				wantChanges = append(wantChanges, want[i].changes...)
			}
			require.Len(t, changes, len(wantChanges))
			for i, c := range changes {
				require.Equal(t, wantChanges[i], showChange(c))
			}
			var alone []Outcome
			var aloneChanges []Change
			for i := range entries {
				o, c, err := single.Apply(entries[i : i+1])
				require.NoError(t, err)
				alone, aloneChanges = append(alone, o...), append(aloneChanges, c...)
			}
			require.Equal(t, fmt.Sprintf("%+v", outcomes), fmt.Sprintf("%+v", append([]Outcome{}, alone...)))
			require.Len(t, aloneChanges, len(changes))
			for i := range changes {
				require.Equal(t, showChange(changes[i]), showChange(aloneChanges[i]))
				require.Equal(t, changes[i].Zxid, aloneChanges[i].Zxid)
			}
			for _, e := range entries { // nothing of an entry's bytes is kept
				clear(e.Data)
			}
			checkView(t, m, batched.View())
			views = append(views, batched.View())
			one, other := snapshotOf(t, batched.View()), snapshotOf(t, single.View())
			require.True(t, bytes.Equal(one, other))
			if rapid.Bool().Draw(t, "restart") {
				single, err = ReadSnapshot(bytes.NewReader(one))
				require.NoError(t, err)
				require.True(t, bytes.Equal(one, snapshotOf(t, single.View())))
			}
		}
		for _, v := range views {
			require.Equal(t, v.Digest(), v.ComputeDigest())
		}
	})
}
