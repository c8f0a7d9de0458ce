package sim

import (
	"fmt"
	"io"
	"slices"
)

// Totals sums up many runs.
type Totals struct {
	Seeds, Events uint64
	Hash          uint64  // of everything that happened in any run
	Hours         float64 // simulated, of ensembles
	Faults        int
	Leaders       int // epochs opened
	Committed     int
	Operations    int // of clients, answered
	Reads         int
	WatchEvents   int
	Expired       int
	Slices        int // judged by porcupine

	Marks map[string]int `json:"-"`
	Cells map[Cell]int   `json:"-"`
	Kinds map[string]int // faults by kind
}

// Add counts a run.
func (t *Totals) Add(r *Report) {
	if t.Marks == nil {
		t.Marks, t.Cells, t.Kinds = map[string]int{}, map[Cell]int{}, map[string]int{}
	}
	t.Seeds++
	t.Events += r.Events
	t.Hash += r.Hash * (2*r.Seed + 1) // in whatever order
	t.Hours += float64(r.Time) / 3600e9
	t.Leaders += r.Spec.Opened
	t.Committed += r.Spec.Committed
	t.Operations += r.Checked.Writes
	t.Reads += r.Checked.Reads
	t.WatchEvents += r.Checked.Events
	t.Expired += r.Checked.Expired
	t.Slices += r.Checked.Slices
	for k, n := range r.Faults {
		t.Faults += n
		t.Kinds[k] += n
	}
	for k, n := range r.Marks {
		t.Marks[k] += n
	}
	for k, n := range r.Cells {
		t.Cells[k] += n
	}
}

// sometimes is what is to happen in a run of many seeds.
var sometimes = []string{
	"applied from the log on disk", "clean stop", "core made progress", "damage found by recovery", "gap told",
	"hello refused", "hello timed out", "lock lost with the lease", "lock taken", "log without space",
	"membership change answered", "refused: low on space", "snapshot failed", "snapshot installed",
	"snapshot written", "write survived that nobody knew of",
	"another member's directory was refused", "a directory in use was refused",
	"over a quota", "several reads of one state", "watch resumed", "watch of a zxid to come refused",
	"beyond the model: a majority was lost and nothing was answered",
	"beyond the model: the ensemble was not founded",
	"beyond the model: a damaged directory was refused",
	"beyond the model: a directory was emptied by an operator",
	"beyond the model: an old copy was restored",
	"operation 9 of a disk failed", "operation 10 of a disk failed", "operation 13 of a disk failed",
}

// Missing lists what was to happen and never did: faults, marks, and cells.
func (t *Totals) Missing() (list []string) {
	for k := range faultTable {
		if name := faultTable[k].name; t.Kinds[name] == 0 {
			list = append(list, "fault "+name)
		}
	}
	for _, name := range sometimes {
		if t.Marks[name] == 0 {
			list = append(list, name)
		}
	}
	for _, c := range t.MissingCells() {
		list = append(list, c.String())
	}
	return list
}

// MissingCells lists the cells that were not reached.
func (t *Totals) MissingCells() (list []Cell) {
	for _, c := range Cells() {
		if t.Cells[c] == 0 {
			list = append(list, c)
		}
	}
	return list
}

// WriteTable writes the totals for people. Times are in seconds.
func (t *Totals) WriteTable(w io.Writer, wall, cpu float64) {
	all := len(Cells())
	rows := []struct {
		what string
		n    any
	}{
		{"seeds", t.Seeds},
		{"events", t.Events},
		{"hash of all that happened", fmt.Sprintf("%016x", t.Hash)},
		{"events a second of CPU time", int(float64(t.Events) / cpu)},
		{"simulated ensemble-hours", fmt.Sprintf("%.2f", t.Hours)},
		{"simulated hours an hour of CPU time", int(t.Hours * 3600 / cpu)},
		{"faults", t.Faults},
		{"epochs opened", t.Leaders},
		{"entries committed", t.Committed},
		{"writes answered", t.Operations},
		{"reads checked", t.Reads},
		{"watch events checked", t.WatchEvents},
		{"sessions expired", t.Expired},
		{"slices judged by porcupine", t.Slices},
		{"cells fault/phase/role", fmt.Sprintf("%d of %d", all-len(t.MissingCells()), all)},
		{"seconds, of CPU time", fmt.Sprintf("%.1f, %.1f", wall, cpu)},
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%-38s %v\n", r.what, r.n)
	}
	var kinds []string
	for k, n := range t.Kinds {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(kinds)
	fmt.Fprintf(w, "%-38s %v\n", "faults by kind", kinds)
}
