package netsim_test

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// chaos lets processes talk while everything that can happen to them does, and
// checks what holds whatever happens.
type chaos struct {
	*world
	ids   []uint64
	s     *sched.Stream
	dead  []*proc // processes that crashed
	count int     // frames

	// told: every side is told of every break, so that two sides that are open at
	// the end must agree.
	told bool
}

func newChaos(t *testing.T, src *sched.Source) *chaos {
	s := src.Stream("chaos")
	cfg := netsim.Config{
		Latency: s.Range(0, 2*ms), Jitter: s.Range(0, 3*ms), BreakDelay: s.Range(0, 50*ms),
		Bandwidth: sched.Pick(s, []int64{0, 1e4, 1e6}), Window: sched.Pick(s, []int{1, 50, 1000, 1 << 16}),
	}
	ids := []uint64{1, 2, 3, 4}
	return &chaos{world: newWorldFrom(t, src, cfg, ids...), ids: ids, s: s, told: s.Chance(1, 2)}
}

// tell and how draw what a cut and a partition do.
func (c *chaos) tell() netsim.Tell {
	if c.told {
		return netsim.TellBoth
	}
	return netsim.RandomTell(c.s)
}

func (c *chaos) how() netsim.How {
	if c.told {
		return sched.Pick(c.s, []netsim.How{netsim.HowStall, netsim.HowStall | netsim.HowBlackhole, netsim.HowRefuse})
	}
	return netsim.RandomHow(c.s)
}

// step does one thing at random.
func (c *chaos) step() {
	id, other := sched.Pick(c.s, c.ids), sched.Pick(c.s, c.ids)
	p := c.procs[id]
	switch c.s.IntN(20) {
	case 0:
		if c.Up(id) && !c.Paused(id) {
			p.dial(other)
		}
	case 1, 2, 3, 4, 5, 6, 7, 8:
		c.talk(p)
	case 9:
		c.readOrClose(p)
	case 10:
		c.live(id)
	case 11:
		c.fault(id, other)
	case 13:
		c.shape(id)
	case 14:
		c.Cut(id, other, c.tell())
	case 12:
		c.HealAll()
	default:
		c.run(c.s.Exp(5 * ms))
	}
}

// talk sends on one of the process's connections that are open.
func (c *chaos) talk(p *proc) {
	var open []netsim.Conn
	for _, conn := range p.order {
		if conn.IsOpen() {
			open = append(open, conn)
		}
	}
	if len(open) == 0 || c.Paused(p.id) {
		return
	}
	conn := sched.Pick(c.s, open)
	for range c.s.Range(1, 5) {
		c.count++
		p.send(conn, numbered(c.count, int(c.s.Exp(40))))
	}
}

func (c *chaos) readOrClose(p *proc) {
	if len(p.order) == 0 || c.Paused(p.id) {
		return
	}
	switch conn := sched.Pick(c.s, p.order); c.s.IntN(3) {
	case 0:
		conn.PauseRead()
	case 1:
		conn.ResumeRead()
	case 2:
		conn.Close()
	}
}

func (c *chaos) live(id uint64) {
	switch c.s.IntN(5) {
	case 0, 1:
		if c.Up(id) {
			c.dead = append(c.dead, c.procs[id])
		}
		c.Crash(id, c.s.Chance(1, 2) && !c.told)
	case 2:
		if !c.Up(id) {
			c.start(id)
		}
	case 3:
		c.Pause(id)
	case 4:
		c.Resume(id)
	}
}

func (c *chaos) fault(from, to uint64) {
	switch c.s.IntN(6) {
	case 0:
		c.Stall(from, to)
	case 1:
		c.StallThenCut(from, to, c.s.Exp(20*ms), c.tell())
	case 2:
		c.Refuse(from, to)
	case 3:
		c.Blackhole(from, to)
	case 4:
		c.Delay(from, to, c.s.Exp(20*ms))
	case 5:
		c.Throttle(from, to, c.s.Range(100, 1e6))
	}
}

func (c *chaos) shape(id uint64) {
	how := c.how()
	switch c.s.IntN(8) {
	case 0:
		netsim.IsolateOne(c.Net, c.s, c.ids, how)
	case 1:
		netsim.UniformSplit(c.Net, c.s, c.ids, how)
	case 2:
		netsim.MinoritySplit(c.Net, c.s, c.ids, how)
	case 3:
		netsim.OneWay(c.Net, c.s, c.ids, how)
	case 4:
		netsim.Bridge(c.Net, c.s, c.ids, how)
	case 5:
		netsim.Ring(c.Net, c.s, c.ids, how)
	case 6:
		netsim.FlapOne(c.Net, c.s, id, c.ids, ms, 100*ms, how)
	case 7:
		netsim.Swizzle(c.Net, c.s, c.ids, 10*ms, how)
	}
}

// heal makes everything right and lets what is on its way arrive.
func (c *chaos) heal() {
	c.HealAll()
	for _, id := range c.ids {
		c.Resume(id)
		if !c.Up(id) {
			c.start(id)
		}
		for _, conn := range c.procs[id].order {
			conn.ResumeRead()
		}
	}
	c.run(1000 * second)
	require.Zero(c.t, c.sched.Pending(), "everything has come to rest")
}

