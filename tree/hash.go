package tree

import (
	"math/bits"
)

// The digest is the sum, modulo 2^64, of a hash of every item: so it does not
// depend on an order, and an item is taken out again by subtraction. Bytes are
// hashed by XXH64, which is the same on every machine; the words of an item are
// folded with its rounds. Like ZooKeeper's digest it finds replicas that have
// come to differ by a fault, and resists nobody who constructs a collision.

const (
	prime1 uint64 = 0x9e3779b185ebca87
	prime2 uint64 = 0xc2b2ae3d27d4eb4f
	prime3 uint64 = 0x165667b19e3779f9
	prime4 uint64 = 0x85ebca77c2b2ae63
	prime5 uint64 = 0x27d4eb2f165667c5
)

func round(acc, v uint64) uint64 { return bits.RotateLeft64(acc+v*prime2, 31) * prime1 }

func avalanche(h uint64) uint64 {
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// hashBytes is XXH64 with a seed.
func hashBytes[T string | []byte](seed uint64, b T) uint64 {
	n, h := len(b), seed+prime5
	if n >= 32 {
		v1, v2, v3, v4 := seed+prime1+prime2, seed+prime2, seed, seed-prime1
		for ; len(b) >= 32; b = b[32:] {
			v1, v2 = round(v1, word(b)), round(v2, word(b[8:]))
			v3, v4 = round(v3, word(b[16:])), round(v4, word(b[24:]))
		}
		h = bits.RotateLeft64(v1, 1) + bits.RotateLeft64(v2, 7) + bits.RotateLeft64(v3, 12) + bits.RotateLeft64(v4, 18)
		for _, v := range [4]uint64{v1, v2, v3, v4} {
			h = (h^round(0, v))*prime1 + prime4
		}
	}
	h += uint64(n)
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round(0, word(b)), 27)*prime1 + prime4
	}
	if len(b) >= 4 {
		half := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
		h = bits.RotateLeft64(h^half*prime1, 23)*prime2 + prime3
		b = b[4:]
	}
	for i := 0; i < len(b); i++ {
		h = bits.RotateLeft64(h^uint64(b[i])*prime5, 11) * prime1
	}
	return avalanche(h)
}

func word[T string | []byte](b T) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// fold adds a word to the hash of an item.
func fold(h, v uint64) uint64 { return bits.RotateLeft64(h^round(0, v), 27)*prime1 + prime4 }

// What an item is, so that no item of one kind can stand for one of another.
const (
	seedZnode uint64 = iota + 1
	seedData
	seedACL
	seedSession
	seedRecord
	seedTombstone
	seedState
)

// dataHashOf tells nil from empty.
func dataHashOf(data []byte) uint64 {
	if data == nil {
		return 0
	}
	return hashBytes(seedData, data)
}

func hashPath(path string) uint64 { return hashBytes(seedZnode, path) }

// rehash computes what the znode adds to the digest, from a dataHash that is
// right.
func (z *Znode) rehash() uint64 {
	s := &z.stat
	h := fold(z.pathHash, z.dataHash)
	if z.acl != nil {
		h = fold(h, z.acl.hash)
	}
	h = fold(h, uint64(s.Czxid))
	h = fold(h, uint64(s.Mzxid))
	h = fold(h, uint64(s.Pzxid))
	h = fold(h, uint64(s.Ctime))
	h = fold(h, uint64(s.Mtime))
	h = fold(h, uint64(uint32(s.Version))<<32|uint64(uint32(s.Cversion)))
	h = fold(h, uint64(uint32(s.Aversion))<<32|uint64(uint32(z.creates)))
	h = fold(h, uint64(uint32(s.NumChildren))<<32|uint64(uint32(s.DataLength)))
	if s.EphemeralOwner != 0 || s.Container || s.TTL != 0 {
		h = fold(h, uint64(s.EphemeralOwner))
		h = fold(h, uint64(s.TTL))
		h = fold(h, uint64(z.touched))
		if s.Container {
			h = fold(h, 1)
		}
	}
	return avalanche(h)
}

// rehash computes what the session adds to the digest besides its records.
func (x *session) rehash() uint64 {
	h := hashBytes(seedSession, x.password[:])
	h = fold(h, uint64(x.id))
	h = fold(h, uint64(x.timeout))
	h = fold(h, x.server)
	h = fold(h, uint64(x.attachment))
	h = fold(h, x.last)
	h = fold(h, x.answered)
	for _, id := range x.identities {
		h = fold(fold(h, hashBytes(seedSession, id.Scheme)), hashBytes(seedSession, id.ID))
	}
	return avalanche(h)
}

func recordHash(session int64, sequence uint64, record []byte) uint64 {
	return avalanche(fold(fold(hashBytes(seedRecord, record), uint64(session)), sequence))
}

// rehash computes what the tombstone adds to the digest, records included.
func (t *tombstone) rehash() uint64 {
	h := fold(seedTombstone, t.final.rehash())
	for i := range t.final.records {
		h = fold(h, t.final.records[i].hash)
	}
	return avalanche(fold(fold(h, uint64(t.zxid)), uint64(t.clock)))
}

// hash is what the state as a whole adds to the digest.
func (m *meta) hash() uint64 {
	h := fold(seedState, uint64(m.zxid))
	h = fold(h, uint64(m.clock))
	h = fold(h, uint64(m.applyVersion))
	var buf [64]byte
	return avalanche(fold(h, hashBytes(seedState, appendSettings(buf[:0], m.settings))))
}

func hashACL(encoded []byte) uint64 { return hashBytes(seedACL, encoded) }
