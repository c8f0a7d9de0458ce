package zoocfg

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Addr is where clients are served. The zero Addr is nowhere.
type Addr struct {
	Host string // a name, or an IP address as netip.Addr prints it
	Port uint16
}

// String returns the address as Apache writes it: host:port, IPv6 in brackets and in
// full.
func (a Addr) String() string {
	return bracketed(javaHost(a.Host)) + ":" + strconv.Itoa(int(a.Port))
}

// Listen returns the address as net.Listen takes it. A wildcard of either family is
// both families, as for a Java server.
func (a Addr) Listen() string {
	if a.wildcard() {
		return ":" + strconv.Itoa(int(a.Port))
	}
	return bracketed(a.Host) + ":" + strconv.Itoa(int(a.Port))
}

// Valid says whether the address can be written and read again: the host is a name or an
// IP address, and there is a port.
func (a Addr) Valid() bool {
	ip, err := netip.ParseAddr(a.Host)
	return a.Port != 0 && len(a.Host) <= maxHostBytes && (isName(a.Host) || err == nil && isName(ip.Zone()))
}

func (a Addr) wildcard() bool {
	ip, err := netip.ParseAddr(a.Host)
	return err == nil && ip.IsUnspecified()
}

// overlaps says whether two listeners would be in each other's way, as far as can be
// told without resolving names.
func (a Addr) overlaps(b Addr) bool {
	return a.Port == b.Port && a.Port != 0 && (a.wildcard() || b.wildcard() || strings.EqualFold(a.Host, b.Host))
}

// maxHostBytes is the longest name that a host can have.
const maxHostBytes = 255

// host checks a host without brackets and returns it in its one form. As in Java an
// empty one is the local host.
func (r *report) host(e entry, s string) string {
	if s == "" {
		return "localhost"
	}
	if ip, err := netip.ParseAddr(s); err == nil && len(s) <= maxHostBytes && isName(ip.Zone()) {
		return ip.Unmap().String()
	}
	if len(s) > maxHostBytes || !isName(s) {
		r.bad(e, ErrSyntax, "%.40q is neither a host name nor an IP address", s)
		return ""
	}
	return s
}

func isName(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_')
	}) < 0
}

// javaHost writes an IPv6 address as Java does: eight groups, none left out.
func javaHost(host string) string {
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() {
		return host
	}
	b := ip.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = fmt.Sprintf("%x", uint16(b[2*i])<<8|uint16(b[2*i+1]))
	}
	s := strings.Join(groups, ":")
	if ip.Zone() != "" {
		s += "%" + ip.Zone()
	}
	return s
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
