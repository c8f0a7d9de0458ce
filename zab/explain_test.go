package zab

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
)

// Of a member that cannot be reached the log tells, and not with every attempt.
func TestFailedDialsAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var text bytes.Buffer // written under the handler's mutex, read after Close
		e := newEnsemble(t, 3)
		e.log = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn}))
		e.founding[0].Addr, e.founding[1].Addr = "one:1", "two:2"
		e.start(3)
		time.Sleep(25 * time.Second)
		e.stop(3)
		for _, peer := range []string{"peer=1 addr=one:1 err=", "peer=2 addr=two:2 err="} {
			require.Equal(t, 3, strings.Count(text.String(), peer), text.String())
		}
		require.Equal(t, 6, strings.Count(text.String(), "\n"), text.String())
		require.Equal(t, 6, strings.Count(text.String(), "level=WARN msg=\"not connected\""), text.String())
		require.Contains(t, text.String(), "nobody has that ID")
	})
}

func TestErrorSaysWhoIsLinked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 5)
		e.start(1, 2)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second+time.Millisecond)
		defer cancel()
		err := e.replicas[1].Ready(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "linked to 1 of 4 other members")
		require.NoError(t, e.replicas[2].Close())
		require.Equal(t, ErrClosed, e.replicas[2].Ready(t.Context()))
		delete(e.replicas, 2)
		e.start(2, 3, 4, 5)
		e.ready(1, 2, 3, 4, 5)
		_, err = e.replicas[1].Propose(ctx, []byte("x"))
		require.Equal(t, &notApplied{context.DeadlineExceeded}, err, "nothing is missing but time")
	})
}

func TestConfigErrorsAreTrue(t *testing.T) {
	maxInt := strconv.Itoa(math.MaxInt)
	for _, x := range []struct {
		change func(c *Config)
		want   []string
	}{
		{func(c *Config) { c.HeartbeatTicks = math.MaxInt },
			[]string{"zab: Config.HeartbeatTicks: is " + maxInt + ", not between 1 and 1000"}},
		{func(c *Config) { c.ElectionTicks = math.MaxInt },
			[]string{"zab: Config.ElectionTicks: is " + maxInt + ", not between 3, three times HeartbeatTicks, and 10000"}},
		{func(c *Config) { c.HeartbeatTicks, c.ElectionTicks = math.MaxInt, -1 },
			[]string{"zab: Config.HeartbeatTicks: is " + maxInt + ", not between 1 and 1000",
				"zab: Config.ElectionTicks: is -1, not between 3 and 10000"}},
		{func(c *Config) { c.HeartbeatTicks = 2 },
			[]string{"zab: Config.HeartbeatTicks: is 2, and ElectionTicks, 4 by default, must be at least three times that: set it too"}},
		{func(c *Config) { c.HeartbeatTicks, c.ElectionTicks = 1000, 3000 }, nil},
		{func(c *Config) { c.MaxCommandBytes = math.MaxInt },
			[]string{"zab: Config.MaxCommandBytes: is " + maxInt + ", not between 1 and 8388608"}},
		{func(c *Config) { c.Members = Membership{{ID: 7}, {ID: 2}, {ID: 1}, {ID: 2}} },
			[]string{"zab: Config.Members: member 2: there twice"}},
		{func(c *Config) { c.Transport = frames(1024) },
			[]string{"zab: Config.Transport: carries frames of at most 1024 bytes (MaxFrame), and MaxCommandBytes, 1114112 by default, needs 3211264, 2 MiB more"}},
		{func(c *Config) { c.Transport, c.MaxCommandBytes = frames(100+2<<20-1), 100 },
			[]string{"zab: Config.Transport: carries frames of at most 2097251 bytes (MaxFrame), and MaxCommandBytes, 100, needs 2097252, 2 MiB more"}},
		{func(c *Config) { c.Transport, c.MaxCommandBytes = frames(100+2<<20), 100 }, nil},
	} {
		c := Config{ID: 1, Members: Membership{{ID: 1}, {ID: 2}}, Transport: frames(16 << 20),
			Storage: newDisk().use(), StateMachine: &machine{}}
		x.change(&c)
		err := c.Validate()
		if x.want == nil {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, strings.Join(x.want, "\n"))
	}
}

func frames(most int) transport.Transport {
	return transport.NewMemory(transport.MemoryOptions{MaxFrame: most}).Endpoint(1)
}
