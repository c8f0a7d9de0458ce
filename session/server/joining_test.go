package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/zab"
)

// three is a membership of which one record shows more than it says.
func three() zab.Membership {
	return zab.Membership{
		{ID: 1, Incarnation: 11, Addr: "a:1", ElectionAddr: "a:2", ClientAddr: "a:3", Weight: 1},
		{ID: 2, Incarnation: 12, Addr: "b:1"},
		{ID: 5, Incarnation: 15, Addr: "c:1", ElectionAddr: "c:2", ClientAddr: ":3", Role: zab.Observer},
	}
}

func TestWhatIsWanted(t *testing.T) {
	change := func(edit func(m zab.Membership) zab.Membership) zab.Membership { return edit(three()) }
	fourth := zab.Member{ID: 4, Addr: "d:1", ElectionAddr: "d:2", ClientAddr: ":3", Weight: 1}
	insert := func(x zab.Member) zab.Membership {
		return change(func(m zab.Membership) zab.Membership { return append(m[:2:2], x, m[2]) })
	}
	observer := fourth
	observer.Role, observer.Weight = zab.Observer, 0
	ipv6 := fourth
	ipv6.Addr, ipv6.ElectionAddr, ipv6.ClientAddr = "[::1]:1", "[::1]:2", "[::1]:3"
	for _, c := range []struct {
		name, joining, leaving, members string
		want                            zab.Membership
	}{
		{name: "nothing", want: three()},
		{name: "joins", joining: "server.4=d:1:2;3", want: insert(fourth)},
		{name: "with spaces", joining: " , server.4 = d:1:2;3 ,, ", leaving: " , 99 ,", want: insert(fourth)},
		{name: "as zkCli shows it", joining: "4=d:1:2;3", want: insert(fourth)},
		{name: "observes", joining: "server.4=d:1:2:observer;3", want: insert(observer)},
		{name: "ipv6", joining: "server.4=[::1]:1:2;[::1]:3", want: insert(ipv6)},
		{name: "leaves", leaving: "1,5", want: three()[1:2]},
		{name: "replaces", joining: "server.4=a:1:2;3", leaving: "1",
			want: zab.Membership{three()[1], {ID: 4, Addr: "a:1", ElectionAddr: "a:2", ClientAddr: ":3", Weight: 1}, three()[2]}},
		{name: "leaves and comes back", joining: "server.5=c:1:2;3", leaving: "5", want: change(func(m zab.Membership) zab.Membership {
			m[2].Role, m[2].Weight = zab.Voter, 1
			return m
		})},
		{name: "other addresses", joining: "server.2=b:7:8;b:9", want: change(func(m zab.Membership) zab.Membership {
			m[1] = zab.Member{ID: 2, Incarnation: 12, Addr: "b:7", ElectionAddr: "b:8", ClientAddr: "b:9", Weight: 1}
			return m
		})},
		{name: "the same", joining: "server.1=a:1:2;a:3", want: three()},
		{name: "all the same", members: "server.1=a:1:2:participant;a:3\nserver.2=b:1:2:participant\nserver.5=c:1:2:observer;0.0.0.0:3\nversion=1a", want: three()},
		{name: "all others", members: "server.9=x:1:2,server.2=b:1:2", want: zab.Membership{three()[1], {ID: 9, Addr: "x:1", ElectionAddr: "x:2", Weight: 1}}},
		{name: "weights", members: "server.1=a:1:2;a:3,server.2=b:1:2,group.1=1:2,weight.1=1,weight.2=3", want: zab.Membership{three()[0],
			{ID: 2, Incarnation: 12, Addr: "b:1", ElectionAddr: "b:2", Weight: 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var members *string
			if c.members != "" {
				members = &c.members
			}
			w, err := parseWanted(c.joining, c.leaving, members)
			require.NoError(t, err)
			m := three()
			got, err := w.from(m)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, three(), m)
		})
	}
}

func TestWhatNobodyCanWant(t *testing.T) {
	for _, c := range []struct {
		joining, leaving string
		number           bool
	}{
		{joining: "server.4=d:1:2"},
		{joining: "server.4=d:1;3"},
		{joining: "server.4"},
		{joining: "server.4="},
		{joining: "server.4=d:1:2;3=4"},
		{joining: "server.4=d:1:2;3\nserver.6=e:1:2;3"},
		{joining: `server.4=d:1:2;3\nserver.6=e:1:2;3`},
		{joining: "server.4=d:1:1;3"},
		{joining: "server.4=d:1:2:leader;3"},
		{joining: "server.4=d:1:99999;3", number: true},
		{joining: "server.0=d:1:2;3"},
		{joining: "server.-4=d:1:2;3"},
		{joining: "server.4=a:1:2;3"}, // another member's
		{joining: "server.4=d:1:2;3,server.6=d:1:2;4"},
		{joining: "server.x=d:1:2;3", number: true},
		{joining: "=d:1:2;3"},
		{joining: "server.=d:1:2;3", number: true},
		{leaving: "server.1", number: true},
		{leaving: "1 2", number: true},
		{leaving: "1,2"}, // nobody is left to vote
	} {
		w, err := parseWanted(c.joining, c.leaving, nil)
		if err == nil {
			_, err = w.from(three())
		}
		require.Error(t, err, "%+v", c)
		require.Equal(t, c.number, stumbles(err), "%+v: %v", c, err)
	}
	for _, members := range []string{"", "nonsense", "server.1=a:1:2:observer", "server.1=a:1:2,x=y", "server.1=a:1:2,server.2=a:1:2"} {
		_, err := parseWanted("", "", &members)
		require.Error(t, err, "%q", members)
	}
}

func FuzzWanted(f *testing.F) {
	f.Add("server.4=d:1:2;3", "1,2", "", false)
	f.Add("4=[::1]:1:2:observer;[::1]:3", "", "", false)
	f.Add("", "", "server.1=a:1:2\nversion=1a", true)
	f.Add("", "", "server.1=a:1:2;a:3,server.2=b:1:2,server.5=c:1:2:observer,group.1=1:2,weight.1=1,weight.2=3", true)
	f.Fuzz(func(t *testing.T, joining, leaving, members string, whole bool) {
		var list *string
		if whole {
			list = &members
		}
		w, err := parseWanted(joining, leaving, list)
		if err != nil {
			return
		}
		next, err := w.from(three())
		if err != nil {
			return
		}
		require.NoError(t, next.Validate())
		// What it comes to is shown as it can be read, and reading that changes nothing.
		text := string(configText(&zab.Configuration{Current: next}))
		if again, err := parseWanted("", "", &text); err == nil {
			same, err := again.from(next)
			require.NoError(t, err)
			require.Equal(t, next, same)
		}
	})
}
