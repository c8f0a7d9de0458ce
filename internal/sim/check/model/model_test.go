package model

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
)

// source makes commands, most of which make sense.
type source struct {
	*rand.Rand
	m *Model
}

var paths = []string{"/", "/a", "/a/b", "/a/b/c", "/d", "/zookeeper", "/zookeeper/config", "/a/q0000000000"}

// oddPaths are those of no znode.
var oddPaths = []string{"bad", "", "//", "/a/", "a/b", "/x\x00", "/a/../b", "/a//b", "/x\x01"}

func (s *source) path() string {
	if s.IntN(4) == 0 {
		return oddPaths[s.IntN(len(oddPaths))]
	}
	return paths[s.IntN(len(paths))]
}

func (s *source) acl() []tree.ACL {
	acls := [][]tree.ACL{
		nil, nil, nil, nil, nil, nil, nil, nil, {}, {tree.World(tree.PermAll)}, {tree.World(tree.PermRead | tree.PermWrite)},
		{tree.Auth(tree.PermAll)}, {{Perms: tree.PermAll, ID: tree.DigestID("u", "0")}}, {{Perms: 77, ID: tree.DigestID("u", "0")}},
		{{Perms: tree.PermAll, ID: tree.ID{Scheme: "ip", ID: "::/129"}}}, {{Perms: tree.PermAll, ID: tree.ID{Scheme: "ip", ID: "10.0.0.0/8"}}}, {{Perms: tree.PermAll, ID: tree.ID{Scheme: "x509", ID: "CN=a"}}},
		{tree.Auth(tree.PermRead), tree.Auth(tree.PermRead), tree.World(tree.PermRead)},
	}
	return acls[s.IntN(len(acls))]
}

func (s *source) op() tree.Op {
	cond := tree.Version(int32(s.IntN(5) - 2))
	if s.IntN(2) == 0 {
		cond = tree.Cond{}
	}
	if s.IntN(8) == 0 {
		return s.quotaOp()
	}
	switch s.IntN(8) {
	case 0, 1, 2:
		op := tree.Create{Path: s.path(), Data: []byte{byte(s.IntN(9))}[:s.IntN(2)], ACL: s.acl()}
		if s.IntN(2) == 0 {
			op.Mode = tree.Mode(s.IntN(8))
		}
		if s.IntN(6) == 0 {
			op.TTL = time.Duration(s.IntN(5)) * time.Millisecond
		}
		return op
	case 3, 4:
		return tree.Set{Path: s.path(), Data: []byte("x"), If: cond}
	case 5:
		return tree.Delete{Path: s.path(), If: cond}
	case 6:
		return tree.Check{Path: s.path(), If: cond}
	}
	return tree.SetACL{Path: s.path(), ACL: s.acl(), If: cond}
}

// quotaOp makes or unmakes a quota.
func (s *source) quotaOp() tree.Op {
	of := quotas + []string{"/a", "/a/b", "/zookeeper", ""}[s.IntN(4)]
	limits, stats := of+"/zookeeper_limits", of+"/zookeeper_stats"
	text := []byte([]string{"", "count=-1,bytes=-1=;countHardLimit=2", "byteHardLimit=1", "bad"}[s.IntN(4)])
	switch s.IntN(6) {
	case 0:
		return tree.Delete{Path: []string{limits, stats}[s.IntN(2)]}
	case 1:
		return tree.Set{Path: []string{limits, stats}[s.IntN(2)], Data: text}
	}
	return tree.Multi{Ops: []tree.Op{tree.Create{Path: of}, tree.Create{Path: limits, Data: text}, tree.Create{Path: stats}}[s.IntN(2):]}
}

// session returns one that is, was, or never was.
func (s *source) session() (id, attachment int64, next uint64) {
	ids := s.m.AliveIDs()
	if len(ids) == 0 || s.IntN(20) == 0 {
		return int64(s.IntN(100)), 1, 1
	}
	x := s.m.Session(ids[s.IntN(len(ids))])
	next = x.Last + 1
	if s.IntN(8) == 0 {
		next += uint64(s.IntN(4)) - 2
	}
	return x.ID, x.Attachment - int64(s.IntN(12)/11), next
}

