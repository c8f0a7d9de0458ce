package plant

import (
	"path"
	"slices"
	"strings"
)

// Dir is where the plants are, below the module's root.
const Dir = "internal/sim/plant/testdata/plants"

// TapeDir is where the tapes are, below the module's root, and TapeSuffix ends their names.
const (
	TapeDir    = "internal/sim/testdata/tapes"
	TapeSuffix = ".tape"
)

// Plant is a bug to be planted.
type Plant struct {
	Name string // of its file, without the suffix
	// Ref says where the bug comes from: a bug of another system, or a rule.
	Ref string
	// Checkers are those of which one must fire, the most fitting one first.
	Checkers []string
	Why      string // it is a bug
	// Tape names a tape that is replayed to find it, in the place of random runs that
	// meet it too rarely.
	Tape string
	// Edits are all made, in one build. A bug that another safeguard masks is
	// planted together with one in that.
	Edits []Edit
}

// Edit replaces lines of one file.
type Edit struct {
	File     string // slash-separated, below the module's root
	Old, New string // whole lines, or nothing in New
}

// The checkers of the simulator.
var checkers = []string{
	"one-leader", "prefix", "durability-audit", "refinement", "acked-durability", "linearizability",
	"session-order", "watches", "ephemerals", "expiry", "exactly-once", "digest", "storage-audit",
	"liveness", NoHalt, NoPanic, "bounded", Explorer,
}

const (
	// Explorer, as the first one, has a plant looked for by the explorer of bounded
	// configurations (package explore) and not by random runs.
	Explorer = "explorer"
	// NoHalt: a replica stopped although all faults were within the model.
	NoHalt = "no-halt"
	// NoPanic: somebody panicked, or the simulator itself did.
	NoPanic = "no-panic"
)

// Checkers returns the names of the simulator's checkers.
func Checkers() []string { return slices.Clone(checkers) }

// rooms are the parts of the product, and the folders that belong to each.
var rooms = []struct {
	name    string
	folders []string
}{
	{"protocol", []string{"zab/protocol"}},
	{"storage", []string{"internal/wal", "internal/snapshot", "internal/dirstore"}},
	{"driver", []string{"internal/driver"}},
	{"tree", []string{"tree"}},
	{"session", []string{"internal/host", "session/protocol"}},
	{"watch", []string{"watch"}},
}

// Rooms returns the names of the product's parts that bugs are planted in.
func Rooms() []string {
	names := make([]string, len(rooms))
	for i := range rooms {
		names[i] = rooms[i].name
	}
	return names
}

// RoomOf returns the part of the product that a file belongs to, "" if it is none
// that bugs are planted in.
func RoomOf(file string) string {
	dir := path.Dir(file)
	for _, r := range rooms {
		for _, f := range r.folders {
			if dir == f || strings.HasPrefix(dir, f+"/") {
				return r.name
			}
		}
	}
	return ""
}

// Room is the part of the product that the first edit is in.
func (p *Plant) Room() string { return RoomOf(p.Edits[0].File) }

// TapeFile is the tape that is replayed to find it, below the module's root, or "".
func (p *Plant) TapeFile() string {
	if p.Tape == "" {
		return ""
	}
	return path.Join(TapeDir, p.Tape+TapeSuffix)
}

// Package is the folder that the first edit is in.
func (p *Plant) Package() string { return path.Dir(p.Edits[0].File) }
