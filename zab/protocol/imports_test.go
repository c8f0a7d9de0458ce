package protocol

import (
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestImports: the step machine can do nothing by itself. It imports nothing that
// could give it I/O, a clock, a goroutine's company or chance, and of this module
// nothing but the codec. (From io it has interfaces, for types that storages share.)
func TestImports(t *testing.T) {
	allowed := map[string]bool{
		"cmp": true, "encoding/binary": true, "errors": true, "fmt": true, "hash/crc32": true, "io": true, "math": true, "slices": true,
		"github.com/zabtree/zabtree/internal/codec": true,
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, i := range tree.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); !allowed[path] {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d files checked", checked)
	}
}

// TestNoGoroutines: nor does it start any, or keep a map whose order could show.
func TestNoGoroutines(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		tokens(t, f.Name(), text, func(tok token.Token) {
			switch tok {
			case token.GO, token.CHAN, token.SELECT, token.MAP:
				t.Errorf("%s has %q", f.Name(), tok)
			}
		})
	}
}

func tokens(t *testing.T, name string, text []byte, each func(token.Token)) {
	var s scanner.Scanner
	set := token.NewFileSet()
	s.Init(set.AddFile(name, set.Base(), len(text)), text, func(_ token.Position, msg string) { t.Error(name, msg) }, 0)
	for {
		_, tok, _ := s.Scan()
		if tok == token.EOF {
			return
		}
		each(tok)
	}
}
