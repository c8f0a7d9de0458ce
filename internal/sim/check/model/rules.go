package model

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zabtree/zabtree/tree"
)

// withDefaults are the documented defaults of the replicated settings.
func withDefaults(s tree.Settings) tree.Settings {
	pick := func(v, otherwise int) int {
		if v <= 0 {
			return otherwise
		}
		return min(v, math.MaxInt32)
	}
	s.Unanswered = pick(s.Unanswered, 4096)
	s.ResultBytes = pick(s.ResultBytes, 1<<20)
	s.Identities = pick(s.Identities, 16)
	s.Tombstones = pick(s.Tombstones, 10_000)
	s.TombstoneBytes = pick(s.TombstoneBytes, 16<<20)
	if s.TombstoneTime <= 0 {
		s.TombstoneTime = 10 * time.Minute
	}
	return s
}

// ValidPath says whether a path keeps ZooKeeper's rules.
func ValidPath(path string) bool {
	if path == "/" {
		return true
	}
	names := strings.Split(path, "/")
	if names[0] != "" || len(names) < 2 {
		return false
	}
	for _, name := range names[1:] {
		if name == "" || name == "." || name == ".." || !validName(name) {
			return false
		}
	}
	return true
}

func validName(name string) bool {
	for i, r := range name {
		if r == utf8.RuneError && !strings.HasPrefix(name[i:], "\uFFFD") {
			return false // not UTF-8
		}
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 {
			return false
		}
	}
	return true
}

func reserved(path string) bool {
	return path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" || path == "/zookeeper/config"
}

// hopeless says whether a create or delete is refused whatever else is wrong with it.
func hopeless(path string) bool {
	return !strings.Contains(path, "/") || strings.Contains(path, "\x00")
}

func validMode(mode tree.Mode, ttl time.Duration) bool {
	switch mode {
	case tree.Persistent, tree.Sequential:
		return ttl == 0 || ttl >= time.Millisecond && ttl < 1<<40*time.Millisecond
	case tree.Ephemeral, tree.EphemeralSequential, tree.Container, tree.Container | tree.Sequential:
		return ttl == 0
	}
	return false
}

func validACL(acl []tree.ACL) bool {
	if acl != nil && len(acl) == 0 {
		return false
	}
	for _, a := range acl {
		if a.Perms > 31 || !validID(a.ID) {
			return false
		}
	}
	return true
}

// Permits says whether an ACL gives a session with the identities ids at least one
// of perms.
func Permits(acl []tree.ACL, ids []tree.ID, perms tree.Perms) bool {
	if acl == nil || slices.Contains(ids, tree.ID{Scheme: "super"}) {
		return true
	}
	return slices.ContainsFunc(acl, func(a tree.ACL) bool {
		return a.Perms&perms != 0 && (a.ID.Scheme == "world" ||
			slices.ContainsFunc(ids, func(id tree.ID) bool { return standsFor(a.ID, id) }))
	})
}

// readableByAll says whether it takes no identity to read.
func readableByAll(acl []tree.ACL) bool { return Permits(acl, nil, tree.PermRead) }

// resolve is the ACL that an operation of a session writes down.
func (m *Model) resolve(acl []tree.ACL, ids []tree.ID) ([]tree.ACL, tree.Code) {
	if !validACL(acl) {
		return nil, tree.CodeInvalidACL
	}
	var written []tree.ACL
	for i, a := range acl {
		if slices.Index(acl, a) < i {
			continue
		}
		if a.ID.Scheme == "x509" && !m.settings.X509 {
			return nil, tree.CodeInvalidACL
		}
		if a.ID.Scheme != "auth" {
			written = append(written, a)
			continue
		}
		before := len(written)
		for _, id := range ids {
			if proven(id, m.settings) {
				written = append(written, tree.ACL{Perms: a.Perms, ID: id})
			}
		}
		if before == len(written) {
			return nil, tree.CodeInvalidACL
		}
	}
	if len(written) == 1 && written[0] == tree.World(tree.PermAll) {
		return nil, tree.CodeOK
	}
	return written, tree.CodeOK
}

// next counts a version on; -1 means any version and is passed over.
func next(version int32) int32 {
	if version == -2 {
		return 0
	}
	return version + 1
}
