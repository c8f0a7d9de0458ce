package sim

import (
	"github.com/zabtree/zabtree/internal/sim/check"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

const lockRoot = "/lock"

// lock is the field's lock: an ephemeral sequential znode, held by the lowest. Whose
// session knows that it is lost lets go at once; at no moment may two believe that
// they hold it.
type lock struct {
	busy  bool // something is under way
	path  string
	holds bool
	k     *workload
}

// step does the next thing about the lock.
func (l *lock) step(k *workload) {
	l.k = k
	switch {
	case l.busy || !k.c.leased:
	case l.path == "":
		l.enter()
	case l.holds && k.c.rnd.Chance(1, 2):
		l.leave()
	case !l.holds:
		l.look()
	}
}

func (l *lock) enter() {
	l.busy = true
	l.k.submit(&call{Call: protocol.Call{Op: tree.Create{Path: lockRoot + "/n-", Mode: tree.EphemeralSequential}}, then: func(q *call) {
		l.busy = false
		if q.Answer == nil || q.Answer.Record == nil {
			return
		}
		switch rs, err := tree.DecodeRecord(q.Answer.Record); {
		case err != nil:
			l.k.c.w.fail(check.ExactlyOnce, "client %d: record: %v", l.k.c.name, err)
		case rs[0].Err == nil:
			l.path = rs[0].Path
		default:
			l.k.submit(&call{Call: protocol.Call{Op: tree.Create{Path: lockRoot}}})
		}
	}})
}

func (l *lock) look() {
	l.busy = true
	read := protocol.Read{Kind: protocol.ReadChildren, Path: lockRoot}
	l.k.submit(&call{Call: protocol.Call{Read: read}, then: func(q *call) {
		l.busy = false
		if q.Answer == nil || q.Answer.Code != tree.CodeOK || l.path == "" || !l.k.c.leased || l.k.stopped {
			return
		}
		names := q.Answer.Read.Names
		if len(names) > 0 && slices.Min(names) == strings.TrimPrefix(l.path, lockRoot+"/") {
			l.take()
		}
	}})
}

// take is the moment from which the client believes that it holds the lock.
func (l *lock) take() {
	c := l.k.c
	for _, o := range c.w.clients {
		if o != c && o.work != nil && o.work.lock.holds && o.leasedNow() {
			if c.w.opts.Beyond[wideClocks] {
				c.w.mark("beyond the model: two believe that they hold a lock")
				continue
			}
			c.w.fail(check.Expiry, "client %d holds the lock by %s, and client %d takes it by %s", o.name, o.work.lock.path, c.name, l.path)
		}
	}
	c.w.mark("lock taken")
	c.w.trace.Remark(c.w.sched.Now(), "client %d takes the lock by %s, session %d", c.name, l.path, c.m.Session())
	l.holds = true
}

func (l *lock) leave() {
	l.busy, l.holds = true, false
	l.k.c.w.trace.Remark(l.k.c.w.sched.Now(), "client %d leaves the lock by %s", l.k.c.name, l.path)
	path := l.path
	l.k.submit(&call{Call: protocol.Call{Op: tree.Delete{Path: path}}, then: func(q *call) {
		l.busy = false
		if q.Answer != nil {
			l.path = ""
		}
	}})
}

func (l *lock) lost() {
	if l.holds {
		l.k.c.w.mark("lock lost with the lease")
	}
	l.holds = false
}
