package check

import (
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// ofZnode says whether a read is of the znode at its path.
func ofZnode(kind protocol.ReadKind) bool {
	switch kind {
	case protocol.ReadNothing, protocol.ReadEphemerals, protocol.ReadIdentities, protocol.ReadMany:
		return false
	}
	return true
}

// foundBesides says whether a reading that is of no znode is right.
func (c *Checker) foundBesides(cl *client, r *protocol.Read, a *protocol.Answer) bool {
	got := a.Read
	if got.Exists || got.Stat != (tree.Stat{}) || got.Data != nil || got.ACL != nil || got.More || got.Count != 0 {
		return false
	}
	switch r.Kind {
	case protocol.ReadEphemerals:
		var want []string
		c.model.EachAt(a.Zxid, func(path string, n *model.Node) {
			if n.Stat.EphemeralOwner == cl.session && strings.HasPrefix(path, r.Path) {
				want = append(want, path)
			}
		})
		slices.Sort(want)
		return slices.Equal(got.Names, want)
	case protocol.ReadIdentities:
		return slices.Equal(got.Identities, c.model.IdentitiesAt(cl.session, a.Zxid))
	case protocol.ReadMany:
		return len(got.Parts) == len(r.Parts) && c.partsFound(cl, r, a)
	}
	return len(got.Names) == 0 && got.Parts == nil
}

// partsFound says whether each part is what a read of its own at the same zxid finds.
func (c *Checker) partsFound(cl *client, r *protocol.Read, a *protocol.Answer) bool {
	for i, part := range r.Parts {
		single := &protocol.Read{Kind: part.Kind, Path: part.Path}
		n, code := c.readable(cl, single, a.Zxid)
		got := a.Read.Parts[i]
		if got.Code != code || (got.Read != nil) != (code == tree.CodeOK) {
			return false
		}
		if code == tree.CodeOK && !c.found(cl, single, n, &protocol.Answer{Zxid: a.Zxid, Read: got.Read}) {
			return false
		}
	}
	return true
}

// isPage says whether names are the page of a znode's children that was asked for.
func (c *Checker) isPage(r *protocol.Read, got *protocol.Reading, zxid int64) bool {
	var all []string
	c.model.EachAt(zxid, func(path string, _ *model.Node) {
		if name := path[strings.LastIndexByte(path, '/')+1:]; path != "/" && model.Parent(path) == r.Path && name > r.After {
			all = append(all, name)
		}
	})
	slices.Sort(all)
	more := r.Limit > 0 && len(all) > r.Limit
	if more {
		all = all[:r.Limit]
	}
	return got.More == more && slices.Equal(got.Names, all)
}

// below counts the znodes below a path.
func (c *Checker) below(root string, zxid int64) (n int64) {
	c.model.EachAt(zxid, func(path string, _ *model.Node) {
		if path != root && strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/") {
			n++
		}
	})
	return n
}
