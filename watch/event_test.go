package watch

import (
	"bytes"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/tree"
)

var sampleEvents = []Event{
	{Type: Created, Path: "/", Zxid: 1},
	{Type: Deleted, Path: "/a/b", Zxid: 0},
	{Type: DataChanged, Path: "/" + strings.Repeat("ü", 300), Zxid: 1<<63 - 1},
	{Type: ChildrenChanged, Path: "/a", Zxid: 300},
	{Type: Gap, Path: "/a", Zxid: 70000, Since: 69999},
	{Type: Gap, Path: "/a"},
}

func TestEventCodec(t *testing.T) {
	var all []byte
	for _, ev := range sampleEvents {
		b := AppendEvent([]byte("x"), ev)[1:]
		for n := range b {
			_, _, err := DecodeEvent(b[:n])
			require.ErrorIs(t, err, ErrMalformed)
		}
		all = append(all, b...)
	}
	for _, want := range sampleEvents {
		ev, rest, err := DecodeEvent(all)
		require.NoError(t, err)
		require.Equal(t, want, ev)
		all = rest
	}
	require.Empty(t, all)

	ev, _, err := DecodeEvent(AppendEvent(nil, Event{Type: Created, Path: "/a", Zxid: 1, After: new(tree.Znode)}))
	require.NoError(t, err)
	require.Nil(t, ev.After)
}

func TestDecodeEventRefuses(t *testing.T) {
	raw := func(n int, typ uint64, path string, zxids ...int64) []byte {
		b := codec.AppendString(codec.AppendUint(codec.AppendArray(nil, n), typ), path)
		for _, z := range zxids {
			b = codec.AppendInt(b, z)
		}
		return b
	}
	_, _, err := DecodeEvent(raw(3, 1, "/a", 1))
	require.NoError(t, err)
	for name, b := range map[string][]byte{
		"no type":            raw(3, 0, "/a", 1),
		"unknown type":       raw(3, 5, "/a", 1),
		"large type":         raw(3, 257, "/a", 1),
		"relative path":      raw(3, 1, "a", 1),
		"no path":            raw(3, 1, "", 1),
		"negative zxid":      raw(3, 1, "/a", -1),
		"since without gap":  raw(4, 1, "/a", 1, 1),
		"gap without since":  raw(3, 8, "/a", 1),
		"gap from ahead":     raw(4, 8, "/a", 1, 2),
		"gap from before 0":  raw(4, 8, "/a", 1, -1),
		"too few":            raw(2, 1, "/a", 1),
		"too many":           raw(5, 8, "/a", 1, 1, 1),
		"too long a path":    raw(3, 1, "/"+strings.Repeat("x", MaxPath), 1),
		"length beyond end":  {0x93, 1, 0xdb, 0xff, 0xff, 0xff, 0xff},
		"not an array":       {0xc0},
		"bytes for a string": {0x93, 1, 0xc4, 1, '/', 1},
	} {
		ev, rest, err := DecodeEvent(b)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.ErrorIs(t, err, codec.ErrMalformed, name)
		require.Zero(t, ev, name)
		require.Nil(t, rest, name)
	}
}

// FuzzDecodeEvent: hostile bytes are an error or an event that encodes and
// decodes to itself.
func FuzzDecodeEvent(f *testing.F) {
	for _, ev := range sampleEvents {
		f.Add(AppendEvent(nil, ev))
	}
	f.Add([]byte{0x93, 1, 0xdb, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		ev, rest, err := DecodeEvent(b)
		require.Equal(t, before, b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.True(t, bytes.HasSuffix(b, rest))
		again, rest, err := DecodeEvent(AppendEvent(nil, ev))
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, ev, again)
	})
}

// TestStepMachinesArePure: Table and History import nothing with which they could
// wait, read a clock or draw a number, and the package reaches nothing of ours
// but the tree and the codec.
func TestStepMachinesArePure(t *testing.T) {
	shell := []string{"queue.go", "stream.go", "watcher.go"}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			allowed := []string{"errors", "fmt", "iter", "strings",
				"github.com/zabtree/zabtree/tree", "github.com/zabtree/zabtree/internal/codec"}
			if slices.Contains(shell, file) {
				allowed = []string{"context", "errors", "fmt", "io", "iter", "sync"}
			}
			require.Contains(t, allowed, path, file)
		}
	}
}

func TestStrings(t *testing.T) {
	require.Equal(t, "NodeDeleted /a @3", Event{Type: Deleted, Path: "/a", Zxid: 3}.String())
	require.Equal(t, "Gap /a (3,5]", Event{Type: Gap, Path: "/a", Since: 3, Zxid: 5}.String())
	require.Equal(t, "Type(77)", Type(77).String())
	require.Equal(t, "persistent-recursive Kind(9)", PersistentRecursive.String()+" "+Kind(9).String())
}