// check compares, for every connection, what one side got with what the other
// sent.
func (c *chaos) check(seed uint64) {
	type key struct {
		id     uint64
		dialed bool
	}
	sides := map[key]*side{}
	conns := map[key]netsim.Conn{}
	procs := slices.Clone(c.dead)
	for _, id := range c.ids {
		procs = append(procs, c.procs[id])
	}
	for _, p := range procs {
		for conn, s := range p.conns {
			k := key{conn.ID(), conn.Dialed()}
			require.NotContains(c.t, sides, k)
			sides[k], conns[k] = s, conn
		}
	}
	for k, s := range sides {
		from := sides[key{k.id, !k.dialed}]
		if from == nil {
			require.Empty(c.t, s.frames)
			continue
		}
		require.LessOrEqual(c.t, len(s.frames), len(from.sent))
		require.True(c.t, slices.Equal(from.sent[:len(s.frames)], s.frames), "seed %d: connection %d: not a prefix", seed, k.id)
		if s.broken == netsim.Closed {
			require.Len(c.t, s.frames, len(from.sent), "seed %d: connection %d: closed, but incomplete", seed, k.id)
		}
		if a, b := conns[k], conns[key{k.id, !k.dialed}]; a.IsOpen() && b.IsOpen() && c.told {
			require.Len(c.t, s.frames, len(from.sent), "seed %d: connection %d: open, but incomplete", seed, k.id)
		}
	}
}

func runChaos(t *testing.T, src *sched.Source, steps int) *chaos {
	c := newChaos(t, src)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d:\n%s", src.Seed(), strings.Join(c.trace.Lines(), "\n"))
		}
	}()
	for range steps {
		c.step()
	}
	c.heal()
	c.check(src.Seed())
	// New connections work, whatever is left of old ones.
	for _, x := range c.ids {
		for _, y := range c.ids {
			if x == y {
				continue
			}
			a, b := c.pair(x, y)
			c.procs[x].send(a, "there")
			c.procs[y].send(b, "and back")
			c.run(second)
			require.Equal(t, []string{"there"}, c.procs[y].conns[b].frames)
			require.Equal(t, []string{"and back"}, c.procs[x].conns[a].frames)
		}
	}
	for _, id := range c.ids {
		for _, conn := range c.procs[id].order {
			conn.Close()
		}
	}
	c.run(second)
	require.Zero(t, c.Remembered(), "what is over is forgotten")
	require.Zero(t, c.sched.Pending())
	return c
}

var (
	seeds = flag.Uint64("seeds", 300, "how many seeds to run")
	first = flag.Uint64("seed", 1, "the first of them")
)

func TestWhateverHappens(t *testing.T) {
	var sum netsim.Counts
	for seed := *first; seed < *first+*seeds; seed++ {
		c := runChaos(t, sched.NewSource(seed), 600)
		add(&sum, c.Counts())
	}
	t.Logf("%+v", sum)
	for name, n := range map[string]uint64{
		"crashes": sum.SilentCrashes, "pauses": sum.Pauses, "read pauses": sum.ReadPauses, "stalls": sum.Stalls,
		"refused": sum.Refused, "black holes": sum.Blackholed, "unanswered": sum.Unanswered, "closed": sum.Closed,
		"resets": sum.Resets, "half open": sum.HalfOpen, "frames": sum.Frames, "lost frames": sum.FramesLost,
		"cuts in frames": sum.CutsInFrame, "stalled bytes": sum.StalledBytes, "full windows": sum.WindowFull,
	} {
		require.Greater(t, n, *seeds/10, name)
	}
}

func add(sum *netsim.Counts, c netsim.Counts) {
	sum.SilentCrashes += c.SilentCrashes
	sum.Pauses += c.Pauses
	sum.ReadPauses += c.ReadPauses
	sum.Stalls += c.Stalls
	sum.Refused += c.Refused
	sum.Blackholed += c.Blackholed
	sum.Unanswered += c.Unanswered
	sum.Closed += c.Closed
	sum.Resets += c.Resets
	sum.HalfOpen += c.HalfOpen
	sum.Frames += c.Frames
	sum.FramesLost += c.FramesLost
	sum.CutsInFrame += c.CutsInFrame
	sum.StalledBytes += c.StalledBytes
	sum.WindowFull += c.WindowFull
}

// The same seed gives the same run, and so does its tape, also cut short if the
// rest comes from the seed.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(20) {
		one := runChaos(t, sched.NewSource(seed), 300)
		src := sched.NewSource(seed)
		tape := src.Record()
		two := runChaos(t, src, 300)
		require.Equal(t, one.trace.Hash(), two.trace.Hash())
		require.Equal(t, one.Counts(), two.Counts())
		require.Equal(t, one.trace.Lines(), two.trace.Lines())

		tape, err := sched.DecodeTape(tape.Append(nil))
		require.NoError(t, err)
		require.Equal(t, one.trace.Hash(), runChaos(t, sched.Replay(tape, sched.Calm), 300).trace.Hash())
		tape.Truncate("net", tape.Len("net")/2)
		require.Equal(t, one.trace.Hash(), runChaos(t, sched.Replay(tape, sched.FromSeed), 300).trace.Hash())
		tape.Zero("net", 0, 1<<30)
		tape.Drop("chaos", 100, 150)
		runChaos(t, sched.Replay(tape, sched.Calm), 300) // another run, which holds too
		if seed > 0 {
			require.NotEqual(t, one.trace.Hash(), runChaos(t, sched.NewSource(seed-1), 300).trace.Hash())
		}
	}
}
