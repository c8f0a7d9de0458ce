package tree

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// reload puts a State through a snapshot.
func reload(t require.TestingT, s *State) *State {
	loaded, err := ReadSnapshot(bytes.NewReader(snapshotOf(t, s.View())))
	require.NoError(t, err)
	require.Equal(t, s.View().Digest(), loaded.View().Digest())
	return loaded
}

// variedState has a bit of everything, and one znode with so many bytes.
func variedState(t require.TestingT, size int) *State {
	s, w := New(Settings{}), newWriter()
	entries := []Entry{
		w.session(), w.session(), w.session(),
		w.entry(AddAuth{1, 1, []ID{alice}}), w.entry(AddAuth{1, 1, []ID{bob}}),
		w.write(1, Create{Path: "/a", Data: []byte("data")}),
		w.write(1, Create{Path: "/a/auth", ACL: []ACL{Auth(PermAll)}}),
		w.write(1, Create{Path: "/a/e", Mode: EphemeralSequential}),
		w.write(2, Create{Path: "/a/t", TTL: 5e9, Data: bytes.Repeat([]byte("x"), size)}),
		w.write(2, Create{Path: "/c", Mode: Container, ACL: []ACL{World(PermRead | PermCreate)}}),
		w.write(2, Create{Path: "/c/x", ACL: []ACL{{PermAll, alice}, {PermAll, bob}}}),
		w.write(3, Multi{[]Op{Check{Path: "/a"}, Delete{Path: "/no"}}}),
		w.write(3, Create{Path: "/gone", Mode: Ephemeral}),
		w.entry(CloseSession{3, 3, 3}),
	}
	_, _, err := s.Apply(entries)
	require.NoError(t, err)
	return s
}

// TestSnapshotGoesOn: a State from a snapshot goes on exactly as the one that
// it was taken from.
func TestSnapshotGoesOn(t *testing.T) {
	s, w := variedState(t, 200_000), newWriter()
	loaded := reload(t, s)
	w.zxid = s.Zxid()
	w.clock = 1e12 // tombstones are due
	for _, c := range []Command{
		Write{1, 1, 4, 1, Create{Path: "/a/e", Mode: Sequential}},
		Write{1, 1, 2, 0, Set{Path: "/other"}},
		Attach{2, Password{1, 7}, 9, 0, nil, false, 0},
		ExpireSessions{[]int64{1}},
	} {
		e := w.entry(c)
		out1, changes1, err := s.Apply([]Entry{e})
		require.NoError(t, err)
		out2, changes2, err := loaded.Apply([]Entry{e})
		require.NoError(t, err)
		require.Equal(t, out1, out2)
		require.Len(t, changes2, len(changes1))
		for i := range changes1 {
			require.Equal(t, showChange(changes1[i]), showChange(changes2[i]))
		}
		require.Equal(t, snapshotOf(t, s.View()), snapshotOf(t, loaded.View()))
	}
}

