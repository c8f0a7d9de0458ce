package tree

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
)

// Perms is a set of permissions, with ZooKeeper's bits.
type Perms uint8

// The permissions. They are not inherited: each znode has its own ACL.
const (
	PermRead   Perms = 1 << iota // get, list children, check
	PermWrite                    // set data
	PermCreate                   // create children
	PermDelete                   // delete children
	PermAdmin                    // set the ACL
	PermAll    Perms = 1<<iota - 1
)

// ID is an identity that a session has proved, or that an ACL speaks of.
type ID struct {
	Scheme string
	ID     string
}

// ACL gives an identity permissions. The schemes:
//
//   - world, with the ID anyone: every session
//   - auth, in operations only: every identity of the caller. What it names is
//     written down when the operation is applied, and the ID is ignored
//   - digest, with an ID from [DigestID]
//   - ip, with an IPv4 or IPv6 address, or addr/bits for a network
//   - x509, with the name of a certificate's subject, which is compared as it is
//     written; only if [Settings] say that there are such identities
//
// ZooKeeper's sasl is not known here. A session that has the identity super is
// permitted everything.
type ACL struct {
	Perms Perms
	ID    ID
}

// World returns the ACL entry that gives everyone perms.
func World(perms Perms) ACL { return ACL{Perms: perms, ID: ID{"world", "anyone"}} }

// Auth returns the ACL entry that gives the caller's own identities perms.
func Auth(perms Perms) ACL { return ACL{Perms: perms, ID: ID{"auth", ""}} }

// Super is the identity that is permitted everything.
var Super = ID{"super", ""}

// DigestID returns the identity of a user with a password as ZooKeeper's digest
// scheme has it: user:base64(sha1(user:password)). The password itself is never
// replicated. SHA-1 is what existing ACLs were made with; it is no protection
// for a weak password once an ACL can be read.
func DigestID(user, password string) ID { return DigestCredential(user + ":" + password) }

// DigestCredential is DigestID for user:password in one. What has no colon is a user
// whose password is not told from the name, as in ZooKeeper.
func DigestCredential(credential string) ID {
	user, _, _ := strings.Cut(credential, ":")
	sum := sha1.Sum([]byte(credential))
	return ID{"digest", user + ":" + base64.StdEncoding.EncodeToString(sum[:])}
}

// permits says whether acl gives a session with the identities ids at least one
// of perms. A nil acl permits everything.
func permits(acl []ACL, ids []ID, perms Perms) bool {
	if len(acl) == 0 {
		return true
	}
	for _, id := range ids {
		if id.Scheme == Super.Scheme {
			return true
		}
	}
	for i := range acl {
		a := &acl[i]
		if a.Perms&perms == 0 {
			continue
		}
		if a.ID.Scheme == "world" {
			return true
		}
		for _, id := range ids {
			if a.ID.matches(id) {
				return true
			}
		}
	}
	return false
}

// MaskACL returns a copy of acl for a reader who may READ the znode but not
// ADMIN it: the hashes of the digest scheme are replaced by an x.
func MaskACL(acl []ACL) []ACL {
	masked := append([]ACL(nil), acl...)
	for i := range masked {
		if id := &masked[i].ID; id.Scheme == "digest" {
			user, _, _ := strings.Cut(id.ID, ":")
			id.ID = user + ":x"
		}
	}
	return masked
}

// validateACL checks what can be said of an ACL without a session. A nil one is
// in order.
func validateACL(acl []ACL) error {
	if acl != nil && len(acl) == 0 {
		return ErrInvalidACL
	}
	for i := range acl {
		a := &acl[i]
		if a.Perms&^PermAll != 0 {
			return ErrInvalidACL
		}
		switch a.ID.Scheme {
		case "world":
			if a.ID.ID != "anyone" {
				return ErrInvalidACL
			}
		case "auth":
		case "digest":
			if !validDigest(a.ID.ID) {
				return ErrInvalidACL
			}
		case schemeIP:
			if !validNetwork(a.ID.ID) {
				return ErrInvalidACL
			}
		case schemeX509:
			if !validX509(a.ID.ID) {
				return ErrInvalidACL
			}
		default:
			return ErrInvalidACL
		}
	}
	return nil
}

// resolveACL replaces entries of the scheme auth by one for each of ids that somebody
// has proved, appending to dst. An entry that is repeated counts once; what auth is
// replaced by may be there already, as in ZooKeeper. x509 says whether that scheme is
// known.
func resolveACL(dst, acl []ACL, ids []ID, x509 bool) ([]ACL, Code) {
	for i, a := range acl {
		if slices.Contains(acl[:i], a) {
			continue
		}
		if a.ID.Scheme == schemeX509 && !x509 {
			return dst, CodeInvalidACL
		}
		if a.ID.Scheme != "auth" {
			dst = append(dst, a)
			continue
		}
		found := false
		for _, id := range ids {
			if id.Scheme == "digest" || id.Scheme == schemeX509 && x509 {
				dst = append(dst, ACL{a.Perms, id})
				found = true
			}
		}
		if !found {
			return dst, CodeInvalidACL
		}
	}
	return dst, CodeOK
}

// MaxIDBytes is how long the ID of an identity of a session may be.
const MaxIDBytes = 8 << 10

// CheckIdentities says what is wrong with identities that a session without any is to
// be given under such settings: ErrInvalidACL or ErrLimit.
func CheckIdentities(ids []ID, settings Settings) error {
	_, code := joinIDs(nil, ids, settings.withDefaults().Identities)
	return code.Err()
}

// validateIDs checks identities that a session is to be given.
func validateIDs(ids []ID) error {
	for _, id := range ids {
		if err := validateID(id); err != nil {
			return err
		}
	}
	return nil
}

func validateID(id ID) error {
	if len(id.ID) > MaxIDBytes {
		return ErrInvalidACL
	}
	switch id.Scheme {
	case "super":
		if id.ID == "" {
			return nil
		}
	case "digest":
		return validateACL([]ACL{{PermAll, id}})
	case schemeIP:
		if _, ok := parseIP(id.ID); ok {
			return nil
		}
	case schemeX509:
		return nil
	}
	return ErrInvalidACL
}
