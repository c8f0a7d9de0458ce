package check

import (
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// A fed is one thing that a Checker is told. A history is a list of them, which a
// test may doctor before it is told once more.
type fed interface{ tell(c *Checker) error }

type (
	fedApplied  Applied
	fedRestored struct {
		member uint64
		zxid   int64
		digest uint64
	}
	fedRestarted struct{ member uint64 }
	fedView      struct {
		member uint64
		view   *tree.View
	}
	fedFinal     fedView
	fedSubmitted struct {
		client int
		call   uint64
		what   protocol.Call
	}
	fedResolved fedSubmitted
	fedEvent    struct {
		client int
		watch  uint64
		event  watch.Event
		floor  int64
	}
	fedUnwatched struct {
		client int
		watch  uint64
	}
	fedAttached struct {
		client             int
		session, zxid, now int64
	}
	fedLastSeen struct {
		client int
		zxid   int64
	}
	fedLease struct {
		client     int
		until, now int64
	}
	fedLeaseLost struct{ client int }
	fedSilent    struct {
		client int
		now    int64
	}
	fedEnded struct {
		client int
		fault  protocol.Fault
	}
	fedOverdue struct{ since, now int64 }
	fedFinish  struct{}
)

func (f *fedApplied) tell(c *Checker) error   { return c.Applied((*Applied)(f)) }
func (f *fedRestored) tell(c *Checker) error  { return c.Restored(f.member, f.zxid, f.digest) }
func (f *fedRestarted) tell(c *Checker) error { return c.Restarted(f.member) }
func (f *fedView) tell(c *Checker) error      { return c.View(f.member, f.view) }
func (f *fedFinal) tell(c *Checker) error     { return c.Final(f.member, f.view) }
func (f *fedSubmitted) tell(c *Checker) error { return c.Submitted(f.client, f.call, &f.what) }
func (f *fedResolved) tell(c *Checker) error  { return c.Resolved(f.client, f.call, &f.what) }
func (f *fedEvent) tell(c *Checker) error     { return c.Event(f.client, f.watch, &f.event, f.floor) }
func (f *fedUnwatched) tell(c *Checker) error { return c.Unwatched(f.client, f.watch) }
func (f *fedAttached) tell(c *Checker) error {
	return c.Attached(f.client, f.session, f.zxid, f.now)
}
func (f *fedLastSeen) tell(c *Checker) error  { return c.LastSeen(f.client, f.zxid) }
func (f *fedLease) tell(c *Checker) error     { return c.Lease(f.client, f.until, f.now) }
func (f *fedLeaseLost) tell(c *Checker) error { return c.LeaseLost(f.client) }
func (f *fedSilent) tell(c *Checker) error    { return c.Silent(f.client, f.now) }
func (f *fedEnded) tell(c *Checker) error     { return c.Ended(f.client, f.fault) }
func (f *fedOverdue) tell(c *Checker) error   { return c.Overdue(f.since, f.now) }
func (f *fedFinish) tell(c *Checker) error    { return c.Finish() }

// tellAll tells a Checker a history, and returns the first thing it says.
func tellAll(c *Checker, history []fed) error {
	for _, f := range history {
		if err := f.tell(c); err != nil {
			return err
		}
	}
	return nil
}
