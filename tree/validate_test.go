package tree

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestValidatePath(t *testing.T) {
	for _, good := range []string{"/", "/a", "/a/b c", "/...", "/a/.b", "/..a", "/ü/日本", "/\uf900", "/\ufffd\u00a0", "/zookeeper"} {
		if strings.Contains(good, "\ufffd") {
			require.ErrorIs(t, ValidatePath(good), ErrBadPath, "%q", good)
			continue
		}
		require.NoError(t, ValidatePath(good), "%q", good)
	}
	for _, bad := range []string{
		"", "a", "a/b", "/a/", "//", "//a", "/a//b", "/.", "/..", "/a/./b", "/a/../b", "/a/..", "/a\x00", "/\x1f", "/a\x7f",
		"/\u0085", "/\u009f", "/\ue000", "/\uf8ff", "/\ufff0", "/\uffff", "/😀", "/\xff", "/a\xc3", "/\xed\xa0\x80",
	} {
		require.ErrorIs(t, ValidatePath(bad), ErrBadPath, "%q", bad)
	}
}

func TestValidate(t *testing.T) {
	limits := Limits{Data: 10, Ops: 3, Bytes: 200}
	for _, c := range []struct {
		op   Op
		want error
	}{
		{Create{Path: "/a", Data: make([]byte, 10)}, nil},
		{Create{Path: "/a/", Mode: Sequential}, nil},
		{Create{Path: "/a/."}, ErrBadPath},
		{Create{Path: "/a/.", Mode: Sequential}, nil},
		{Create{Path: "", Mode: Sequential}, ErrBadPath},
		{Create{Path: "/a//", Mode: Sequential}, ErrBadPath},
		{Create{Path: "/a", Data: make([]byte, 11)}, ErrTooLarge},
		{Set{Path: "/a", Data: make([]byte, 11)}, ErrTooLarge},
		{Set{Path: "/" + strings.Repeat("x", 200)}, ErrTooLarge},
		{Create{Path: "/a", ACL: []ACL{{PermAll, ID{"digest", "a:b:c"}}}}, ErrInvalidACL},
		{Create{Path: "/a", ACL: []ACL{{PermAll, ID{"world", "me"}}}}, ErrInvalidACL},
		{Create{Path: "/a", ACL: []ACL{World(32)}}, ErrInvalidACL},
		{SetACL{Path: "/a", ACL: []ACL{}}, ErrInvalidACL},
		{SetACL{Path: "/a", ACL: []ACL{{PermRead, alice}}}, nil},
		{Delete{Path: "/zookeeper/config"}, ErrReserved},
		{Check{Path: "x"}, ErrBadPath},
		{nil, ErrUnknownOp},
		{Multi{[]Op{Check{Path: "/a"}, Check{Path: "/b"}, Check{Path: "/c"}}}, nil},
		{Multi{[]Op{Check{Path: "/a"}, Check{Path: "/b"}, Check{Path: "/c"}, Check{Path: "/d"}}}, ErrTooLarge},
		{Multi{[]Op{Check{Path: "/a"}, Multi{}}}, ErrUnknownOp},
		{Multi{[]Op{Check{Path: "/a"}, Check{Path: "b"}}}, ErrBadPath},
		{Multi{nil}, nil},
	} {
		err := Validate(c.op, limits)
		checked := CheckCommand(Write{Session: 1, Sequence: 1, Op: c.op}.AppendTo(nil), limits)
		sized := ValidateSize(c.op, limits)
		if errors.Is(c.want, ErrTooLarge) || errors.Is(c.want, ErrUnknownOp) {
			require.ErrorIs(t, checked, c.want, "%v", c.op)
			require.ErrorIs(t, sized, c.want, "%v", c.op)
			require.IsType(t, &Error{}, sized)
		} else {
			require.NoError(t, checked, "%v", c.op)
			require.NoError(t, sized, "%v: apply decides", c.op)
		}
		if c.want == nil {
			require.NoError(t, err, "%v", c.op)
			continue
		}
		require.ErrorIs(t, err, c.want, "%v", c.op)
		require.Equal(t, OpName(c.op) == "multi" && !errors.Is(err, ErrTooLarge), err.(*Error).Index == 1)
	}
	var size *SizeError
	require.ErrorAs(t, Validate(Set{Path: "/a", Data: make([]byte, 11)}, limits), &size)
	require.Equal(t, SizeError{"bytes of data", 11, 10}, *size)
	require.NoError(t, Validate(Set{Path: "/a", Data: make([]byte, 1<<20-1)}, Limits{}))
	require.ErrorIs(t, Validate(Set{Path: "/a", Data: make([]byte, 1<<20)}, Limits{}), ErrTooLarge)
	require.ErrorIs(t, CheckCommand(AddAuth{1, 1, []ID{{"ip", "x"}}}.AppendTo(nil), limits), ErrInvalidACL)
	require.ErrorIs(t, CheckCommand(Write{Op: Check{Path: "/a"}}.AppendTo(nil), limits), ErrMalformed, "no sequence")
	require.ErrorIs(t, CheckCommand([]byte{0x91, 99}, limits), ErrUnknownCommand)
	require.ErrorIs(t, CheckCommand(nil, limits), ErrMalformed)

	longest := strings.Repeat("x", limits.Bytes-32-1) // with what an operation takes besides
	require.NoError(t, Validate(Set{Path: "/" + longest}, limits))
	require.ErrorIs(t, Validate(Set{Path: "/x" + longest}, limits), ErrTooLarge)
	command := Write{Session: 1, Sequence: 1, Op: Check{Path: "/a"}}.AppendTo(nil)
	require.NoError(t, CheckCommand(command, Limits{Bytes: len(command)}))
	require.ErrorIs(t, CheckCommand(command, Limits{Bytes: len(command) - 1}), ErrTooLarge)
}

