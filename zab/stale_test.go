package zab

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A voter that was down while another one was replaced must be able to come back
// when only members that it does not know are left to tell it.
func TestStaleVoterMeetsTheNewMembers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		e.propose(2, "x")
		if e.leader() != 2 {
			require.NoError(t, e.replicas[e.leader()].Handover(t.Context(), 2))
			e.ready(1, 2, 3)
		}
		e.stop(3) // down during the change
		e.synchronised(2, 1)
		change := func(edit func(m Membership) Membership) {
			s, _ := e.replicas[2].Status()
			require.NoError(t, e.replicas[2].Reconfigure(t.Context(), s.Config.Version, edit(s.Config.Current.Clone())))
		}
		e.start(4)
		change(func(m Membership) Membership { return append(m, Member{ID: 4, Role: Observer}) })
		e.synchronised(2, 4)
		change(func(m Membership) Membership { m.Find(4).Role = Voter; return m })
		change(func(m Membership) Membership { return m[1:] }) // 1 leaves: {2,3,4}
		<-e.replicas[1].Done()
		e.stop(1)
		e.propose(2, "y")
		e.stop(2) // one of three voters dies...
		e.start(3)
		// ... and 3 and 4 are a quorum, healthy and connected.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := e.replicas[4].Propose(ctx, []byte("z"))
		require.NoError(t, err, "a healthy quorum {3,4} of {2,3,4}")
	})
}
