package mutant

import (
	"go/ast"
	"go/token"
	"slices"
)

// skippedFuncs are functions and methods whose results nobody but people, tests and
// tools look at. AppendState and AppendCanonical, with what they are made of, are for
// whoever explores the core's states, and so is Clone.
var skippedFuncs = []string{
	"String", "Error", "GoString", "appendState", "AppendState", "Clone", "clone", "init",
	"AppendCanonical", "appendCanonical", "appendCanonicalRole", "appendCanonicalLink", "appendCanonicalProgress",
	"Blocking", "Links", "Hosted", "Watches", "Len", "Owned", "Limits",
}

func skipFunc(f *ast.FuncDecl) bool { return slices.Contains(skippedFuncs, f.Name.Name) }

// skippedCalls make texts, or memory of a size that is only a hint, or let go of it.
var skippedCalls = []string{
	"make", "clear", "panic", "errors.New", "fmt.Errorf", "fmt.Sprintf", "badFrame", "malformed", "slices.Grow", "slices.Clip",
	"bufio.NewWriterSize", "bufio.NewReaderSize",
}

func skipCall(c *ast.CallExpr) bool { return slices.Contains(skippedCalls, calleeName(c)) }

// asksForRoom says whether a condition compares capacities: what it guards makes room in
// memory or gives it back, and no result depends on that.
func asksForRoom(cond ast.Expr) (found bool) {
	ast.Inspect(cond, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && calleeName(c) == "cap" {
			found = true
		}
		return !found
	})
	return found
}

func calleeName(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
		return f.Sel.Name
	}
	return ""
}

// isErrorCheck says whether an expression compares err with nil: everything finds that
// negated.
func isErrorCheck(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL && b.Op != token.NEQ {
		return false
	}
	x, okX := b.X.(*ast.Ident)
	y, okY := b.Y.(*ast.Ident)
	return okX && okY && x.Name == "err" && y.Name == "nil"
}

func isBlank(lhs []ast.Expr) bool {
	for _, e := range lhs {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}
