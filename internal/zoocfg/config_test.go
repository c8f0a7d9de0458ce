package zoocfg

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// defaults is what an otherwise empty configuration of a standalone server says.
func defaults() *Config {
	return &Config{
		DataDir: "/data", DataLogDir: "/data", Client: Addr{"0.0.0.0", 2181},
		TickTime: 3 * time.Second, MinSessionTimeout: 6 * time.Second, MaxSessionTimeout: time.Minute,
		MaxClientCnxns: 60, MaxBuffer: 1048575, SnapCount: 100000, FourLetterWords: []string{"srvr"},
		Properties: map[string]string{},
	}
}

func TestDefaults(t *testing.T) {
	c, err := load(alone, "", "")
	require.NoError(t, err)
	require.Equal(t, defaults(), c)
}

func TestEverything(t *testing.T) {
	c, err := load(`
# all that has an effect
dataDir: /data
dataLogDir  /log
clientPort = 2181
clientPortAddress=10.0.0.1
secureClientPort=2281
secureClientPortAddress=[::1]
tickTime=2000
initLimit=10
syncLimit=5
minSessionTimeout=0
maxSessionTimeout=70000
maxClientCnxns=0
maxCnxns=0x10
4lw.commands.whitelist=ruok, mntr,,stat
extendedTypesEnabled=True
enforceQuota=true
reconfigEnabled=TRUE
sslQuorum=true
quorumListenOnAllIPs=true
snapCount=5000
peerType=participant
server.3=c:2888:3888
server.1=a:2888:3888:participant;10.0.0.1:2181
server.2=b:2888:3888:OBSERVER ;2182
server.4=[2001:db8::1]:2888:3888;[::]:2181
group.7=1:3:4
weight.3=5
`, "1\n", `-Djute.maxbuffer=4194304 -Dreadonlymode.enabled=true -Dzookeeper.DigestAuthenticationProvider.superDigest=super:x=`)
	require.NoError(t, err)
	require.Equal(t, &Config{
		ID: 1, Ensemble: true,
		Members: Members{Servers: []Server{
			{ID: 1, Addrs: []ServerAddr{{"a", 2888, 3888}}, Weight: 1, Client: Addr{"10.0.0.1", 2181}},
			{ID: 2, Addrs: []ServerAddr{{"b", 2888, 3888}}, Role: Observer, Client: Addr{"0.0.0.0", 2182}},
			{ID: 3, Addrs: []ServerAddr{{"c", 2888, 3888}}, Weight: 5},
			{ID: 4, Addrs: []ServerAddr{{"2001:db8::1", 2888, 3888}}, Weight: 1, Client: Addr{"::", 2181}},
		}},
		DataDir: "/data", DataLogDir: "/log", TickTime: 2 * time.Second, InitLimit: 10, SyncLimit: 5,
		MaxSessionTimeout: 70 * time.Second, Client: Addr{"10.0.0.1", 2181}, SecureClient: Addr{"::1", 2281},
		QuorumListenOnAllIPs: true, SSLQuorum: true, MaxCnxns: 16, MaxBuffer: 4 << 20, SnapCount: 5000,
		FourLetterWords: []string{"isro", "mntr", "ruok", "srvr", "stat"}, SuperDigest: "super:x=",
		ExtendedTypes: true, EnforceQuota: true, Reconfig: true, ReadOnlyMode: true,
		Properties: map[string]string{
			"jute.maxbuffer": "4194304", "readonlymode.enabled": "true",
			"zookeeper.DigestAuthenticationProvider.superDigest": "super:x=",
			"zookeeper.4lw.commands.whitelist":                   "ruok, mntr,,stat",
			"zookeeper.maxCnxns":                                 "0x10", "zookeeper.snapCount": "5000",
			"zookeeper.extendedTypesEnabled": "True", "zookeeper.enforceQuota": "true",
		},
	}, c)
	require.True(t, c.Allows("ruok"))
	require.False(t, c.Allows("conf"))
}

