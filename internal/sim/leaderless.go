package sim

import (
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// askLeaderless has the leader's process die while all is at rest, and each client ask
// for one thing as soon as its member knows no leader. Nothing else comes from that
// session: what it asked for must not need a push.
func (w *World) askLeaderless() {
	l := w.leader()
	if l == nil {
		return
	}
	election := int64(w.opts.ElectionTicks) * w.opts.Tick
	l.fates = nil
	l.crash()
	w.sched.After(w.faults.rnd.Range(election/4, election), nil, sched.Work, func() { w.boot(l) })
	asked := make([]bool, len(w.clients))
	w.until(4*election, func() bool {
		all := true
		for i, c := range w.clients {
			if asked[i] || c.gone() {
				continue
			}
			if asked[i] = c.leaderless(); asked[i] {
				w.mark("asked while nobody led")
				c.work.askOne()
			}
			all = all && asked[i]
		}
		return all
	})
}

// leaderless says whether the member that the client speaks to knows no leader.
func (c *client) leaderless() bool {
	m := c.member()
	return m != nil && m.proc.told.Leader == 0
}

// askOne asks for something that takes a leader.
func (k *workload) askOne() {
	var q protocol.Call
	switch r := k.c.rnd; r.IntN(4) {
	case 0:
		q.Op = tree.Set{Path: "/", Data: k.data()}
	case 1:
		q.Read = protocol.Read{Kind: protocol.ReadData, Path: "/", Linearizable: true}
	default:
		user := sched.Pick(r, users)
		q.Auth = &protocol.AddAuth{Scheme: "digest", Credential: []byte(user + ":" + password)}
	}
	k.submit(&call{Call: q})
}
