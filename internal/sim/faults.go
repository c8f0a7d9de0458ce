package sim

import (
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// fault is a kind of thing that goes wrong.
type fault int

const (
	cutConnection fault = iota
	stallOneWay
	isolateOne
	splitNet
	bridgeNet
	flapLink
	swizzleNet
	slowReader
	refuseConnections
	slowNet
	crashProcess
	crashAtDisk
	crashEverybody
	crashRecovering
	pauseProcess
	stopCleanly
	slowDisk
	fullDisk
	failSync
	failWrite
	failRead
	flipBits
	loseSectors
	wipeDisk
	jumpClock
	handOver
	changeMembers
	crashClient
	moveClient
	starveTask
	crashAgain
	muteClient
	cutOldLeader
	staleLeader
	lateLane
	leaveBehind
	failReceipt
	loseWrite
	misdirectWrite
	foreignDirectory
	returnLate
	unsettleLog
	faultKinds
)

// faultTable says of each kind its name, about how often it comes, and what it does;
// a fault that has no place now does nothing and returns false.
var faultTable = [faultKinds]struct {
	name  string
	every int64
	do    func(f *faults) bool
}{
	cutConnection:     {"cut", 1 * second, (*faults).cut},
	stallOneWay:       {"one-way", 3 * second, (*faults).oneWay},
	isolateOne:        {"isolate", 4 * second, (*faults).isolate},
	splitNet:          {"split", 5 * second, (*faults).split},
	bridgeNet:         {"bridge", 6 * second, (*faults).bridge},
	flapLink:          {"flap", 8 * second, (*faults).flap},
	swizzleNet:        {"swizzle", 8 * second, (*faults).swizzle},
	slowReader:        {"slow-reader", 5 * second, (*faults).slowReader},
	refuseConnections: {"refuse", 5 * second, (*faults).refuse},
	slowNet:           {"slow-net", 5 * second, (*faults).slowNet},
	crashProcess:      {"crash", 2 * second, (*faults).crash},
	crashAtDisk:       {"crash-at-disk", 2 * second, (*faults).crashAtDisk},
	crashEverybody:    {"crash-all", 10 * second, (*faults).crashAll},
	crashRecovering:   {"crash-recovering", 4 * second, (*faults).crashRecovering},
	pauseProcess:      {"pause", 3 * second, (*faults).pause},
	stopCleanly:       {"stop", 5 * second, (*faults).stop},
	slowDisk:          {"slow-disk", 4 * second, (*faults).slowDisk},
	fullDisk:          {"full-disk", 6 * second, (*faults).fullDisk},
	failSync:          {"sync-fails", 5 * second, (*faults).failSync},
	failWrite:         {"write-fails", 8 * second, (*faults).failWrite},
	failRead:          {"read-fails", 8 * second, (*faults).failRead},
	flipBits:          {"bit-flip", 6 * second, (*faults).flip},
	loseSectors:       {"lost-sectors", 8 * second, (*faults).loseSectors},
	wipeDisk:          {"wipe", 10 * second, (*faults).wipe},
	jumpClock:         {"clock-jump", 5 * second, (*faults).jump},
	handOver:          {"handover", 5 * second, (*faults).handOver},
	changeMembers:     {"membership", 4 * second, (*faults).change},
	crashClient:       {"client-crash", 5 * second, (*faults).crashClient},
	moveClient:        {"client-move", 2 * second, (*faults).moveClient},
	starveTask:        {"starve", 4 * second, (*faults).starve},
	crashAgain:        {"crash-again", 6 * second, (*faults).crashAgain},
	muteClient:        {"client-mute", 6 * second, (*faults).mute},
	cutOldLeader:      {"old-leader", 4 * second, (*faults).cutOldLeader},
	staleLeader:       {"stale-leader", 3 * second, (*faults).staleLeader},
	lateLane:          {"late-lane", 8 * second, (*faults).lateLane},
	leaveBehind:       {"leave-behind", 2 * second, (*faults).leaveBehind},
	failReceipt:       {"receipt-fails", 8 * second, (*faults).failReceipt},
	loseWrite:         {"lost-write", 8 * second, (*faults).loseWrite},
	misdirectWrite:    {"misdirected-write", 8 * second, (*faults).misdirectWrite},
	foreignDirectory:  {"foreign-directory", 6 * second, (*faults).foreignDirectory},
	returnLate:        {"client-late", 3 * second, (*faults).returnLate},
	unsettleLog:       {"unsettled-log", 6 * second, (*faults).unsettle},
}

// faults is who breaks things: never more at a time than must be survived, unless
// the run is beyond the model.
type faults struct {
	w    *World
	rnd  *sched.Stream
	done [faultKinds]int
	one  *disk.Fault // befalls the next operation of its kind
	kind disk.OpKind
	of   *member

	receipt  bool    // the next sync of a snapshot that is being received fails
	content  bool    // some of it was written
	receiver *member // whose did

	edges

	lies bool // syncs that report success do nothing now and then: beyond what must be survived

	muted []*netsim.Fault // keep clients from being heard

	target *member // whom the fault befalls that is being made; nil: everybody
	aim    *member // whom it is to befall, if anyone would do
	cells  map[Cell]int
	direct *Cell // that the run is to reach, or nil
}

func (f *faults) begin(w *World) {
	f.w, f.rnd, f.cells = w, w.source.Stream("faults"), map[Cell]int{}
}

// schedule has each kind come at its own rate until the healing begins.
func (f *faults) schedule() {
	for k := range faultKinds {
		if f.w.opts.Faults[k] > 0 {
			f.later(k)
		}
		if f.direct != nil && f.direct.Fault == faultTable[k].name {
			f.lieInWait(k)
		}
	}
	if f.w.opts.Beyond[oldCopies] {
		f.keepCopies()
	}
}

func (f *faults) later(k fault) {
	f.w.sched.After(f.rnd.Wait(f.w.opts.Faults[k])+millisecond, nil, sched.Work, func() {
		if f.w.healing {
			return
		}
		f.make(k)
		f.later(k)
	})
}

// make has a fault of a kind befall somebody, if there is a place for it now.
func (f *faults) make(k fault) {
	before := f.w.doings()
	f.target = nil
	if faultTable[k].do(f) {
		f.done[k]++
		f.cover(k, before)
		f.w.note(noteFault, uint64(k), 0)
		f.w.trace.Remark(f.w.sched.Now(), "fault: %s", faultTable[k].name)
	}
}

// calm ends what is still to befall somebody.
func (f *faults) calm() {
	f.one, f.receipt, f.receiver = nil, false, nil
	f.edges, f.muted = edges{}, nil
}

// duration draws for how long a fault lasts: from nothing to several elections.
func (f *faults) duration() int64 {
	return f.rnd.Exp(2 * int64(f.w.opts.ElectionTicks) * f.w.opts.Tick)
}

// lasting heals something after a while.
func (f *faults) lasting(heal func()) bool {
	f.w.sched.After(f.duration(), nil, sched.Work, heal)
	return true
}

// anyone picks a machine; some picks one whose process runs, or nil.
func (f *faults) anyone() *member {
	f.target = sched.Pick(f.rnd, f.w.members)
	if f.aim != nil {
		f.target = f.aim
	}
	return f.target
}

func (f *faults) some() *member {
	var up []*member
	for _, m := range f.w.members {
		if m.proc != nil {
			up = append(up, m)
		}
	}
	f.target = sched.Pick(f.rnd, up)
	if f.aim != nil && f.aim.proc != nil {
		f.target = f.aim
	}
	return f.target
}

// ids returns the network's numbers of all members.
func (f *faults) ids() []uint64 { return ids(f.w.members) }

func (f *faults) nodes() []uint64 {
	list := f.ids()
	for _, c := range f.w.clients {
		list = append(list, c.id)
	}
	return list
}
