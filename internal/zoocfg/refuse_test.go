package zoocfg

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// What is refused, and nothing else is said about it. All but what is marked as ours is
// refused by Apache's server 3.8.0 too.
func TestRefused(t *testing.T) {
	cases := []struct{ name, cfg, myid, want string }{
		{"no data", "clientPort=1\n", "", "0 dataDir: missing"},
		{"empty data", alone + "dataDir=\n", "", "3 dataDir: missing"},
		{"empty data log", alone + "dataLogDir=\n", "", "3 dataLogDir: missing"},
		{"byte order mark", "\ufeff" + alone, "", "0 dataDir: missing"},
		{"escape", alone + `x=\u12`, "", "3 x: syntax"},

		{"port no number", "dataDir=/data\nclientPort=2181 # x\n", "", "2 clientPort: syntax"},
		{"port large", "dataDir=/data\nclientPort=65536\n", "", "2 clientPort: out of range"},
		{"port negative", "dataDir=/data\nclientPort=-1\n", "", "2 clientPort: out of range"},
		{"ours: no port", "dataDir=/data\n", "", "0 clientPort: missing"},
		{"ours: port 0", "dataDir=/data\nclientPort=0\n", "", "2 clientPort: missing"},
		{"address without port", "dataDir=/data\nclientPortAddress=127.0.0.1\n", "", "2 clientPortAddress: missing"},
		{"secure without port", alone + "secureClientPortAddress=127.0.0.1\n", "", "3 secureClientPortAddress: missing"},
		{"half a bracket", alone + "clientPortAddress=[::1\n", "", "3 clientPortAddress: syntax"},
		{"address", alone + "clientPortAddress=a b\n", "", "3 clientPortAddress: syntax"},
		{"ours: secure is client", alone + "secureClientPort=2181\nsecureClientPortAddress=10.0.0.1\n", "", "3 secureClientPort: conflict"},

		{"tick 0", alone + "tickTime=0\n", "", "3 tickTime: out of range"},
		{"tick negative", alone + "tickTime=-1\n", "", "3 tickTime: out of range"},
		{"tick over 32 bits", alone + "tickTime=4294967297\n", "", "3 tickTime: syntax"},
		{"20 ticks over 32 bits", alone + "tickTime=107374183\n", "", "3 tickTime: out of range"},
		{"session", alone + "minSessionTimeout=5\nmaxSessionTimeout=4\n", "", "3 minSessionTimeout: conflict"},
		{"session of nothing", alone + "maxSessionTimeout=0\n", "", "3 maxSessionTimeout: out of range"},
		{"ours: negative session", alone + "minSessionTimeout=-7\n", "", "3 minSessionTimeout: out of range"},
		{"boolean", alone + "reconfigEnabled=yes\n", "", "3 reconfigEnabled: syntax"},
		{"idle number", alone + "autopurge.purgeInterval=1h\n", "", "3 autopurge.purgeInterval: syntax"},
		{"idle boolean", alone + "syncEnabled=\n", "", "3 syncEnabled: syntax"},
		{"idle long", alone + "jvm.pause.sleep.time.ms=9223372036854775808\n", "", "3 jvm.pause.sleep.time.ms: syntax"},
		{"election", alone + "electionAlg=0\n", "", "3 electionAlg: not supported"},
		{"peer type", alone + "peerType=leader\n", "", "3 peerType: syntax"},
		{"version", alone + "version=-1\n", "", "3 version: syntax"},

		{"ours: SASL", alone + "quorum.auth.enableSasl=true\n", "", "3 quorum.auth.enableSasl: not supported"},
		{"SASL", alone + "quorum.auth.learnerRequireSasl=true\n", "", "3 quorum.auth.learnerRequireSasl: not supported"},
		{"ours: oracle", alone + "oraclePath=/x\n", "", "3 oraclePath: not supported"},
		{"ours: required", alone + "enforce.auth.enabled=true\n", "", "3 enforce.auth.enabled: not supported"},
		{"ours: digests off", alone + "DigestAuthenticationProvider.enabled=false\n", "", "3 DigestAuthenticationProvider.enabled: not supported"},
		{"ours: other digests", alone + "DigestAuthenticationProvider.digestAlg=SHA-256\n", "", "3 DigestAuthenticationProvider.digestAlg: not supported"},

		{"no ID", ensemble, "", "/data/myid:0 myid: missing"},
		{"ID with a blank", ensemble, "1 ", "/data/myid:1 myid: syntax"},
		{"ID on line 2", ensemble, "\n1\n", "/data/myid:1 myid: syntax"},
		{"ID no number", alone, "x", "/data/myid:1 myid: syntax"},
		{"ID of nobody", ensemble, "7", "0 server.7: missing"},
		{"ours: ID 0", ensemble, "0", "/data/myid:1 myid: out of range"},
		{"ours: ID 256", ensemble, "256", "/data/myid:1 myid: out of range"},
		{"ID 255", ensemble + "server.255=d:1:2\nextendedTypesEnabled=true\n", "1", "8 server.255: out of range"},
		{"ours: server 0", ensemble + "server.0=d:1:2\n", "1", "8 server.0: out of range"},
		{"server x", ensemble + "server.x=d:1:2\n", "1", "8 server.x: syntax"},
		{"ours: server 01", ensemble + "server.01=d:1:2\n", "1", "8 server.01: conflict"},

		{"initLimit", alone + three + "syncLimit=2\n", "1", "0 initLimit: missing"},
		{"syncLimit 0", ensemble + "syncLimit=0\n", "1", "8 syncLimit: missing"},
		{"ours: limit negative", ensemble + "initLimit=-3\n", "1", "8 initLimit: out of range"},
		{"limit no number", ensemble + "initLimit=x\n", "1", "8 initLimit: syntax"},
		{"limit empty", ensemble + "initLimit=\n", "1", "8 initLimit: syntax"},

		{"no participants", alone + "standaloneEnabled=false\ninitLimit=5\nsyncLimit=2\n", "1", "0 server.N: missing"},
		{"observer alone", alone + "server.1=a:1:2:observer\n", "1", "0 server.N: missing"},
		{"observer of one", alone + "server.1=a:1:2\nserver.2=b:1:2:observer\n", "1", "0 server.N: missing"},
		{"other client port", ensemble + "server.1=a:2888:3888;2182\n", "1", "2 clientPort: conflict"},
		{"other client port, alone", alone + "server.1=a:2888:3888;2182\n", "1", "2 clientPort: conflict"},
		{"other client address", ensemble + "clientPortAddress=10.0.0.1\nserver.1=a:2888:3888;10.0.0.2:2181\n", "1", "2 clientPort: conflict"},
		{"ours: client and quorum", ensemble + "server.1=a:2181:3888\n", "1", "2 clientPort: conflict"},
		{"ours: client and election", ensemble + "server.1=a:2888:2181;2181\n", "1", "2 clientPort: conflict"},
		{"ours: secure and quorum", ensemble + "secureClientPort=2888\n", "1", "8 secureClientPort: conflict"},
		{"ours: on all", ensemble + "clientPortAddress=10.0.0.9\nquorumListenOnAllIPs=true\nserver.1=a:2181:3888\n", "1", "2 clientPort: conflict"},
		{"ours: shared", ensemble + "server.4=B:5:3888\n", "1", "8 server.4: conflict"},
		{"ours: shared client", ensemble + "server.4=d:5:6;c:2888\n", "1", "8 server.4: conflict"},

		{"group without server", ensemble + "group.1=1:2:3:9\n", "1", "8 group.1: missing"},
		{"observer in group", ensemble + "server.4=d:1:2:observer\ngroup.1=1:2:3:4\n", "1", "9 group.1: missing"},
		{"server without group", ensemble + "group.1=1:2\n", "1", "8 group.1: missing"},
		{"weights only", ensemble + "weight.1=2\n", "1", "8 weight.1: missing|8 weight.1: missing|8 weight.1: missing"},
		{"two groups of one", ensemble + "group.1=1:2\ngroup.2=2:3\n", "1", "9 group.2: conflict|9 group.2: not supported"},
		{"ours: groups", ensemble + "group.1=1:2\ngroup.2=3\n", "1", "9 group.2: not supported"},
		{"ours: group twice", ensemble + "group.1=1\ngroup.2=2\ngroup.02=3\n", "1", "10 group.02: conflict"},
		{"ours: empty group", ensemble + "group.1=1:2:3\ngroup.2=:\n", "1", "9 group.2: missing|9 group.2: not supported"},
		{"group with a blank", ensemble + "group.1=1:2:3:4 \n", "1", "8 group.1: syntax"},
		{"group no number", ensemble + "group.1=1:2:3\nweights=1\n", "1", "9 weights: syntax"},
		{"ours: weight 0", ensemble + "group.1=1:2:3\nweight.2=0\n", "1", "9 weight.2: not supported"},
		{"ours: weight negative", ensemble + "group.1=1:2:3\nweight.2=-1\n", "1", "9 weight.2: out of range"},
		{"ours: weight large", ensemble + "group.1=1:2:3\nweight.2=1048577\n", "1", "9 weight.2: out of range"},
		{"weight no number", ensemble + "group.1=1:2:3\nweight.2=many\n", "1", "9 weight.2: syntax"},

		{"all of it", "dataDir=\ntickTime=x\nclientPort=-1\nserver.1=a\nsslQuorum=no\n", "",
			"2 tickTime: syntax|5 sslQuorum: syntax|1 dataDir: missing|3 clientPort: out of range|4 server.1: syntax"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(c.cfg, c.myid, "")
			require.Error(t, err)
			require.Nil(t, got)
			require.Equal(t, strings.Split(c.want, "|"), problems(t, err), "%v", err)
		})
	}
}

