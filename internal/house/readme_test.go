package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block returns the first fenced block of a language.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "```"+language+"\n")
	code, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("README.md has no %s block", language)
	}
	return code
}

// TestReadmeProgram: the first program is short, formatted, and drops no error.
// That it runs and prints what README says is checked by .ci/run, in a module of
// its own.
func TestReadmeProgram(t *testing.T) {
	program := []byte(block(t, readme(t), "go"))
	if n := bytes.Count(program, []byte("\n")); n > 45 {
		t.Errorf("the first program has %d lines, more than 45", n)
	}
	formatted, err := format.Source(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(formatted, program) {
		t.Error("the first program is not formatted by gofmt")
	}
	f, err := parser.ParseFile(token.NewFileSet(), "main.go", program, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt: // an error comes last
			if id, ok := x.Lhs[len(x.Lhs)-1].(*ast.Ident); ok && id.Name == "_" {
				t.Error("the first program drops a last value, which may be an error")
			}
		case *ast.DeferStmt:
			t.Error("the first program defers a call, whose error nobody sees")
		}
		return true
	})
	block(t, readme(t), "text") // what it prints
}

// TestReadmeCommands: README says to run exactly what .ci/run runs.
func TestReadmeCommands(t *testing.T) {
	commands := strings.Split(strings.TrimSpace(block(t, readme(t), "sh")), "\n")
	want := []string{"go run ./examples/quickstart", "go test ./..."}
	if len(commands) != len(want) {
		t.Fatalf("README.md has %d commands, not %d", len(commands), len(want))
	}
	ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range commands {
		if c != want[i] {
			t.Errorf("README.md has %q, not %q", c, want[i])
		}
		if !bytes.Contains(ci, []byte("\n"+c+"\n")) {
			t.Errorf(".ci/run does not run %q", c)
		}
	}
}

var testName = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)(?:/[^`]*)?`")

// TestReadmePromises: each promise names the tests that check it, as
// `folder.TestName`, and there are such tests.
func TestReadmePromises(t *testing.T) {
	there := map[string]bool{}
	for _, s := range loadSources(t) {
		for _, f := range s.tests {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
					there[s.dir+"."+fn.Name.Name] = true
				}
			}
		}
	}
	_, table, ok := strings.Cut(readme(t), "| promise |")
	if !ok {
		t.Fatal("README.md has no table of promises")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")[2:]
	if len(rows) < 9 {
		t.Errorf("README.md has only %d promises", len(rows))
	}
	for _, row := range rows {
		names := testName.FindAllStringSubmatch(row, -1)
		if len(names) == 0 {
			t.Errorf("no test is named for: %s", row)
		}
		for _, name := range names {
			if !there[name[1]+"."+name[2]] {
				t.Errorf("there is no test %s.%s", name[1], name[2])
			}
		}
	}
}
