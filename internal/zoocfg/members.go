package zoocfg

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Role says whether a member votes.
type Role uint8

const (
	// Participant is a member that votes. It is the zero Role.
	Participant Role = iota
	// Observer is a member that does not.
	Observer
)

func (r Role) String() string {
	if r == Observer {
		return "observer"
	}
	return "participant"
}

// maxID is the largest ID of a member, and maxIDExtended the largest if
// extendedTypesEnabled is set.
const (
	maxID         = 255
	maxIDExtended = 254
)

// Server is a member as server.N describes it.
type Server struct {
	ID uint64 // 1 to 255, but for ParseMembers, where it may be any

	// Addrs are where other members reach it, one at least. There are more only with
	// -Dzookeeper.multiAddress.enabled=true, or in a text given to ParseMembers. A
	// zab.Member has one address: the first is meant to be that.
	Addrs []ServerAddr

	Role Role

	// Weight is what a participant's vote counts, 1 to 1<<20: 1 unless there are
	// groups. An observer's is 0.
	Weight uint32

	// Client is where it serves clients, if the list of servers says so; else zero,
	// as for a member whose client port is in its static configuration.
	Client Addr
}

// Reached returns where the first address of s is, for other members and for elections,
// and where its clients are served, "" if that is not said: as net.Listen and net.Dial
// take them.
func (s *Server) Reached() (quorum, election, client string) {
	a := s.Addrs[0]
	if s.Client.Port != 0 {
		client = s.Client.Listen()
	}
	return Addr{Host: a.Host, Port: a.Quorum}.Listen(), Addr{Host: a.Host, Port: a.Election}.Listen(), client
}

// ServerAddr is one address of a member for the other members.
type ServerAddr struct {
	Host     string // a name or an IP address, the latter as netip.Addr prints it
	Quorum   uint16 // port for followers of a leader; never 0
	Election uint16 // port for leader election; never 0, nor equal to Quorum
}

// Members are the members of an ensemble, in a version of its configuration.
type Members struct {
	// Version is the zxid that Apache gives a configuration, at most 1<<63 - 1: 0 for
	// one that is in static files.
	Version uint64
	Servers []Server // by ID
}

// Find returns the server with an ID, or nil. It points into m.
func (m Members) Find(id uint64) *Server {
	i, ok := slices.BinarySearchFunc(m.Servers, id, func(s Server, id uint64) int { return cmp.Compare(s.ID, id) })
	if !ok {
		return nil
	}
	return &m.Servers[i]
}

// participants counts them.
func (m Members) participants() int {
	n := 0
	for _, s := range m.Servers {
		if s.Role == Participant {
			n++
		}
	}
	return n
}

// ParseMembers reads the text of a dynamic configuration: what is in
// /zookeeper/config, or a file of that kind, with or without its version.
// Errors are joined *Error values without a File.
func ParseMembers(config string) (Members, error) {
	var r report
	if len(config) > MaxFileBytes {
		r.bad(entry{}, ErrTooLarge, "%d bytes, at most %d", len(config), MaxFileBytes)
		return Members{}, r.errs[0]
	}
	entries := r.settle(r.parseProperties("", []byte(config)))
	for _, e := range entries {
		if !ofMembers(e.key) && e.key != "version" {
			r.bad(e, ErrSyntax, "unrecognised parameter")
		}
	}
	m := r.members(entries, rules{maxID: math.MaxInt64, multi: true})
	if len(r.errs) == 0 && m.participants() == 0 {
		r.bad(entry{}, ErrMissing, "no participants")
	}
	if len(r.errs) > 0 {
		return Members{}, errors.Join(r.errs...)
	}
	return m, nil
}

// ofMembers says whether a key is one of those that may be in a dynamic file.
func ofMembers(key string) bool {
	return strings.HasPrefix(key, "server.") || strings.HasPrefix(key, "group") || strings.HasPrefix(key, "weight")
}

// rules are what may differ in reading members.
type rules struct {
	maxID int64
	multi bool // several addresses of one server are allowed
}

// members reads those of the entries that are about members.
func (r *report) members(entries []entry, rules rules) Members {
	before := len(r.errs)
	var m Members
	var groups, weights []entry
	from := map[uint64]entry{}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.key, "server."):
			s, ok := r.server(e, rules)
			if before, twice := from[s.ID]; ok && twice {
				r.bad(e, ErrConflict, "is %s too", before.key)
			} else if ok {
				from[s.ID] = e
				m.Servers = append(m.Servers, s)
			}
		case strings.HasPrefix(e.key, "group"):
			groups = append(groups, e)
		case strings.HasPrefix(e.key, "weight"):
			weights = append(weights, e)
		case e.key == "version":
			v, err := strconv.ParseInt(e.value, 16, 64)
			if err != nil || v < 0 {
				r.bad(e, ErrSyntax, "no hexadecimal number of 63 bits")
			}
			m.Version = uint64(v)
		}
	}
	slices.SortFunc(m.Servers, func(a, b Server) int { return cmp.Compare(a.ID, b.ID) })
	r.unshared(m, from)
	if len(groups)+len(weights) > 0 && len(r.errs) == before {
		r.weigh(m, groups, weights)
	}
	return m
}

