package model

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/tree"
)

// Same says whether a znode is what the model says: nil for one that does not
// exist.
func Same(z *tree.Znode, n *Node) bool {
	if z == nil || n == nil {
		return z == nil && n == nil
	}
	return z.Stat() == n.Stat && SameBytes(z.Data(), n.Data) && slices.Equal(z.ACL(), n.ACL)
}

// SameBytes tells nil from empty.
func SameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// Compare compares all of a view of a zxid in [Low, Last] with the model: every
// znode, and, if it is the newest state, every session. It takes time in the size
// of the view.
func (m *Model) Compare(v *tree.View) error {
	if v.Zxid() < m.Low() || v.Zxid() > m.zxid {
		return fmt.Errorf("zxid %d is not in [%d, %d]", v.Zxid(), m.Low(), m.zxid)
	}
	n := 0
	for z := range v.WalkNodes("/") {
		n++
		want := m.At(z.Path(), v.Zxid())
		if !Same(z, want) {
			return fmt.Errorf("at zxid %d znode %s is %s, should be %s", v.Zxid(), z.Path(), Show(FromZnode(z)), Show(want))
		}
		if owner := z.Stat().EphemeralOwner; owner != 0 {
			if x, ok := v.Session(owner); !ok || x.ID != owner {
				return fmt.Errorf("at zxid %d ephemeral %s is left of session %d", v.Zxid(), z.Path(), owner)
			}
		}
	}
	if want := m.CountAt(v.Zxid()); n != want {
		return fmt.Errorf("at zxid %d there are %d znodes, should be %d", v.Zxid(), n, want)
	}
	if v.Zxid() < m.zxid {
		return nil
	}
	return m.compareSessions(v)
}

func (m *Model) compareSessions(v *tree.View) error {
	n := 0
	for info := range v.Sessions() {
		n++
		x := m.alive[info.ID]
		if x == nil {
			return fmt.Errorf("at zxid %d session %d is alive, should not be", v.Zxid(), info.ID)
		}
		ids := m.IdentitiesAt(x.ID, m.zxid)
		same := info.Timeout.Milliseconds() == x.Timeout && info.Password == x.Password &&
			info.Server == x.Server && info.Attachment == x.Attachment &&
			info.LastSequence == x.Last && info.AnsweredUpTo == x.Answered &&
			info.ResultBytes == x.bytes && slices.Equal(info.Identities, ids)
		if !same {
			return fmt.Errorf("at zxid %d session %d is %+v, should be %+v", v.Zxid(), info.ID, info, *x)
		}
		owned := 0
		for path := range v.Ephemerals(info.ID) {
			owned++
			if !x.ephemerals[path] {
				return fmt.Errorf("at zxid %d ephemeral %s is not session %d's", v.Zxid(), path, info.ID)
			}
		}
		if owned != len(x.ephemerals) {
			return fmt.Errorf("at zxid %d session %d has %d ephemerals, should have %d", v.Zxid(), info.ID, owned, len(x.ephemerals))
		}
	}
	if n != len(m.alive) {
		return fmt.Errorf("at zxid %d there are %d sessions, should be %d", v.Zxid(), n, len(m.alive))
	}
	if v.Settings() != m.settings {
		return fmt.Errorf("at zxid %d settings are %+v, should be %+v", v.Zxid(), v.Settings(), m.settings)
	}
	return nil
}

// FromZnode returns what package tree says of a znode as a Node, without what it
// does not tell.
func FromZnode(z *tree.Znode) *Node {
	if z == nil {
		return nil
	}
	return &Node{Data: z.Data(), Stat: z.Stat(), ACL: z.ACL()}
}

// Show is all there is to say of a znode.
func Show(n *Node) string {
	if n == nil {
		return "absent"
	}
	return fmt.Sprintf("%q (nil: %t) %+v %v", n.Data, n.Data == nil, n.Stat, n.ACL)
}
