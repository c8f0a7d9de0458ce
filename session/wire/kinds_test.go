package wire

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/watch"
)

// Modes and kinds are refused as a real server refuses them.
func TestWatchKindsAreRefused(t *testing.T) {
	refused, taken := 0, 0
	requests(t, func(x *exchange, h requestHeader, body []byte) {
		q, _ := decodeRequest(h.op, body)
		var code errCode
		switch q := q.(type) {
		case *addWatchRequest:
			_, code = q.watchKind()
		case *watchesRequest:
			code = q.check()
		default:
			return
		}
		if code == errOK {
			taken++
		} else {
			refused++
		}
		require.Equal(t, decodeReply(t, h.op, q, x.reply()).h.err == errMarshalling, code == errMarshalling, x.name())
	})
	require.Greater(t, refused, 10)
	require.Greater(t, taken, 10)
}

func TestWatchKinds(t *testing.T) {
	kind, code := (&addWatchRequest{mode: 0}).watchKind()
	require.Equal(t, watch.Persistent, kind)
	require.Equal(t, errOK, code)
	kind, code = (&addWatchRequest{mode: 1}).watchKind()
	require.Equal(t, watch.PersistentRecursive, kind)
	require.Equal(t, errOK, code)
	all := []watch.Kind{watch.Data, watch.Exist, watch.Children, watch.Persistent, watch.PersistentRecursive}
	for kind, want := range map[int32][]watch.Kind{
		watcherChildren: {watch.Children, watch.Persistent, watch.PersistentRecursive},
		watcherData:     {watch.Data, watch.Exist, watch.Persistent, watch.PersistentRecursive},
		watcherAny:      all,
		0:               {}, 4: {},
	} {
		covered := []watch.Kind{}
		for _, k := range append(all, 0) {
			if (&watchesRequest{kind: kind}).covers(k) {
				covered = append(covered, k)
			}
		}
		require.Equal(t, want, covered, "kind %d", kind)
	}
}