// TestOpSize: never less than what is encoded, and not much more.
func TestOpSize(t *testing.T) {
	acl := []ACL{{PermAll, ID{"digest", strings.Repeat("i", 500)}}, {PermRead, ID{strings.Repeat("s", 400), "x"}}}
	data := make([]byte, 3000)
	path := "/" + strings.Repeat("p", 2000)
	all := []Op{
		Create{Path: path, Data: data, TTL: MaxTTL, ACL: acl}, Set{Path: path, Data: data, If: Version(1 << 30)},
		SetACL{Path: path, ACL: acl, If: Version(1 << 30)}, Delete{Path: path}, Check{Path: path}, Check{Path: "/"},
	}
	for _, op := range append(all, Multi{all}) {
		size, encoded := opSize(op), len(AppendOp(nil, op))
		require.GreaterOrEqual(t, size, encoded, OpName(op))
		require.LessOrEqual(t, size, encoded+64*(len(all)+1), OpName(op))
	}
}

func TestDefaults(t *testing.T) {
	require.Equal(t, Limits{Data: 1_048_575, Ops: 4096, Bytes: 4 << 20}, Limits{}.withDefaults())
	require.Equal(t, Limits{Data: 1, Ops: 1, Bytes: 1}, Limits{1, 1, 1}.withDefaults())
	require.Equal(t, MaxOps, Limits{Ops: MaxOps + 1}.withDefaults().Ops)
	defaults := Settings{
		Unanswered: 4096, ResultBytes: 1 << 20, Identities: 16,
		TombstoneTime: 10 * time.Minute, Tombstones: 10_000, TombstoneBytes: 16 << 20,
	}
	require.Equal(t, defaults, Settings{}.withDefaults())
	least := Settings{1, 1, 1, true, true, 1, 1, 1}
	require.Equal(t, least, least.withDefaults())
}

func TestValidateSettings(t *testing.T) {
	require.NoError(t, Settings{}.Validate())
	for name, s := range map[string]Settings{
		"Unanswered": {Unanswered: -1}, "ResultBytes": {ResultBytes: -1}, "Identities": {Identities: -1},
		"TombstoneTime": {TombstoneTime: -1}, "Tombstones": {Tombstones: -1}, "TombstoneBytes": {TombstoneBytes: -1},
	} {
		require.ErrorContains(t, s.Validate(), "Settings."+name+" ")
	}
}
