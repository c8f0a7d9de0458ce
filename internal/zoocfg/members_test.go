package zoocfg

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Texts as Apache's server 3.8.0 writes them.
func TestRoundTrip(t *testing.T) {
	for _, text := range []string{
		"server.1=a:2888:3888:participant\nserver.2=b:2888:3888:observer;0.0.0.0:2181\nversion=0",
		"server.1=[0:0:0:0:0:0:0:1]:1:2:participant;[0:0:0:0:0:0:0:0]:2181\nserver.10=[2001:db8:0:0:0:0:0:1]:1:2:observer\nversion=1f",
		"server.1=[fe80:0:0:0:0:0:0:1%eth0]:1:2:participant\nversion=7fffffffffffffff",
		"server.2=[0:0:0:0:0:0:0:1]:3:4|10.0.0.1:1:2|b_1.example-2.org:1:2:participant\nserver.11=c:1:2:participant;c:5\nversion=100000000",
		"server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:observer\ngroup.1=1:2\nweight.1=2\nweight.2=1\nversion=0",
	} {
		m, err := ParseMembers(text)
		require.NoError(t, err)
		require.Equal(t, text, m.String())
	}
}

func TestParseMembers(t *testing.T) {
	m, err := ParseMembers("version=ff\nserver.3=C:1:2::\nserver.2=:3:4:Observer;\nserver.1=[::ffff:10.0.0.1]:1:2;[h]:7\ngroup.1=3\ngroup.2=1\nweight.1=9")
	require.NoError(t, err)
	require.Equal(t, Members{Version: 255, Servers: []Server{
		{ID: 1, Addrs: []ServerAddr{{"10.0.0.1", 1, 2}}, Weight: 1, Client: Addr{"h", 7}},
		{ID: 2, Addrs: []ServerAddr{{"localhost", 3, 4}}, Role: Observer},
		{ID: 3, Addrs: []ServerAddr{{"C", 1, 2}}, Weight: 1},
	}}, m)
	require.Nil(t, m.Find(0))
	require.Nil(t, m.Find(4))
	require.Equal(t, uint64(3), m.Find(3).ID)

	for text, want := range map[string][]string{
		"":                               {":0 : missing"},
		"version=1":                      {":0 : missing"},
		"server.1=a:1:2:observer":        {":0 : missing"},
		"server.1=a:1:2\ntickTime=5":     {":2 tickTime: syntax"},
		"server.1=a:1:2\nversion=0x5":    {":2 version: syntax"},
		"server.1=a:1:2\nversion=-5":     {":2 version: syntax"},
		"server.0=a:1:2\nversion=-5":     {":1 server.0: out of range", ":2 version: syntax"},
		"server.1=a:1:2\n\\u1=2":         {":2 : syntax"},
		"server.1=a:1:2\nserver.1=a:1:1": {":2 server.1: conflict"},
	} {
		m, err := ParseMembers(text)
		require.Empty(t, m)
		require.Equal(t, want, problems(t, err), "%q", text)
	}
}

func TestSeveralAddresses(t *testing.T) {
	c, err := load(limits+"server.1=b:1:2|a:3:4:observer;5\nserver.2=c:1:2\nserver.3=d:1:2\nclientPort=5\n", "2", "-Dzookeeper.multiAddress.enabled=true")
	require.NoError(t, err)
	require.Equal(t, []string{"2 clientPort: without effect", "5 server.1: without effect"}, found(c.Findings))
	s := c.Members.Find(1)
	require.Equal(t, []ServerAddr{{"b", 1, 2}, {"a", 3, 4}}, s.Addrs)
	require.Equal(t, "a:3:4|b:1:2:observer;0.0.0.0:5", s.String())
	require.Equal(t, "b", s.Addrs[0].Host, "String must not sort what it was given")
}

func TestAddr(t *testing.T) {
	for _, c := range []struct {
		addr         Addr
		text, listen string
	}{
		{Addr{"0.0.0.0", 1}, "0.0.0.0:1", ":1"},
		{Addr{"::", 2}, "[0:0:0:0:0:0:0:0]:2", ":2"},
		{Addr{"10.0.0.1", 3}, "10.0.0.1:3", "10.0.0.1:3"},
		{Addr{"2001:db8::a", 4}, "[2001:db8:0:0:0:0:0:a]:4", "[2001:db8::a]:4"},
		{Addr{"h.example", 5}, "h.example:5", "h.example:5"},
	} {
		require.Equal(t, c.text, c.addr.String())
		require.Equal(t, c.listen, c.addr.Listen())
	}
}
