package protocol

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// naiveQuorum is Quorum as one would say it: of each membership that counts, those
// in the set weigh more than those that are not.
func naiveQuorum(c *Configuration, set []Founder) bool {
	for _, m := range []Membership{c.Current, c.Pending} {
		if m == nil {
			continue
		}
		in, out := 0, 0
		for _, x := range m {
			w := max(1, int(x.Weight))
			if x.Role == Observer {
				w = 0
			}
			if x.Incarnation != 0 && slices.Contains(set, Founder{x.ID, x.Incarnation}) {
				in += w
			} else {
				out += w
			}
		}
		if in <= out {
			return false
		}
	}
	return c.Current != nil
}

// naiveCommitted tries every value downwards.
func naiveCommitted(c *Configuration, reported map[Founder]uint64) uint64 {
	highest := uint64(0)
	for _, v := range reported {
		highest = max(highest, v)
	}
	for v := highest; v > 0; v-- {
		var set []Founder
		for f, r := range reported {
			if r >= v {
				set = append(set, f)
			}
		}
		if naiveQuorum(c, set) {
			return v
		}
	}
	return 0
}

func membersIn(set []Founder) func(id, inc uint64) bool {
	return func(id, inc uint64) bool { return slices.Contains(set, Founder{id, inc}) }
}

// TestQuorumExhaustive tries all sets of 1 to 7 voters of equal weight.
func TestQuorumExhaustive(t *testing.T) {
	for n := 1; n <= 7; n++ {
		c := Configuration{Version: 1}
		for i := range n {
			c.Current = append(c.Current, Member{ID: uint64(i + 1), Incarnation: uint64(100 + i)})
		}
		smallest := n + 1
		for bits := range 1 << n {
			var set []Founder
			for i, m := range c.Current {
				if bits>>i&1 == 1 {
					set = append(set, Founder{m.ID, m.Incarnation})
				}
			}
			got := c.Quorum(membersIn(set))
			require.Equal(t, naiveQuorum(&c, set), got, "%v of %d", set, n)
			if got {
				smallest = min(smallest, len(set))
			}
		}
		require.Equal(t, n/2+1, smallest, "voters: %d", n)
	}
}

// TestQuorumsMeet: any two quorums of the same configuration share a voter, and so
// do a quorum of a joint one and a quorum of either of its halves; for all pairs
// of memberships out of four voters, each of weight 1 or 2.
func TestQuorumsMeet(t *testing.T) {
	all := [4]Founder{{1, 11}, {2, 12}, {3, 13}, {4, 14}}
	membership := func(bits int) (m Membership) {
		for i, f := range all {
			if w := bits / []int{1, 3, 9, 27}[i] % 3; w > 0 {
				m = append(m, Member{ID: f.ID, Incarnation: f.Incarnation, Weight: uint32(w)})
			}
		}
		return m
	}
	sets := make([][]Founder, 16)
	for bits := range sets {
		for i, f := range all {
			if bits>>i&1 == 1 {
				sets[bits] = append(sets[bits], f)
			}
		}
	}
	for a := 1; a < 81; a++ {
		for b := 1; b < 81; b++ {
			joint := Configuration{Current: membership(a), Pending: membership(b)}
			before, after := Configuration{Current: joint.Current}, Configuration{Current: joint.Pending}
			for s, set := range sets {
				got := joint.Quorum(membersIn(set))
				if got != (before.Quorum(membersIn(set)) && after.Quorum(membersIn(set))) || got != naiveQuorum(&joint, set) {
					t.Fatalf("%v: quorum of %+v is %v", set, joint, got)
				}
				rest := sets[15&^s]
				if got && (before.Quorum(membersIn(rest)) || after.Quorum(membersIn(rest))) {
					t.Fatalf("%v and %v are quorums that do not meet, of %+v", set, rest, joint)
				}
			}
		}
	}
}

// TestCommittedExhaustive: all values 0 to 3 of up to four voters and an observer,
// alone and joint with a second membership.
func TestCommittedExhaustive(t *testing.T) {
	current := Membership{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 12, Weight: 2}, {ID: 3}, {ID: 4, Incarnation: 14, Role: Observer}, {ID: 5, Incarnation: 15}}
	for _, pending := range []Membership{nil, {{ID: 1, Incarnation: 11}}, {{ID: 2, Incarnation: 12}, {ID: 4, Incarnation: 14}, {ID: 5, Incarnation: 15}}} {
		for bits := range 1 << 10 {
			c := Configuration{Current: current, Pending: pending}
			reported := map[Founder]uint64{}
			for i, m := range current {
				if m.Incarnation != 0 {
					reported[Founder{m.ID, m.Incarnation}] = uint64(bits >> (2 * i) & 3)
				}
			}
			got := c.committed(func(id, inc uint64) uint64 { return reported[Founder{id, inc}] })
			if want := naiveCommitted(&c, reported); got != want {
				t.Fatalf("%v of %+v commits %d, not %d", reported, c, got, want)
			}
		}
	}
}

