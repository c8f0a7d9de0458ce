package house

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
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
		kit := s.dir == "zab/zabtest" || s.dir == "session/sessiontest"
		for _, n := range sleeps(s.dir, s.fset, append(s.tests[:len(s.tests):len(s.tests)], s.code...), runners) {
			if kit || strings.HasSuffix(s.fset.Position(n.Pos()).Filename, "_test.go") {
				t.Errorf("%s: time.Sleep outside of a synctest bubble", s.at(n))
			}
		}
	}
}

// bubbleRunners are the functions that run a function of their caller in a bubble:
// they have a parameter of a function type, and call synctest.Test or another of
// these. Functions are named by folder and name, methods by their name alone.
func bubbleRunners(sources []*source) map[string]bool {
	runners := map[string]bool{"testing/synctest.Test": true}
	for before := 0; before < len(runners); {
		before = len(runners)
		for _, s := range sources {
			for _, f := range append(s.tests[:len(s.tests):len(s.tests)], s.code...) {
				for _, d := range f.Decls {
					if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && takesFunc(fn) && callsRunner(s.dir, f, fn, runners) {
						runners[runnerName(s.dir, fn)] = true
					}
				}
			}
		}
	}
	return runners
}

// runnerName is a function's name in bubbleRunners. A method named Run would be
// taken for the one of testing.T.
func runnerName(dir string, fn *ast.FuncDecl) string {
	switch {
	case fn.Recv == nil:
		return module + "/" + dir + "." + fn.Name.Name
	case fn.Name.Name == "Run":
		return ""
	}
	return fn.Name.Name
}

func callsRunner(dir string, f *ast.File, fn *ast.FuncDecl, runners map[string]bool) bool {
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		found = found || ok && runsBubble(dir, f, call, runners)
		return !found
	})
	return found
}

func takesFunc(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		if _, ok := p.Type.(*ast.FuncType); ok {
			return true
		}
	}
	return false
}

// function is one declared function, or a name that could not be resolved and may
// be any function of that name.
type function struct {
	at   token.Pos // of its name where it is declared; 0 if not resolved
	name string
}

// reference is one use of a function.
type reference struct {
	from   function // that it is in
	bubble bool     // it is lexically within a bubble
	node   ast.Node
}

// callGraph says who uses which function in one folder's tests.
type callGraph struct {
	dir     string
	runners map[string]bool
	info    *types.Info
	uses    map[function][]reference
	sleeps  []reference
}

// sleeps returns the calls of time.Sleep that may run outside of a bubble.
func sleeps(dir string, fset *token.FileSet, files []*ast.File, runners map[string]bool) []ast.Node {
	g := &callGraph{dir: dir, runners: runners, uses: map[function][]reference{}}
	byPackage := map[string][]*ast.File{}
	for _, f := range files {
		byPackage[f.Name.Name] = append(byPackage[f.Name.Name], f)
	}
	for name, files := range byPackage {
		g.info = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		conf := types.Config{Importer: noImports{}, Error: func(error) {}}
		conf.Check(name, fset, files, g.info) // imports are empty: there are errors
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					g.walk(f, function{fn.Name.Pos(), fn.Name.Name}, fn.Body, false)
				}
			}
		}
	}
	var bad []ast.Node
	for _, r := range g.sleeps {
		if !r.bubble && !g.inside(r.from, map[function]bool{}) {
			bad = append(bad, r.node)
		}
	}
	return bad
}

// inside says whether a function is used, and only within bubbles.
func (g *callGraph) inside(f function, visiting map[function]bool) bool {
	if visiting[f] {
		return true
	}
	visiting[f] = true
	uses := slices.Concat(g.uses[f], g.uses[function{name: f.name}])
	for _, u := range uses {
		if !u.bubble && !g.inside(u.from, visiting) {
			return false
		}
	}
	return len(uses) > 0
}

// walk notes what is used below n.
func (g *callGraph) walk(f *ast.File, from function, n ast.Node, bubble bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			if !runsBubble(g.dir, f, x, g.runners) {
				return true
			}
			g.walk(f, from, x.Fun, bubble)
			for _, arg := range x.Args {
				g.walk(f, from, arg, true)
			}
			return false
		case *ast.AssignStmt: // a function that is given a name
			for i, rhs := range x.Rhs {
				name, named := x.Lhs[min(i, len(x.Lhs)-1)].(*ast.Ident)
				if lit, ok := rhs.(*ast.FuncLit); ok && named && x.Tok == token.DEFINE {
					g.walk(f, function{name.Pos(), name.Name}, lit.Body, bubble)
				} else {
					g.walk(f, from, rhs, bubble)
				}
			}
			for _, lhs := range x.Lhs {
				g.walk(f, from, lhs, bubble)
			}
			return false
		case *ast.SelectorExpr:
			if selector(f, x) == "time.Sleep" {
				g.sleeps = append(g.sleeps, reference{from, bubble, x})
			}
		case *ast.Ident:
			r := reference{from, bubble, x}
			switch o := g.info.Uses[x].(type) {
			case *types.Func:
				to := function{o.Origin().Pos(), o.Name()}
				g.uses[to] = append(g.uses[to], r)
			case *types.Var:
				to := function{o.Pos(), o.Name()}
				g.uses[to] = append(g.uses[to], r)
			case nil:
				if _, defined := g.info.Defs[x]; defined {
					break
				}
				to := function{name: x.Name}
				g.uses[to] = append(g.uses[to], r)
			}
		}
		return true
	})
}

func runsBubble(dir string, f *ast.File, call *ast.CallExpr, runners map[string]bool) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return runners[module+"/"+dir+"."+fun.Name]
	case *ast.SelectorExpr:
		if name := selector(f, fun); name != "" {
			return runners[name]
		}
		return runners[fun.Sel.Name]
	}
	return false
}
