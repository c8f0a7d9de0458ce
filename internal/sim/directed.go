package sim

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// waitStep is how often a directed run looks whether the moment has come.
const waitStep = 20 * microsecond

// RunDirected plays the run of a seed with one fault more, which befalls the first
// member that does what the cell says, as soon as there is one: cells that chance
// hardly ever reaches are reached so, whatever is drawn.
func RunDirected(seed uint64, c Cell) *Report {
	r := runWith(seed, func(w *World) { w.faults.direct = &c })
	r.Directed = &c
	return r
}

// Direct plays directed runs until one reaches the cell, at most so many, and returns
// the last.
func Direct(c Cell, tries uint64) *Report {
	for seed := uint64(1); ; seed++ {
		if r := RunDirected(seed, c); r.Cells[c] > 0 || r.Failure != nil || seed >= tries {
			return r
		}
	}
}

// ParseCell reads a cell as String writes it.
func ParseCell(s string) (Cell, error) {
	for _, c := range Cells() {
		if c.String() == strings.TrimSpace(s) {
			return c, nil
		}
	}
	return Cell{}, fmt.Errorf("sim: no cell %q", s)
}

// lieInWait makes the fault that the run is directed at once its moment has come.
func (f *faults) lieInWait(k fault) {
	f.w.sched.After(waitStep, nil, sched.Idle, func() {
		if f.w.healing || f.cells[*f.direct] > 0 {
			return
		}
		for _, m := range f.w.members {
			if phase, role := m.doing(); phase == f.direct.Phase && role == f.direct.Role {
				f.aim = m
				f.make(k)
				f.aim = nil
				break
			}
		}
		f.lieInWait(k)
	})
}
