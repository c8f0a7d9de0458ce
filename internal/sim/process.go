package sim

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/dirstore"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab/protocol"
)

// process is one life of a member: everything that a crash takes away. It carries
// out what the step machines want as the goroutines of packages zab and
// session/server do, each of which is here an event that is scheduled when there is
// something for it to do: the loop, the log writer, the applier, the snapshotter, the
// disk worker, the notifier and the dialer.
type process struct {
	m     *member
	owner *sched.Owner

	// The loop and what it is to take in.
	machine *driver.Machine[waiter]
	out     driver.Output[waiter]
	in      inbox
	looping bool
	pace    driver.Pace
	ticker  sched.Handle
	heard   bool                // the leader, since the pace was told
	reads   map[uint64][]uint64 // read points to host rounds

	// The log writer.
	store   *auditedStore
	plan    driver.WritePlan
	issued  []protocol.Batch // that are not durable yet
	writing bool
	written uint64
	low     bool
	scarce  bool // it was low some time

	committed uint64 // at the last tick, if it led then

	// The disk worker.
	worker  *driver.Worker
	jobs    []job
	working bool

	// The applier and the snapshotter.
	applier  *driver.Applier[waiter]
	applying bool
	applied  protocol.Zxid
	clock    int64
	entries  []protocol.Entry

	// The notifier.
	notices   []notice
	notifying bool

	// What the others know.
	status  protocol.Status
	serving driver.Serving
	told    host.Status

	// Connections.
	identity driver.Identity
	members  *driver.Members
	dials    driver.DialPlan
	dialing  sched.Handle
	peers    map[netsim.Conn]*peerConn   // all of them
	conns    map[driver.ConnID]*peerConn // those that the loop has and that are no link's
	lastConn driver.ConnID
	links    map[protocol.LinkID]*peerLink

	// The server.
	state      *tree.State
	host       *host.Host
	hosted     map[host.LinkID]*clientConn
	hostedBy   map[netsim.Conn]*clientConn
	lastHosted host.LinkID
	proposed   int // by the host, and not answered yet
	copies     copies

	starved starved
	behind  bool              // the applier waits for the log to be replaced
	asked   uint64            // proposals that were made
	numbers map[uint64]uint64 // of those that were accepted: what the driver calls them
}

// waiter is who waits for a proposal: the host, by a token, or whoever proposed a
// change of membership.
type waiter struct {
	token  host.Token
	change *change
	n      uint64 // of the process's proposals
}

// inbox is what the loop has not seen yet.
type inbox struct {
	control, bulk []inFrame
	arrivals      []driver.Half
	broken        []brokenLink
	durable       uint64
	calls         []func()
	proposals     []driver.Proposal[waiter]
	rounds        []uint64
	ticks         int
}

type inFrame struct {
	link  protocol.LinkID
	frame []byte
}

type brokenLink struct {
	link protocol.LinkID
	err  error
}

// errInjected is the error of every operation that the simulator has fail.
var errInjected = errors.New("sim: injected")

// start recovers a member from its disk. It returns nil if the process died on the
// way or refused to run.
func (m *member) start() {
	p := &process{
		m: m, owner: m.w.sched.NewOwner(),
		reads: map[uint64][]uint64{}, conns: map[driver.ConnID]*peerConn{}, links: map[protocol.LinkID]*peerLink{},
		numbers: map[uint64]uint64{}, peers: map[netsim.Conn]*peerConn{}, hosted: map[host.LinkID]*clientConn{}, hostedBy: map[netsim.Conn]*clientConn{},
	}
	m.proc = p
	p.guard(func() {
		if err := p.recover(); err != nil {
			m.refused(err)
			if p.store != nil {
				_ = p.store.Close()
			}
			p.end()
		}
	})
}

// guard runs a step of the process. A crash in the middle of it, which the disk
// raises, ends the process.
func (p *process) guard(step func()) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case crashSignal:
			p.m.crashed()
		case violation:
			panic(r)
		default:
			p.m.w.fail(noPanic, "member %d: panic: %v\n%s", p.m.id, r, stack())
		}
	}()
	step()
}

