package house

import (
	"go/ast"
	"testing"
)

// TestNoSleep: a test that sleeps on the real clock is slow when it passes and
// flaky when the machine is busy. In a synctest bubble sleeping costs nothing and
// is exact, so there it is fine: in a function literal that is handed to
// synctest.Test or to a function that hands it on, and in helpers that are called
// from nowhere else. The kits for users' tests are held to the same.
func TestNoSleep(t *testing.T) {
	sources := loadSources(t)
	runners := bubbleRunners(sources)
	for _, s := range sources {
		files := s.tests
		if s.dir == "zab/zabtest" || s.dir == "session/sessiontest" {
			files = append(files[:len(files):len(files)], s.code...)
		}
		for _, n := range sleeps(files, runners) {
			t.Errorf("%s: time.Sleep outside of a synctest bubble", s.at(n))
		}
	}
}

// bubbleRunners are the names of functions that run a function of their caller in
// a bubble: they call synctest.Test and have a parameter of a function type.
func bubbleRunners(sources []*source) map[string]bool {
	runners := map[string]bool{}
	for _, s := range sources {
		for _, f := range append(s.tests[:len(s.tests):len(s.tests)], s.code...) {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil || !takesFunc(fn) {
					continue
				}
				ast.Inspect(fn.Body, func(n ast.Node) bool {
					if selector(f, n) == "testing/synctest.Test" {
						runners[fn.Name.Name] = true
					}
					return true
				})
			}
		}
	}
	return runners
}

func takesFunc(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		if _, ok := p.Type.(*ast.FuncType); ok {
			return true
		}
	}
	return false
}

// reference is one use of a name within one function of a folder's tests.
type reference struct {
	name, from string // from: the function that it is in
	bubble     bool   // it is lexically within a bubble
	node       ast.Node
}

// sleeps returns the calls of time.Sleep that may run outside of a bubble.
func sleeps(files []*ast.File, runners map[string]bool) []ast.Node {
	var refs []reference
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				refs = append(refs, references(f, fn, runners)...)
			}
		}
	}
	uses := map[string][]reference{}
	for _, r := range refs {
		uses[r.name] = append(uses[r.name], r)
	}
	// A function is inside if it is used, and every use of it is.
	var inside func(name string, visiting map[string]bool) bool
	inside = func(name string, visiting map[string]bool) bool {
		if visiting[name] {
			return true
		}
		visiting[name] = true
		for _, u := range uses[name] {
			if !u.bubble && !inside(u.from, visiting) {
				return false
			}
		}
		return len(uses[name]) > 0
	}
	var bad []ast.Node
	for _, r := range uses["time.Sleep"] {
		if !r.bubble && !inside(r.from, map[string]bool{}) {
			bad = append(bad, r.node)
		}
	}
	return bad
}

// references lists the names that a function uses. Methods and fields are taken
// by their bare names, so that two of the same name count as one.
func references(f *ast.File, fn *ast.FuncDecl, runners map[string]bool) []reference {
	var refs []reference
	var walk func(n ast.Node, bubble bool)
	walk = func(n ast.Node, bubble bool) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CallExpr:
				if !runsBubble(f, x, runners) {
					return true
				}
				walk(x.Fun, bubble)
				for _, arg := range x.Args {
					walk(arg, true)
				}
				return false
			case *ast.SelectorExpr:
				name := x.Sel.Name
				if selector(f, x) == "time.Sleep" {
					name = "time.Sleep"
				}
				refs = append(refs, reference{name, fn.Name.Name, bubble, x})
				walk(x.X, bubble)
				return false
			case *ast.Ident:
				refs = append(refs, reference{x.Name, fn.Name.Name, bubble, x})
			}
			return true
		})
	}
	walk(fn.Body, false)
	return refs
}

func runsBubble(f *ast.File, call *ast.CallExpr, runners map[string]bool) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return runners[fun.Name]
	case *ast.SelectorExpr:
		return selector(f, fun) == "testing/synctest.Test" || runners[fun.Sel.Name]
	}
	return false
}
