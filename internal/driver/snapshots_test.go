package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

func TestSnapshotPlan(t *testing.T) {
	es, _ := entriesFrom(protocol.Zxid{}, 3, 10)
	p := snapshotPlan{everyEntries: 5, everyBytes: 1 << 20}
	require.False(t, p.due(protocol.Zxid{}))
	p.applied(es)
	require.False(t, p.due(protocol.Zxid{Epoch: 1, Counter: 3}))
	p.applied(es)
	require.True(t, p.due(protocol.Zxid{Epoch: 1, Counter: 6}))
	p.applied(es)
	p.applied(es)
	require.False(t, p.due(protocol.Zxid{Epoch: 1, Counter: 12}), "one at a time")
	one := protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 1, Counter: 6}}
	require.True(t, p.written(one))
	require.False(t, p.due(protocol.Zxid{Epoch: 1, Counter: 12}), "not before it is named")
	p.named()
	require.True(t, p.due(protocol.Zxid{Epoch: 1, Counter: 12}))
	p.failed()
	require.False(t, p.due(protocol.Zxid{Epoch: 1, Counter: 12}), "not again at once")

	p.want()
	require.True(t, p.due(protocol.Zxid{Epoch: 1, Counter: 13}))
	p.installed(&protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 2, Counter: 20}}})
	require.False(t, p.written(protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 1, Counter: 13}}), "a newer one was received")
	p.want()
	require.False(t, p.due(protocol.Zxid{Epoch: 2, Counter: 20}), "there is one of this very state")
	require.False(t, p.busy)

	p = snapshotPlan{everyEntries: 1 << 30, everyBytes: 100}
	p.applied(es)
	require.True(t, p.due(protocol.Zxid{Epoch: 1, Counter: 3}), "by bytes")
}
