package protocol

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

func samplePassword() (p tree.Password) {
	copy(p[:], "0123456789abcdef")
	return p
}

func sampleRequests() []Request {
	return []Request{
		&Open{Timeout: 1e10, Password: samplePassword()},
		&Open{Timeout: 1, LastSeen: 1 << 40, Identities: []tree.ID{{Scheme: "ip", ID: "::1"}, tree.Super}},
		&Rearm{Watches: []Watch{{ID: 1, Path: "/a", Kind: watch.Data}, {ID: 1 << 40, Path: "/", Kind: watch.PersistentRecursive}}},
		&Rearm{Watches: []Watch{}},
		&Attach{Session: 7, Password: samplePassword(), From: 9, LastSeen: 1 << 50, AnsweredUpTo: 3, LastSent: 8},
		&Attach{Session: 7, Timeout: 5e9, Anew: true, Identities: []tree.ID{{Scheme: "digest", ID: "u:h"}}, ReplaceIdentities: true},
		&Attach{Session: 7, Anew: true},
		&Write{ID: 1, Sequence: 2, AnsweredUpTo: 1, Op: tree.Create{Path: "/a", Data: []byte{}, Mode: tree.Ephemeral}},
		&Write{ID: 2, Sequence: 3, Op: tree.Multi{Ops: []tree.Op{
			tree.Set{Path: "/a", Data: []byte("x"), If: tree.Version(3)}, tree.Delete{Path: "/b"}, tree.Check{Path: "/c"},
			tree.SetACL{Path: "/c", ACL: []tree.ACL{tree.World(tree.PermRead)}},
		}}},
		&Read{ID: 4, Kind: ReadChildren, Path: "/a", Linearizable: true, Watch: 6, WatchKind: watch.Children, Resume: true, Since: 77},
		&Read{ID: 5},
		&Read{ID: 5, Kind: ReadChildren, Path: "/a", After: "b", Limit: 1 << 30},
		&Read{ID: 5, Kind: ReadMany, Parts: []Part{{ReadData, "/a"}, {ReadChildren, ""}}},
		&AddAuth{ID: 6, Scheme: "digest", Credential: []byte("u:p")},
		&Unwatch{Watch: 3},
		&Cancel{ID: 9},
		&Acknowledge{AnsweredUpTo: 1 << 33},
		&Ping{N: 12},
		&Close{ID: 8, Sequence: 4, AnsweredUpTo: 3},
	}
}

func sampleMessages() []Message {
	stat := tree.Stat{Czxid: 1, Mzxid: 2, Pzxid: 3, Ctime: 4, Mtime: -5, Version: -6, Cversion: 7, Aversion: 8,
		EphemeralOwner: 9, Container: true, TTL: 10, DataLength: 11, NumChildren: 12}
	return []Message{
		&Attached{Session: 5, Attachment: 6, Timeout: 7, LastSequence: 8, Limits: tree.Limits{Data: 1, Ops: 2, Bytes: 3}},
		&Refused{Reason: RefusedMoved, Attachment: 4},
		&Refused{Reason: RefusedExpired, Fates: []Fate{{Sequence: 1, Known: true, Applied: true, Record: []byte{1}}, {Sequence: 2}}},
		&Answer{ID: 1, Zxid: 2, Code: tree.CodeNoNode},
		&Answer{ID: 1, Zxid: 2, Record: []byte{0, 1}, WatchRefused: true},
		&Answer{ID: 3, Zxid: 4, Read: &Reading{Exists: true, Armed: true, Stat: stat, Data: []byte{}, Names: []string{"a", "b"},
			ACL: []tree.ACL{{Perms: 1, ID: tree.ID{Scheme: "digest", ID: "u:x"}}}}},
		&Answer{ID: 3, Zxid: 4, Read: &Reading{More: true, Count: 1 << 40, Identities: []tree.ID{{Scheme: "ip", ID: "::1"}, tree.Super}}},
		&Answer{ID: 3, Zxid: 4, Read: &Reading{Parts: []PartReading{
			{Code: tree.CodeNoNode}, {Read: &Reading{Exists: true, Stat: stat, Data: []byte("x"), Names: []string{"n"}}},
		}}},
		&Answer{ID: 3, Zxid: 4, Read: &Reading{Names: []string{}, ACL: []tree.ACL{}}},
		&Events{Zxid: 9, More: true, Events: []Event{
			{Watch: 1, Event: watch.Event{Type: watch.Created, Path: "/a", Zxid: 9}},
			{Watch: 2, Event: watch.Event{Type: watch.Gap, Path: "/", Zxid: 9, Since: 3}},
		}},
		&Pong{N: 3},
		&Hold{},
		&GoingAway{},
		&Ended{Reason: EndExpired, Zxid: 1 << 40, Fates: []Fate{{Sequence: 3, Known: true}}},
		&Ended{Reason: EndMoved},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, r := range sampleRequests() {
		got, err := DecodeRequest(AppendRequest(nil, r))
		require.NoError(t, err, "%T", r)
		require.Equal(t, r, got)
	}
	for _, m := range sampleMessages() {
		got, err := DecodeMessage(AppendMessage(nil, m))
		require.NoError(t, err, "%T", m)
		require.Equal(t, m, got)
	}
}

// Whatever is cut short, lengthened or given another kind is refused, or is
// something else that is well-formed; never a panic.
func TestDecodeDamaged(t *testing.T) {
	var all [][]byte
	for _, r := range sampleRequests() {
		all = append(all, AppendRequest(nil, r))
	}
	for _, m := range sampleMessages() {
		all = append(all, AppendMessage(nil, m))
	}
	for _, b := range all {
		for n := range len(b) {
			_, err := DecodeRequest(b[:n:n])
			require.ErrorIs(t, err, ErrMalformed)
			_, err = DecodeMessage(b[:n:n])
			require.ErrorIs(t, err, ErrMalformed)
		}
		other := [][]byte{append(bytes.Clone(b), 0)}
		for _, header := range []byte{b[0] - 1, b[0] + 1} { // says so many fields
			other = append(other, append([]byte{header}, b[1:]...))
		}
		for _, b := range other {
			_, err := DecodeRequest(b)
			require.ErrorIs(t, err, ErrMalformed, "%x", b)
			_, err = DecodeMessage(b)
			require.ErrorIs(t, err, ErrMalformed, "%x", b)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(nil), rapid.SampledFrom(all).Draw(t, "message")...)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		checkDecode(t, b)
	})
}

