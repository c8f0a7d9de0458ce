package plant

import (
	"fmt"
	"regexp"
	"time"
)

// Tests is a package's own tests: they say whether a plant is a bug at all, and
// which of the bugs need the simulator to be found.
type Tests struct {
	Package string
	Run     string // as go test -run; "" is all
}

// Hung is what Tests report as the checker if the tests do not end.
const Hung = "hung"

// Target implements Command.
func (t Tests) Target() Target { return Target{Package: t.Package, Test: true} }

// Dir implements Command.
func (t Tests) Dir() string { return t.Package }

// Args implements Command.
func (t Tests) Args(budget time.Duration) []string {
	args := []string{"-test.short", "-test.failfast", "-test.timeout", (2 * budget).String()}
	if t.Run != "" {
		args = append(args, "-test.run", t.Run)
	}
	return args
}

var (
	failedTest  = regexp.MustCompile(`(?m)^\s*--- FAIL: ([^ \n]+)`)
	runningTest = regexp.MustCompile(`(?m)^running tests:\n\s*([^ \n]+)`)
)

// Judge implements Command. The test that failed stands for the checker. Tests that
// do not end have found the bug as well: without it they do.
func (t Tests) Judge(e *Exit) (Verdict, error) {
	if e.Code == 0 {
		return Verdict{}, nil
	}
	out := append(append([]byte(nil), e.Stdout...), e.Stderr...)
	message, died := panicked(out)
	if m := runningTest.FindSubmatch(out); m != nil {
		return Verdict{Found: true, Checker: Hung, Seed: string(m[1]), Message: message}, nil
	}
	if m := failedTest.FindSubmatch(out); m != nil {
		return Verdict{Found: true, Checker: string(m[1]), Message: message}, nil
	}
	switch {
	case died:
		return Verdict{Found: true, Checker: NoPanic, Message: message}, nil
	case e.OverBudget:
		return Verdict{Found: true, Checker: Hung}, nil
	}
	return Verdict{}, fmt.Errorf("plant: the tests of %s exit with %d: %s", t.Package, e.Code, lastLine(out))
}
