package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

// source is the files of one folder: those of the package, and those of its
// tests, which may belong to two packages.
type source struct {
	dir         string
	name        string
	fset        *token.FileSet
	code, tests []*ast.File
}

func (s *source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func loadSources(t *testing.T) []*source {
	t.Helper()
	byDir := map[string]*source{}
	var all []*source
	goFiles(t, func(name string, src []byte) {
		dir := path.Dir(name)
		s := byDir[dir]
		if s == nil {
			s = &source{dir: dir, fset: token.NewFileSet()}
			byDir[dir] = s
			all = append(all, s)
		}
		f, err := parser.ParseFile(s.fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(name, "_test.go"):
			s.tests = append(s.tests, f)
		default:
			s.name = f.Name.Name
			s.code = append(s.code, f)
		}
	})
	return all
}

// library says whether the folder is one that users link: no program, no test.
func (s *source) library() bool { return len(s.code) > 0 && s.name != "main" }

// selector returns "pkg.Name" if n is such a selector on an imported package.
func selector(f *ast.File, n ast.Node) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, i := range f.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		if name == id.Name {
			return p + "." + sel.Sel.Name
		}
	}
	return ""
}

// noImports gives every import an empty package: enough to resolve what a
// package declares itself.
type noImports struct{}

func (noImports) Import(p string) (*types.Package, error) {
	empty := types.NewPackage(p, path.Base(p))
	empty.MarkComplete()
	return empty, nil
}

// TestNoPackageState: what a package keeps outside of its values is shared by
// every ensemble of a process and outlives a synctest bubble. Package-level
// variables are set where they are declared, to something that is not changed
// afterwards; tables and error values are fine.
func TestNoPackageState(t *testing.T) {
	for _, s := range loadSources(t) {
		if s.library() {
			for _, problem := range packageState(s) {
				t.Error(problem)
			}
		}
	}
}

func packageState(s *source) []string {
	var problems []string
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	p, _ := conf.Check(s.dir, s.fset, oneBuild(s.code), info) // imports are empty: there are errors
	global := func(e ast.Expr) bool {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				v, ok := info.Uses[x].(*types.Var)
				return ok && v.Parent() == p.Scope()
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			default:
				return false
			}
		}
	}
	for _, f := range s.code {
		problems = append(problems, declaredState(s, f)...)
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.AssignStmt:
				if x.Tok != token.DEFINE && slices.ContainsFunc(x.Lhs, global) {
					problems = append(problems, s.at(n)+": assigns to a package-level variable")
				}
			case *ast.IncDecStmt:
				if global(x.X) {
					problems = append(problems, s.at(n)+": changes a package-level variable")
				}
			case *ast.UnaryExpr:
				if x.Op == token.AND && global(x.X) {
					problems = append(problems, s.at(n)+": takes the address of a package-level variable")
				}
			}
			return true
		})
	}
	return problems
}

// oneBuild drops files for other operating systems that would declare the same
// names a second time.
func oneBuild(files []*ast.File) []*ast.File {
	seen := map[string]bool{}
	var kept []*ast.File
	for _, f := range files {
		duplicate := false
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				duplicate = duplicate || seen[fn.Name.Name]
				seen[fn.Name.Name] = true
			}
		}
		if !duplicate {
			kept = append(kept, f)
		}
	}
	return kept
}

// declaredState finds init functions and package-level variables that are made
// to be changed.
func declaredState(s *source, f *ast.File) []string {
	var problems []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				problems = append(problems, s.at(d)+": an init function")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				if v.Names[0].Name == "_" {
					continue // asserts that a type implements an interface
				}
				// An array of zeroes is as good as a constant, which it cannot be.
				if array, ok := v.Type.(*ast.ArrayType); len(v.Values) == 0 && !(ok && array.Len != nil) {
					problems = append(problems, s.at(v)+": a package-level variable without a value can only be meant to change")
				}
				if what := mutable(f, v); what != "" {
					problems = append(problems, s.at(v)+": a package-level "+what)
				}
			}
		}
	}
	return problems
}

// mutable names what in a declaration is made to be changed or waited for.
func mutable(f *ast.File, v *ast.ValueSpec) string {
	what := ""
	ast.Inspect(v, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ChanType:
			what = "channel"
		case *ast.FuncLit:
			return false // runs later; what it keeps is found where it is declared
		case *ast.SelectorExpr:
			name := selector(f, x)
			if within(path.Dir(name), "sync") || strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "sync/atomic.") ||
				slices.Contains([]string{"time.Timer", "time.Ticker", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick"}, name) ||
				strings.HasPrefix(name, "context.") {
				what = name
			}
		}
		return true
	})
	return what
}

// TestNoExit: a library neither ends the process nor writes where it was not
// asked to.
func TestNoExit(t *testing.T) {
	forbidden := []string{
		"os.Exit", "os.Stdout", "os.Stderr", "fmt.Print", "fmt.Println", "fmt.Printf",
		"log/slog.Default", "log/slog.SetDefault", "log/slog.Debug", "log/slog.Info", "log/slog.Warn", "log/slog.Error",
		"runtime/debug.SetGCPercent", "runtime.GOMAXPROCS",
	}
	for _, s := range loadSources(t) {
		if !s.library() {
			continue
		}
		for _, f := range s.code {
			ast.Inspect(f, func(n ast.Node) bool {
				if name := selector(f, n); slices.Contains(forbidden, name) || strings.HasPrefix(name, "log.") {
					t.Errorf("%s: %s", s.at(n), name)
				}
				return true
			})
		}
	}
}

// TestTimeIsTypes: the step machines stand on tree, whose znodes have lifetimes.
// Naming a duration reads no clock; nothing else of package time is used there.
func TestTimeIsTypes(t *testing.T) {
	allowed := []string{"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}
	for _, s := range loadSources(t) {
		if s.dir != "tree" && !within(s.dir, leaves...) {
			continue
		}
		for _, f := range s.code {
			ast.Inspect(f, func(n ast.Node) bool {
				if name, ok := strings.CutPrefix(selector(f, n), "time."); ok && !slices.Contains(allowed, name) {
					t.Errorf("%s: time.%s", s.at(n), name)
				}
				return true
			})
		}
	}
}
