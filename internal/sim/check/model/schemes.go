package model

import (
	"net/netip"
	"strings"

	"github.com/zabtree/zabtree/tree"
)

// validID says whether an ACL may have such an ID of a scheme, as far as it is
// written in the usual way: what else ZooKeeper takes for an address is not used
// with the model.
func validID(id tree.ID) bool {
	switch id.Scheme {
	case "auth":
		return true
	case "world":
		return id.ID == "anyone"
	case "digest":
		user := strings.TrimRight(id.ID, ":")
		return len(strings.Split(user, ":")) == 2
	case "ip":
		_, ok := network(id.ID)
		return ok
	case "x509":
		return id.ID == "" || strings.HasPrefix(id.ID, "CN=")
	}
	return false
}

// validIdentity says whether a session can have an identity.
func validIdentity(id tree.ID) bool {
	if len(id.ID) > tree.MaxIDBytes {
		return false
	}
	switch id.Scheme {
	case "digest":
		return validID(id)
	case "ip":
		_, err := netip.ParseAddr(id.ID)
		return err == nil
	case "x509":
		return true
	}
	return id == tree.ID{Scheme: "super"}
}

func network(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// standsFor says whether what an ACL names is an identity of a session.
func standsFor(named, id tree.ID) bool {
	if named.Scheme != "ip" || id.Scheme != "ip" {
		return named == id
	}
	p, _ := network(named.ID)
	a, err := netip.ParseAddr(id.ID)
	return err == nil && p.Contains(a)
}

// proven says whether an identity is one that the scheme auth stands for.
func proven(id tree.ID, s tree.Settings) bool {
	return id.Scheme == "digest" || id.Scheme == "x509" && s.X509
}