// TestSnapshotDamage: no byte can be changed, and nothing cut off, unnoticed.
func TestSnapshotDamage(t *testing.T) {
	snapshot := snapshotOf(t, variedState(t, 50).View())
	for i := range snapshot {
		for _, flip := range []byte{1, 0x80} {
			damaged := bytes.Clone(snapshot)
			damaged[i] ^= flip
			_, err := ReadSnapshot(bytes.NewReader(damaged))
			require.Error(t, err, "byte %d", i)
		}
		_, err := ReadSnapshot(bytes.NewReader(snapshot[:i]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d", i)
	}
	_, err := ReadSnapshot(iotest.OneByteReader(bytes.NewReader(append(bytes.Clone(snapshot), "and more"...))))
	require.NoError(t, err)
	_, err = ReadSnapshot(strings.NewReader(snapshotMagic + "\x00\x00\x00\x02\x91" + string(rune(recordEnd))))
	require.ErrorIs(t, err, ErrMalformed, "a record of no kind")
	_, err = ReadSnapshot(iotest.ErrReader(io.ErrClosedPipe))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// TestSnapshotLies: bytes that are well formed and say what cannot be, also with
// a digest that fits, are refused.
func TestSnapshotLies(t *testing.T) {
	for name, lie := range map[string]func(s *State){
		"number of children": func(s *State) { s.index["/a"].newest.stat.NumChildren++ },
		"data length":        func(s *State) { s.index["/a"].newest.stat.DataLength++ },
		"owner":              func(s *State) { s.index["/a"].newest.stat.EphemeralOwner = 77 },
		"two kinds":          func(s *State) { s.index["/c"].newest.stat.TTL = MinTTL },
		"TTL":                func(s *State) { s.index["/a"].newest.stat.TTL = 1 },
		"zxid":               func(s *State) { s.index["/a"].newest.stat.Mzxid = s.zxid + 1 },
		"below an ephemeral": func(s *State) { s.index["/a"].newest.stat.EphemeralOwner = 1 },
		"attachment":         func(s *State) { s.session(1).attachment = s.zxid + 1 },
		"answered":           func(s *State) { s.session(1).answered = 99 },
		"rules":              func(s *State) { s.applyVersion++ },
		"clock":              func(s *State) { *s = *New(Settings{}); s.clock = -1 },
		"no znode": func(s *State) {
			s.recording = true // keeps the parent's count out of it
			s.swap(s.index["/c/x"].newest, nil)
		},
		"reserved znode": func(s *State) {
			s.childChanged(s.index["/zookeeper"], -1)
			s.swap(s.index["/zookeeper/quota"].newest, nil)
		},
		"result": func(s *State) { s.session(1).records[0].data[0] = byte(codeEnd) },
	} {
		t.Run(name, func(t *testing.T) {
			s := variedState(t, 50)
			lie(s)
			s.publish()
			v := *s.View()
			v.digest = v.ComputeDigest()
			_, err := ReadSnapshot(bytes.NewReader(snapshotOf(t, &v)))
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		return w.left, errFull
	}
	w.left -= len(b)
	return len(b), nil
}

func TestSnapshotWriteFails(t *testing.T) {
	v := variedState(t, 200_000).View()
	for left := 0; left < 100_000; left += 9973 {
		require.ErrorIs(t, v.WriteSnapshot(&failingWriter{left}), errFull)
	}
	v.Lookup("/a").data[0]++ // somebody writes to shared bytes
	require.ErrorContains(t, v.WriteSnapshot(io.Discard), `"/a" was written to`)
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add(snapshotOf(f, New(Settings{}).View()))
	s, w := New(Settings{}), newWriter()
	_, _, err := s.Apply([]Entry{
		w.session(), w.write(1, Create{Path: "/a", Mode: Ephemeral, ACL: []ACL{{PermAll, alice}}}),
		w.session(), w.write(w.zxid, Create{Path: "/t", TTL: MinTTL}), w.entry(CloseSession{3, 0, 0}),
	})
	require.NoError(f, err)
	f.Add(snapshotOf(f, s.View()))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := ReadSnapshot(bytes.NewReader(b))
		// A digest can be made to fit: what the rules let through must do.
		r := &snapshotReader{in: bufio.NewReader(bytes.NewReader(b))}
		if r.content() != nil {
			require.Error(t, err)
			return
		}
		s := r.s
		require.Equal(t, s.View().ComputeDigest(), s.View().Digest())
		reload(t, s)
		w := newWriter()
		if w.zxid, w.clock = s.Zxid(), s.View().Clock(); w.zxid > 1<<62 {
			return
		}
		_, _, err = s.Apply([]Entry{
			w.session(), w.write(w.zxid, Create{Path: "/fuzz"}), w.write(w.zxid-1, Delete{Path: "/a"}),
			w.entry(ExpireSessions{[]int64{1, 2, 3}}), w.entry(SetConfig{}),
		})
		require.NoError(t, err)
		for d := range s.View().Expired(math.MaxInt64) {
			_, _, err = s.Apply([]Entry{w.entry(d)})
			require.NoError(t, err)
		}
		require.Equal(t, s.View().ComputeDigest(), s.View().Digest())
		reload(t, s)
	})
}
