package plant

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

// Sim is the simulator's command. Its contract:
//
//	sim -seeds N -from S -minutes M -json -fail-fast
//
// runs at most N seeds from S on, begins none after M minutes (which may be a
// fraction) of its own CPU time, and stops at the first failure;
//
//	sim -tape FILE -json
//
// replays a tape. The last line of its stdout is one JSON object (Result). It exits with
// 0 if no checker fired, with 1 if one did, and with 2 if it does not understand its
// arguments. It may panic: that is the checker no-panic.
type Sim struct {
	Package string // the command's folder
	Seeds   uint64 // 0: as many as the budget allows
	From    uint64 // 0: from 1
	Tape    string // file to be replayed in the place of seeds, below the module's root; "": none
}

// Result is the last line that the simulator writes.
type Result struct {
	Seeds      uint64   `json:"seeds"` // that were run, the failing one included
	Events     uint64   `json:"events"`
	CPUSeconds float64  `json:"cpu_seconds"`
	Failure    *Failure `json:"failure"` // null if no checker fired
}

// Failure is what the simulator found.
type Failure struct {
	Seed    string `json:"seed"` // "0x" and hexadecimal digits
	Checker string `json:"checker"`
	Message string `json:"message"`
}

// Target implements Command.
func (s Sim) Target() Target { return Target{Package: s.Package} }

// Dir implements Command.
func (s Sim) Dir() string { return "" }

// graceful is the part of the budget that the simulator may plan with: the rest is
// for the seed that is under way when it is over.
const graceful = 0.9

// Args implements Command.
func (s Sim) Args(budget time.Duration) []string {
	if s.Tape != "" {
		return []string{"-tape", filepath.FromSlash(s.Tape), "-json"}
	}
	seeds, from := s.Seeds, s.From
	if seeds == 0 {
		seeds = 1 << 30
	}
	if from == 0 {
		from = 1
	}
	return []string{
		"-seeds", strconv.FormatUint(seeds, 10), "-from", strconv.FormatUint(from, 10),
		"-minutes", strconv.FormatFloat(graceful*budget.Minutes(), 'f', 4, 64), "-json", "-fail-fast",
	}
}

// Judge implements Command.
func (s Sim) Judge(e *Exit) (Verdict, error) {
	if line, ok := panicked(e.Stderr); ok && e.Code != 0 && e.Code != 1 {
		return Verdict{Found: true, Checker: NoPanic, Message: line}, nil
	}
	if e.OverBudget {
		return Verdict{}, ErrOverBudget
	}
	if e.Code != 0 && e.Code != 1 {
		return Verdict{}, fmt.Errorf("plant: the simulator exits with %d: %s", e.Code, lastLine(e.Stderr))
	}
	r, err := ParseResult(e.Stdout)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Seeds: r.Seeds, Events: r.Events}
	if (r.Failure != nil) != (e.Code == 1) {
		return v, fmt.Errorf("plant: the simulator exits with %d and has the result %s", e.Code, lastLine(e.Stdout))
	}
	if f := r.Failure; f != nil {
		v.Found, v.Checker, v.Seed, v.Message = true, f.Checker, f.Seed, f.Message
	}
	return v, nil
}

// ResultError says that the simulator's last line is not a Result.
type ResultError struct {
	Line string
	Err  error
}

func (e *ResultError) Error() string {
	return fmt.Sprintf("plant: not a result: %q: %v", e.Line, e.Err)
}
func (e *ResultError) Unwrap() error { return e.Err }

// ParseResult takes the Result from the last line of stdout. The error is a
// ResultError.
func ParseResult(stdout []byte) (Result, error) {
	line := lastLine(stdout)
	var r struct {
		Result
		Failure *json.RawMessage `json:"failure"`
	}
	fail := func(err error) (Result, error) { return Result{}, &ResultError{string(line), err} }
	if err := json.Unmarshal(line, &r); err != nil {
		return fail(err)
	}
	// A missing failure is a result that somebody cut off, not a good one; null
	// leaves the pointer nil too, so the line itself is asked.
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		return fail(err)
	}
	if _, ok := keys["failure"]; !ok {
		return fail(fmt.Errorf("no failure, not even null"))
	}
	if r.Failure == nil {
		return r.Result, nil
	}
	f := &Failure{}
	if err := json.Unmarshal(*r.Failure, f); err != nil {
		return fail(err)
	}
	if f.Checker == "" {
		return fail(fmt.Errorf("a failure without a checker"))
	}
	r.Result.Failure = f
	return r.Result, nil
}
