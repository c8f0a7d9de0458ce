package check

import (
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// readAnswered looks at the answer of a read: when it was read, and what.
func (c *Checker) readAnswered(cl *client, k *call, a *protocol.Answer) error {
	if err := c.readPlace(cl, k, a.Zxid); err != nil {
		return err
	}
	if k.read.Watch != 0 {
		if err := c.watchAnswered(cl, k, a); err != nil {
			return err
		}
	}
	if err := c.shown(cl, a.Zxid, "read answered"); err != nil {
		return err
	}
	if k.read.Linearizable {
		c.stats.Linearizable++
	}
	switch {
	case k.read.Kind == protocol.ReadNothing:
		c.stats.Syncs++
	case a.Zxid < c.model.Low():
		c.stats.Unchecked++
		return nil
	}
	c.stats.Reads++
	return c.readValue(cl, k, a)
}

// readPlace looks at the place of a read in the order of everything.
func (c *Checker) readPlace(cl *client, k *call, zxid int64) error {
	if k.read.Linearizable && zxid < k.floor {
		return c.fail(Linearizability, "client %d: linearizable read %d is answered at zxid %d, and zxid %d was applied before it was submitted",
			cl.id, k.id, zxid, k.floor)
	}
	// The session's own writes before it, the last of which stands for all.
	wrote := cl.dropped
	for i := k.before - cl.base - 1; i >= 0; i-- {
		w := cl.writes[i]
		if w.withdrawn {
			continue
		}
		if w.zxid == 0 {
			return c.fail(SessionOrder, "client %d: read %d is answered at zxid %d before write %d, which was submitted before it, is applied",
				cl.id, k.id, zxid, w.id)
		}
		wrote = w.zxid
		break
	}
	if wrote > zxid {
		return c.fail(SessionOrder, "client %d: read %d is answered at zxid %d, a write that was submitted before it was applied at %d",
			cl.id, k.id, zxid, wrote)
	}
	// And those after it, of which the first does.
	for i := max(0, k.before-cl.base); i < len(cl.writes); i++ {
		w := cl.writes[i]
		if w.withdrawn {
			continue
		}
		if w.zxid != 0 && w.zxid <= zxid {
			return c.fail(SessionOrder, "client %d: read %d is answered at zxid %d, write %d that was submitted after it was applied at %d",
				cl.id, k.id, zxid, w.id, w.zxid)
		}
		break
	}
	return nil
}

// readValue compares what was read with the model's state at that zxid.
func (c *Checker) readValue(cl *client, k *call, a *protocol.Answer) error {
	r := &k.read
	n, code := c.readable(cl, r, a.Zxid)
	if a.Code != code {
		return c.fail(Linearizability, "client %d: read %d of %s at zxid %d: code %d, should be %d", cl.id, k.id, r.Path, a.Zxid, a.Code, code)
	}
	if code != tree.CodeOK {
		if a.Read != nil {
			return c.fail(Linearizability, "client %d: read %d of %s at zxid %d failed and found something", cl.id, k.id, r.Path, a.Zxid)
		}
		return nil
	}
	if a.Read == nil {
		return c.fail(Linearizability, "client %d: read %d of %s at zxid %d found nothing at all", cl.id, k.id, r.Path, a.Zxid)
	}
	if !c.found(cl, r, n, a) {
		return c.fail(Linearizability, "client %d: read %d of %s at zxid %d found %+v, should be %s",
			cl.id, k.id, r.Path, a.Zxid, *a.Read, model.Show(n))
	}
	return nil
}

// readable returns what a read is of, and with which code it must be answered.
func (c *Checker) readable(cl *client, r *protocol.Read, zxid int64) (*model.Node, tree.Code) {
	if !ofZnode(r.Kind) {
		return nil, tree.CodeOK
	}
	n := c.model.At(r.Path, zxid)
	if n == nil {
		if r.Kind == protocol.ReadExists {
			if strings.Contains(r.Path, "\x00") {
				return nil, tree.CodeBadPath
			}
			return nil, tree.CodeOK
		}
		return nil, tree.CodeNoNode
	}
	need := tree.PermRead
	switch r.Kind {
	case protocol.ReadExists:
		return n, tree.CodeOK
	case protocol.ReadACL:
		need |= tree.PermAdmin
	}
	if !model.Permits(n.ACL, nil, need) && !model.Permits(n.ACL, c.model.IdentitiesAt(cl.session, zxid), need) {
		return nil, tree.CodeNoAuth
	}
	return n, tree.CodeOK
}

// found says whether a reading is that of a znode.
func (c *Checker) found(cl *client, r *protocol.Read, n *model.Node, a *protocol.Answer) bool {
	got := a.Read
	if !ofZnode(r.Kind) {
		return c.foundBesides(cl, r, a)
	}
	if n == nil {
		return !got.Exists && got.Stat == tree.Stat{} && got.Data == nil && len(got.Names) == 0 && got.ACL == nil
	}
	if !got.Exists || got.Stat != n.Stat {
		return false
	}
	switch r.Kind {
	case protocol.ReadData:
		return model.SameBytes(got.Data, n.Data)
	case protocol.ReadDescendants:
		return got.Count == c.below(r.Path, a.Zxid)
	case protocol.ReadChildren:
		if r.After != "" || r.Limit > 0 {
			return c.isPage(r, got, a.Zxid)
		}
		return c.areChildren(r.Path, got.Names, a.Zxid, int(n.Stat.NumChildren))
	case protocol.ReadACL:
		return slices.Equal(got.ACL, c.shownACL(cl, n, a.Zxid))
	}
	return true
}

// areChildren says whether names are those of all n children: they are if they
// ascend, each of them exists, and there are as many.
func (c *Checker) areChildren(parent string, names []string, zxid int64, n int) bool {
	if len(names) != n {
		return false
	}
	if parent == "/" {
		parent = ""
	}
	for i, name := range names {
		if i > 0 && names[i-1] >= name || strings.Contains(name, "/") || c.model.At(parent+"/"+name, zxid) == nil {
			return false
		}
	}
	return true
}

// shownACL is a znode's ACL as a reader sees it: whoever may not change it does
// not see the hashes of passwords.
func (c *Checker) shownACL(cl *client, n *model.Node, zxid int64) []tree.ACL {
	if n.ACL == nil {
		return []tree.ACL{tree.World(tree.PermAll)}
	}
	if model.Permits(n.ACL, c.model.IdentitiesAt(cl.session, zxid), tree.PermAdmin) {
		return n.ACL
	}
	masked := slices.Clone(n.ACL)
	for i, a := range masked {
		if user, _, ok := strings.Cut(a.ID.ID, ":"); ok && a.ID.Scheme == "digest" {
			masked[i].ID.ID = user + ":x"
		}
	}
	return masked
}
