package server_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// Each error names a field that was set, by its name here, and the numbers in it
// are those that count.
func TestConfigErrorsAreTrue(t *testing.T) {
	small := transport.NewMemory(transport.MemoryOptions{MaxFrame: 1024})
	for _, x := range []struct {
		change func(c *server.Config)
		want   []string
	}{
		{func(c *server.Config) { c.ElectionTicks = -1 },
			[]string{"zab: Config.ElectionTicks: is -1, not between 3, three times HeartbeatTicks, and 10000"}},
		{func(c *server.Config) { c.ElectionTicks = math.MaxInt },
			[]string{fmt.Sprint("zab: Config.ElectionTicks: is ", math.MaxInt, ", not between 3, three times HeartbeatTicks, and 10000")}},
		{func(c *server.Config) { c.HeartbeatTicks = math.MaxInt },
			[]string{fmt.Sprint("zab: Config.HeartbeatTicks: is ", math.MaxInt, ", not between 1 and 1000")}},
		{func(c *server.Config) { c.HeartbeatTicks = 2 },
			[]string{"zab: Config.HeartbeatTicks: is 2, and ElectionTicks, 4 by default, must be at least three times that: set it too"}},
		{func(c *server.Config) { c.Tick, c.MaxSessionTimeout = -1, time.Second },
			[]string{"zab: Config.Tick: is -1ns, not between 1ms and 1m"}},
		{func(c *server.Config) { c.MaxOpBytes = 1 },
			[]string{"server: Config.MaxOpBytes: is 1, less than MaxDataBytes, 1048575 by default: set it too"}},
		{func(c *server.Config) { c.MaxOpBytes, c.MaxDataBytes = 1, 2 },
			[]string{"server: Config.MaxDataBytes: is 2, more than MaxOpBytes, 1"}},
		{func(c *server.Config) { c.MaxDataBytes = 5 << 20 },
			[]string{"server: Config.MaxDataBytes: is 5242880, more than MaxOpBytes, 4194304 by default"}},
		{func(c *server.Config) { c.MaxOpBytes = math.MaxInt },
			[]string{fmt.Sprint("server: Config.MaxOpBytes: is ", math.MaxInt, ", not between 1 and 7340032")}},
		{func(c *server.Config) { c.MaxOpBytes = math.MinInt },
			[]string{fmt.Sprint("server: Config.MaxOpBytes: is ", math.MinInt, ", not between 1 and 7340032")}},
		{func(c *server.Config) { c.MaxMultiOps = tree.MaxOps }, nil},
		{func(c *server.Config) { c.MaxMultiOps = tree.MaxOps + 1 },
			[]string{"server: Config.MaxMultiOps: is 65537, not between 1 and 65536"}},
		{func(c *server.Config) { c.MinSessionTimeout = time.Millisecond },
			[]string{"server: Config.MinSessionTimeout: is 1ms, less than Tick, 125ms by default"}},
		{func(c *server.Config) { c.MaxSessionTimeout = time.Millisecond },
			[]string{"server: Config.MaxSessionTimeout: is 1ms, less than MinSessionTimeout, 500ms by default"}},
		{func(c *server.Config) { c.MinSessionTimeout = -1 },
			[]string{"server: Config.MinSessionTimeout: is -1ns, negative"}},
		{func(c *server.Config) { c.ReconfigTimeout = -1 },
			[]string{"server: Config.ReconfigTimeout: is negative"}},
		{func(c *server.Config) { c.Transport = small.Endpoint(1) },
			[]string{"server: Config.Transport: carries frames of at most 1024 bytes (MaxFrame), and MaxOpBytes, 4194304 by default, needs 6356992, 2 MiB and 64 KiB more"}},
		{func(c *server.Config) { c.SuperDigest = tree.DigestID("super", "secret").ID }, nil},
		{func(c *server.Config) { c.SuperDigest = "super:secret" },
			[]string{"server: Config.SuperDigest: is not of the form user:base64(sha1(user:password)), as the ID of a tree.DigestID"}},
		{func(c *server.Config) { c.SuperDigest = tree.DigestID("", "secret").ID },
			[]string{"server: Config.SuperDigest: is not of the form user:base64(sha1(user:password)), as the ID of a tree.DigestID"}},
		{func(c *server.Config) { c.Members = zab.Membership{{ID: 3}, {ID: 1}, {ID: 3}}; c.Transport = lonely{} },
			[]string{"zab: Config.Members: member 3: there twice"}},
	} {
		c := server.Config{ID: 1, Dir: "x"}
		x.change(&c)
		err := c.Validate()
		if x.want == nil {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, strings.Join(x.want, "\n"))
	}
}

func TestSettingsAreCounts(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("no int is too large here")
	}
	most := math.MaxInt32
	c := server.Config{Dir: "x", Settings: tree.Settings{Unanswered: most, ResultBytes: most, Identities: most, Tombstones: most, TombstoneBytes: most}}
	require.NoError(t, c.Validate())
	most++
	c.Settings = tree.Settings{Unanswered: most, ResultBytes: most, Identities: most, Tombstones: most, TombstoneBytes: most}
	err := c.Validate()
	for _, field := range []string{"Unanswered", "ResultBytes", "Identities", "Tombstones", "TombstoneBytes"} {
		require.ErrorContains(t, err, "server: Config.Settings."+field+": is 2147483648, more than 2147483647")
	}
}