// Each case changes the configuration of a server from what its default is.
func TestAccepted(t *testing.T) {
	type change = func(c *Config)
	cases := []struct {
		name, add, myid, flags string
		change                 change
	}{
		{"last wins", "clientPort=1\nclientPort=2182\n", "", "", func(c *Config) { c.Client.Port = 2182 }},
		{"blanks", "tickTime=+5   \n", "", "", func(c *Config) {
			c.TickTime, c.MinSessionTimeout, c.MaxSessionTimeout = 5*time.Millisecond, 10*time.Millisecond, 100*time.Millisecond
		}},
		{"default sessions", "minSessionTimeout=-1\nmaxSessionTimeout=-1\n", "", "", func(c *Config) {}},
		{"any number", "maxClientCnxns=-1\n", "", "", func(c *Config) { c.MaxClientCnxns = 0 }},
		{"no host", "clientPortAddress=\n", "", "", func(c *Config) { c.Client.Host = "localhost" }},
		{"IPv6", "clientPortAddress=2001:DB8:0::1\n", "", "", func(c *Config) { c.Client.Host = "2001:db8::1" }},
		{"secure only", "clientPort=0\nsecureClientPort=5\n", "", "", func(c *Config) { c.Client, c.SecureClient = Addr{}, Addr{"0.0.0.0", 5} }},
		{"two hosts", "clientPortAddress=h\nsecureClientPort=2181\nsecureClientPortAddress=i\n", "", "", func(c *Config) {
			c.Client.Host, c.SecureClient = "h", Addr{"i", 2181}
		}},
		{"ID", "", "+7\r\nx", "", func(c *Config) { c.ID = 7 }},
		{"ID out of range", "", "-1", "", func(c *Config) {}},
		{"the only server", "server.7=a:1:2;h:5\nclientPort=0\n", "7", "", func(c *Config) {
			c.ID, c.Client = 7, Addr{"h", 5}
			c.Members.Servers = []Server{{ID: 7, Addrs: []ServerAddr{{"a", 1, 2}}, Weight: 1, Client: Addr{"h", 5}}}
		}},
		{"an ensemble of one", "server.7=a:1:2\nstandaloneEnabled=false\ninitLimit=1\nsyncLimit=1\n", "7", "", func(c *Config) {
			c.ID, c.Ensemble, c.InitLimit, c.SyncLimit = 7, true, 1, 1
			c.Members.Servers = []Server{{ID: 7, Addrs: []ServerAddr{{"a", 1, 2}}, Weight: 1}}
		}},
		{"one address of all", "server.7=a:1:2;10.0.0.1:2181\n", "7", "", func(c *Config) {
			c.ID, c.Client = 7, Addr{"10.0.0.1", 2181}
			c.Members.Servers = []Server{{ID: 7, Addrs: []ServerAddr{{"a", 1, 2}}, Weight: 1, Client: Addr{"10.0.0.1", 2181}}}
		}},
		{"perhaps the same host", "clientPortAddress=h\nserver.7=a:1:2;i:2181\n", "7", "", func(c *Config) {
			c.ID, c.Client = 7, Addr{"i", 2181}
			c.Members.Servers = []Server{{ID: 7, Addrs: []ServerAddr{{"a", 1, 2}}, Weight: 1, Client: Addr{"i", 2181}}}
		}},
		{"limits alone", "initLimit=0\nsyncLimit=5\n", "", "", func(c *Config) { c.SyncLimit = 5 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := defaults()
			c.change(want)
			got, err := load(alone+c.add, c.myid, c.flags)
			require.NoError(t, err)
			got.Findings = nil
			require.Equal(t, want, got)
		})
	}
}

// Options that Apache takes from system properties, by whichever way they were set.
func TestProperties(t *testing.T) {
	cases := []struct {
		name, cfg, flags string
		check            func(c *Config) any
		want             any
	}{
		{"flag", "", "-Dzookeeper.snapCount=7", func(c *Config) any { return c.SnapCount }, 7},
		{"last flag", "", "-Dzookeeper.snapCount=7 -Dzookeeper.snapCount=8", func(c *Config) any { return c.SnapCount }, 8},
		{"file over flag", "snapCount=9\n", "-Dzookeeper.snapCount=7", func(c *Config) any { return c.SnapCount }, 9},
		{"below 2", "snapCount=1\n", "", func(c *Config) any { return c.SnapCount }, 2},
		{"no number", "snapCount=1e5\n", "", func(c *Config) any { return c.SnapCount }, 100000},
		{"empty", "", "-Dzookeeper.snapCount", func(c *Config) any { return c.SnapCount }, 100000},
		{"over 32 bits", "snapCount=2147483648\n", "", func(c *Config) any { return c.SnapCount }, 100000},
		{"octal", "snapCount=0100\n", "", func(c *Config) any { return c.SnapCount }, 64},
		{"two signs", "snapCount=0x-5\n", "", func(c *Config) any { return c.SnapCount }, 100000},
		{"hexadecimal", "maxCnxns=#fF\n", "", func(c *Config) any { return c.MaxCnxns }, 255},
		{"negative", "maxCnxns=-0x5\n", "", func(c *Config) any { return c.MaxCnxns }, 0},
		{"no buffer of the file", "jute.maxbuffer=5\n", "", func(c *Config) any { return c.MaxBuffer }, 1048575},
		{"buffer", "", "-Djute.maxbuffer=5", func(c *Config) any { return c.MaxBuffer }, 5},
		{"no mode of the file", "readonlymode.enabled=true\n", "", func(c *Config) any { return c.ReadOnlyMode }, false},
		{"yes", "extendedTypesEnabled=yes\n", "", func(c *Config) any { return c.ExtendedTypes }, false},
		{"all words", "4lw.commands.whitelist=x,*\n", "", func(c *Config) any { return len(c.FourLetterWords) }, len(fourLetterWords) + 1},
		{"no words", "4lw.commands.whitelist=\n", "", func(c *Config) any { return c.Allows("srvr") && !c.Allows("isro") && !c.Allows("") }, true},
		{"digest in the file", "DigestAuthenticationProvider.superDigest=super:y\n", "", func(c *Config) any { return c.SuperDigest }, "super:y"},
		{"harmless", "DigestAuthenticationProvider.digestAlg=sha1\n", "-Dzookeeper.enforce.auth.enabled=false", func(c *Config) any { return "" }, ""},
		{"other ones", "foo\\ bar=x=y\n", "-Djava.x=1", func(c *Config) any { return c.Properties["zookeeper.foo bar"] + c.Properties["java.x"] }, "x=y1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(alone+c.cfg, "", c.flags)
			require.NoError(t, err)
			require.Equal(t, c.want, c.check(got))
		})
	}
	for _, small := range []string{"0", "-5"} {
		_, err := load(alone, "", "-Djute.maxbuffer="+small)
		require.Equal(t, []string{"SERVER_JVMFLAGS:0 jute.maxbuffer: out of range"}, problems(t, err))
	}
}

