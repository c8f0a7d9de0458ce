package mutant

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/big"
	"path"
)

// Mutant is a change of one file.
type Mutant struct {
	File string // slash-separated, below the module's root
	Line int
	What string // "<  to <="

	from, to int // bytes that are replaced
	repl     string
}

// Name names the mutant: where it is, and what it does.
func (m *Mutant) Name() string { return fmt.Sprintf("%s:%d:%s", m.File, m.Line, m.What) }

// Apply returns the file's text with the change made.
func (m *Mutant) Apply(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(m.repl))
	out = append(out, src[:m.from]...)
	out = append(out, m.repl...)
	return append(out, src[m.to:]...)
}

// Of returns all the mutants of a file, in the order of its text.
func Of(file string, src []byte) ([]Mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path.Base(file), src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	g := generator{file: file, fset: fset, src: src}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && !skipFunc(f) {
			ast.Inspect(f.Body, g.visit)
		}
	}
	return g.mutants, nil
}

type generator struct {
	file    string
	fset    *token.FileSet
	src     []byte
	mutants []Mutant
}

func (g *generator) text(n ast.Node) string {
	return string(g.src[g.offset(n.Pos()):g.offset(n.End())])
}

func (g *generator) offset(p token.Pos) int { return g.fset.Position(p).Offset }

// add makes a mutant of the bytes from one position to another.
func (g *generator) add(from, to token.Pos, repl, what string, args ...any) {
	g.mutants = append(g.mutants, Mutant{
		File: g.file, Line: g.fset.Position(from).Line, What: fmt.Sprintf(what, args...),
		from: g.offset(from), to: g.offset(to), repl: repl,
	})
}

// visit is called for each node of a function, and says whether to go on below it.
func (g *generator) visit(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.CallExpr:
		return g.call(x)
	case *ast.IfStmt:
		if asksForRoom(x.Cond) {
			return false
		}
		g.condition(x)
	case *ast.BinaryExpr:
		g.binary(x)
	case *ast.BasicLit:
		g.number(x)
	case *ast.Ident:
		switch x.Name {
		case "true":
			g.add(x.Pos(), x.End(), "false", "true to false")
		case "false":
			g.add(x.Pos(), x.End(), "true", "false to true")
		}
	case *ast.BlockStmt:
		g.statements(x.List)
	case *ast.CaseClause:
		g.statements(x.Body)
	case *ast.CommClause:
		g.statements(x.Body)
	}
	return true
}

// call swaps min and max, and keeps out of calls in which nothing matters.
func (g *generator) call(x *ast.CallExpr) bool {
	if skipCall(x) {
		return false
	}
	if f, ok := x.Fun.(*ast.Ident); ok {
		switch f.Name {
		case "min":
			g.add(f.Pos(), f.End(), "max", "min to max")
		case "max":
			g.add(f.Pos(), f.End(), "min", "max to min")
		}
	}
	return true
}

// condition negates a condition, or drops what it guards if that leaves early.
func (g *generator) condition(x *ast.IfStmt) {
	if isErrorCheck(x.Cond) {
		return
	}
	cond := g.text(x.Cond)
	g.add(x.Cond.Pos(), x.Cond.End(), "!("+cond+")", "condition negated")
	if n := len(x.Body.List); n > 0 && x.Else == nil {
		switch x.Body.List[n-1].(type) {
		case *ast.ReturnStmt, *ast.BranchStmt:
			g.add(x.Cond.Pos(), x.Cond.End(), "false && ("+cond+")", "early end removed")
		}
	}
}

var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD,
}

func (g *generator) binary(x *ast.BinaryExpr) {
	if to, ok := swaps[x.Op]; ok && !isErrorCheck(x) {
		g.add(x.OpPos, x.OpPos+token.Pos(len(x.Op.String())), to.String(), "%v to %v", x.Op, to)
	}
}

// number moves an integer by one.
func (g *generator) number(x *ast.BasicLit) {
	if x.Kind != token.INT {
		return
	}
	v, ok := new(big.Int).SetString(x.Value, 0)
	if !ok || v.BitLen() > 32 { // a larger one is a mask, a seed, or no limit at all
		return
	}
	repl := v.Add(v, big.NewInt(1)).String()
	g.add(x.Pos(), x.End(), repl, "%s to %s", x.Value, repl)
}

// statements drops those of a list whose absence compiles.
func (g *generator) statements(list []ast.Stmt) {
	for _, s := range list {
		switch x := s.(type) {
		case *ast.ExprStmt:
			if call, ok := x.X.(*ast.CallExpr); !ok || skipCall(call) {
				continue
			}
			g.drop(s, "call")
		case *ast.AssignStmt:
			if x.Tok == token.DEFINE || isBlank(x.Lhs) {
				continue
			}
			g.drop(s, "assignment")
		case *ast.IncDecStmt:
			g.drop(s, "count")
		}
	}
}

// drop removes a statement. What it would leave unused stays used: it moves where it
// is never run.
func (g *generator) drop(s ast.Stmt, what string) {
	g.add(s.Pos(), s.End(), "if false { "+g.text(s)+" }", "%s dropped", what)
}
