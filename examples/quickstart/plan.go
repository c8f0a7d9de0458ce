package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/tree"
)

// base is the znode that a directory's files are loaded below.
const base = "/files"

// node is one znode to be created: a file, or a directory that files are in.
type node struct {
	path string // of the znode
	file string // in the file system; "" for a directory
}

// plan is what a directory holds, found before anything is loaded. Parents come
// before their children.
type plan struct {
	nodes    []node
	files    int
	refusals refusals
}

// refusals counts the files that do not become znodes, by reason.
type refusals map[string]int

func (r refusals) total() int {
	n := 0
	for _, count := range r {
		n += count
	}
	return n
}

// reasons lists the reasons, the most frequent first.
func (r refusals) reasons() []string {
	var all []string
	for reason := range r {
		all = append(all, reason)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(r[b], r[a]), cmp.Compare(a, b)) })
	return all
}

// makePlan finds every regular file below dir. Symbolic links are not followed,
// except for dir itself, and .git is skipped. What cannot be a znode, or cannot
// be listed, is counted and left out.
func makePlan(dir string, limit int64) (*plan, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, &fs.PathError{Op: "load", Path: dir, Err: errors.New("is not a directory")}
	}
	p := &plan{refusals: refusals{}}
	var parents []string // the path of each directory on the way, "" once it is in the plan
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if file == dir {
			return err
		}
		if err != nil {
			p.refusals[errorReason(err)]++
			return nil
		}
		path := znodePath(dir, file)
		parents = parents[:strings.Count(path, "/")-2]
		switch {
		case d.Name() == ".git" && d.IsDir():
			return filepath.SkipDir
		case d.Name() == ".git":
			return nil // a worktree's
		case d.IsDir():
			parents = append(parents, path)
			return nil
		}
		if reason := refuse(path, d, limit); reason != "" {
			p.refusals[reason]++
			return nil
		}
		if d.Type().IsRegular() {
			p.addFile(parents, node{path, file})
		}
		return nil
	})
	return p, err
}

// addFile adds a file, and first the directories above it that are not there yet.
func (p *plan) addFile(parents []string, n node) {
	for i, parent := range parents {
		if parent != "" {
			p.nodes = append(p.nodes, node{path: parent})
			parents[i] = ""
		}
	}
	p.nodes = append(p.nodes, n)
	p.files++
}

// znodePath is the path of the znode for a file below dir: its own, with slashes.
func znodePath(dir, file string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(file, dir), string(filepath.Separator))
	return base + "/" + filepath.ToSlash(rest)
}

// refuse says why a file cannot be a znode, or "". What is no regular file is
// not loaded and not refused either.
func refuse(path string, d fs.DirEntry, limit int64) string {
	if !d.Type().IsRegular() {
		return ""
	}
	if err := tree.ValidatePath(path); err != nil {
		return err.Error()
	}
	info, err := d.Info()
	if err != nil {
		return errorReason(err)
	}
	if info.Size() > limit {
		return tooLarge
	}
	return ""
}

const tooLarge = "larger than a znode may be"

// errorReason is an error without the name of the file it is about.
func errorReason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return "cannot be read: " + p.Err.Error()
	}
	return "cannot be read: " + err.Error()
}