func TestFindings(t *testing.T) {
	c, err := load(ensemble+`clientPort=
clientPort=0
tickTme=5
electionAlg=3
peerType=observer
autopurge.snapRetainCount=1
metricsProvider.httpPort=7000
admin.serverPort=8080
authProvider.1=x
ssl.keyStore.password=secret
multiAddress.enabled=true
jute.maxbuffer=5
zookeeper.snapCount=5
zookeeper.foo=5
extendedTypesEnabled=yes
snapCount=0
request_throttle_max_requests=1
group.1=1:2:3
weight.9=2
`, "1", "-Xmx1g -Dfile.encoding=UTF-8 -Dzookeeper.skipACL=yes -Dzookeeper.tickTime=5 -Dreadonlymode.enabled=true")
	require.NoError(t, err)
	require.Equal(t, []string{
		"SERVER_JVMFLAGS:0 -Xmx1g: without effect",
		"SERVER_JVMFLAGS:0 file.encoding: without effect",
		"SERVER_JVMFLAGS:0 zookeeper.skipACL: without effect",
		"SERVER_JVMFLAGS:0 zookeeper.tickTime: unknown",
		"2 clientPort: without effect",
		"8 clientPort: without effect",
		"10 tickTme: unknown",
		"11 electionAlg: deprecated",
		"13 autopurge.snapRetainCount: without effect",
		"14 metricsProvider.httpPort: without effect",
		"15 admin.serverPort: without effect",
		"16 authProvider.1: without effect",
		"17 ssl.keyStore.password: without effect",
		"18 multiAddress.enabled: without effect",
		"19 jute.maxbuffer: without effect",
		"20 zookeeper.snapCount: without effect",
		"21 zookeeper.foo: unknown",
		"24 request_throttle_max_requests: without effect",
		"22 extendedTypesEnabled: adjusted",
		"23 snapCount: adjusted",
		"26 weight.9: without effect",
		"12 peerType: adjusted",
		"9 clientPort: notice",
	}, found(c.Findings))
	for _, f := range c.Findings {
		require.NotContains(t, f.String(), "secret")
	}
	require.Equal(t, `/conf/zoo.cfg:8: clientPort: without effect: set again on line 9`, c.Findings[5].String())
}

func TestDynamic(t *testing.T) {
	for path, version := range map[string]uint64{"/d.1f": 0x1f, "/members.cafe": 0xcafe, "/zoo.cfg.dynamic": 0, "/dynamic": 0, "/d.10000000000000000": 0} {
		f := files{path: three + "server.3=c:2888:3888:observer;5\n", "/data/myid": "3", "/zoo.cfg": "clientPort=5\ndataDir=/data\ninitLimit=5\nsyncLimit=2\ndynamicConfigFile=" + path}
		c, err := Load(Source{Path: "/zoo.cfg", Open: f.open})
		require.NoError(t, err)
		require.Equal(t, version, c.Members.Version, path)
		require.Equal(t, Observer, c.Members.Find(3).Role)
		require.Equal(t, Addr{"0.0.0.0", 5}, c.Client)
		require.True(t, c.Ensemble)
		require.Equal(t, []string{path + ":3 server.3: without effect"}, found(c.Findings))
	}
}
