package tree

// Znode is one version of a znode. It never changes once it can be reached from
// a View or a Change: a write replaces it. Any number of goroutines may read it.
type Znode struct {
	data []byte
	stat Stat
}

// Data returns the znode's bytes, shared and read-only, with capacity clipped;
// nil and empty are different, as in ZooKeeper.
func (z *Znode) Data() []byte { return z.data[:len(z.data):len(z.data)] }

// Stat returns the znode's Stat.
func (z *Znode) Stat() Stat { return z.stat }
