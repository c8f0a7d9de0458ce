package server

import (
	"bytes"
	"net"
	"strconv"

	"github.com/zabtree/zabtree/internal/zoocfg"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// configPath is the znode that shows the membership.
const configPath = "/zookeeper/config"

// tellConfig has a leader write the ensemble's membership into /zookeeper/config,
// for those who read or watch it, unless it is there.
func (s *Server) tellConfig(st *zab.Status) {
	if c := st.Config.Current; len(c) == 1 && c[0].Addr == "" {
		return // as a standalone ZooKeeper has nothing there
	}
	text := configText(&st.Config)
	if data, _, err := s.View().Get(configPath); err == nil && bytes.Equal(data, text) {
		return
	}
	s.mu.Lock()
	r := s.replica
	// The same is under way, or something newer was: statuses may come late.
	under := bytes.Equal(s.telling, text) || st.Config.Version < s.toldVersion
	if r != nil && !under {
		s.telling, s.toldVersion = text, st.Config.Version
	}
	s.mu.Unlock()
	switch {
	case r == nil:
		s.untold.Store(true)
	case !under:
		r.SubmitFunc(tree.SetConfig{Data: text}.AppendTo(nil), func(_ zab.Result, err error) {
			s.mu.Lock()
			if bytes.Equal(s.telling, text) {
				s.telling = nil
			}
			s.mu.Unlock()
			if err != nil {
				s.untold.Store(true)
			}
		})
	}
}

// tellAgain tries again what came to nothing.
func (s *Server) tellAgain() {
	if !s.untold.Swap(false) {
		return
	}
	s.mu.Lock()
	r := s.replica
	s.mu.Unlock()
	if r == nil {
		s.untold.Store(true)
		return
	}
	if st, _ := r.Status(); st.Serving && st.Leading() {
		s.tellConfig(&st)
	}
}

// configText is the membership in force as Apache writes it, which ZooKeeper's clients
// parse: some go by it to find the members. The version is that of the configuration.
func configText(c *zab.Configuration) []byte {
	m := zoocfg.Members{Version: c.Version}
	for i := range c.Current {
		m.Servers = append(m.Servers, serverLine(&c.Current[i]))
	}
	return []byte(m.String())
}

// What a member is shown with whose address is no host and port, because its transport
// needs none; these are the ports that everybody knows.
const (
	anyHost         = "localhost"
	anyQuorumPort   = 2888
	anyElectionPort = 3888
)

// serverLine is what a member's record shows. Clients do not accept a line without a port
// for elections, or with the same port twice: who has none is shown with the port next to
// its other one.
func serverLine(m *zab.Member) zoocfg.Server {
	s := zoocfg.Server{ID: m.ID, Weight: m.Weight}
	if m.Role == zab.Observer {
		s.Role = zoocfg.Observer
	}
	a := zoocfg.ServerAddr{Host: anyHost, Quorum: anyQuorumPort, Election: anyElectionPort}
	if peer, ok := addrOf(m.Addr); ok {
		a.Host, a.Quorum, a.Election = peer.Host, peer.Port, peer.Port+1
		if a.Election == 0 {
			a.Election = peer.Port - 1
		}
	}
	if election, ok := addrOf(m.ElectionAddr); ok && election.Port != a.Quorum {
		a.Election = election.Port
	}
	s.Addrs = []zoocfg.ServerAddr{a}
	s.Client, _ = addrOf(m.ClientAddr)
	return s
}

// addrOf reads host:port; without a host it is every one of the member's.
func addrOf(s string) (zoocfg.Addr, bool) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return zoocfg.Addr{}, false
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return zoocfg.Addr{}, false
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if a := (zoocfg.Addr{Host: host, Port: uint16(port)}); a.Valid() {
		return a, true
	}
	return zoocfg.Addr{}, false
}
