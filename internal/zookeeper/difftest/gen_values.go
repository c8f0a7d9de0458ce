package difftest

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"math"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// hot are the paths where everything happens.
var hot = []string{"/a", "/b", "/c", "/a/b", "/a/c", "/a/b/c", "/a/b/d", "/b/x", "/c/ä", "/e"}

// badPaths are wrong in every way there is.
var badPaths = []string{
	"", "a", "a/b", "/a/", "//", "//a", "/a//b", "/a/./b", "/a/..", "/.", "/..", "/a/.", "/a/../b", "./a",
	"/a\x00b", "/\x00", "/a\x01", "/\x1f", "/\x7f", "/\u0085", "/\u009f", "/a\ue000", "/\uf8ff", "/\ufff0", "/\uffff",
	"/\U0001F600", "/a\xff", "/\xc3", "/\xed\xa0\x80", "/a\u00a0", "/a b", "/...", "/.a", "/a\ufeff", "/a/b/",
}

// path is a good path, as a rule, and likely one that is there.
func (g *generator) path() string {
	switch n := g.rng.IntN(40); {
	case n < 18:
		return oneOf(g, hot...)
	case n < 30:
		return g.hints.pick(g.rng)
	case n < 36:
		return join(g.hints.pick(g.rng), oneOf(g, "x", "y", "z"))
	case n == 36:
		return oneOf(g, "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/x")
	case n == 37:
		return oneOf(g, badPaths...)
	case n == 38:
		return "/" + strings.Repeat("long/", g.rng.IntN(60)) + "end"
	}
	return "/missing"
}

func join(parent, name string) string { return strings.TrimSuffix(parent, "/") + "/" + name }

// version is one that fits, or not.
func (g *generator) version(is int32) int32 {
	switch n := g.rng.IntN(20); {
	case n < 9:
		return -1
	case n < 16:
		return is
	case n == 16:
		return is + 1
	case n == 17:
		return 0
	case n == 18:
		return oneOf(g, int32(-2), math.MinInt32, math.MaxInt32)
	}
	return is - 1
}

func (g *generator) data() []byte {
	switch n := g.rng.IntN(60); {
	case n < 8:
		return nil
	case n < 16:
		return []byte{}
	case n < 50:
		return []byte(oneOf(g, "one", "two", "three", "\x00\xff", "much longer than all the others"))
	case n < 59:
		return bytes.Repeat([]byte{byte(g.rng.IntN(256))}, g.rng.IntN(300))
	}
	return bytes.Repeat([]byte("big"), g.rng.IntN(30000))
}

// users of scheme digest, and what they add as their authentication.
var users = []string{"u1:p1", "u2:p2", "u3:p3"}

func digestID(idPassword string) string {
	user, _, _ := strings.Cut(idPassword, ":")
	sum := sha1.Sum([]byte(idPassword))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

func entry(perms int32, scheme, id string) zkwire.ACL {
	return zkwire.ACL{Perms: perms, Scheme: &scheme, ID: &id}
}

// aclList is most often open to everybody.
func (g *generator) aclList() []zkwire.ACL {
	if !g.chance(4) {
		return []zkwire.ACL{entry(zkwire.PermAll, "world", "anyone")}
	}
	if g.chance(10) {
		return oneOf(g, nil, []zkwire.ACL{}, []zkwire.ACL{{Perms: zkwire.PermAll}})
	}
	var list []zkwire.ACL
	for range 1 + g.rng.IntN(3) {
		list = append(list, g.aclEntry())
	}
	if g.chance(3) { // and everybody else may read and see to it that the round goes on
		list = append(list, entry(zkwire.PermAll&^zkwire.PermWrite, "world", "anyone"))
	}
	return list
}

func (g *generator) aclEntry() zkwire.ACL {
	perms := zkwire.PermAll
	if g.chance(2) {
		perms = int32(g.rng.IntN(32))
	}
	if g.chance(40) {
		perms = oneOf(g, int32(32), -1, 64, 1<<30|1)
	}
	switch n := g.rng.IntN(30); {
	case n < 8 || g.noIP && n >= 19 && n <= 25:
		return entry(perms, "world", "anyone")
	case n < 14:
		return entry(perms, "digest", digestID(oneOf(g, users...)))
	case n < 19:
		return entry(perms, "auth", oneOf(g, "", "", "anything"))
	case n < 25:
		return entry(perms, "ip", oneOf(g, "127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0", "10.1.2.3"))
	case n == 25:
		return entry(perms, "ip", oneOf(g, "999.1.1.1", "", "127.0.0.1/33", "127.0.0", "a.b.c.d", "127.0.0.1/", "127.0.0.1/-1"))
	case n == 26:
		return entry(perms, "digest", oneOf(g, "nocolon", "", "a:b:c", ":", "u1:"))
	case n == 27:
		return entry(perms, oneOf(g, "foo", "", "World", "super", "x509", "sasl"), "anyone")
	case n == 28:
		return entry(perms, "world", oneOf(g, "somebody", "", "Anyone"))
	}
	return oneOf(g, zkwire.ACL{Perms: perms}, zkwire.ACL{Perms: perms, Scheme: new("world")}, zkwire.ACL{Perms: perms, ID: new("anyone")})
}