// after has a step of the process done after a while, unless it has ended.
func (p *process) after(delay int64, step func()) sched.Handle {
	return p.m.w.sched.After(delay, p.owner, sched.Work, func() { p.guard(step) })
}

// idly is after for what happens anyway.
func (p *process) idly(delay int64, step func()) sched.Handle {
	return p.m.w.sched.After(delay, p.owner, sched.Idle, func() { p.guard(step) })
}

// recover is what happens before a replica speaks.
func (p *process) recover() error {
	m, w := p.m, p.m.w
	cfg := w.opts.core(m.id)
	store, err := dirstore.Open(m.fs, dataDir, dirstore.Options{
		SegmentBytes: w.opts.SegmentBytes, SnapshotChunkBytes: w.opts.SnapshotChunk,
		Replica: m.id, Ensemble: w.ensemble, NewID: m.unique,
	}, func(f func()) { f() })
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	p.store = &auditedStore{Store: store, p: p}
	p.state = tree.New(w.opts.Settings)
	p.host, err = host.New(w.opts.host(m.id), p.state.View())
	if err != nil {
		return err
	}
	w.observe.empty(m, p.state.View())
	rec, err := driver.Recover(driver.RecoveryConfig{
		Self: m.id, Ensemble: w.ensemble, Storage: p.store, StateMachine: (*machineState)(p),
		ChunkBytes: cfg.ChunkBytes, NewIncarnation: m.unique, Log: m, Stop: func() error { return nil },
	})
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if rec.Damage != nil {
		if err := m.damageFound(rec.Damage); err != nil {
			return err
		}
	}
	m.damaged = false // it was found, or does no harm
	p.machine, err = driver.NewMachine[waiter](driver.MachineConfig{Core: cfg, FirstRequest: m.unique() >> 1}, rec.Core)
	if err != nil {
		return fmt.Errorf("new: %w", err)
	}
	p.applied, p.clock = rec.Latest.Zxid(), rec.Latest.Clock
	p.applier = driver.NewApplier[waiter](driver.ApplierConfig{Self: m.id, Latest: rec.Latest,
		SnapshotEntries: w.opts.SnapshotEntries, SnapshotBytes: 1 << 30})
	p.worker = driver.NewWorker(p.store, cfg.ChunkBytes)
	p.identity = driver.Identity{Ensemble: w.ensemble, Self: m.id, Incarnation: rec.Hard.Incarnation}
	m.incarnation = rec.Hard.Incarnation
	p.serving.Applied(p.applied)
	p.dials = driver.DialPlan{Self: m.id, First: max(w.opts.Tick/8, 1e6), Longest: w.opts.Tick * int64(cfg.ElectionTicks)}
	disk, err := p.store.found(&rec.Hard, rec.Latest)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	w.observe.started(m, disk)
	w.net.Start(m.id, p)
	p.share(p.machine.Members())
	p.publish()
	p.finishHost()
	p.pace = driver.Pace{Tick: w.opts.Tick}
	p.tickIn(p.pace.Ticked(m.mono()))
	p.wake()
	return nil
}

// end is the end of a process: its goroutines, timers and connections are gone.
func (p *process) end() {
	m := p.m
	if m.proc != p {
		return
	}
	m.underWay = append(m.underWay, p.issued...)
	m.w.observe.down(m)
	m.proc = nil
	p.owner.Kill()
	m.w.net.Crash(m.id, false)
}

// fatal is a fault that stops the replica, as a value.
func (p *process) fatal(op string, err error) {
	m := p.m
	m.log("stops: %s: %v", op, err)
	m.stopped(op, err)
	p.stop()
}

// stop ends a process in good order.
func (p *process) stop() {
	p.worker.Close()
	if err := p.store.Close(); err != nil {
		p.m.log("closing: %v", err)
	} else {
		p.m.w.mark("clean stop")
	}
	p.end()
}