func TestServerRefused(t *testing.T) {
	cases := []struct {
		value string
		want  error
	}{
		{"", ErrSyntax}, {";", ErrSyntax}, {";2181", ErrSyntax}, {"|", ErrMissing}, {"|;1", ErrMissing}, {"a", ErrSyntax}, {"a:1", ErrSyntax},
		{"a:1:2:observer:x", ErrSyntax}, {"a:1:2::observer", ErrSyntax}, {"a:1:2:leader", ErrSyntax}, {"a:1:2: ", ErrSyntax},
		{"a:x:2", ErrSyntax}, {"a:1:2 ", ErrSyntax}, {"a:1:", ErrSyntax}, {"a::2", ErrSyntax}, {"a:1:\u0661", ErrSyntax},
		{"a:1:65536", ErrRange}, {"a:-1:2", ErrRange}, {"a:0:2", ErrRange}, {"a:1:1", ErrConflict}, {"0.0.0.0:1:1", ErrConflict},
		{"::1:1:2", ErrSyntax}, {"[::1]", ErrSyntax}, {"[::1]:", ErrSyntax}, {"[::1:1:2", ErrSyntax}, {"[::1]x1:2", ErrSyntax}, {"[::1]:1", ErrSyntax},
		{"a b:1:2", ErrSyntax}, {"\u00e9:1:2", ErrSyntax}, {strings.Repeat("a", 256) + ":1:2", ErrSyntax}, {"[fe80::1%a/b]:1:2", ErrSyntax},
		{"a:1:2;x", ErrSyntax}, {"a:1:2;b:1:2", ErrSyntax}, {"a:1:2;1;2", ErrSyntax}, {"a:1:2;;2", ErrSyntax}, {"a:1:2;[::1]", ErrSyntax},
		{"a:1:2;2181 ", ErrSyntax}, {"a:1:2;0", ErrRange}, {"a:1:2;:", ErrSyntax}, {"a:1:2;a:1", ErrConflict},
		{"a:1:2:observer|b:1:2:participant", ErrConflict}, {"a:1:2|a:2:3", ErrConflict}, {"a:1:2||b:1:2", ErrSyntax},
	}
	for _, c := range cases {
		m, err := ParseMembers("server.2=z:1:2\nserver.1=" + c.value)
		require.ErrorIs(t, err, c.want, "%q", c.value)
		require.Empty(t, m)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "server.1", e.Key, "%q: %v", c.value, err)
		require.Equal(t, 2, e.Line)
	}
	_, err := load(limits+"server.1=a:1:2|b:1:2\nserver.2=c:1:2\nmultiAddress.enabled=true\n", "1", "")
	require.Equal(t, []string{"5 server.1: not supported"}, problems(t, err))
}

