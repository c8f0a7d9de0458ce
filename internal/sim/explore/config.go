package explore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Config is a bounded configuration: an ensemble and how much may happen to it.
// All that is not bounded here (deliveries, disk writes, connecting) may happen at
// any time, in any order.
type Config struct {
	Name string
	Long bool // takes from ten seconds to some minutes

	Voters    int // IDs from 1
	Observers int // IDs after the voters'
	Spares    int // replicas that no founding member list names, IDs after those
	Start     Start
	// Links names the pairs of replicas, by ID, that can be connected once the
	// search begins; nil means all.
	Links [][2]uint64

	MaxEpoch    uint32 // what would go beyond is not explored
	Writes      int    // proposed at an established leader
	Crashes     int    // of any replica, which restarts at once, without links
	Disconnects int    // of any link
	Wipes       int    // of any replica: an empty disk and a new incarnation
	Snapshots   int    // taken by any replica of its own state
	Reads       int    // read points asked of a leader, also of a deposed one
	Timeouts    int    // patience that ends: of who looks, follows or leads
	Ticks       int    // of an established leader that hears its quorum
	Handovers   int    // of an established leader
	// Changes are memberships that a leader is asked for, each once and in order.
	Changes []Change

	// Forward lets writes and reads be asked of followers too.
	Forward bool

	// FastDisks makes every write durable within the step that asks for it once no
	// crash and no wipe is left, so that nothing can be lost any more. Fewer orders of
	// events are then explored.
	FastDisks bool

	// MaxDepth and MaxStates end a search that was not meant to be so long; 0 is no
	// limit. It is then not complete.
	MaxDepth  int
	MaxStates int

	plant plant
}

// Change is a membership: who votes and who observes, by ID.
type Change struct{ Voters, Observers []uint64 }

// Start is where a search begins.
type Start uint8

const (
	// Cold: nothing but empty disks, all linked.
	Cold Start = iota
	// Established: the first leader has founded the ensemble, and everybody
	// follows.
	Established
	// Restarted: as Established, but then all lost power and came up again, linked.
	Restarted
)

func (s Start) String() string { return [...]string{"cold", "established", "restarted"}[s%3] }

func (c *Config) nodes() int { return c.Voters + c.Observers + c.Spares }

// lanes is how many lanes a link has that ever carry a frame.
func (c *Config) lanes() int {
	if c.Reads > 0 {
		return int(protocol.Lanes)
	}
	return 1
}

// linkable says whether two nodes, the first one less, can be connected.
func (c *Config) linkable(a, b int) bool {
	return c.Links == nil || slices.Contains(c.Links, [2]uint64{uint64(a + 1), uint64(b + 1)})
}

const (
	maxNodes  = 7
	maxBudget = 7
)

func (c *Config) validate() error {
	if n := c.nodes(); c.Voters < 1 || n > maxNodes {
		return fmt.Errorf("explore: %d replicas, %d of them voters", n, c.Voters)
	}
	if c.Start == Cold && c.Links != nil {
		return errors.New("explore: founding takes links to everybody")
	}
	for _, l := range c.Links {
		if l[0] < 1 || l[0] >= l[1] || l[1] > uint64(c.nodes()) {
			return fmt.Errorf("explore: a link of %d and %d", l[0], l[1])
		}
	}
	for _, ch := range c.Changes {
		for _, id := range slices.Concat(ch.Voters, ch.Observers) {
			if id < 1 || id > uint64(c.nodes()) {
				return fmt.Errorf("explore: a change with a replica %d", id)
			}
		}
		if len(ch.Voters) == 0 {
			return errors.New("explore: a change without voters")
		}
	}
	for _, b := range c.budgets() {
		if b < 0 || b > maxBudget {
			return fmt.Errorf("explore: a bound of %d, at most %d", b, maxBudget)
		}
	}
	return nil
}

// budgets lists the bounds in the order of their kinds.
func (c *Config) budgets() [numBudgets]int {
	return [numBudgets]int{
		budgetWrites: c.Writes, budgetCrashes: c.Crashes, budgetDisconnects: c.Disconnects, budgetWipes: c.Wipes,
		budgetSnapshots: c.Snapshots, budgetReads: c.Reads, budgetTimeouts: c.Timeouts, budgetTicks: c.Ticks,
		budgetHandovers: c.Handovers, budgetChanges: len(c.Changes),
	}
}

// budget is a kind of thing that happens only so often.
type budget uint8

const (
	budgetWrites budget = iota
	budgetCrashes
	budgetDisconnects
	budgetWipes
	budgetSnapshots
	budgetReads
	budgetTimeouts
	budgetTicks
	budgetHandovers
	budgetChanges
	numBudgets
)

const budgetBits = 3

// spent is how much of each budget was used, packed: a slot of a state.
type spent uint32

func (s spent) of(b budget) int { return int(s>>(budgetBits*b)) & maxBudget }

func (s spent) add(b budget) spent { return s + 1<<(budgetBits*b) }

// founding is the list of the founding members.
func (c *Config) founding() protocol.Membership {
	var m protocol.Membership
	for i := range c.Voters + c.Observers {
		x := protocol.Member{ID: uint64(i + 1)}
		if i >= c.Voters {
			x.Role = protocol.Observer
		}
		m = append(m, x)
	}
	return m
}