// server reads server.N=host:quorum:election[:role][|...][;[host:]client].
func (r *report) server(e entry, rules rules) (s Server, ok bool) {
	before := len(r.errs)
	id, err := strconv.ParseInt(e.key[len("server."):], 10, 64)
	switch {
	case err != nil:
		r.bad(e, ErrSyntax, "the ID is no number")
	case id < 1 || id > rules.maxID:
		r.bad(e, ErrRange, "the ID is not 1 to %d", rules.maxID)
	}
	s.ID = uint64(id)
	parts := split(e.value, ";")
	if len(parts) < 1 || len(parts) > 2 {
		r.bad(e, ErrSyntax, "not of the form host:port:port[:role][;[host:]port]")
		return s, false
	}
	if len(parts) == 2 {
		s.Client = r.clientAddr(e, parts[1])
	}
	addrs := split(parts[0], "|")
	if len(addrs) > 1 && !rules.multi {
		r.bad(e, ErrUnsupported, "several addresses, without the flag -D%s=true", propMultiAddress)
	}
	role := ""
	for _, part := range addrs {
		a, its := r.serverAddr(e, part)
		if its != "" && role != "" && its != role {
			r.bad(e, ErrConflict, "two roles")
		}
		role = cmp.Or(its, role)
		s.Addrs = append(s.Addrs, a)
	}
	if len(addrs) > 1 && rules.multi {
		r.find(e, NoEffect, "of several addresses, all but the first")
	}
	if s.Weight = 1; role == Observer.String() {
		s.Role, s.Weight = Observer, 0
	}
	if len(addrs) == 0 {
		r.bad(e, ErrMissing, "no address")
	}
	return s, len(r.errs) == before
}

// serverAddr reads host:quorum:election[:role], and the role in lower case.
func (r *report) serverAddr(e entry, s string) (a ServerAddr, role string) {
	parts, ok := hostAndPorts(s)
	if !ok || len(parts) < 3 || len(parts) > 4 {
		r.bad(e, ErrSyntax, "not of the form host:port:port[:role], with an IPv6 address in brackets")
		return a, ""
	}
	a.Host = r.host(e, parts[0])
	a.Quorum, a.Election = r.port(e, parts[1]), r.port(e, parts[2])
	if a.Quorum == a.Election && a.Quorum != 0 {
		r.bad(e, ErrConflict, "the quorum port and the election port are the same")
	}
	if len(parts) < 4 {
		return a, ""
	}
	if role = strings.ToLower(trim(parts[3])); role != Participant.String() && role != Observer.String() {
		r.bad(e, ErrSyntax, "the role is neither participant nor observer")
	}
	return a, role
}

// clientAddr reads [host:]port.
func (r *report) clientAddr(e entry, s string) Addr {
	parts, ok := hostAndPorts(s)
	if !ok || len(parts) < 1 || len(parts) > 2 {
		r.bad(e, ErrSyntax, "the client address is not of the form [host:]port")
		return Addr{}
	}
	host := "0.0.0.0"
	if len(parts) == 2 {
		host = r.host(e, parts[0])
	}
	return Addr{Host: host, Port: r.port(e, parts[len(parts)-1])}
}

func (r *report) port(e entry, s string) uint16 {
	n, err := strconv.ParseInt(s, 10, 32)
	switch {
	case err != nil:
		r.bad(e, ErrSyntax, "port %.20q is no number", s)
		return 0
	case n < 1 || n > 65535:
		r.bad(e, ErrRange, "port %d is not 1 to 65535", n)
		return 0
	}
	return uint16(n)
}

// hostAndPorts cuts at colons; a host in brackets may have some.
func hostAndPorts(s string) ([]string, bool) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if !bracketed {
		return split(s, ":"), true
	}
	host, rest, ok := strings.Cut(inner, "]")
	if !ok || len(rest) < 2 || rest[0] != ':' {
		return nil, false
	}
	return append([]string{host}, split(rest[1:], ":")...), true
}

// unshared refuses an address that is used twice. A wildcard is another address on
// every host.
func (r *report) unshared(m Members, from map[uint64]entry) {
	owners := map[Addr]uint64{}
	for _, s := range m.Servers {
		addrs := []Addr{s.Client}
		for _, a := range s.Addrs {
			addrs = append(addrs, Addr{a.Host, a.Quorum}, Addr{a.Host, a.Election})
		}
		for _, a := range addrs {
			if a.Port == 0 || a.wildcard() {
				continue
			}
			a.Host = strings.ToLower(a.Host)
			if owner, taken := owners[a]; taken {
				r.bad(from[s.ID], ErrConflict, "%s is an address of server.%d already", a, owner)
			}
			owners[a] = s.ID
		}
	}
}
