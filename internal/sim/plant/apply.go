package plant

import (
	"fmt"
	"io/fs"
	"strings"
)

// File is a source file as a build is to see it.
type File struct {
	Path string // slash-separated, below the module's root
	Text []byte
}

// ApplyError says why an edit of a plant cannot be made.
type ApplyError struct {
	Plant string
	Edit  int // from 1
	File  string
	Found int   // how often the old lines are there, if Err is nil
	Err   error // of reading the file
}

func (e *ApplyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("plant %s: edit %d: %v", e.Plant, e.Edit, e.Err)
	}
	return fmt.Sprintf("plant %s: edit %d: its old lines are in %s %d times, not once", e.Plant, e.Edit, e.File, e.Found)
}

func (e *ApplyError) Unwrap() error { return e.Err }

// Apply returns the files that the plant changes, changed, in the order of its
// edits. Root is the module's. Later edits see what earlier ones of the same file
// did. The error is an ApplyError.
func (p *Plant) Apply(root fs.FS) ([]File, error) {
	var files []File
	for i, e := range p.Edits {
		fail := func(found int, err error) error { return &ApplyError{p.Name, i + 1, e.File, found, err} }
		at := 0
		for at < len(files) && files[at].Path != e.File {
			at++
		}
		if at == len(files) {
			text, err := fs.ReadFile(root, e.File)
			if err != nil {
				return nil, fail(0, err)
			}
			files = append(files, File{e.File, text})
		}
		text, found := replaceLines(string(files[at].Text), e.Old, e.New)
		if found != 1 {
			return nil, fail(found, nil)
		}
		files[at].Text = []byte(text)
	}
	return files, nil
}

// replaceLines replaces the one place at which the lines of old are, and says at
// how many they are.
func replaceLines(text, old, repl string) (string, int) {
	found, at := 0, 0
	for from := 0; from <= len(text); {
		i := strings.Index(text[from:], old)
		if i < 0 {
			break
		}
		i += from
		if i == 0 || text[i-1] == '\n' { // else it is the end of a longer line
			found, at = found+1, i
		}
		from = i + 1
	}
	if found != 1 {
		return text, found
	}
	return text[:at] + repl + text[at+len(old):], 1
}
