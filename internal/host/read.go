package host

import (
	"slices"
	"strings"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// addRead takes a read into the session's order, or makes it if it need not wait for
// anything.
func (h *Host) addRead(s *session, r *protocol.Read) bool {
	if len(r.Parts) > protocol.MaxParts {
		return false
	}
	if len(s.items) == 0 && !r.Linearizable {
		if !s.number(r.ID) {
			return false
		}
		h.say(s.link, h.evaluate(s, r))
		return true
	}
	it := &item{kind: itemRead, id: r.ID, read: r}
	if !s.add(it) {
		return false
	}
	if r.Linearizable {
		h.reads.join(it)
	}
	h.process(s)
	return true
}

// canRead says whether a read at the front of the order may be made from the
// state as it is.
func (h *Host) canRead(it *item) bool {
	return !it.read.Linearizable || it.pointed && it.point <= h.view.Zxid()
}

// evaluate makes a read from the state as it is.
func (h *Host) evaluate(s *session, r *protocol.Read) *protocol.Answer {
	both := &struct { // one allocation
		answer protocol.Answer
		found  protocol.Reading
	}{}
	a := &both.answer
	a.ID, a.Zxid, a.Read = r.ID, h.at, &both.found
	if a.Code = h.look(s, r, a.Read); a.Code != tree.CodeOK {
		a.Read = nil
		return a
	}
	if r.Watch != 0 {
		a.Read.Armed = h.arm(s, r)
		a.WatchRefused = !a.Read.Armed
	}
	return a
}

// look fills in what a read finds.
func (h *Host) look(s *session, r *protocol.Read, found *protocol.Reading) tree.Code {
	switch r.Kind {
	case protocol.ReadNothing:
	case protocol.ReadEphemerals:
		found.Names = slices.AppendSeq([]string{}, h.view.EphemeralsWith(s.id, r.Path))
	case protocol.ReadIdentities:
		found.Identities = slices.Clone(s.identities)
	case protocol.ReadMany:
		found.Parts = h.lookParts(s, r.Parts)
	default:
		return h.lookAt(s, r, found)
	}
	return tree.CodeOK
}

// lookParts makes each read once, however often it is asked for: what all of them find
// is no more than there is in the tree.
func (h *Host) lookParts(s *session, parts []protocol.Part) []protocol.PartReading {
	all := make([]protocol.PartReading, len(parts))
	first := make(map[protocol.Part]int, len(parts))
	for i := range parts {
		if j, ok := first[parts[i]]; ok {
			all[i] = all[j]
			continue
		}
		first[parts[i]] = i
		all[i] = h.lookPart(s, &parts[i])
	}
	return all
}

func (h *Host) lookPart(s *session, p *protocol.Part) protocol.PartReading {
	switch p.Kind {
	case protocol.ReadData, protocol.ReadExists, protocol.ReadChildren, protocol.ReadACL:
	default:
		return protocol.PartReading{Code: tree.CodeUnknownOp}
	}
	found := &protocol.Reading{}
	if code := h.lookAt(s, &protocol.Read{Kind: p.Kind, Path: p.Path}, found); code != tree.CodeOK {
		return protocol.PartReading{Code: code}
	}
	return protocol.PartReading{Read: found}
}

// lookAt fills in what a read of a znode finds.
func (h *Host) lookAt(s *session, r *protocol.Read, found *protocol.Reading) tree.Code {
	z := h.view.Lookup(r.Path)
	if z == nil {
		if strings.IndexByte(r.Path, 0) >= 0 && r.Kind == protocol.ReadExists {
			return tree.CodeBadPath
		}
		if r.Kind == protocol.ReadExists {
			return tree.CodeOK
		}
		return tree.CodeNoNode
	}
	need := tree.PermRead
	if r.Kind == protocol.ReadACL {
		need |= tree.PermAdmin
	}
	if r.Kind != protocol.ReadExists && !h.permits(s.id, z, need) {
		return tree.CodeNoAuth
	}
	found.Exists, found.Stat = true, z.Stat()
	switch r.Kind {
	case protocol.ReadData:
		found.Data = z.Data()
	case protocol.ReadExists:
	case protocol.ReadChildren:
		h.children(r, found)
	case protocol.ReadDescendants:
		found.Count = int64(h.view.Descendants(r.Path))
	case protocol.ReadACL:
		found.ACL = z.ACL()
		if found.ACL == nil {
			found.ACL = []tree.ACL{tree.World(tree.PermAll)}
		}
		if !h.permits(s.id, z, tree.PermAdmin) {
			found.ACL = tree.MaskACL(found.ACL)
		}
	default:
		return tree.CodeUnknownOp
	}
	return tree.CodeOK
}

// children fills in the names of a znode's children, or a page of them.
func (h *Host) children(r *protocol.Read, found *protocol.Reading) {
	n := int(found.Stat.NumChildren)
	if r.Limit > 0 {
		n = min(n, r.Limit)
	}
	found.Names = make([]string, 0, n)
	for name := range h.view.ChildrenAfter(r.Path, r.After) {
		if r.Limit > 0 && len(found.Names) == r.Limit {
			found.More = true
			return
		}
		found.Names = append(found.Names, name)
	}
}

func (h *Host) permits(session int64, z *tree.Znode, need tree.Perms) bool {
	if z.Permits(nil, need) {
		return true
	}
	s := h.sessions[session]
	return s != nil && z.Permits(s.identities, need)
}

// may is the filter of events: whoever may not read a znode is not told of it,
// at the time of the change (ZOOKEEPER-4799).
func (h *Host) may(owner int64, path string, z *tree.Znode) bool {
	if z != nil {
		return h.permits(owner, z, tree.PermRead)
	}
	if z = h.then(path); z == nil {
		return true // it is gone by now, and anybody could read it
	}
	return h.permits(owner, z, tree.PermRead)
}

func (h *Host) stat(path string) (tree.Stat, bool) { return h.view.Exists(path) }

// arm registers the watch of a read.
func (h *Host) arm(s *session, r *protocol.Read) bool {
	w := watch.Watch{Owner: s.id, ID: r.Watch, Path: r.Path, Kind: r.WatchKind}
	if !r.Resume {
		return h.table.Register(w) == nil
	}
	return h.resume(s, r.Since, []watch.Watch{w})
}

// rearm registers the watches that a session has brought along.
func (h *Host) rearm(s *session, j *join) bool {
	ws := make([]watch.Watch, len(j.watches))
	for i, w := range j.watches {
		ws[i] = watch.Watch{Owner: s.id, ID: w.ID, Path: w.Path, Kind: w.Kind}
	}
	return h.resume(s, j.attach.LastSeen, ws)
}

// resume registers watches as of a zxid, and sends what they have missed.
func (h *Host) resume(s *session, since int64, ws []watch.Watch) bool {
	var err error
	h.fired, err = h.table.Resume(h.fired[:0], h.history, watch.Resumption{
		Since: since, Watches: ws, May: h.may, Now: h.stat,
	})
	if err != nil {
		return false
	}
	h.deliver(h.fired)
	return true
}

// deliver sends events, which are of one entry, or all for one session.
func (h *Host) deliver(ds []watch.Delivery) {
	for i := range ds {
		d := &ds[i]
		s := h.sessions[d.Owner]
		if s == nil || s.link.closing {
			continue
		}
		l := s.link
		if m := l.events; m != nil && len(m.Events) < protocol.MaxEvents {
			m.Zxid = d.Event.Zxid
			m.Events = append(m.Events, protocol.Event{Watch: d.Watch, Event: d.Event})
			continue
		} else if m != nil {
			m.More = true
		}
		m := &protocol.Events{
			Zxid: d.Event.Zxid, Events: []protocol.Event{{Watch: d.Watch, Event: d.Event}},
		}
		h.say(l, m)
		l.events = m
	}
	for i := range ds {
		if s := h.sessions[ds[i].Owner]; s != nil {
			s.link.events = nil
		}
	}
}