func TestDynamicRefused(t *testing.T) {
	cases := []struct{ name, static, path, dynamic, want string }{
		{"both", three, "/d.1f", three, "5 server.1: conflict|6 server.2: conflict|7 server.3: conflict"},
		{"groups in static", "group.1=1\n", "/d.1f", three, "5 group.1: conflict"},
		{"not there", "", "/other", three, "/other:0 : missing"},
		{"version in it", "", "/d.1f", "version=1\n" + three, "/d.1f:1 version: conflict"},
		{"unknown", "", "/d.1f", three + "tickTime=5\n", "/d.1f:4 tickTime: syntax"},
		{"server", "", "/d.1f", three + "server.4=x\n", "/d.1f:4 server.4: syntax"},
		{"negative version", "", "/d.-1f", three, "5 dynamicConfigFile: out of range"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := files{"/d.1f": c.dynamic, "/d.-1f": c.dynamic, "/data/myid": "1", "/zoo.cfg": limits + c.static + "dynamicConfigFile=" + c.path}
			got, err := Load(Source{Path: "/zoo.cfg", Open: f.open})
			require.Nil(t, got)
			require.Equal(t, strings.Split(c.want, "|"), cut(problems(t, err), "/zoo.cfg:"))
		})
	}
}

func cut(list []string, prefix string) []string {
	for i := range list {
		list[i] = strings.TrimPrefix(list[i], prefix)
	}
	return list
}

