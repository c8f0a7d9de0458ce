package crashpoint

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// Config says what is crashed. Its zero value, but for a seed, is all of it.
type Config struct {
	Seed uint64
	// Steps is how many operations the script has; 0 is DefaultSteps.
	Steps int
	// Every and Again thin it out: one in so many operations of the script's disk is
	// a crash point, and one in so many recoveries is crashed. 0 is all of them.
	Every, Again int
	// At is the only crash, if its Op is not 0.
	At Point
	// Lie decides what befalls an operation of the disk, for tests of this package: a
	// disk that does not do what it says loses something.
	Lie func(op disk.Op, recovering bool) disk.Fault
	// Each is called after each step of the script, if it is not nil.
	Each func(*Totals)
}

// DefaultSteps is how many operations a script has.
const DefaultSteps = 240

// Totals are figures of a run. Crashes are points times images, those included that
// leave the same disk as another.
type Totals struct {
	Seed  uint64         `json:"seed"`
	Steps int            `json:"script_operations"`
	Kinds map[string]int `json:"script"`
	// DiskOps is how many operations of the disk the script has caused.
	DiskOps int `json:"disk_operations"`
	Images  int `json:"images"`
	Crashes int `json:"crashes"`
	// Survived is how many of the crashes left a write that was under way whole.
	Survived int `json:"writes_survived"`
	// Disks is how many disks crashes have left that differ and have nothing unsynced.
	Disks int `json:"different_disks"`
	// Again is how many crashes there were in recoveries, from disks that differ.
	Again int `json:"crashes_in_recovery"`
	// Recoveries is how many had to be carried out for all that.
	Recoveries int `json:"recoveries"`
	Losses     int `json:"losses"`
}

// errNoPoint says that nothing happened at Config.At.
var errNoPoint = errors.New("there is no such crash point")

// Run carries out the script of a seed and crashes it. The error is nil, or a
// *Violation, or says that there is nothing at Config.At.
func Run(cfg Config) (t Totals, err error) {
	if cfg.Steps == 0 {
		cfg.Steps = DefaultSteps
	}
	c := newCrasher(cfg)
	defer func() {
		t = c.total
		switch r := recover().(type) {
		case nil:
		case *Violation:
			t.Losses, err = 1, r
		default:
			t.Losses, err = 1, c.violation(Point{Op: c.op}, "without a crash: panic: %v\n%s", r, debug.Stack())
		}
	}()
	newReplica(c, sched.NewSource(cfg.Seed).Stream("script")).run()
	if at := cfg.At; at.Op != 0 && c.total.Crashes == 0 || at.Again != 0 && c.total.Again == 0 {
		return t, fmt.Errorf("crash point %v of seed %d: %w", at, cfg.Seed, errNoPoint)
	}
	return t, nil
}