func (s *source) identity() tree.ID {
	ids := []tree.ID{tree.DigestID("u", fmt.Sprint(s.IntN(5))), tree.DigestID("u", "0"), {Scheme: "super"}, {Scheme: "ip", ID: "1"},
		{Scheme: "ip", ID: "10.1.2.3"}, {Scheme: "x509", ID: "CN=a"}}
	return ids[s.IntN(len(ids))]
}

func (s *source) identities() (ids []tree.ID) {
	for range max(0, s.IntN(6)-2) {
		ids = append(ids, s.identity())
	}
	return ids
}

func (s *source) command() tree.Command {
	id, attachment, next := s.session()
	switch s.IntN(40) {
	case 0, 1:
		return tree.CreateSession{Timeout: time.Duration(s.IntN(4000)) * time.Microsecond, Server: uint64(s.IntN(3)), Identities: s.identities()}
	case 2, 3:
		return tree.Attach{Session: id, Server: 7, From: attachment * int64(s.IntN(2)), Identities: s.identities(), Replace: s.IntN(2) == 0}
	case 4:
		return tree.CloseSession{Session: id, Attachment: attachment, Sequence: next * uint64(s.IntN(2))}
	case 5:
		return tree.ExpireSessions{Sessions: []int64{id, int64(s.IntN(50)), id}[s.IntN(4):]}
	case 6, 7:
		return tree.AddAuth{Session: id, Attachment: attachment, Identities: append(s.identities(), s.identity())}
	case 8, 9, 10:
		path := s.path()
		c := tree.DeleteNode{Path: path}
		if n := s.m.Now(path); n != nil {
			c.Czxid, c.Mzxid = n.Stat.Czxid, n.Stat.Mzxid+int64(s.IntN(5)/4)
		}
		return c
	case 11:
		return tree.ChangeSettings{Settings: tree.Settings{Unanswered: 1 + s.IntN(9), ResultBytes: 50 + s.IntN(900), Identities: s.IntN(4), X509: s.IntN(2) == 0, SoftQuotas: s.IntN(4) == 0}}
	case 12:
		return tree.SetConfig{Data: []byte("server.1")}
	case 13:
		return tree.RaiseApplyVersion{Version: 1}
	}
	w := tree.Write{Session: id, Attachment: attachment, Sequence: next, AnsweredUpTo: next - uint64(s.IntN(6)), Op: s.op()}
	if s.IntN(3) == 0 {
		multi := tree.Multi{}
		for range s.IntN(5) {
			op := s.op()
			if _, nested := op.(tree.Multi); !nested {
				multi.Ops = append(multi.Ops, op)
			}
		}
		w.Op = multi
	}
	return w
}

// TestAgainstTree applies the same log to the model and to the real state, and
// compares them whole after every entry, and, for the entries of the window, again
// later.
func TestAgainstTree(t *testing.T) {
	const window = 20
	codes := map[tree.Code]int{}
	for seed := range uint64(60) {
		settings := tree.Settings{Identities: 2}
		state, m := tree.New(settings), New(settings, window)
		s := &source{rand.New(rand.NewPCG(seed, 2)), m}
		views := []*tree.View{state.View()}
		clock := int64(0)
		for z := int64(1); z <= 400; z++ {
			clock += int64(s.IntN(2_000_000))
			e := tree.Entry{Zxid: z, Wall: 1e15 + int64(s.IntN(1e9)), Clock: clock - int64(s.IntN(3))}
			if s.IntN(30) > 0 {
				e.Data = s.command().AppendTo(nil)
			}
			outcomes, changes, err := state.Apply([]tree.Entry{e})
			require.NoError(t, err)
			o := &outcomes[0]
			p, err := m.Apply(e, o.Record())
			require.NoError(t, err)
			require.Equal(t, p.Executed, o.Record() != nil && !o.Repeated, "zxid %d: %+v %+v", z, p, o)
			require.Equal(t, p.Repeated, o.Repeated)
			require.Equal(t, p.Ended, o.Ended)
			if p.Repeated {
				require.Equal(t, p.Record, o.Record())
			} else {
				require.Equal(t, p.Code, o.Code, "zxid %d: %+v", z, p.Command)
				codes[p.Code]++
			}
			if p.Executed && p.Code == tree.CodeOK && len(p.Results) > 0 {
				require.Equal(t, p.Results, o.Results())
			}
			require.Len(t, changes, len(p.Changes))
			for i := range changes {
				require.True(t, Same(changes[i].Before, p.Changes[i].Before) && Same(changes[i].After, p.Changes[i].After))
			}
			views = append(views, state.View())
			require.NoError(t, m.Compare(state.View()))
			require.NoError(t, m.Compare(views[max(m.Low(), z-int64(s.IntN(window+1)))]))
		}
		require.Error(t, m.Compare(views[m.Low()-1]))
		require.LessOrEqual(t, len(m.counts), 2*window+3)
		require.LessOrEqual(t, len(m.replaced), 40*window)
	}
	for _, code := range []tree.Code{
		tree.CodeOK, tree.CodeNoNode, tree.CodeNodeExists, tree.CodeNotEmpty, tree.CodeBadVersion, tree.CodeNoChildrenForEphemerals,
		tree.CodeBadPath, tree.CodeReserved, tree.CodeBadMode, tree.CodeInvalidACL, tree.CodeNoAuth,
		tree.CodeSessionExpired, tree.CodeSessionMoved, tree.CodeResend, tree.CodeAnswered, tree.CodeLimit, tree.CodeQuotaExceeded,
	} {
		require.NotZero(t, codes[code], "code %d never came", code)
	}
}

