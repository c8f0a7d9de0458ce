package difftest

import (
	"bytes"
	"maps"
	"slices"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

// other makes the requests that are about more than a znode.
func (g *generator) other(slot int) Op {
	r := zkwire.Request{Path: g.path(), NullPath: g.chance(60)}
	switch g.rng.IntN(6) {
	case 0, 1:
		r.Op = zkwire.Sync
	case 2:
		r.Op = zkwire.GetEphemerals
		r.Path = oneOf(g, r.Path, "/", "", "/a", "/a/")
	case 3:
		r.Op = zkwire.GetAllChildrenNumber
	case 4:
		r.Op = zkwire.WhoAmI
	case 5:
		r.Op, r.Xid = zkwire.Ping, zkwire.XidPing
	}
	return request(r)
}

// odd makes requests that no client library sends.
func (g *generator) odd(slot int) Op {
	op := g.read(slot)
	r := &op.Request
	switch g.rng.IntN(9) {
	case 0: // a check outside of a multi, which fails: see notGenerated
		r.Op, r.Version, r.Watch = zkwire.Check, 12345, false
	case 1: // bytes behind the body
		r.Trailer = []byte("trailer")
	case 2: // no body, or half of one
		*r = g.create(slot).Request
		body := r.Body()
		r.Raw = append([]byte{}, body[:g.rng.IntN(min(len(body), 12))]...)
	case 3: // half a read
		body := r.Body()
		r.Raw = append([]byte{}, body[:g.rng.IntN(min(len(body), 8))]...)
	case 4: // a path of a length that cannot be
		r.Raw = oneOf(g, []byte{0xff, 0xff, 0xff, 0xfe, 0}, []byte{0x7f, 0xff, 0xff, 0xff, 0}, []byte{0, 0, 0, 50, '/', 'a'})
	case 5: // a boolean that is neither
		r.Raw = append([]byte{0, 0, 0, 2, '/', '='}, 2) // a path that nothing else is watched on
	case 6: // what only servers send
		r.Op, r.Raw = zkwire.DeleteContainer, []byte(oneOf(g, r.Path, "/a", ""))
	case 7: // where there is no ensemble, and nobody switched it on
		r.Op, r.Version, r.Data = zkwire.Reconfig, -1, oneOf(g, nil, []byte("server.1=127.0.0.1:1:2;3"))
	case 8:
		r.Op = oneOf(g, zkwire.Opcode(0), 10, 23, 99, 108, 1000, -2, -100)
	}
	return op
}

// closingOp makes one of the requests that may end a connection.
func (g *generator) closingOp(slot int) Op {
	switch n := g.rng.IntN(12); {
	case n < 3:
		return request(zkwire.Request{Op: zkwire.CloseSession})
	case n < 10:
		return request(g.auth())
	case n == 10:
		return request(zkwire.Request{Op: zkwire.SASL, Data: oneOf(g, nil, []byte{}, []byte("token"))})
	}
	// A frame that is just small enough, or just too large.
	r := zkwire.Request{Op: zkwire.SetData, Path: "/a", Version: -1}
	r.Data = bytes.Repeat([]byte{'x'}, 1048575-8-len(r.Body())+g.rng.IntN(3)-1)
	return request(r)
}

func (g *generator) auth() zkwire.Request {
	r := zkwire.Request{Xid: zkwire.XidAuth, Op: zkwire.Auth, Scheme: new("digest"), Data: []byte(oneOf(g, users...))}
	switch g.rng.IntN(24) {
	case 0:
		r.Data = oneOf(g, nil, []byte{}, []byte("nocolon"), []byte("u1:wrong"), []byte("a:b:c"), []byte("\xff:\xfe"))
	case 1:
		r.Scheme = oneOf(g, nil, new("foo"), new(""), new("world"), new("ip"), new("sasl"), new("x509"), new("auth"), new("super"))
	case 2:
		r.Data = []byte(server.Super)
	}
	if g.noIP && r.Scheme != nil && *r.Scheme == "ip" {
		r.Scheme = new("foo")
	}
	return r
}
