package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabtree/zabtree/tree"
)

// awkward makes a directory of what directories may hold.
func awkward(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "a directory")
	write(t, dir, "a file.txt", 5)
	write(t, dir, "empty", 0)
	write(t, dir, "größe/深い/Ünïcode – 文字.txt", 100)
	write(t, dir, "größe/two megabytes", 2<<20)
	write(t, dir, "exactly", dataLimit)
	write(t, dir, "one more", dataLimit+1)
	for i := range 40 {
		write(t, dir, "many/"+strings.Repeat("x", i+1), i)
	}
	return dir
}

func TestRun(t *testing.T) {
	cases := []struct {
		name, dir string
		want      []string
	}{
		{"awkward", awkward(t), []string{
			"loading ", ": 44 files in 3 directories", "loaded 44 of 44 files", "killing replica", "failover took", "serves again",
			"znodes/s", "not loaded: 2, larger than a znode may be", "all 47 znodes hold",
		}},
		{"empty", t.TempDir(), []string{": 0 files in 0 directories", "failover took", "serves again", "all 0 znodes hold"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t.Context(), []string{c.dir}, &out); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("does not say %q:\n%s", want, &out)
				}
			}
		})
	}
	for _, bad := range [][]string{{filepath.Join(t.TempDir(), "missing")}, {"a", "b"}} {
		if err := run(t.Context(), bad, io.Discard); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// Whatever does not hold is found, in an ensemble that runs.
func TestNothingWrongIsPassed(t *testing.T) {
	as := func(s *story, op tree.Op) error {
		_, err := s.loader.session.Do(context.Background(), op)
		return err
	}
	cases := []struct {
		name          string
		before, after func(s *story) error // loading
		want          string               // "" if nothing is wrong
	}{
		{name: "nothing"},
		{
			name:  "bytes changed",
			after: func(s *story) error { s.ledger.created(base+"/exactly", contentOf([]byte("x"))); return nil },
			want:  "/exactly: holds",
		},
		{
			name:  "bytes changed in the tree",
			after: func(s *story) error { return as(s, tree.Set{Path: base + "/empty", Data: []byte("x")}) },
			want:  "the watcher saw NodeDataChanged",
		},
		{
			name:  "too many",
			after: func(s *story) error { return as(s, tree.Create{Path: base + "/another"}) },
			want:  "/another: was never created",
		},
		{
			name:  "too few",
			after: func(s *story) error { s.ledger.created(base+"/missing", contentOf(nil)); return nil },
			want:  "/missing: is missing",
		},
		{
			name:   "watch ended early",
			before: func(s *story) error { return as(s, tree.Set{Path: base}) },
			want:   "the watcher did not see",
		},
		{
			name:  "another order",
			after: func(s *story) error { o := s.loader.order; o[0], o[1] = o[1], o[0]; return nil },
			want:  "creation 1 was",
		},
		{
			name:  "ephemeral gone",
			after: func(s *story) error { return as(s, tree.Delete{Path: ephemeral}) },
			want:  ephemeral + " is gone",
		},
		{
			name: "ephemeral made anew",
			after: func(s *story) error {
				return as(s, tree.Multi{Ops: []tree.Op{tree.Delete{Path: ephemeral}, tree.Create{Path: ephemeral}}})
			},
			want: ephemeral + " was created at",
		},
		{
			name:  "session gone",
			after: func(s *story) error { return s.ensemble.server(0).ExpireSession(context.Background(), s.holder.ID()) },
			want:  "expired",
		},
	}
	dir := awkward(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := newStory(t.Context(), dir, t.TempDir(), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			err = s.begin(t.Context())
			if err == nil && c.before != nil {
				err = c.before(s)
			}
			if err == nil {
				err = s.load(t.Context())
			}
			if err == nil && c.after != nil {
				err = c.after(s)
			}
			if err == nil {
				err = s.verify(t.Context())
			}
			if cerr := s.ensemble.close(); cerr != nil {
				t.Error(cerr)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("found %v, not %q", err, c.want)
			}
		})
	}
}

func TestModuleRoot(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "m/go.mod", 1)
	if err := os.MkdirAll(filepath.Join(dir, "m", "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"m", "m/a/b"} {
		if got, err := moduleRoot(filepath.Join(dir, from)); err != nil || got != filepath.Join(dir, "m") {
			t.Errorf("from %s: %s, %v", from, got, err)
		}
	}
}
