package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// goldenCommands has every command and operation, and every way in which a
// field is encoded.
var goldenCommands = []Command{
	CreateSession{Timeout: 10 * time.Second, Password: Password{1, 2, 3, 15: 255}, Server: 1},
	CreateSession{Server: math.MaxUint64, Password: Password{9}},
	Write{1, 1, 1, 0, Create{Path: "/a", Data: []byte("data")}},
	Write{1, 1, 2, 0, Create{Path: "/a/nil"}},
	Write{1, 1, 3, 0, Create{Path: "/a/empty", Data: []byte{}}},
	Write{1, 1, 4, 0, Create{Path: "/a/seq-", Mode: EphemeralSequential}},
	Write{1, 1, 5, 0, Create{Path: "/ttl", TTL: time.Minute, Data: bytes.Repeat([]byte("long "), 60)}},
	Write{1, 1, 6, 0, Create{Path: "/container", Mode: Container, ACL: []ACL{World(PermRead), {PermAll, DigestID("alice", "secret")}}}},
	AddAuth{1, 1, []ID{DigestID("alice", "secret")}},
	Write{1, 1, 7, 3, Create{Path: "/container/x", ACL: []ACL{Auth(PermAll)}}},
	Write{1, 1, 8, 3, Set{"/a", []byte("more"), Version(0)}},
	Write{1, 1, 9, 3, SetACL{"/a", []ACL{World(PermAll &^ PermDelete)}, Version(0)}},
	Write{1, 1, 10, 3, Check{"/a", Version(5)}},
	Write{1, 1, 11, 3, Delete{"/container/x", Version(-1)}},
	Write{1, 1, 12, 3, Multi{[]Op{Create{Path: "/m", Data: []byte("1")}, Set{Path: "/m", Data: []byte("2")}, Check{"/m", Version(1)}, Delete{Path: "/m"}}}},
	Write{1, 1, 13, 3, Multi{[]Op{Create{Path: "/m"}, Delete{Path: "/absent"}, Check{Path: "/"}}}},
	Write{1, 1, 13, 3, Create{Path: "/again"}},
	Write{1, 1, 99, 3, Create{Path: "/early"}},
	Write{1, 1, 14, 3, Multi{[]Op{
		Create{Path: "/zookeeper/quota/a"},
		Create{Path: "/zookeeper/quota/a/zookeeper_limits", Data: []byte("count=-1,bytes=100=;byteHardLimit=20;countHardLimit=5")},
		Create{Path: "/zookeeper/quota/a/zookeeper_stats"},
	}}},
	Write{1, 1, 15, 3, Create{Path: "/a/fits", Data: []byte("12345")}},
	Write{1, 1, 16, 3, Create{Path: "/a/toomany"}},
	Write{1, 1, 17, 3, Set{Path: "/a/fits", Data: []byte("far too much for a quota of 20")}},
	Write{1, 1, 18, 3, Delete{Path: "/a/fits"}},
	DeleteNode{"/container", 8, 8},
	Attach{1, Password{1, 2, 3, 15: 255}, 2, 1, nil, false, 0},
	Write{1, 1, 19, 3, Create{Path: "/fenced"}},
	SetConfig{[]byte("version=1")},
	ChangeSettings{Settings{X509: true, Unanswered: 100, ResultBytes: 1000, Identities: 2, Tombstones: 3, TombstoneBytes: 4000, TombstoneTime: time.Hour}},
	RaiseApplyVersion{1},
	CreateSession{Timeout: time.Second, Server: 3, Identities: []ID{DigestID("alice", "secret"), DigestID("bob", "")}},
	Attach{2, Password{9}, 4, 0, []ID{DigestID("bob", "")}, false, 0},
	Attach{2, Password{9}, 5, 0, []ID{DigestID("alice", "secret")}, true, 0},
	CloseSession{2, 0, 1},
	ExpireSessions{[]int64{1, 2, 1 << 40}},
}

var update = flag.Bool("update", false, "write testdata/golden-v1.txt anew")

// TestGolden replays the log of the first version of the rules: its bytes, its
// results and its digests stay what they are for as long as such a log may be
// on a disk. New rules get a version and a file of their own.
func TestGolden(t *testing.T) {
	const file = "testdata/golden-v1.txt"
	s := New(Settings{})
	var have strings.Builder
	for i, c := range goldenCommands {
		e := Entry{Zxid: int64(i + 1), Wall: 1_700_000_000_000_000_000 + int64(i)*1e9, Clock: int64(i) * 1e9, Data: c.AppendTo(nil)}
		out, changes, err := s.Apply([]Entry{e})
		require.NoError(t, err)
		fmt.Fprintf(&have, "%x code=%d record=%x changes=%d digest=%016x\n", e.Data, out[0].Code, out[0].Record(), len(changes), s.View().Digest())
	}
	fmt.Fprintf(&have, "snapshot sha256=%x\n", sha256.Sum256(snapshotOf(t, s.View())))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(have.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(have.String(), "\n"))

	// And from the file alone, in one batch.
	replayed := New(Settings{})
	var entries []Entry
	lines := strings.Split(string(want), "\n")
	for i := range goldenCommands {
		data, err := hex.DecodeString(strings.Fields(lines[i])[0])
		require.NoError(t, err)
		entries = append(entries, Entry{Zxid: int64(i + 1), Wall: 1_700_000_000_000_000_000 + int64(i)*1e9, Clock: int64(i) * 1e9, Data: data})
	}
	_, _, err = replayed.Apply(entries)
	require.NoError(t, err)
	require.Equal(t, s.View().Digest(), replayed.View().Digest())
}

