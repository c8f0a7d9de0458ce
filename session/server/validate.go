package server

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// What an election timeout can be computed from; package zab allows no more.
const (
	maxSaneTick  = time.Minute
	maxSaneTicks = 10_000
)

// report notes what is wrong with a field.
type report func(field, format string, args ...any)

// none stands for a transport of which everything was said that is to be said.
type none struct{ transport.Transport }

func (none) MaxFrame() int { return math.MaxInt }

// validateReplica returns what package zab finds wrong with the fields that its
// Config has too, by the same names. Those that are derived are left out: what is
// wrong with them is to be said of the fields of this Config.
func (c *Config) validateReplica() error {
	d := c.withDefaults()
	z := d.replica()
	z.Tick, z.HeartbeatTicks, z.ElectionTicks = c.Tick, c.HeartbeatTicks, c.ElectionTicks
	z.MaxCommandBytes = 0
	z.Transport = none{}
	if z.Storage == nil {
		z.Storage = zab.NewMemoryStorage()
	}
	z.StateMachine = &machine{}
	return z.Validate()
}

// number is a field's value, and says if nobody set it.
func number(set, value int) string {
	if set == 0 {
		return fmt.Sprintf("%d by default", value)
	}
	return fmt.Sprint(value)
}

// duration is number for durations.
func duration(set, value time.Duration) string {
	if set == 0 {
		return fmt.Sprintf("%v by default", value)
	}
	return value.String()
}

// validateSizes blames fields that are set, never a default.
func (c *Config) validateSizes(bad report) {
	d := c.withDefaults()
	if c.MaxMultiOps < 0 || c.MaxMultiOps > tree.MaxOps {
		bad("MaxMultiOps", "is %d, not between 1 and %d", c.MaxMultiOps, tree.MaxOps)
	}
	if c.MaxDataBytes < 0 || c.MaxDataBytes > maxMaxOpBytes {
		bad("MaxDataBytes", "is %d, not between 1 and %d", c.MaxDataBytes, maxMaxOpBytes)
	}
	if d.MaxOpBytes < 1 || d.MaxOpBytes > maxMaxOpBytes {
		bad("MaxOpBytes", "is %d, not between 1 and %d", d.MaxOpBytes, maxMaxOpBytes)
		return
	}
	switch {
	case d.MaxDataBytes <= d.MaxOpBytes || d.MaxDataBytes > maxMaxOpBytes:
	case c.MaxDataBytes == 0:
		bad("MaxOpBytes", "is %d, less than MaxDataBytes, %d by default: set it too", d.MaxOpBytes, d.MaxDataBytes)
	default:
		bad("MaxDataBytes", "is %d, more than MaxOpBytes, %s", d.MaxDataBytes, number(c.MaxOpBytes, d.MaxOpBytes))
	}
	if c.Transport != nil {
		if most, least := c.Transport.MaxFrame(), d.MaxOpBytes+commandOverhead+zab.FrameOverhead; most < least {
			bad("Transport", "carries frames of at most %d bytes (MaxFrame), and MaxOpBytes, %s, needs %d, 2 MiB and 64 KiB more",
				most, number(c.MaxOpBytes, d.MaxOpBytes), least)
		}
	}
}

// validateTimes leaves to package zab what is wrong with Tick and ElectionTicks, and
// compares nothing with what follows from them then.
func (c *Config) validateTimes(bad report) {
	d := c.withDefaults()
	sane := d.Tick > 0 && d.Tick <= maxSaneTick && d.ElectionTicks > 0 && d.ElectionTicks <= maxSaneTicks
	if c.MinSessionTimeout < 0 {
		bad("MinSessionTimeout", "is %v, negative", c.MinSessionTimeout)
	} else if sane && d.MinSessionTimeout < d.Tick {
		bad("MinSessionTimeout", "is %v, less than Tick, %s", d.MinSessionTimeout, duration(c.Tick, d.Tick))
	}
	switch {
	case c.MaxSessionTimeout < 0:
		bad("MaxSessionTimeout", "is %v, negative", c.MaxSessionTimeout)
	case c.MaxSessionTimeout == 0 || c.MinSessionTimeout < 0 || c.MinSessionTimeout == 0 && !sane:
	case c.MaxSessionTimeout < d.MinSessionTimeout:
		bad("MaxSessionTimeout", "is %v, less than MinSessionTimeout, %s",
			c.MaxSessionTimeout, duration(c.MinSessionTimeout, d.MinSessionTimeout))
	}
	if c.ReconfigTimeout < 0 {
		bad("ReconfigTimeout", "is negative")
	}
	if c.ReapInterval < 0 {
		bad("ReapInterval", "is negative")
	}
}

// validateSuper refuses what no password can be for.
func (c *Config) validateSuper(bad report) {
	if c.SuperDigest == "" {
		return
	}
	user, hash, _ := strings.Cut(c.SuperDigest, ":")
	sum, err := base64.StdEncoding.DecodeString(hash)
	if user == "" || err != nil || len(sum) != sha1.Size {
		bad("SuperDigest", "is not of the form user:base64(sha1(user:password)), as the ID of a tree.DigestID")
	}
}

// validateSettings refuses what a state would cut down without a word.
func (c *Config) validateSettings(bad report) {
	s := &c.Settings
	for _, x := range []struct {
		field string
		count int
	}{
		{"Unanswered", s.Unanswered}, {"ResultBytes", s.ResultBytes}, {"Identities", s.Identities},
		{"Tombstones", s.Tombstones}, {"TombstoneBytes", s.TombstoneBytes},
	} {
		if x.count > math.MaxInt32 {
			bad("Settings."+x.field, "is %d, more than %d", x.count, math.MaxInt32)
		}
	}
}
