package plant

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Suffix ends the name of a plant's file.
const Suffix = ".plant"

// MaxBytes is how long a plant's file may be. Plants are one or two lines of code.
const MaxBytes = 64 << 10

// ParseError says what is wrong with a plant's file.
type ParseError struct {
	Plant  string
	Line   int // from 1; 0 for the file as a whole
	Reason string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("plant %s: %s", e.Plant, e.Reason)
	}
	return fmt.Sprintf("plant %s: line %d: %s", e.Plant, e.Line, e.Reason)
}

// What begins the blocks of a file.
const (
	oldMark = "--- old "
	newMark = "--- new"
)

// Load parses all the plants in a directory, in order of their names. The error
// joins what is wrong with any of them.
func Load(fsys fs.FS) ([]*Plant, error) {
	names, err := fs.Glob(fsys, "*"+Suffix)
	if err != nil {
		return nil, err
	}
	var plants []*Plant
	var errs []error
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err == nil {
			var p *Plant
			if p, err = Parse(strings.TrimSuffix(name, Suffix), text); err == nil {
				plants = append(plants, p)
			}
		}
		errs = append(errs, err)
	}
	return plants, errors.Join(errs...)
}

// Parse reads a plant's file: a header of lines "key: value", of which a value goes
// on in lines that are indented, then for each edit
//
//	--- old path/of/file.go
//	the lines that are there
//	--- new
//	the lines that are there instead
//
// The keys are ref, checker, why and, if random runs do not find it, tape.
// Blank lines at the end of a block are not part of it, and neither are lines of the
// header that begin with a #. The error is a ParseError.
func Parse(name string, text []byte) (*Plant, error) {
	r := reader{plant: &Plant{Name: name}}
	if err := r.parse(text); err != nil {
		return nil, err
	}
	return r.plant, nil
}

type reader struct {
	plant *Plant
	line  int     // that is looked at, from 1
	value *string // that the next indented line goes on with
	block *string // that the next line belongs to, nil in the header
	list  string  // the value of checker
}

func (r *reader) fault(format string, args ...any) error {
	return &ParseError{r.plant.Name, r.line, fmt.Sprintf(format, args...)}
}

func (r *reader) parse(text []byte) error {
	if len(text) > MaxBytes {
		return r.fault("%d bytes, at most %d", len(text), MaxBytes)
	}
	for line := range strings.Lines(string(text)) {
		r.line++
		if !strings.HasSuffix(line, "\n") {
			line += "\n"
		}
		if strings.ContainsAny(line, "\r\x00") {
			return r.fault("a line with a character that no source file has")
		}
		if err := r.take(line); err != nil {
			return err
		}
	}
	return r.finish()
}

func (r *reader) take(line string) error {
	switch {
	case strings.HasPrefix(line, oldMark):
		file := strings.TrimSpace(strings.TrimPrefix(line, oldMark))
		if !fs.ValidPath(file) || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return r.fault("%q is no source file of the module", file)
		}
		if n := len(r.plant.Edits); n > 0 && r.block == &r.plant.Edits[n-1].Old {
			return r.fault("an old block without a new one")
		}
		r.plant.Edits = append(r.plant.Edits, Edit{File: file})
		r.block = &r.plant.Edits[len(r.plant.Edits)-1].Old
	case strings.TrimSpace(line) == newMark:
		n := len(r.plant.Edits)
		if n == 0 || r.block != &r.plant.Edits[n-1].Old {
			return r.fault("a new block without an old one")
		}
		r.block = &r.plant.Edits[n-1].New
	case r.block != nil:
		*r.block += line
	default:
		return r.header(line)
	}
	return nil
}

func (r *reader) header(line string) error {
	text := strings.TrimSpace(line)
	switch {
	case text == "" || text[0] == '#':
		return nil
	case line[0] == ' ' || line[0] == '\t':
		if r.value == nil {
			return r.fault("an indented line that goes on with nothing")
		}
		*r.value += " " + text
		return nil
	}
	key, value, ok := strings.Cut(text, ":")
	if !ok {
		return r.fault("neither a key with a value nor a block")
	}
	switch key {
	case "ref":
		r.value = &r.plant.Ref
	case "why":
		r.value = &r.plant.Why
	case "checker":
		r.value = &r.list
	case "tape":
		r.value = &r.plant.Tape
	default:
		return r.fault("unknown key %q", key)
	}
	if *r.value != "" {
		return r.fault("%s is there twice", key)
	}
	*r.value = strings.TrimSpace(value)
	return nil
}

// finish checks that all is there that makes a plant.
func (r *reader) finish() error {
	p := r.plant
	r.line = 0
	for _, c := range strings.Split(r.list, ",") {
		c = strings.TrimSpace(c)
		if !slices.Contains(checkers, c) {
			return r.fault("unknown checker %q", c)
		}
		if slices.Contains(p.Checkers, c) {
			return r.fault("checker %q is there twice", c)
		}
		p.Checkers = append(p.Checkers, c)
	}
	switch {
	case p.Name == "":
		return r.fault("no name")
	case p.Ref == "" || p.Why == "":
		return r.fault("ref or why is missing")
	case len(p.Edits) == 0:
		return r.fault("no edit")
	case p.Tape != "" && !fs.ValidPath(p.Tape):
		return r.fault("%q is no tape's name", p.Tape)
	case r.block == &p.Edits[len(p.Edits)-1].Old:
		return r.fault("an old block without a new one")
	}
	for i := range p.Edits {
		e := &p.Edits[i]
		e.Old, e.New = trimBlank(e.Old), trimBlank(e.New)
		switch {
		case strings.TrimSpace(e.Old) == "":
			return r.fault("edit %d replaces nothing", i+1)
		case e.Old == e.New:
			return r.fault("edit %d changes nothing", i+1)
		}
	}
	return nil
}

// trimBlank drops blank lines at the end.
func trimBlank(block string) string {
	if block = strings.TrimRight(block, " \t\n"); block != "" {
		block += "\n"
	}
	return block
}
