package server

import (
	"bytes"
	"fmt"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// tellConfig has a leader write the ensemble's membership into /zookeeper/config,
// for those who read or watch it, unless it is there. One line for each member, in
// the manner of ZooKeeper's, and the version of the configuration.
func (s *Server) tellConfig(st *zab.Status) {
	if c := st.Config.Current; len(c) == 1 && c[0].Addr == "" {
		return // as a standalone ZooKeeper has nothing there
	}
	text := configText(&st.Config)
	if data, _, err := s.View().Get("/zookeeper/config"); err == nil && bytes.Equal(data, text) {
		return
	}
	s.mu.Lock()
	r := s.replica
	s.mu.Unlock()
	if r != nil {
		r.SubmitFunc(tree.SetConfig{Data: text}.AppendTo(nil), nil)
	}
}

func configText(c *zab.Configuration) []byte {
	var b bytes.Buffer
	for _, m := range c.Current {
		role := "participant"
		if m.Role == zab.Observer {
			role = "observer"
		}
		fmt.Fprintf(&b, "server.%d=%s:%s\n", m.ID, m.Addr, role)
	}
	fmt.Fprintf(&b, "version=%x", c.Version)
	return b.Bytes()
}
