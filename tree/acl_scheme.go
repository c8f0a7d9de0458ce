package tree

import (
	"strconv"
	"strings"
)

// The rules of ZooKeeper's authentication providers: which IDs their schemes have,
// and which of a session's identities an ID in an ACL stands for.

// matches says whether a, of an ACL, stands for the identity id of a session.
func (a ID) matches(id ID) bool {
	if a.Scheme != id.Scheme {
		return false
	}
	return a.ID == id.ID || a.Scheme == schemeIP && matchIP(id.ID, a.ID)
}

const (
	schemeIP   = "ip"
	schemeX509 = "x509"
)

// validDigest says whether an ACL may name a user so: in two parts when Java splits
// it at colons, which drops empty parts at the end.
func validDigest(id string) bool { return strings.Count(strings.TrimRight(id, ":"), ":") == 1 }

// address is an IPv4 or IPv6 address, of so many bytes.
type address struct {
	bytes [16]byte
	size  int
}

// parseIP reads an address in ZooKeeper's way: four decimal numbers, or eight groups
// of up to four hexadecimal digits of which one run of zeros may be left out. An IPv4
// address within an IPv6 one and a zone are not known.
func parseIP(s string) (a address, ok bool) {
	if strings.Contains(s, ":") {
		return parseIPv6(s)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return a, false
	}
	for i, part := range parts {
		v, err := strconv.Atoi(part)
		if err != nil || v < 0 || v > 255 {
			return a, false
		}
		a.bytes[i] = byte(v)
	}
	a.size = 4
	return a, true
}

func parseIPv6(s string) (a address, ok bool) {
	groups := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ":")
	}
	parts := strings.Split(s, "::")
	first := groups(parts[0])
	var last []string
	switch len(parts) {
	case 1:
		ok = len(first) == 8
	case 2:
		last = groups(parts[1])
		ok = len(first)+len(last) < 8
	}
	if !ok {
		return a, false
	}
	put := func(at int, groups []string) {
		for _, g := range groups {
			v, err := strconv.ParseInt(g, 16, 32)
			ok = ok && err == nil && len(g) <= 4
			a.bytes[at], a.bytes[at+1] = byte(v>>8), byte(v)
			at += 2
		}
	}
	put(0, first)
	put(16-2*len(last), last)
	a.size = 16
	return a, ok
}

// parseNetwork reads addr or addr/bits, with the bits behind the first so many
// cleared.
func parseNetwork(s string) (a address, bits int, ok bool) {
	s, length, has := strings.Cut(s, "/")
	if a, ok = parseIP(s); !ok {
		return a, 0, false
	}
	bits = 8 * a.size
	if has {
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > bits {
			return a, 0, false
		}
		bits = n
	}
	return a.network(bits), bits, true
}

// network returns the first bits of the address.
func (a address) network(bits int) address {
	for i := range a.bytes[:a.size] {
		if left := bits - 8*i; left < 8 {
			a.bytes[i] &^= 0xff >> max(left, 0)
		}
	}
	return a
}

func validNetwork(s string) bool {
	_, _, ok := parseNetwork(s)
	return ok
}

// matchIP says whether an address is within what an ACL names.
func matchIP(id, acl string) bool {
	network, bits, ok := parseNetwork(acl)
	if !ok {
		return false
	}
	a, ok := parseIP(id)
	return ok && a.size == network.size && a.network(bits) == network
}

// x509Keywords are the attributes that a subject's name may have by a keyword.
const x509Keywords = " CN C L S ST O OU T IP STREET DC DNQ DNQUALIFIER SURNAME GIVENNAME INITIALS GENERATION EMAIL EMAILADDRESS UID SERIALNUMBER "

// validX509 says whether s has the form of the name of a subject, as RFC 2253 and
// Java's X500Principal have it: attributes with a value, separated by commas,
// semicolons or plus signs that are not quoted.
func validX509(s string) bool {
	if strings.TrimSpace(s) == "" {
		return true
	}
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ';' || c == '+'):
			if !validAttribute(s[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return !quoted && validAttribute(s[start:])
}

func validAttribute(s string) bool {
	key, _, ok := strings.Cut(s, "=")
	key = strings.ToUpper(strings.TrimSpace(key))
	if !ok || key == "" {
		return false
	}
	if oid := strings.TrimPrefix(key, "OID."); oid != "" && strings.Trim(oid, "0123456789.") == "" {
		return strings.Contains(oid, ".")
	}
	return !strings.Contains(key, " ") && strings.Contains(x509Keywords, " "+key+" ")
}
