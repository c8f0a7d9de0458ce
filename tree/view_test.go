package tree

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestViewReads(t *testing.T) {
	e := newEnv(t)
	for _, path := range []string{"/b", "/a", "/a/y", "/a/x", "/a/x/1", "/a-", "/a/x-", "/c"} {
		e.ok(Create{Path: path, Data: []byte(path)})
	}
	v := e.s.View()
	require.Equal(t, []string{"a", "a-", "b", "c", "zookeeper"}, slices.Collect(v.Children("/")))
	require.Equal(t, []string{"x", "x-", "y"}, slices.Collect(v.Children("/a")))
	require.Empty(t, slices.Collect(v.Children("/absent")))
	require.Empty(t, slices.Collect(v.Children("")))
	var walked []string
	for path, stat := range v.Walk("/a") {
		walked = append(walked, path)
		require.EqualValues(t, len(path), stat.DataLength)
	}
	require.Equal(t, []string{"/a", "/a/x", "/a/x/1", "/a/x-", "/a/y"}, walked)
	for path := range v.Walk("/") {
		require.Equal(t, "/", path)
		break
	}
	for range v.Walk("/absent") {
		t.Fatal("there is nothing to walk")
	}
	for _, path := range []string{"", "a", "/a/", "//", "/a//x", "/absent"} {
		_, _, err := v.Get(path)
		require.ErrorIs(t, err, ErrNoNode, path)
		_, _, err = v.GetACL(path)
		require.Equal(t, &Error{"getACL", path, 0, ErrNoNode}, err)
		_, ok := v.Exists(path)
		require.False(t, ok)
	}
	data, _, err := v.Get("/a")
	require.NoError(t, err)
	require.Equal(t, len(data), cap(data), "appending cannot reach what is behind")
	acl, _, err := v.GetACL("/a")
	require.NoError(t, err)
	require.Equal(t, []ACL{World(PermAll)}, acl)
	require.Equal(t, Settings{}.withDefaults(), v.Settings())
}

// TestViewsBesideApply reads views in other goroutines while the State applies;
// the race detector watches.
func TestViewsBesideApply(t *testing.T) {
	s, w, paths := benchState(t, 200, 3)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 3 {
		readers.Go(func() {
			for n := 0; ; n++ {
				v := s.View()
				if v.ComputeDigest() != v.Digest() {
					t.Error("a view changed")
				}
				if i == 0 && v.WriteSnapshot(io.Discard) != nil {
					t.Error("snapshot failed")
				}
				v.Lookup(paths[n%len(paths)])
				v.Fate(1, uint64(n))
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 60 {
		var entries []Entry
		for n := range 20 {
			id := int64(1 + n%2)
			path := paths[(i*20+n)%len(paths)]
			entries = append(entries,
				w.write(id, Set{Path: path, Data: []byte(path)}),
				w.write(id, Create{Path: "/dir0000/s", Mode: EphemeralSequential}),
				w.write(id, Multi{[]Op{Create{Path: path + "/x"}, Delete{Path: path + "/x"}, Check{Path: "/absent" + fmt.Sprint(n%2)}}}))
		}
		if i == 50 {
			entries = append(entries, w.entry(ExpireSessions{[]int64{1}}))
		}
		_, _, err := s.Apply(entries)
		require.NoError(t, err)
	}
	close(done)
	readers.Wait()
}

// TestVersionsArray compares the persistent array with a map, frozen copies
// with copies.
func TestVersionsArray(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v versions[int]
		v.token, v.next = 1, 1<<(leafBits+branchBits)-40 // near the end of a branch
		live := map[uint32]*int{}
		type snapshot struct {
			f    frozen[int]
			want map[uint32]*int
		}
		var taken []snapshot
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.SampledFrom([]int{1, 3, 70}).Draw(t, "n") {
					i, x := v.reserve(), new(int)
					if live[i] != nil {
						t.Fatalf("%d is taken", i)
					}
					live[i] = x
					v.set(i, x)
				}
			},
			"replace": func(t *rapid.T) {
				if len(live) > 0 {
					i := rapid.Uint32Range(1<<(leafBits+branchBits)-40, v.next-1).Draw(t, "i")
					if live[i] != nil {
						live[i] = new(int)
						v.set(i, live[i])
					}
				}
			},
			"remove": func(t *rapid.T) {
				if len(live) > 0 {
					i := rapid.Uint32Range(1<<(leafBits+branchBits)-40, v.next-1).Draw(t, "i")
					if live[i] != nil {
						v.set(i, nil)
						v.release(i)
						delete(live, i)
					}
				}
			},
			"freeze": func(t *rapid.T) {
				s := snapshot{v.freeze(), map[uint32]*int{}}
				for i, x := range live {
					s.want[i] = x
				}
				taken = append(taken, s)
			},
		})
		taken = append(taken, snapshot{v.frozen, live})
		for _, s := range taken {
			for i, x := range s.want {
				if s.f.at(i) != x {
					t.Fatalf("%d is another", i)
				}
			}
		}
	})
}
