package zab

import (
	"context"
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/driver"
)

// capture is a captured state on its way to storage.
type capture struct {
	zxid  Zxid
	clock int64
	state Snapshot
}

var errNothingApplied = errors.New("zab: nothing has been applied yet")

// capture takes a snapshot if one is due; the snapshotter writes it.
func (a *applier) capture() {
	s := &a.r.state
	s.mu.Lock()
	due := s.applier.SnapshotDue(a.applied)
	var waiting []func(SnapshotMeta, error)
	newest, settled := s.applier.NewestSnapshot()
	if !due && settled {
		waiting, s.waiting = s.waiting, nil
	}
	s.mu.Unlock()
	for _, done := range waiting {
		if newest.IsZero() {
			done(newest, errNothingApplied)
		} else {
			done(newest, nil)
		}
	}
	if !due {
		return
	}
	var state Snapshot
	err := guarded(func() (err error) { state, err = a.sm.Snapshot(); return err })
	if err != nil {
		a.r.snapshotFailed(fmt.Errorf("capture of %v: %w", a.applied, err))
		return
	}
	a.r.captures <- capture{a.applied, a.clock, state} // there is room: one at a time
}

// snapshotFailed reports a snapshot that will not be.
func (r *Replica) snapshotFailed(err error) {
	r.box.post(func(in *inbox) { in.snapshots = append(in.snapshots, snapshotDone{err: err}) })
}

// writeSnapshots is the goroutine that writes snapshots of this replica's own.
func (r *Replica) writeSnapshots() {
	for {
		select {
		case <-r.stop:
			return
		case c := <-r.captures:
			meta, err := r.writeSnapshot(c)
			if err != nil {
				r.snapshotFailed(fmt.Errorf("snapshot of %v: %w", c.zxid, err))
				continue
			}
			r.box.post(func(in *inbox) {
				in.snapshots = append(in.snapshots, snapshotDone{meta: meta, clock: c.clock})
			})
		}
	}
}

func (r *Replica) writeSnapshot(c capture) (meta SnapshotMeta, err error) {
	defer func() {
		err = errors.Join(err, guarded(func() error { c.state.Release(); return nil }))
	}()
	err = guarded(func() (err error) {
		meta, err = driver.WriteSnapshot(stopWhen(r.ctx), r.cfg.Storage, c.zxid, c.state)
		return err
	})
	return meta, err
}

// Snapshot takes a snapshot of what is applied now or a little later, and waits
// until it is durable and the log's record names it. If the newest one is of the
// very same state it is returned. The log is then cut after the snapshot before.
func (r *Replica) Snapshot(ctx context.Context) (SnapshotMeta, error) {
	type answer struct {
		meta SnapshotMeta
		err  error
	}
	got := make(chan answer, 1)
	s := &r.state
	s.mu.Lock()
	s.waiting = append(s.waiting, func(m SnapshotMeta, err error) { got <- answer{m, err} })
	s.applier.WantSnapshot()
	s.mu.Unlock()
	ring(s.bell)
	select {
	case a := <-got:
		return a.meta, a.err
	case <-ctx.Done():
		return SnapshotMeta{}, context.Cause(ctx)
	case <-r.stop:
		return SnapshotMeta{}, ErrClosed
	}
}
