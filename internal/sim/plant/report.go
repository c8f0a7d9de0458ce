package plant

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Status is what became of a subject.
type Status string

// The statuses.
const (
	Found        Status = "found"
	Missed       Status = "not found"        // the command ended in good order
	OverBudget   Status = "over budget"      // the command did not end: not found
	NotCompiling Status = "does not compile" // or cannot be applied
	Failed       Status = "error"            // nothing is known
)

// Match says how the checker that fired fits what was expected.
type Match string

// The matches.
const (
	Named  Match = "named"  // the first of those expected
	Listed Match = "listed" // another of them
	Other  Match = "other"  // none of them
)

// Report is what became of one subject. Times are in seconds.
type Report struct {
	Name    string   `json:"name"`
	Room    string   `json:"room"`
	Expect  []string `json:"expect,omitempty"`
	Status  Status   `json:"status"`
	Checker string   `json:"checker,omitempty"` // that fired
	Match   Match    `json:"match,omitempty"`
	Seed    string   `json:"seed,omitempty"`
	Message string   `json:"message,omitempty"`
	Seeds   uint64   `json:"seeds"` // that were run
	Events  uint64   `json:"events"`
	CPU     float64  `json:"cpu_seconds"`
	Wall    float64  `json:"wall_seconds"`
	Build   float64  `json:"build_seconds"`
	Error   string   `json:"error,omitempty"`
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// failed is the report of a subject that came to no verdict.
func (r Report) failed(err error) Report {
	var build *BuildError
	var apply *ApplyError
	switch {
	case errors.Is(err, ErrOverBudget):
		r.Status = OverBudget
	case errors.As(err, &build), errors.As(err, &apply):
		r.Status = NotCompiling
	default:
		r.Status = Failed
	}
	r.Error = err.Error()
	return r
}

func (r Report) judged(v *Verdict) Report {
	r.Seeds, r.Events, r.Seed, r.Checker, r.Message = v.Seeds, v.Events, v.Seed, v.Checker, v.Message
	if !v.Found {
		r.Status = Missed
		return r
	}
	r.Status = Found
	switch i := slices.Index(r.Expect, v.Checker); {
	case len(r.Expect) == 0:
	case i == 0:
		r.Match = Named
	case i > 0:
		r.Match = Listed
	default:
		r.Match = Other
	}
	return r
}

// Summary counts reports.
type Summary struct {
	Total        int     `json:"total"`
	Found        int     `json:"found"`
	AsExpected   int     `json:"as_expected"` // of Found: by a checker named or listed
	Missed       int     `json:"not_found"`
	OverBudget   int     `json:"over_budget"`
	NotCompiling int     `json:"not_compiling"`
	Errors       int     `json:"errors"`
	CPU          float64 `json:"cpu_seconds"`
	MedianCPU    float64 `json:"median_cpu_seconds"` // of those found
	MaxCPU       float64 `json:"max_cpu_seconds"`    // of those found
	Build        float64 `json:"build_seconds"`
}

// Summarize counts reports.
func Summarize(reports []Report) Summary {
	s := Summary{Total: len(reports)}
	var found []float64
	for i := range reports {
		r := &reports[i]
		s.CPU += r.CPU
		s.Build += r.Build
		switch r.Status {
		case Found:
			s.Found++
			found = append(found, r.CPU)
			if r.Match == Named || r.Match == Listed {
				s.AsExpected++
			}
		case Missed:
			s.Missed++
		case OverBudget:
			s.OverBudget++
		case NotCompiling:
			s.NotCompiling++
		default:
			s.Errors++
		}
	}
	if len(found) > 0 {
		slices.SortFunc(found, cmp.Compare[float64])
		s.MedianCPU, s.MaxCPU = found[len(found)/2], found[len(found)-1]
	}
	return s
}

func (s *Summary) String() string {
	return fmt.Sprintf("%d of %d found, %d of them by a checker that they name; CPU seconds until found: median %.1f, maximum %.1f\n"+
		"%d not found, %d over budget, %d not compiling, %d errors; %.0f CPU s in all, %.0f s of builds",
		s.Found, s.Total, s.AsExpected, s.MedianCPU, s.MaxCPU, s.Missed, s.OverBudget, s.NotCompiling, s.Errors, s.CPU, s.Build)
}

// WriteTable writes reports as a table, and a summary.
func WriteTable(w io.Writer, reports []Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "room\tname\tstatus\tchecker\tmatch\tseeds\tCPU s\tbuild s\tremark")
	for i := range reports {
		r := &reports[i]
		remark := r.Seed
		if r.Error != "" {
			remark = r.Error
		}
		remark, _, _ = strings.Cut(remark, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%.1f\t%.1f\t%s\n", r.Room, r.Name, r.Status, r.Checker, r.Match, r.Seeds, r.CPU, r.Build, remark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	s := Summarize(reports)
	_, err := fmt.Fprintln(w, s.String())
	return err
}

// WriteJSON writes reports and their summary as one JSON object.
func WriteJSON(w io.Writer, reports []Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Summary Summary  `json:"summary"`
		Reports []Report `json:"reports"`
	}{Summarize(reports), reports})
}
