package tree

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ApplyVersion is the newest version of the rules of apply that this package
// has. A new State starts with version 1; [RaiseApplyVersion] raises it once
// every member of the ensemble has the newer rules.
const ApplyVersion = 1

const firstApplyVersion = 1

// Settings are limits that depend on the state and so are part of it: they are
// the same on every replica, count towards the digest, and change by
// [ChangeSettings] only. A zero field means its default, and no count is more
// than 2^31-1.
type Settings struct {
	// Unanswered is how many writes a session may have whose answers it has not
	// said it has. Above it, writes get ErrLimit. Default 4096.
	Unanswered int
	// ResultBytes is how many bytes of results are kept for a session. When so
	// many are held, the next write gets ErrLimit. Default 1 MiB.
	ResultBytes int
	// Identities is how many identities a session may have. Default 16.
	Identities int
	// X509 says that ACLs may name subjects of certificates. As in ZooKeeper, where
	// it takes a configured provider, they may not by default.
	X509 bool
	// SoftQuotas says that no limit of a quota is enforced, as in ZooKeeper unless its
	// enforceQuota is set. By default hard limits are.
	SoftQuotas bool

	// Tombstones of ended sessions answer whether a session's last write was
	// applied. They are kept for so long by the ensemble's clock, and then only
	// the newest so many with so many bytes of results in all.
	TombstoneTime  time.Duration // default 10 minutes
	Tombstones     int           // default 10,000
	TombstoneBytes int           // default 16 MiB
}

func (s Settings) withDefaults() Settings {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
		*v = min(*v, math.MaxInt32)
	}
	set(&s.Unanswered, 4096)
	set(&s.ResultBytes, 1<<20)
	set(&s.Identities, 16)
	set(&s.Tombstones, 10_000)
	set(&s.TombstoneBytes, 16<<20)
	if s.TombstoneTime <= 0 {
		s.TombstoneTime = 10 * time.Minute
	}
	return s
}

// Validate returns every problem, joined. New and ChangeSettings take a
// negative field for its default.
func (s Settings) Validate() error {
	var problems []error
	check := func(name string, v int64) {
		if v < 0 {
			problems = append(problems, fmt.Errorf("tree: Settings.%s is negative: %d", name, v))
		}
	}
	check("Unanswered", int64(s.Unanswered))
	check("ResultBytes", int64(s.ResultBytes))
	check("Identities", int64(s.Identities))
	check("TombstoneTime", int64(s.TombstoneTime))
	check("Tombstones", int64(s.Tombstones))
	check("TombstoneBytes", int64(s.TombstoneBytes))
	return errors.Join(problems...)
}
