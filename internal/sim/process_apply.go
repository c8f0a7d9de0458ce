package sim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab/protocol"
)

// apply is the applier: one step after the other, for as long as there are some.
func (p *process) apply() {
	if p.applying {
		return
	}
	p.applying = true
	p.after(p.m.net.Exp(p.m.w.opts.ApplyLag)+p.starved.apply, func() {
		p.applying = false
		if p.applyStep() {
			p.apply()
		}
	})
}

// applyStep does one thing and returns false if there is nothing to do.
func (p *process) applyStep() bool {
	step, ok := p.applier.Next(p.entries)
	switch {
	case !ok:
		p.resolve(p.applier.Idle(p.applied.Counter, nil))
		p.capture()
		return false
	case step.Restore != nil:
		return p.restore(step.Restore)
	case step.Read != nil:
		return p.readLog(step.Read)
	}
	p.entries = step.Apply
	p.applyEntries(step.Apply)
	return p.alive()
}

// alive says whether the process is the member's current one.
func (p *process) alive() bool { return p.m.proc == p }

func (p *process) readLog(q *driver.LogRead) bool {
	p.m.w.mark("applied from the log on disk")
	raw, err := p.store.Read(q.After, q.MaxBytes)
	var es []protocol.Entry
	if err == nil {
		es, err = protocol.DecodeEntries(nil, raw)
	}
	es, err = p.applier.Read(q, es, err)
	if err != nil {
		p.fatal("log", fmt.Errorf("reading after %d: %w", q.After, err))
		return false
	}
	if len(es) > 0 {
		p.applyEntries(es)
	}
	return p.alive()
}

func (p *process) restore(b *protocol.Base) bool {
	err := driver.Restore(func() error { return nil }, p.store, (*machineState)(p), b.Snapshot)
	if errors.Is(err, fs.ErrNotExist) && p.applier.Superseded() {
		p.m.w.mark("snapshot superseded before it was restored")
		return true
	}
	if err != nil {
		p.fatal("restore", err)
		return false
	}
	p.m.w.mark("snapshot installed")
	p.reached(b.Zxid(), b.Clock)
	p.resolve(p.applier.Restored(b.Zxid(), nil))
	return p.alive()
}

func (p *process) reached(z protocol.Zxid, clock int64) {
	p.applied, p.clock = z, clock
	p.serving.Applied(z)
	p.tellHost()
}

// applyEntries gives entries to the tree, in stretches as the host wants them.
func (p *process) applyEntries(es []protocol.Entry) {
	results := make([]any, len(es))
	for n := 0; n < len(es); {
		k := p.beforeApply(es[n:])
		p.applySome(es[n:n+k], results[n:n+k])
		n += k
	}
	last := &es[len(es)-1]
	ended := p.applier.Applied(es, results, nil)
	p.reached(last.Zxid, last.Clock)
	p.resolve(ended)
	p.capture()
}

func (p *process) beforeApply(es []protocol.Entry) int {
	if !p.host.Blocking() {
		return len(es)
	}
	commands := make([][]byte, len(es))
	for i := range es {
		if e := &es[i]; e.Origin == p.m.id && e.Kind == protocol.KindCommand {
			commands[i] = e.Data
		}
	}
	n := p.host.BeforeApply(commands)
	p.finishHost()
	return n
}

func (p *process) applySome(es []protocol.Entry, results []any) {
	entries := make([]tree.Entry, len(es))
	for i := range es {
		e := &es[i]
		entries[i] = tree.Entry{Zxid: int64(e.Zxid.Counter), Wall: e.Wall, Clock: e.Clock}
		if e.Kind == protocol.KindCommand {
			entries[i].Data = host.Command(e.Zxid.Epoch, e.Data)
		}
	}
	outcomes, changes, err := p.state.Apply(entries)
	if err != nil {
		p.m.w.fail(noHalt, "member %d: apply after %v: %v", p.m.id, p.applied, err)
	}
	for i := range outcomes {
		results[i] = &outcomes[i]
	}
	view := p.state.View()
	p.m.w.observe.applied(p.m, es, entries, outcomes, changes, view)
	p.host.Applied(host.Applied{Outcomes: outcomes, Changes: changes, View: view, Epoch: es[len(es)-1].Zxid.Epoch})
	p.finishHost()
}

// resolve tells those who wait for proposals, as the applier does itself.
func (p *process) resolve(ended []driver.Resolution[waiter]) {
	for i := range ended {
		p.proposalEnded(&ended[i])
	}
}

// capture takes a snapshot if one is due; it is written a little later.
func (p *process) capture() {
	if !p.applier.SnapshotDue(p.applied) {
		return
	}
	z, clock, view := p.applied, p.clock, p.state.View()
	p.after(p.m.diskTime()+p.m.diskTime(), func() {
		meta, err := driver.WriteSnapshot(func() error { return nil }, p.store, z, captured{view})
		p.call(func() { p.snapshotDone(meta, clock, err) })
	})
}

func (p *process) snapshotDone(meta protocol.SnapshotMeta, clock int64, err error) {
	switch {
	case err != nil:
		p.m.w.mark("snapshot failed")
		p.applier.SnapshotFailed()
	case !p.applier.SnapshotWritten(meta):
		p.apply()
	default:
		p.m.w.mark("snapshot written")
		p.m.w.observe.snapshotBytes = max(p.m.w.observe.snapshotBytes, meta.Size)
		p.machine.Compact(meta, clock)
	}
}

// machineState is the tree as what a snapshot is restored into.
type machineState process

// Restore implements driver.Restorer.
func (s *machineState) Restore(meta protocol.SnapshotMeta, r io.Reader) error {
	state, err := tree.ReadSnapshot(r)
	if err != nil {
		return err
	}
	view := state.View()
	if view.Zxid() != int64(meta.Zxid.Counter) || view.Digest() != meta.Digest {
		return fmt.Errorf("snapshot of zxid %d with digest %x, not %d with %x", view.Zxid(), view.Digest(), meta.Zxid.Counter, meta.Digest)
	}
	p := (*process)(s)
	p.state = state
	p.m.w.observe.restored(p.m, view)
	p.host.Restored(view)
	return nil
}

// Digest implements driver.Restorer.
func (s *machineState) Digest() uint64 { return s.state.View().Digest() }

// captured is a view on its way to the disk.
type captured struct{ view *tree.View }

func (c captured) Digest() uint64 { return c.view.Digest() }

func (c captured) WriteTo(w io.Writer) (int64, error) {
	n := &counter{w: w}
	err := c.view.WriteSnapshot(n)
	return n.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