// What no host says is refused.
func TestDecodeOutOfRange(t *testing.T) {
	for _, m := range []Message{
		&Refused{}, &Refused{Reason: refusals}, &Ended{}, &Ended{Reason: ends},
		&Answer{Zxid: -1}, &Answer{Code: 255}, &Answer{Read: &Reading{Parts: []PartReading{{Code: 255}}}},
		&Answer{Read: &Reading{Parts: []PartReading{{Read: &Reading{Parts: []PartReading{{}}}}}}},
		&Answer{Read: &Reading{Parts: make([]PartReading, MaxParts+1)}}, &Answer{Read: &Reading{Identities: make([]tree.ID, MaxIdentities+1)}}, &Events{Zxid: -1},
	} {
		_, err := DecodeMessage(AppendMessage(nil, m))
		require.ErrorIs(t, err, ErrMalformed, "%+v", m)
	}
}

// What no client asks for in one request is refused.
func TestDecodeTooMany(t *testing.T) {
	for _, r := range []Request{
		&Rearm{Watches: make([]Watch, MaxRearm+1)}, &Read{Parts: make([]Part, MaxParts+1)}, &Open{Identities: make([]tree.ID, MaxIdentities+1)},
		&Attach{Identities: make([]tree.ID, MaxIdentities+1)},
	} {
		_, err := DecodeRequest(AppendRequest(nil, r))
		require.ErrorIs(t, err, ErrMalformed, "%T", r)
	}
	odd := []byte{0x95, byte(kindOpen), 1, 0xc4, 16, 15: 0, 21: 0, 22: 0x91, 23: 0xa1, 24: 'x'}
	_, err := DecodeRequest(odd)
	require.ErrorContains(t, err, "identity without an ID")
}

// checkDecode checks that what can be decoded is encoded as something that is
// decoded to the same.
func checkDecode(t require.TestingT, b []byte) {
	if r, err := DecodeRequest(b); err == nil {
		again, err := DecodeRequest(AppendRequest(nil, r))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(r, again))
	} else {
		require.ErrorIs(t, err, ErrMalformed)
	}
	if m, err := DecodeMessage(b); err == nil {
		again, err := DecodeMessage(AppendMessage(nil, m))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(m, again))
	} else {
		require.ErrorIs(t, err, ErrMalformed)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range sampleRequests() {
		f.Add(AppendRequest(nil, r))
	}
	for _, m := range sampleMessages() {
		f.Add(AppendMessage(nil, m))
	}
	f.Add([]byte{0x93, byte(kindEnded), 1, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) { checkDecode(t, b) })
}
