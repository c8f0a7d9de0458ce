package spec_test

import (
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// what an event tells.
type what uint8

const (
	started what = iota
	down
	durable
	chunkDurable
	sent
	delivered
	linkUp
	linkDown
	applied
	installed
	readAsked
	readAnswered
	readFailed
	whats
)

func (w what) String() string {
	return [...]string{"started", "down", "durable", "chunk durable", "sent", "delivered", "link up", "link down", "applied",
		"installed", "read asked", "read answered", "read failed"}[w]
}

// event is what the checkers are told, as a value: to be recorded, or falsified.
type event struct {
	what         what
	member, peer uint64
	link         protocol.LinkID
	n            uint64 // of a chunk or a read
	zxid         protocol.Zxid
	meta         protocol.SnapshotMeta
	frame        []byte
	batch        *protocol.Batch
	base         *protocol.Base
	disk         *audit.Disk
	entry        protocol.Entry
}

// checkers are a Spec and an Auditor for each member.
type checkers struct {
	spec   *spec.Spec
	audits map[uint64]*audit.Auditor
}

func newCheckers(founding protocol.Membership) *checkers {
	c := &checkers{spec: spec.New(founding), audits: map[uint64]*audit.Auditor{}}
	for _, m := range founding {
		c.audits[m.ID] = audit.New(m.ID)
	}
	return c
}

func (c *checkers) tell(e *event) error {
	if err := c.tellAudit(e); err != nil {
		return err
	}
	return c.tellSpec(e)
}

func (c *checkers) tellAudit(e *event) error {
	a := c.audits[e.member]
	switch e.what {
	case started:
		return a.Restarted(e.disk)
	case down:
		a.Down()
	case durable:
		return a.Durable(e.batch)
	case chunkDurable:
		return a.ChunkDurable(e.meta, e.n)
	case sent:
		return a.Sent(e.peer, e.frame)
	case delivered:
		return a.Delivered(e.frame)
	}
	return nil
}

func (c *checkers) tellSpec(e *event) error {
	s := c.spec
	switch e.what {
	case started:
		return s.Started(e.member, e.disk)
	case down:
		return s.Down(e.member)
	case durable:
		return s.Durable(e.member, e.batch)
	case sent:
		return s.Sent(e.member, e.peer, e.link, e.frame)
	case delivered:
		return s.Delivered(e.peer, e.member, e.link, e.frame)
	case linkUp:
		return s.LinkUp(e.link, e.member, e.peer)
	case linkDown:
		return s.LinkDown(e.link)
	case applied:
		return s.Applied(e.member, &e.entry)
	case installed:
		return s.Installed(e.member, e.base)
	case readAsked:
		return s.ReadAsked(e.member, e.n)
	case readAnswered:
		return s.ReadAnswered(e.member, e.n, e.zxid)
	case readFailed:
		return s.ReadFailed(e.member, e.n)
	}
	return nil
}
