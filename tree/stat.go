package tree

import "time"

// Stat is what is known of a znode besides its data, with ZooKeeper's names.
// Zxids are the ensemble's counters.
type Stat struct {
	Czxid int64 // the entry that created the znode
	Mzxid int64 // the entry that last set its data
	Pzxid int64 // the entry that last created or deleted a child of it

	Ctime int64 // leader's wall clock at creation, milliseconds since 1970
	Mtime int64 // leader's wall clock when its data was last set

	Version  int32 // how often its data was set; skips -1 when it wraps (ZOOKEEPER-4743)
	Cversion int32 // how often a child was created or deleted
	Aversion int32 // how often its ACL was set

	EphemeralOwner int64         // the session that owns an ephemeral znode, else 0
	Container      bool          // deleted some time after its last child is (ZOOKEEPER-2163)
	TTL            time.Duration // deleted when childless and not set for so long; 0: never

	DataLength  int32
	NumChildren int32
}
