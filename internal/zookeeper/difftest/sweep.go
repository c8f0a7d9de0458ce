package difftest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// sweep ends a round's sessions and removes what they left behind. It returns what
// can still be seen of the round: how often the permanent znodes were changed.
func sweep(s *side) (string, error) {
	for i, sl := range s.slots {
		if sl.conn == nil && sl.id != 0 {
			out := make([]SlotOutcome, len(s.slots))
			if err := s.connect(sl, &Step{Slot: i, Connect: &Handshake{Resume: true, Timeout: 30000}}, &out[i]); err != nil {
				return "", err
			}
		}
		if sl.conn != nil {
			if err := s.burst(sl, []Op{request(zkwire.Request{Op: zkwire.CloseSession})}, nil, &SlotOutcome{}); err != nil {
				return "", err
			}
		}
	}
	s.startRound(1)
	w := &sweeper{side: s}
	for _, do := range []func() error{w.open, func() error { return w.remove("/") }, w.restore, w.close} {
		if err := do(); err != nil {
			return "", err
		}
	}
	return w.left.String(), nil
}

// sweeper has a session that may do everything.
type sweeper struct {
	side *side
	left strings.Builder
}

// created with the tree, and not to be removed.
var permanent = []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}

func (w *sweeper) call(r zkwire.Request) (*zkwire.Reply, error) {
	var out SlotOutcome
	if err := w.side.burst(w.side.slots[0], []Op{request(r)}, nil, &out); err != nil {
		return nil, err
	}
	if out.Closed {
		return nil, fmt.Errorf("connection closed by %v", &r)
	}
	if err := out.Replies[0].Err; err != 0 {
		return nil, fmt.Errorf("error %d for %v", err, &r)
	}
	return out.Replies[0], nil
}

func (w *sweeper) open() error {
	var out SlotOutcome
	if err := w.side.connect(w.side.slots[0], &Step{Connect: &Handshake{Timeout: 30000}}, &out); err != nil {
		return err
	}
	if w.side.slots[0].conn == nil {
		return fmt.Errorf("no session to clean up with")
	}
	_, err := w.call(zkwire.Request{Xid: zkwire.XidAuth, Op: zkwire.Auth, Scheme: new("digest"), Data: []byte(server.Super)})
	return err
}

func (w *sweeper) close() error {
	_, err := w.call(zkwire.Request{Op: zkwire.CloseSession})
	w.side.startRound(0)
	return err
}

// remove removes what is below a path, and the path if it is not permanent.
func (w *sweeper) remove(path string) error {
	r, err := w.call(zkwire.Request{Op: zkwire.GetChildren, Path: path})
	if err != nil {
		return err
	}
	// In an order of our own, so that what is last is the same at both servers.
	for _, name := range slices.Sorted(slices.Values(r.Names)) {
		if err := w.remove(join(path, name)); err != nil {
			return err
		}
	}
	if !slices.Contains(permanent, path) {
		_, err = w.call(zkwire.Request{Op: zkwire.Delete, Path: path, Version: -1})
	}
	return err
}

// restore gives the permanent znodes their first ACL and data.
func (w *sweeper) restore() error {
	for _, path := range permanent {
		acl := []zkwire.ACL{entry(zkwire.PermAll, "world", "anyone")}
		if path == "/zookeeper/config" {
			acl[0].Perms = zkwire.PermRead
		} else if _, err := w.call(zkwire.Request{Op: zkwire.SetData, Path: path, Data: []byte{}, Version: -1}); err != nil {
			return err
		}
		r, err := w.call(zkwire.Request{Op: zkwire.SetACL, Path: path, ACL: acl, Version: -1})
		if err != nil {
			return err
		}
		if path == "/zookeeper/config" {
			continue // known to differ
		}
		fmt.Fprintf(&w.left, "%s %d %d %d; ", path, r.Stat.Version, r.Stat.Cversion, r.Stat.Aversion)
	}
	return nil
}
