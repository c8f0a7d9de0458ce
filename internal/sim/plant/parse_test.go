package plant_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

const whole = `# a remark
ref: somewhere
checker: prefix, liveness
why: a reason that
  goes on

--- old a/b.go
	one
	two

--- new
	three

--- old a/c.go
four
--- new
`

func TestParse(t *testing.T) {
	p, err := plant.Parse("name", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "name" || p.Ref != "somewhere" || p.Why != "a reason that goes on" || strings.Join(p.Checkers, " ") != "prefix liveness" {
		t.Errorf("the header is %+v", p)
	}
	want := []plant.Edit{{"a/b.go", "\tone\n\ttwo\n", "\tthree\n"}, {"a/c.go", "four\n", ""}}
	if len(p.Edits) != 2 || p.Edits[0] != want[0] || p.Edits[1] != want[1] {
		t.Errorf("the edits are %q, not %q", p.Edits, want)
	}
	if p.Tape != "" || p.TapeFile() != "" {
		t.Errorf("the tape is %q", p.TapeFile())
	}
	p, err = plant.Parse("name", []byte("tape: other\n"+whole))
	if err != nil || p.TapeFile() != plant.TapeDir+"/other.tape" {
		t.Errorf("the tape is %q: %v", p.TapeFile(), err)
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ old, repl string }{
		"an unknown key":               {"ref:", "reference:"},
		"no reference":                 {"ref: somewhere\n", ""},
		"an unknown checker":           {"liveness", "lively"},
		"a tape outside":               {"ref: somewhere", "ref: somewhere\ntape: ../x"},
		"no checker":                   {"checker: prefix, liveness\n", ""},
		"a checker twice":              {"liveness", "prefix"},
		"a key twice":                  {"why:", "ref:"},
		"a line that is nothing":       {"# a remark", "a remark"},
		"an indented first line":       {"# a remark", "  a remark"},
		"a path outside":               {"a/b.go", "../b.go"},
		"an absolute path":             {"a/b.go", "/b.go"},
		"a test":                       {"a/b.go", "a/b_test.go"},
		"what is not Go":               {"a/b.go", "a/b.txt"},
		"an edit that changes nothing": {"\tthree\n", "\tone\n\ttwo\n"},
		"an edit of nothing":           {"\tone\n\ttwo\n", ""},
		"an old block alone":           {"four\n--- new\n", "four\n"},
		"an old block before another":  {"--- new\n\tthree\n", ""},
		"two new blocks":               {"\tthree\n", "\tthree\n--- new\n"},
		"a new block alone":            {"--- old a/b.go\n\tone\n\ttwo\n", ""},
		"a carriage return":            {"three", "three\r"},
		"a NUL":                        {"three", "three\x00"},
		"too much":                     {"three", strings.Repeat("three", plant.MaxBytes)},
	}
	for name, c := range cases {
		text := strings.Replace(whole, c.old, c.repl, 1)
		if text == whole {
			t.Fatalf("%s: the case changes nothing", name)
		}
		p, err := plant.Parse("name", []byte(text))
		var wrong *plant.ParseError
		if !errors.As(err, &wrong) || wrong.Plant != "name" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestLoad(t *testing.T) {
	good := &fstest.MapFile{Data: []byte(whole)}
	plants, err := plant.Load(fstest.MapFS{"b.plant": good, "a.plant": good, "c.txt": good})
	if err != nil || len(plants) != 2 || plants[0].Name != "a" || plants[1].Name != "b" {
		t.Errorf("%v, %v", plants, err)
	}
	_, err = plant.Load(fstest.MapFS{"b.plant": good, "a.plant": {Data: []byte("nonsense\n")}})
	var wrong *plant.ParseError
	if !errors.As(err, &wrong) || wrong.Plant != "a" || wrong.Line != 1 {
		t.Errorf("%v", err)
	}
}

// FuzzParse: whatever a file holds, it is a plant that can be applied to what its first
// edit replaces, or a ParseError.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("ref: x\nchecker: digest\nwhy: y\n--- old x.go\na\n--- new\nb")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plant.Parse("name", []byte(text))
		if err != nil {
			var wrong *plant.ParseError
			if !errors.As(err, &wrong) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		p.Edits = p.Edits[:1]
		e := p.Edits[0]
		files, err := p.Apply(fstest.MapFS{e.File: {Data: []byte(e.Old)}})
		if err != nil || len(files) != 1 || string(files[0].Text) != e.New {
			t.Fatalf("%q becomes %q, %v", e, files, err)
		}
	})
}

func edits(es ...plant.Edit) *plant.Plant { return &plant.Plant{Name: "name", Edits: es} }

func TestApply(t *testing.T) {
	tree := fstest.MapFS{
		"a.go": {Data: []byte("one\n two\none two\n\tone\ntwo\nthree")},
		"b.go": {Data: []byte("x\ny\n")},
	}
	cases := []struct {
		name  string
		plant *plant.Plant
		want  string // the files, or "" if it fails
		found int
	}{
		{"lines", edits(plant.Edit{"a.go", "\tone\n", "\tfour\n"}), "one\n two\none two\n\tfour\ntwo\nthree", 0},
		{"the first line, not the end of others", edits(plant.Edit{"a.go", "one\n", ""}), " two\none two\n\tone\ntwo\nthree", 0},
		{"a line that is the end of another", edits(plant.Edit{"a.go", "two\n", "2\n"}), "one\n two\none two\n\tone\n2\nthree", 0},
		{"a line without its end", edits(plant.Edit{"a.go", "three\n", "3\n"}), "", 0},
		{"what is not there", edits(plant.Edit{"a.go", "four\n", "4\n"}), "", 0},
		{"what is there twice", edits(plant.Edit{"b.go", "x\n", "y\n"}, plant.Edit{"b.go", "y\n", "z\n"}), "", 2},
		{"an edit of an edit", edits(plant.Edit{"b.go", "x\n", "z\n"}, plant.Edit{"b.go", "z\ny\n", "w\n"}), "w\n", 0},
		{"two files", edits(plant.Edit{"b.go", "x\n", "z\n"}, plant.Edit{"a.go", " two\n", ""}), "z\ny\none\none two\n\tone\ntwo\nthree", 0},
	}
	for _, c := range cases {
		files, err := c.plant.Apply(tree)
		if c.want == "" {
			var wrong *plant.ApplyError
			if !errors.As(err, &wrong) || wrong.Plant != "name" || wrong.Found != c.found {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		got := ""
		for _, f := range files {
			got += string(f.Text)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if string(tree["a.go"].Data) != "one\n two\none two\n\tone\ntwo\nthree" {
		t.Error("the tree was changed")
	}
	if _, err := edits(plant.Edit{"c.go", "x\n", ""}).Apply(tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
