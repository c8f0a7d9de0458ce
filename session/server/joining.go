package server

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zabtree/zabtree/internal/zoocfg"
	"github.com/zabtree/zabtree/zab"
)

// wanted is what a client's reconfig asks for.
type wanted struct {
	leaving []uint64
	servers []zoocfg.Server // that join, or that are there and get another record
	whole   bool            // the servers are all that there are to be
}

// errWanted is what a text is found wrong with.
var errWanted = errors.New("server: no change of membership")

// parseWanted reads a client's reconfig. Where Apache's 3.8.0 is particular so is this;
// besides, it takes only what zoocfg takes: no host that is none, no address twice.
func parseWanted(joining, leaving string, members *string) (*wanted, error) {
	if members != nil {
		list, err := zoocfg.ParseMembers(strings.ReplaceAll(*members, ",", "\n"))
		if err != nil {
			return nil, err
		}
		return &wanted{servers: list.Servers, whole: true}, nil
	}
	w := &wanted{}
	for _, text := range listed(leaving) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %.20q leaves, which is no ID", errNoNumber, text)
		}
		w.leaving = append(w.leaving, uint64(id))
	}
	var err error
	w.servers, err = parseJoining(listed(joining))
	return w, err
}

// errNoNumber: what should be the ID of a member is no number.
var errNoNumber = errors.New("server: no number")

// stumbles says whether Apache's 3.8.0 comes to grief over what is refused with err: over
// an ID that is no number, or a port that none is. It answers MARSHALLINGERROR then, and
// BADARGUMENTS otherwise. (Over a whole list it does so too for want of participants.)
func stumbles(err error) bool { return errors.Is(err, errNoNumber) || errors.Is(err, zoocfg.ErrRange) }

// listed cuts a list at its commas. What is empty does not count.
func listed(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// parseJoining reads specifications of the form server.N=host:port:port[:role];[host:]port.
// What is before the last dot does not matter, and N may stand alone.
func parseJoining(list []string) ([]zoocfg.Server, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids := map[int64]bool{}
	var lines []string
	for _, text := range list {
		name, spec, ok := strings.Cut(text, "=")
		spec, more, _ := strings.Cut(spec, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.TrimSpace(more) != "" || strings.ContainsAny(text, "\n\r\\") {
			return nil, fmt.Errorf("%w: %.60q is not server.N=SPECIFICATION", errWanted, text)
		}
		id, err := strconv.ParseInt(name[strings.LastIndexByte(name, '.')+1:], 10, 64)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %.60q joins, without an ID", errNoNumber, text)
		case id < 1:
			return nil, fmt.Errorf("%w: %d joins, and IDs are above 0", errWanted, id)
		}
		ids[id] = true
		lines = append(lines, fmt.Sprintf("server.%d=%s", id, strings.TrimSpace(spec)))
	}
	// Observers alone are no list of members, but they may join.
	other := int64(1)
	for ids[other] {
		other++
	}
	lines = append(lines, fmt.Sprintf("server.%d=participant.invalid:1:2", other))
	parsed, err := zoocfg.ParseMembers(strings.Join(lines, "\n"))
	if err != nil {
		return nil, err
	}
	servers := slices.DeleteFunc(parsed.Servers, func(s zoocfg.Server) bool { return s.ID == uint64(other) })
	for _, s := range servers {
		if s.Client.Port == 0 {
			return nil, fmt.Errorf("%w: server.%d has no address for clients", errWanted, s.ID)
		}
	}
	return servers, nil
}

// from returns what membership the change makes of one. New members have no incarnation.
func (w *wanted) from(m zab.Membership) (zab.Membership, error) {
	next := m.Clone()
	if w.whole {
		next = nil
	}
	for _, id := range w.leaving {
		next = slices.DeleteFunc(next, func(x zab.Member) bool { return x.ID == id })
	}
	for i := range w.servers {
		s := &w.servers[i]
		next = slices.DeleteFunc(next, func(x zab.Member) bool { return x.ID == s.ID })
		next = append(next, record(s, m.Find(s.ID)))
	}
	slices.SortFunc(next, func(a, b zab.Member) int { return cmp.Compare(a.ID, b.ID) })
	if err := next.Validate(); err != nil {
		return nil, err
	}
	return next, w.unshared(next)
}

// record is the record of a server. It is the one that there is if that is shown in the
// same way: who sends back what was in /zookeeper/config changes nothing by it.
func record(s *zoocfg.Server, old *zab.Member) zab.Member {
	m := zab.Member{ID: s.ID, Weight: s.Weight}
	m.Addr, m.ElectionAddr, m.ClientAddr = s.Reached()
	if s.Role == zoocfg.Observer {
		m.Role, m.Weight = zab.Observer, 0
	}
	if old == nil {
		return m
	}
	shown := serverLine(old)
	if shown.String() == s.String() && (m.Role == zab.Observer || max(shown.Weight, 1) == s.Weight) {
		return *old
	}
	m.Incarnation = old.Incarnation
	return m
}

// unshared refuses addresses that a server has in common with another member. A
// wildcard is another address on every host.
func (w *wanted) unshared(next zab.Membership) error {
	owners := map[string]uint64{}
	for i := range next {
		m := &next[i]
		for _, addr := range []string{m.Addr, m.ElectionAddr, m.ClientAddr} {
			a, ok := addrOf(addr)
			if !ok || a.Listen()[0] == ':' {
				continue
			}
			key := strings.ToLower(a.Listen())
			if other, taken := owners[key]; taken && other != m.ID && (w.names(m.ID) || w.names(other)) {
				return fmt.Errorf("%w: %s is an address of server.%d and of server.%d", errWanted, key, other, m.ID)
			}
			owners[key] = m.ID
		}
	}
	return nil
}

func (w *wanted) names(id uint64) bool {
	return slices.ContainsFunc(w.servers, func(s zoocfg.Server) bool { return s.ID == id })
}
