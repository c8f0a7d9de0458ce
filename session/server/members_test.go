package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/zoocfg"
	"github.com/zabtree/zabtree/zab"
)

// What /zookeeper/config says is what ZooKeeper's clients parse, whatever the members'
// records are.
func TestConfigText(t *testing.T) {
	for _, c := range []struct {
		member zab.Member
		want   string
	}{
		{zab.Member{Addr: "a:1", ElectionAddr: "a:2", ClientAddr: "b.example:2181"}, "a:1:2:participant;b.example:2181"},
		{zab.Member{Addr: "10.0.0.1:65535"}, "10.0.0.1:65535:65534:participant"},
		{zab.Member{Addr: "[::1]:7", ClientAddr: ":2181", Role: zab.Observer}, "[0:0:0:0:0:0:0:1]:7:8:observer;0.0.0.0:2181"},
		{zab.Member{Addr: "a:1", ElectionAddr: "b:1", ClientAddr: "b"}, "a:1:2:participant"},
		{zab.Member{Addr: "no\nline", ClientAddr: "x\ny:1"}, "localhost:2888:3888:participant"},
		{zab.Member{Addr: "a b:1", ClientAddr: "a:0"}, "localhost:2888:3888:participant"},
		{zab.Member{Addr: "a:99999"}, "localhost:2888:3888:participant"},
	} {
		m := c.member
		m.ID = 3
		rest := zab.Member{ID: 4, Addr: "z:1"}
		text := string(configText(&zab.Configuration{Version: 26, Current: zab.Membership{m, rest}}))
		require.Equal(t, "server.3="+c.want+"\nserver.4=z:1:2:participant\nversion=1a", text)
		parsed, err := zoocfg.ParseMembers(text)
		require.NoError(t, err)
		require.Equal(t, text, parsed.String())
	}
	text := string(configText(&zab.Configuration{Current: zab.Membership{{ID: 1, Addr: "a:1", Weight: 2}, {ID: 2, Addr: "b:1"}}}))
	require.Equal(t, "server.1=a:1:2:participant\nserver.2=b:1:2:participant\ngroup.1=1:2\nweight.1=2\nweight.2=1\nversion=0", text)
}
