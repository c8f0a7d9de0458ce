package plant

import (
	"encoding/json"
	"fmt"
	"time"
)

// Explore is the simulator's command, asked to explore bounded configurations:
//
//	sim -explore . -json -fail-fast
//
// The last line of its stdout is a JSON array of what was explored. It exits with 0
// if all of that was complete and in order, with 1 if not.
type Explore struct {
	Package string // the command's folder
}

// Explored is what the explorer says of one configuration.
type Explored struct {
	Name     string `json:"name"`
	States   uint64 `json:"states"`
	Complete bool   `json:"complete"`
	Broken   string `json:"broken"` // an invariant
	Found    string `json:"found"`
}

// Target implements Command.
func (x Explore) Target() Target { return Target{Package: x.Package} }

// Dir implements Command.
func (x Explore) Dir() string { return "" }

// Args implements Command.
func (x Explore) Args(time.Duration) []string {
	return []string{"-explore", ".", "-json", "-fail-fast"}
}

// Judge implements Command. Configurations count as seeds, and states as events.
func (x Explore) Judge(e *Exit) (Verdict, error) {
	if line, ok := panicked(e.Stderr); ok && e.Code != 0 && e.Code != 1 {
		return Verdict{Found: true, Checker: NoPanic, Message: line}, nil
	}
	if e.OverBudget {
		return Verdict{}, ErrOverBudget
	}
	line := lastLine(e.Stdout)
	var all []Explored
	if err := json.Unmarshal(line, &all); err != nil {
		return Verdict{}, &ResultError{string(line), err}
	}
	var v Verdict
	for i := range all {
		c := &all[i]
		v.Seeds++
		v.Events += c.States
		if c.Found != "" && !v.Found {
			v.Found, v.Checker, v.Seed = true, Explorer, c.Name
			v.Message = c.Broken + ": " + c.Found
		}
	}
	if !v.Found && e.Code != 0 {
		return v, fmt.Errorf("plant: the explorer exits with %d and has found nothing", e.Code)
	}
	return v, nil
}
