package house

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the module's root, seen from this package's tests.
const root = "../.."

// goFiles calls do with every Go file of the repository, nested modules included,
// by its slash-separated path below the root.
func goFiles(t *testing.T, do func(name string, src []byte)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || file != root && strings.HasPrefix(base, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		src, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		n++
		do(filepath.ToSlash(name), src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Fatalf("only %d Go files found", n)
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{
		"zab", "tree", "session", "watch", "transport", "examples", "internal",
		"go.mod", "go.sum", "README.md", "LICENSE",
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) && !ignored(name) {
			t.Errorf("%s does not belong into the module's root", name)
		}
	}
}

// ignored says whether a name is one that .gitignore has: what tools leave.
func ignored(name string) bool {
	switch path.Ext(name) {
	case ".test", ".prof", ".out":
		return true
	}
	return name == "bin"
}

// A file has one concept. 600 lines hold one with room to spare.
func TestFileLength(t *testing.T) {
	goFiles(t, func(name string, src []byte) {
		if n := bytes.Count(src, []byte("\n")); n > 600 {
			t.Errorf("%s has %d lines", name, n)
		}
	})
}

// A newcomer can start from any package's doc.go. Programs may have one.
func TestDocFiles(t *testing.T) {
	type folder struct{ code, doc, main bool }
	folders := map[string]*folder{}
	goFiles(t, func(name string, src []byte) {
		f := folders[path.Dir(name)]
		if f == nil {
			f = &folder{}
			folders[path.Dir(name)] = f
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		f.code = true
		f.main = f.main || file.Name.Name == "main"
		if path.Base(name) == "doc.go" {
			f.doc = true
			if want := "Package " + file.Name.Name + " "; file.Name.Name != "main" && !strings.HasPrefix(file.Doc.Text(), want) {
				t.Errorf("%s: its comment does not begin with %q", name, want)
			}
		}
	})
	for name, f := range folders {
		if f.code && !f.doc && !f.main {
			t.Errorf("%s has no doc.go", name)
		}
	}
}