func drawMembership(t *rapid.T, label string) Membership {
	var m Membership
	for id := range uint64(rapid.IntRange(1, 9).Draw(t, label+" highest")) {
		if rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
			continue
		}
		m = append(m, Member{ID: id + 1, Incarnation: uint64(rapid.IntRange(0, 2).Draw(t, "incarnation")),
			Role: Role(rapid.IntRange(0, 1).Draw(t, "role")), Weight: uint32(rapid.IntRange(0, 5).Draw(t, "weight")),
			Addr:         rapid.StringN(0, 8, -1).Draw(t, "addr"),
			ElectionAddr: rapid.StringN(0, 3, -1).Draw(t, "election"), ClientAddr: rapid.StringN(0, 3, -1).Draw(t, "client")})
	}
	if m.Validate() != nil {
		return Membership{{ID: 1, Incarnation: 1}}
	}
	return m
}

func drawConfiguration(t *rapid.T) Configuration {
	c := Configuration{Version: rapid.Uint64().Draw(t, "version"), Current: drawMembership(t, "current")}
	if rapid.Bool().Draw(t, "joint") {
		c.Pending, c.PendingAt = drawMembership(t, "pending"), Zxid{1, rapid.Uint64().Draw(t, "pending at")}
	}
	return c
}

// TestQuorumRandom: weights, observers, unknown and other incarnations, joint.
func TestQuorumRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfiguration(t)
		reported := map[Founder]uint64{}
		for id := range uint64(9) {
			for inc := range uint64(3) {
				reported[Founder{id + 1, inc}] = uint64(rapid.IntRange(0, 12).Draw(t, "reported"))
			}
		}
		at := func(id, inc uint64) uint64 { return reported[Founder{id, inc}] }
		// Nobody reports for a member whose incarnation is not known.
		for id := range uint64(9) {
			reported[Founder{id + 1, 0}] = 0
		}
		if got, want := c.committed(at), naiveCommitted(&c, reported); got != want {
			t.Fatalf("commits %d, not %d", got, want)
		}
		v := uint64(rapid.IntRange(0, 12).Draw(t, "at least"))
		var set []Founder
		for f, r := range reported {
			if r >= v {
				set = append(set, f)
			}
		}
		if got, want := c.Quorum(membersIn(set)), naiveQuorum(&c, set); got != want {
			t.Fatalf("quorum: %v, not %v", got, want)
		}
	})
}

// TestQuorumOfNobody: before there is a membership nothing is a quorum.
func TestQuorumOfNobody(t *testing.T) {
	var c Configuration
	require.False(t, c.Quorum(func(uint64, uint64) bool { return true }))
	require.Zero(t, c.committed(func(uint64, uint64) uint64 { return 9 }))
}

func TestMembershipValidate(t *testing.T) {
	many := make(Membership, MaxMembers+1)
	for i := range many {
		many[i].ID = uint64(i + 1)
	}
	for _, x := range []struct {
		m    Membership
		want []string
	}{
		{Membership{{ID: 1}}, nil},
		{Membership{{ID: 1, Role: Observer}, {ID: 7, Weight: MaxWeight}}, nil},
		{nil, []string{"no voters"}},
		{Membership{{ID: 1, Role: Observer}}, []string{"no voters"}},
		{Membership{{ID: 0}}, []string{"ID is 0"}},
		{Membership{{ID: 2}, {ID: 2}}, []string{"member 2: there twice"}},
		{Membership{{ID: 2}, {ID: 1, Role: 7, Weight: MaxWeight + 1, Addr: fmt.Sprintf("%2000d", 1)}},
			[]string{"member 1: out of order, after 2", "unknown role 7", "weight 1048577", "2000 bytes"}},
		{many, []string{"1025 members"}},
	} {
		err := x.m.Validate()
		if x.want == nil {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err)
		for _, w := range x.want {
			require.ErrorContains(t, err, w)
		}
	}
}
