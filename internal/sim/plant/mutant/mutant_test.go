package mutant_test

import (
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/zabtree/zabtree/internal/sim/plant/mutant"
)

const root = "../../../.."

func TestOf(t *testing.T) {
	wrap := func(body string) string {
		return "package p\n\nfunc f(a, b int, err error) (int, error) {\n\t" + body + "\n\treturn a, err\n}\n"
	}
	cases := []struct {
		body string
		want []string // what becomes of it
	}{
		{"a = b", []string{"if false { a = b }"}},
		{"a++", []string{"if false { a++ }"}},
		{"_ = b", nil},
		{"c := b; a = min(b, c)", []string{"c := b; a = max(b, c)", "c := b; if false { a = min(b, c) }"}},
		{"if a < b { a-- }", []string{"if !(a < b) { a-- }", "if a <= b { a-- }", "if a < b { if false { a-- } }"}},
		{"if a >= 1 && b == 2 { return 0, nil }", []string{
			"if !(a >= 1 && b == 2) { return 0, nil }", "if false && (a >= 1 && b == 2) { return 0, nil }",
			"if a >= 1 || b == 2 { return 0, nil }", "if a > 1 && b == 2 { return 0, nil }", "if a >= 2 && b == 2 { return 0, nil }",
			"if a >= 1 && b != 2 { return 0, nil }", "if a >= 1 && b == 3 { return 0, nil }", "if a >= 1 && b == 2 { return 1, nil }",
		}},
		{"if err != nil { return a, fmt.Errorf(\"%d\", a+1) }", nil},
		{"clear(m[1:])", nil},
		{"m := make([]int, 0, a+1); _ = m", nil},
		{"if cap(m) > 1024 || cap(n) > 9 { m = nil }", nil},
		{"x := 0x9e3779b97f4a7c15; _ = x", nil},
		{"g(true)", []string{"if false { g(true) }", "g(false)"}},
	}
	for _, c := range cases {
		src := []byte(wrap(c.body))
		ms, err := mutant.Of("p.go", src)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range ms {
			text := string(ms[i].Apply(src))
			if _, err := format.Source([]byte(text)); err != nil {
				t.Errorf("%s: %s: %v", c.body, ms[i].Name(), err)
			}
			body := strings.TrimSuffix(strings.TrimPrefix(text, wrap("")[:strings.Index(wrap(""), "\t")+1]), "\n\treturn a, err\n}\n")
			got = append(got, body)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s becomes\n%s\nnot\n%s", c.body, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestOfLeavesAlone(t *testing.T) {
	for _, src := range []string{
		"package p\n\nfunc (T) String() string { if a < 1 { return \"\" }; return s + t }\n",
		"package p\n\nfunc (T) appendCanonicalLink(b []byte) []byte { if f { b = nil }; return b }\n",
		"package p\n\nfunc (T) AppendState(b []byte) []byte { b = append(b, 1); return b }\n",
	} {
		if ms, err := mutant.Of("p.go", []byte(src)); err != nil || len(ms) > 0 {
			t.Errorf("%v, %v", ms, err)
		}
	}
	if _, err := mutant.Of("p.go", []byte("package p\nfunc {")); err == nil {
		t.Error("what is no Go has mutants")
	}
}

// TestSample: the same seed draws the same mutants, another one others; each changes one
// file, and type-checks.
func TestSample(t *testing.T) {
	folders := []string{"watch", "session/protocol"}
	names := func(seed uint64) (names []string) {
		subjects, err := mutant.Sample(t.Context(), root, folders, 12, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range subjects {
			s := &subjects[i]
			if len(s.Files) != 1 || !slices.Contains(folders, s.Package) {
				t.Errorf("%+v", s)
			}
			src, err := os.ReadFile(root + "/" + s.Files[0].Path)
			if err != nil || string(src) == string(s.Files[0].Text) {
				t.Errorf("%s changes nothing: %v", s.Name, err)
			}
			names = append(names, s.Name)
		}
		return names
	}
	a, b, c := names(1), names(1), names(2)
	if len(a) != 12 || !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Errorf("%q\n%q\n%q", a, b, c)
	}
}

func TestAll(t *testing.T) {
	ms, err := mutant.All(os.DirFS(root), mutant.Folders())
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]int{}
	for i := range ms {
		for _, f := range mutant.Folders() {
			if strings.HasPrefix(ms[i].File, f+"/") {
				have[f]++
			}
		}
	}
	for _, f := range mutant.Folders() {
		if have[f] < 100 {
			t.Errorf("%s has %d mutants", f, have[f])
		}
	}
	t.Log(fmt.Sprint(len(ms), have))
}
