package zoocfg

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// String renders m as Apache does in /zookeeper/config: a line for each server, by
// ID; if not all weights are 1, one group of all participants, and their weights; and
// the version, whose line does not end.
func (m Members) String() string {
	var b strings.Builder
	var ids, weights []string
	weighted := false
	for _, s := range m.Servers {
		fmt.Fprintf(&b, "server.%d=%s\n", s.ID, s)
		if s.Role == Participant {
			weight := max(s.Weight, 1)
			weighted = weighted || weight > 1
			ids = append(ids, strconv.FormatUint(s.ID, 10))
			weights = append(weights, fmt.Sprintf("weight.%d=%d\n", s.ID, weight))
		}
	}
	if weighted {
		fmt.Fprintf(&b, "group.1=%s\n%s", strings.Join(ids, ":"), strings.Join(weights, ""))
	}
	fmt.Fprintf(&b, "version=%x", m.Version)
	return b.String()
}

// String renders s as the value of server.N: its addresses in the order of their
// hosts, each with its ports, then the role, and the client address if there is one.
func (s Server) String() string {
	addrs := slices.Clone(s.Addrs)
	slices.SortStableFunc(addrs, func(a, b ServerAddr) int { return cmp.Compare(javaHost(a.Host), javaHost(b.Host)) })
	var parts []string
	for _, a := range addrs {
		parts = append(parts, fmt.Sprintf("%s:%d:%d", bracketed(javaHost(a.Host)), a.Quorum, a.Election))
	}
	text := strings.Join(parts, "|") + ":" + s.Role.String()
	if s.Client.Port != 0 {
		text += ";" + s.Client.String()
	}
	return text
}