func TestCommandRoundTrip(t *testing.T) {
	for _, c := range goldenCommands {
		b := c.AppendTo(nil)
		back, err := DecodeCommand(b)
		require.NoError(t, err)
		if w, ok := c.(Write); ok {
			op, err := DecodeOp(AppendOp(nil, w.Op))
			require.NoError(t, err)
			require.Equal(t, w.Op, op)
		}
		require.Equal(t, c, back)
		require.NoError(t, CheckCommand(b, Limits{}))
		for i := range b {
			_, err := DecodeCommand(b[:i])
			require.Error(t, err, "%T cut at %d", c, i)
		}
		for _, header := range []byte{b[0] - 1, b[0] + 1} {
			_, err := DecodeCommand(append([]byte{header}, b[1:]...))
			require.ErrorIs(t, err, ErrMalformed, "%T with the header %x", c, header)
		}
	}
	require.Equal(t, Command(CreateSession{Timeout: math.MaxInt32 * time.Millisecond}), must(DecodeCommand(CreateSession{Timeout: math.MaxInt64}.AppendTo(nil))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzCommand(f *testing.F) {
	for _, c := range goldenCommands {
		f.Add(c.AppendTo(nil), int64(1), int64(1))
	}
	f.Add([]byte{0x91, 0}, int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, zxid, clock int64) {
		c, err := DecodeCommand(b)
		checked := CheckCommand(b, Limits{})
		s, w := New(Settings{}), newWriter()
		out, _, applyErr := s.Apply([]Entry{w.session(), w.write(1, Create{Path: "/a"}), w.entry(nil), {Zxid: zxid, Clock: clock, Data: b}})
		if len(b) > 0 && zxid > 3 && err == nil {
			if raise, ok := c.(RaiseApplyVersion); !ok || raise.Version <= ApplyVersion {
				require.NoError(t, applyErr)
				_, known := CodeOf(out[3].Err())
				require.True(t, known)
			}
		}
		if applyErr != nil {
			require.NotContains(t, applyErr.Error(), "panic")
		}
		require.Equal(t, s.View().Digest(), s.View().ComputeDigest())
		reload(t, s)
		if err != nil {
			require.Error(t, checked)
			return
		}
		again, err := DecodeCommand(c.AppendTo(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func TestDecodeRecordRefuses(t *testing.T) {
	create := &flatOp{kind: opCreate, path: []byte("/a")}
	for _, c := range []struct {
		name         string
		code         Code
		multi        bool
		count, index int
		ok           bool
	}{
		{"one that failed", codeEnd - 1, false, 1, 0, true},
		{"the last of a multi", CodeNoNode, true, 2, 1, true},
		{"as many as there may be", CodeNoNode, true, MaxOps, MaxOps - 1, true},
		{"an unknown code", codeEnd, false, 1, 0, false},
		{"too many", CodeNoNode, true, MaxOps + 1, 0, false},
		{"several that are no multi", CodeNoNode, false, 2, 0, false},
		{"none that is no multi", CodeNoNode, false, 0, 0, false},
		{"behind the last", CodeNoNode, true, 2, 2, false},
	} {
		results, err := DecodeRecord(appendFailure(nil, c.code, c.multi, c.count, c.index, create))
		if !c.ok {
			require.ErrorIs(t, err, ErrMalformed, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Len(t, results, c.count, c.name)
		require.ErrorIs(t, results[c.index].Err, c.code.Err(), c.name)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	s := variedState(f, 50)
	for info := range s.View().Sessions() {
		for sequence := info.AnsweredUpTo + 1; sequence <= info.LastSequence; sequence++ {
			_, out := s.View().Fate(info.ID, sequence)
			f.Add(out.Record())
		}
	}
	_, out := s.View().Fate(3, 1)
	f.Add(out.Record())
	f.Fuzz(func(t *testing.T, b []byte) {
		results, err := DecodeRecord(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.LessOrEqual(t, len(results), MaxOps)
	})
}

// TestHash: XXH64, by its authors' test vectors, and no part of a znode that
// the digest does not see.
func TestHash(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b, "abc": 0x44bc2cf5ad770999,
		"Nobody inspects the spammish repetition":                         0xfbcea83c8a378bf1,
		"Call me Ishmael. Some years ago--never mind how long precisely-": 0x02a2e85470d6fd96,
	} {
		require.Equal(t, want, hashBytes(0, text), text)
		require.Equal(t, want, hashBytes(0, []byte(text)))
	}
	base := func() *Znode { return &Znode{place: &place{pathHash: 1}, stat: Stat{TTL: 1}} }
	seen := map[uint64]bool{base().rehash(): true}
	for i, change := range []func(z *Znode){
		func(z *Znode) { z.place.pathHash++ }, func(z *Znode) { z.dataHash++ }, func(z *Znode) { z.acl = &aclList{hash: 7} },
		func(z *Znode) { z.stat.Czxid++ }, func(z *Znode) { z.stat.Mzxid++ }, func(z *Znode) { z.stat.Pzxid++ },
		func(z *Znode) { z.stat.Ctime++ }, func(z *Znode) { z.stat.Mtime++ }, func(z *Znode) { z.stat.Version++ },
		func(z *Znode) { z.stat.Cversion++ }, func(z *Znode) { z.stat.Aversion++ }, func(z *Znode) { z.stat.EphemeralOwner++ },
		func(z *Znode) { z.stat.Container = true }, func(z *Znode) { z.stat.TTL++ }, func(z *Znode) { z.stat.DataLength++ },
		func(z *Znode) { z.stat.NumChildren++ }, func(z *Znode) { z.creates++ }, func(z *Znode) { z.touched++ },
	} {
		z := base()
		change(z)
		require.False(t, seen[z.rehash()], "change %d", i)
		seen[z.rehash()] = true
	}
}
