package protocol

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// MaxMembers is the largest number of members of an ensemble, observers included.
const MaxMembers = 1024

// MaxAddrBytes is how many bytes the addresses of a member may have in all.
const MaxAddrBytes = 1024

// MaxWeight is the largest weight of a voter.
const MaxWeight = 1 << 20

// Role says whether a member votes.
type Role uint8

const (
	// Voter is a member that counts in quorums. It is the zero Role.
	Voter Role = iota
	// Observer is a member that follows and serves but is never counted.
	Observer
)

func (r Role) String() string {
	if r == Observer {
		return "observer"
	}
	return "voter"
}

// Member is a replica as the ensemble knows it. Its identity is (ID,
// Incarnation), never its address.
type Member struct {
	ID uint64 // not zero
	// Incarnation is what the replica drew when its storage was new. Zero means
	// not known yet: such a member counts nowhere until the leader, once the
	// replica is synchronised, has entered it into the log.
	Incarnation uint64
	Role        Role
	Weight      uint32 // of a voter; 0 means 1
	Addr        string // for the transport alone

	// ElectionAddr and ClientAddr are shown to whoever asks for the members in
	// ZooKeeper's way, who has two addresses for members and one for clients. Nothing
	// here uses them, and they are no part of the ensemble's identity. Those of the founder
	// that led first count, until a change of membership says otherwise.
	ElectionAddr, ClientAddr string
}

// votes returns the weight that m brings to a quorum.
func (m *Member) votes() uint64 {
	switch {
	case m.Role != Voter:
		return 0
	case m.Weight == 0:
		return 1
	}
	return uint64(m.Weight)
}

// Membership is who belongs to the ensemble, ordered by ID.
type Membership []Member

// Find returns the member with an ID, or nil. It points into m.
func (m Membership) Find(id uint64) *Member {
	i, ok := slices.BinarySearchFunc(m, id, func(x Member, id uint64) int { return cmp.Compare(x.ID, id) })
	if !ok {
		return nil
	}
	return &m[i]
}

// Has says whether (id, incarnation) is a voter.
func (m Membership) hasVoter(id, incarnation uint64) bool {
	x := m.Find(id)
	return x != nil && x.Role == Voter && x.Incarnation == incarnation && incarnation != 0
}

// Clone returns a copy.
func (m Membership) Clone() Membership { return slices.Clone(m) }

// Validate returns every reason why m cannot be a membership, joined.
func (m Membership) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	voters := 0
	for i, x := range m {
		if x.ID == 0 {
			bad("member %d: ID is 0", i+1)
		}
		switch {
		case i > 0 && m[i-1].ID == x.ID:
			bad("member %d: there twice", x.ID)
		case i > 0 && m[i-1].ID > x.ID:
			bad("member %d: out of order, after %d", x.ID, m[i-1].ID)
		}
		if x.Role > Observer {
			bad("member %d: unknown role %d", x.ID, x.Role)
		}
		if x.Weight > MaxWeight {
			bad("member %d: weight %d is over %d", x.ID, x.Weight, MaxWeight)
		}
		if n := len(x.Addr) + len(x.ElectionAddr) + len(x.ClientAddr); n > MaxAddrBytes {
			bad("member %d: its addresses have %d bytes, at most %d", x.ID, n, MaxAddrBytes)
		}
		if x.Role == Voter {
			voters++
		}
	}
	if voters == 0 {
		bad("no voters")
	}
	if len(m) > MaxMembers {
		bad("%d members, at most %d", len(m), MaxMembers)
	}
	return errors.Join(errs...)
}

// Configuration is the membership in force and, while a change is under way,
// the one that will follow it. A change is pending from the moment its entry is
// appended, and every quorum is then required in both (see Quorum).
type Configuration struct {
	// Version is the counter of the entry that made Current.
	Version uint64
	Current Membership

	// PendingAt is the entry that made Pending, if Pending is not nil.
	PendingAt Zxid
	Pending   Membership
}

// Clone returns a copy that shares nothing.
func (c Configuration) Clone() Configuration {
	c.Current, c.Pending = c.Current.Clone(), c.Pending.Clone()
	return c
}

// Founded says whether there is a membership yet.
func (c *Configuration) Founded() bool { return c.Current != nil }

// Find returns the member with an ID: of the pending membership if it is there,
// else of the current one, else nil.
func (c *Configuration) Find(id uint64) *Member {
	if m := c.Pending.Find(id); m != nil {
		return m
	}
	return c.Current.Find(id)
}

// IsVoter says whether (id, incarnation) is counted, in the current or in the
// pending membership.
func (c *Configuration) IsVoter(id, incarnation uint64) bool {
	return c.Current.hasVoter(id, incarnation) || c.Pending.hasVoter(id, incarnation)
}

// shown says whether there is an address that is only shown.
func (m *Member) shown() bool { return m.ElectionAddr != "" || m.ClientAddr != "" }

// appendMembership appends a member without addresses that are only shown as one was
// encoded before there were any.
func appendMembership(dst []byte, m Membership) []byte {
	if m == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, len(m))
	for _, x := range m {
		fields := 5
		if x.shown() {
			fields = 7
		}
		dst = codec.AppendArray(dst, fields)
		dst = codec.AppendUint(dst, x.ID)
		dst = codec.AppendUint(dst, x.Incarnation)
		dst = codec.AppendUint(dst, uint64(x.Role))
		dst = codec.AppendUint(dst, uint64(x.Weight))
		dst = codec.AppendString(dst, x.Addr)
		if x.shown() {
			dst = codec.AppendString(dst, x.ElectionAddr)
			dst = codec.AppendString(dst, x.ClientAddr)
		}
	}
	return dst
}

func readMembership(r *codec.Reader) Membership {
	if r.Nil() {
		return nil
	}
	n := r.Array(MaxMembers)
	m := make(Membership, 0, n)
	for range n {
		fields := r.Array(7)
		x := Member{ID: r.Uint(), Incarnation: r.Uint(), Role: Role(r.Uint8()), Weight: r.Uint32()}
		addrs := []*string{&x.Addr, &x.ElectionAddr, &x.ClientAddr}
		if fields == 5 {
			addrs = addrs[:1]
		}
		for _, addr := range addrs {
			b := r.StringBytes()
			if len(b) > MaxAddrBytes {
				r.Fail("address too long")
				return nil
			}
			*addr = string(b)
		}
		if fields != 5 && (fields != 7 || !x.shown()) {
			r.Fail("a member of another form")
			return nil
		}
		m = append(m, x)
	}
	if err := m.Validate(); r.Err() == nil && err != nil {
		r.Fail(err.Error())
	}
	return m
}

func appendConfiguration(dst []byte, c *Configuration) []byte {
	dst = codec.AppendArray(dst, 5)
	dst = codec.AppendUint(dst, c.Version)
	dst = appendMembership(dst, c.Current)
	dst = appendZxid(dst, c.PendingAt)
	return appendMembership(dst, c.Pending)
}

func readConfiguration(r *codec.Reader) Configuration {
	r.Fields(5)
	return Configuration{Version: r.Uint(), Current: readMembership(r), PendingAt: readZxid(r), Pending: readMembership(r)}
}
