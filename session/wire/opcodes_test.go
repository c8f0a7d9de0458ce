package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
)

// Every result of the tree has a code of its own kind; those that no client
// should ever see are system errors.
func TestErrors(t *testing.T) {
	system := map[tree.Code]bool{tree.CodeResend: true, tree.CodeAnswered: true}
	last := tree.CodeOK
	for c := tree.CodeOK; !errors.Is(c.Err(), tree.ErrMalformed); c++ {
		last = c
		require.Equal(t, system[c], errOfCode(c) == errSystem, "%v", c.Err())
		require.Equal(t, errOfCode(c), errOf(c.Err()))
		if c != tree.CodeOK {
			require.Equal(t, errOfCode(c), errOf(fmt.Errorf("wrapped: %w", &tree.Error{Op: "set", Err: c.Err()})))
			require.Negative(t, errOfCode(c))
		}
	}
	require.Equal(t, tree.CodeLimit, last)
	require.Equal(t, errOK, errOf(nil))
	require.Equal(t, errSystem, errOf(errors.New("anything")))
	require.Equal(t, errBadArguments, errOf(&tree.SizeError{What: "data"}))
	require.Equal(t, errNoWatcher, errOf(fmt.Errorf("wrapped: %w", errNoWatcher)))
	require.Equal(t, "wire: ZooKeeper error -101", errNoNode.Error())
}

func TestWords(t *testing.T) {
	for _, w := range []string{
		"conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr",
		"ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs",
	} {
		got, ok := parseWord([4]byte([]byte(w)))
		require.True(t, ok, w)
		require.EqualValues(t, w, got)
	}
	for _, w := range []string{"RUOK", "ruoK", "\x00\x00\x00\x2d", "abcd", "stm\x00", "\xff\xf4\xff\xfd"} {
		_, ok := parseWord([4]byte([]byte(w)))
		require.False(t, ok, w)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := parseWord([4]byte{'r', 'u', 'o', 'k'}); !ok {
			t.Fatal("ruok")
		}
	}))
}