func TestUnreadable(t *testing.T) {
	broken := errors.New("broken")
	for _, name := range []string{"/zoo.cfg", "/data/myid", "/dynamic"} {
		f := files{"/zoo.cfg": limits + "dynamicConfigFile=/dynamic\n", "/data/myid": "1", "/dynamic": three}
		_, err := Load(Source{Path: "/zoo.cfg", Open: f.open})
		require.NoError(t, err)

		got, err := Load(Source{Path: "/zoo.cfg", Open: func(path string) (io.ReadCloser, error) {
			if path == name {
				return io.NopCloser(iotest.ErrReader(broken)), nil
			}
			return f.open(path)
		}})
		require.Nil(t, got)
		require.ErrorIs(t, err, ErrRead, name)
		require.ErrorIs(t, err, broken)
		require.Contains(t, err.Error(), name)
	}
	_, err := Load(Source{Path: "/zoo.cfg", Open: files{}.open})
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Load(Source{Path: "/zoo.cfg"})
	require.ErrorIs(t, err, ErrRead)
}

func TestBounds(t *testing.T) {
	fill := func(n int) string { return alone + "#" + strings.Repeat("x", n-len(alone)-1) }
	lines := func(n int) string { return alone + strings.Repeat("\n", n-2) }
	for _, ok := range []string{fill(MaxFileBytes), lines(MaxLines)} {
		_, err := load(ok, "", "")
		require.NoError(t, err)
	}
	for _, large := range []string{fill(MaxFileBytes + 1), lines(MaxLines+1) + "x"} {
		_, err := load(large, "", "")
		require.ErrorIs(t, err, ErrTooLarge)
		_, err = ParseMembers(large)
		require.ErrorIs(t, err, ErrTooLarge)
	}
	_, err := load(ensemble+"group.1="+strings.Repeat("x:", MaxFileBytes/4), "1", "")
	require.Len(t, problems(t, err), maxErrors)
	_, err = load(alone, "", strings.Repeat(" ", MaxFlagBytes))
	require.NoError(t, err)
	_, err = load(alone, "", strings.Repeat(" ", MaxFlagBytes+1))
	require.ErrorIs(t, err, ErrTooLarge)
}
