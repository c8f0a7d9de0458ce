package plant

import (
	"bytes"
	"errors"
	"time"
)

// Command is what is built with a plant and run, and what its end means.
type Command interface {
	// Target is what to build.
	Target() Target
	// Dir is the folder, below the module's root, of which it is run in a copy; "" is
	// the root itself.
	Dir() string
	// Args are its arguments, for a budget of CPU time.
	Args(budget time.Duration) []string
	// Judge says what its end means. The error is ErrOverBudget if it means nothing
	// because it came too early, or says what of it cannot be understood.
	Judge(e *Exit) (Verdict, error)
}

// Verdict is what a command found.
type Verdict struct {
	Found   bool
	Checker string // that fired, or the test that failed
	Seed    string // that showed it
	Message string
	Seeds   uint64 // that were run
	Events  uint64
}

// ErrOverBudget says that a command had not ended when its budget was used up: the
// plant counts as not found.
var ErrOverBudget = errors.New("plant: no result within the budget")

// panicked says whether what a process has written to its stderr is how a Go
// program ends that panicked, and returns the first line of that.
func panicked(stderr []byte) (string, bool) {
	for _, mark := range []string{"panic: ", "fatal error: ", "unexpected fault address"} {
		if i := bytes.Index(stderr, []byte(mark)); i >= 0 && bytes.Contains(stderr[i:], []byte("goroutine ")) {
			line, _, _ := bytes.Cut(stderr[i:], []byte("\n"))
			return string(line), true
		}
	}
	return "", false
}

// lastLine returns the last line that is not blank.
func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
