package zab

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Start starts a replica: it recovers what its storage holds, restores the state
// machine from the newest snapshot, and goes on by itself. ctx bounds that
// recovery only; no other replica is waited for (see Ready). The replica takes
// over Storage and Transport, and closes them also if Start fails. Nothing is
// written before cfg is validated and the storage is known to be this replica's.
func Start(ctx context.Context, cfg Config) (*Replica, error) {
	r, err := start(ctx, &cfg)
	if err != nil {
		if cfg.Transport != nil {
			err = errors.Join(err, cfg.Transport.Close())
		}
		if cfg.Storage != nil {
			err = errors.Join(err, cfg.Storage.Close())
		}
		return nil, err
	}
	return r, nil
}

func start(ctx context.Context, cfg *Config) (*Replica, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := cfg.withDefaults()
	var rec *driver.Recovery
	err := guarded(func() (err error) { rec, err = driver.Recover(d.recovery(ctx)); return err })
	if err != nil {
		return nil, err
	}
	machine, err := driver.NewMachine[waiter](driver.MachineConfig{Core: d.core(), FirstRequest: random63()}, rec.Core)
	if err != nil {
		return nil, fmt.Errorf("zab: %w", err)
	}
	r := newReplica(&d, rec)
	r.wg.Add(1) // stopping waits until everything is started
	defer r.wg.Done()
	l := &loop{r: r, machine: machine, conns: make(map[driver.ConnID]arrival), reads: make(map[uint64][]func(Zxid, error))}
	l.shareMembers(machine.Members())
	l.publish()
	r.progress.tell = r.tellStatus()
	r.run("invariant", l.run)
	r.run("invariant", (&logWriter{r: r}).run)
	r.run("apply", (&applier{r: r, sm: d.StateMachine, applied: rec.Latest.Zxid(), clock: rec.Latest.Clock}).run)
	r.run("invariant", r.writeSnapshots)
	r.run("invariant", (&diskWorker{r: r, work: driver.NewWorker(d.Storage, chunkBytes)}).run)
	r.run("callback", r.notify)
	if d.Transport != nil {
		r.run("invariant", r.dial)
		r.run("invariant", r.accept)
	}
	return r, nil
}

func newReplica(cfg *Config, rec *driver.Recovery) *Replica {
	r := &Replica{
		cfg: *cfg, log: cfg.Logger.With("replica", cfg.ID),
		identity: driver.Identity{Ensemble: rec.Hard.Ensemble, Self: cfg.ID, Incarnation: rec.Hard.Incarnation},
		started:  time.Now(),
		writes:   newQueue[protocol.Write](), disk: newQueue[diskJob](), dialing: newQueue[dialEvent](),
		captures: make(chan capture, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.box.bell, r.box.maxPending = make(chan struct{}, 1), int64(cfg.MaxPending)
	r.notices.bell = make(chan struct{}, 1)
	r.progress.changed = make(chan struct{})
	r.progress.view.now.Ensemble = rec.Hard.Ensemble
	r.progress.view.applied(rec.Latest.Zxid())
	r.state.bell = make(chan struct{}, 1)
	r.state.applier = driver.NewApplier[waiter](driver.ApplierConfig{Self: cfg.ID, Latest: rec.Latest,
		SnapshotEntries: cfg.SnapshotEntries, SnapshotBytes: cfg.SnapshotBytes})
	return r
}

// recovery is what a replica recovers from, until ctx is done.
func (c *Config) recovery(ctx context.Context) driver.RecoveryConfig {
	return driver.RecoveryConfig{
		Self: c.ID, Ensemble: c.EnsembleID(), Storage: c.Storage, StateMachine: c.StateMachine, ChunkBytes: chunkBytes,
		NewIncarnation: drawUint64, Log: c.Logger.With("replica", c.ID), Stop: stopWhen(ctx),
	}
}

// tellStatus returns what queues the changes of status for OnStatus.
func (r *Replica) tellStatus() func(Status) {
	if r.cfg.OnStatus == nil {
		return nil
	}
	return func(s Status) { r.notices.put(notice{status: &s}) }
}

// random63 draws a number that leaves room to count.
func random63() uint64 {
	return drawUint64() >> 1
}

func drawUint64() uint64 {
	var b [8]byte
	crand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
