package difftest

import (
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// guarded are the paths of znodes that somebody may not have been allowed to read in
// this round. Where an event is kept from a one-shot watch for that, Apache ZooKeeper
// removes the watch all the same, and its client waits in vain; Zabtree lets it stay.
// So there may be one event more later on, or a watch to remove.
type guarded map[string]bool

const (
	guardedOp    = "guarded znode"
	guardedEvent = "event"
	guardedWatch = "watch"
)

// learn takes the ACLs that a step asks for.
func (g guarded) learn(step *Step) {
	for i := range step.Ops {
		g.learnOf(&step.Ops[i].Request)
	}
}

func (g guarded) learnOf(r *zkwire.Request) {
	for i := range r.Ops {
		g.learnOf(&r.Ops[i])
	}
	for _, a := range r.ACL {
		if a.Perms&zkwire.PermRead != 0 && a.Scheme != nil && *a.Scheme == "world" {
			return
		}
	}
	if len(r.ACL) > 0 {
		g[r.Path] = true
	}
}

// has says whether a path is one of them, or what became of one that was to have a number.
func (g guarded) has(path string) bool {
	const digits = 10
	name := strings.TrimRight(path, "0123456789")
	return g[path] || len(path)-len(name) >= digits && g[path[:len(path)-digits]]
}

// spare takes out of b's events those that a does not have and that are of guarded
// znodes, and returns them.
func (g guarded) spare(a, b []SeenEvent) (rest, spared []SeenEvent) {
	for _, e := range b {
		switch {
		case len(a) > 0 && eventText(a[0]) == eventText(e):
			a = a[1:]
		case len(b)-len(spared) > len(rest)+len(a) && e.Path != nil && g.has(*e.Path):
			spared = append(spared, e)
			continue
		}
		rest = append(rest, e)
	}
	return rest, spared
}