// TestForgets: what falls out of the window leaves nothing behind.
func TestForgets(t *testing.T) {
	m := New(tree.Settings{}, 5)
	apply := func(c tree.Command) {
		_, err := m.Apply(tree.Entry{Zxid: m.Last() + 1, Data: c.AppendTo(nil)}, []byte{0})
		require.NoError(t, err)
	}
	apply(tree.CreateSession{Timeout: time.Second})
	write := func(op tree.Op) {
		n := m.Session(1).Last
		apply(tree.Write{Session: 1, Attachment: 1, Sequence: n + 1, AnsweredUpTo: n, Op: op})
	}
	for i := range 100 {
		path := fmt.Sprintf("/n%d", i)
		write(tree.Create{Path: path})
		write(tree.Delete{Path: path})
		write(tree.Multi{Ops: []tree.Op{tree.Create{Path: path + "x"}, tree.Delete{Path: path + "x"}}})
		write(tree.Multi{Ops: []tree.Op{tree.Create{Path: path + "y"}, tree.Delete{Path: "/none"}}})
	}
	for range 10 {
		write(tree.Check{Path: "/"})
	}
	require.Len(t, m.places, 4)
	require.Len(t, m.places["/"].versions, 1)
	require.Empty(t, m.replaced)
	require.Len(t, m.Session(1).records, 1)
	_, err := m.Apply(tree.Entry{Zxid: m.Last() + 2}, nil)
	require.Error(t, err)
	_, err = m.Apply(tree.Entry{Zxid: m.Last() + 1, Data: []byte{1, 2, 3}}, nil)
	require.Error(t, err)
}

// TestPathRules holds the two readings of the rules for paths against each other.
func TestPathRules(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "a", ".", "..", "\x00", "\x1f", "\x7f", "\u009f", "\u00a0", "\ud7ff", "\ue000", "\uf8ff", "\uf900", "\uffef", "\ufff0", "\uFFFD", "\U00010000", "\xff", "\xed\xa0\x80"})
	rapid.Check(t, func(t *rapid.T) {
		path := "/"
		if rapid.IntRange(0, 9).Draw(t, "root") == 0 {
			path = ""
		}
		for range rapid.IntRange(0, 5).Draw(t, "pieces") {
			path += piece.Draw(t, "piece")
		}
		if got, want := ValidPath(path), tree.ValidatePath(path) == nil; got != want {
			t.Fatalf("%q: %t, not %t", path, got, want)
		}
	})
}

// TestVersions: versions wrap past -1.
func TestVersions(t *testing.T) {
	require.Equal(t, int32(0), next(-2))
	require.Equal(t, int32(-1<<31), next(1<<31-1))
	require.Equal(t, int32(1), next(0))
}
