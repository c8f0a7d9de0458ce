package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name string, size int) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *plan) paths() []string {
	var paths []string
	for _, n := range p.nodes {
		path := strings.TrimPrefix(n.path, base)
		if n.file == "" {
			path += "/"
		}
		paths = append(paths, path)
	}
	return paths
}

func TestPlan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a directory")
	write(t, dir, "z", 1)
	write(t, dir, "a b/größe/深い 文字.txt", 5)
	write(t, dir, "a b/größe/empty", 0)
	write(t, dir, "a b/more", 1)
	write(t, dir, "big", 101)
	write(t, dir, "only big/big", 101)
	write(t, dir, "exactly", 100)
	write(t, dir, ".git/config", 1)
	write(t, dir, "a b/.git/config", 1)
	write(t, dir, "worktree/.git", 1)
	write(t, dir, ".gitignore", 1)
	write(t, dir, "not allowed \U0001F600/x", 1)
	if err := os.MkdirAll(filepath.Join(dir, "empty", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/.gitignore", "/a b/", "/a b/größe/", "/a b/größe/empty", "/a b/größe/深い 文字.txt", "/a b/more", "/exactly", "/z",
	}
	refused := 3
	if runtime.GOOS == "linux" {
		write(t, dir, "line\nbreak", 1)
		write(t, dir, "no utf-8 \xff", 1)
		refused += 2
		if err := os.Symlink("z", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("a b", filepath.Join(dir, "link to a directory")); err != nil {
			t.Fatal(err)
		}
	}
	p, err := makePlan(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.paths(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p.files != 6 || p.refusals.total() != refused || p.refusals[tooLarge] != 2 {
		t.Errorf("%d files, refusals %v", p.files, p.refusals)
	}
	if first := p.refusals.reasons()[0]; first != tooLarge {
		t.Errorf("the most frequent reason is %q", first)
	}
	for _, n := range p.nodes {
		if n.file != "" {
			if _, err := os.Stat(n.file); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPlanOfWhatIsNoDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", 1)
	for _, name := range []string{"file", "missing"} {
		if _, err := makePlan(filepath.Join(dir, name), 100); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	p, err := makePlan(dir, 0)
	if err != nil || len(p.nodes) != 0 || p.refusals[tooLarge] != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
