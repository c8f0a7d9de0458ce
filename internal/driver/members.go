package driver

import (
	"slices"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Members is who may connect and is dialed; it is never changed.
type Members struct {
	Version uint64 // of the configuration
	All     bool   // this replica is no member itself yet, and cannot know
	Peers   []transport.Endpoint
}

// Has says whether a replica belongs to the ensemble, as far as this one knows.
func (m *Members) Has(id uint64) bool { return m.All || m.Lists(id) }

// Lists says whether a replica is named.
func (m *Members) Lists(id uint64) bool {
	return slices.ContainsFunc(m.Peers, func(e transport.Endpoint) bool { return e.ID == id })
}

func (m *Members) add(e transport.Endpoint) {
	if !slices.Contains(m.Peers, e) {
		m.Peers = append(m.Peers, e)
	}
}

// Members returns who the members are now. Of a member in both the current and the
// pending list the address in the later one counts.
func (m *Machine[W]) Members() *Members {
	self := m.cfg.Core.ID
	config := m.core.Status().Config
	lists := []protocol.Membership{config.Current, config.Pending}
	if !config.Founded() {
		lists = []protocol.Membership{m.cfg.Core.Founding}
	}
	all := &Members{Version: config.Version, All: m.core.Known(self) == nil}
	for _, list := range lists {
		for i := range list {
			if x := m.core.Known(list[i].ID); x != nil && x.ID != self {
				all.add(transport.Endpoint{ID: x.ID, Addr: x.Addr})
			}
		}
	}
	return all
}
