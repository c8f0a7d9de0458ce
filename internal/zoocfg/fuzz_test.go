package zoocfg

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// samples are configurations as they are found: Debian's package has the first, the
// test suites of kazoo and of go-zookeeper write the next ones.
var samples = []struct {
	name, cfg, flags string
	ensemble         bool
	unknown          []string
}{
	{"Debian", `# The number of milliseconds of each tick
tickTime=2000
# The number of ticks that the initial 
# synchronization phase can take
initLimit=10
syncLimit=5
# do not use /tmp for storage
dataDir=/data
# the port at which the clients will connect
clientPort=2181
#maxClientCnxns=60
#
#autopurge.snapRetainCount=3

## Metrics Providers
#metricsProvider.exportJvmInfo=true
`, "", false, nil},
	{"kazoo", `
tickTime=2000
dataDir=/data
clientPort=20000
maxClientCnxns=0
admin.serverPort=20003
authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider
4lw.commands.whitelist=*
reconfigEnabled=true

initLimit=4
syncLimit=2
server.1=localhost:20001:20002:participant
server.2=localhost:20011:20012:participant
server.3=localhost:20021:20022:observer
peerType=participant
`, "-Dfile.encoding=UTF-8 -Dreadonlymode.enabled=true -Dzookeeper.log.dir=/log -Dzookeeper.root.logger=INFO,CONSOLE" +
		" -Dlog4j.configuration=file:/log4j.properties -Djava.awt.headless=true -Djava.security.auth.login.config=/jaas.conf" +
		" -Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=", true, nil},
	{"go-zookeeper, one", `dataDir=/data
tickTime=500
initLimit=10
syncLimit=5
clientPort=12345
reconfigEnabled=true
4lw.commands.whitelist=*
`, "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=", false, nil},
	{"go-zookeeper, three", `dataDir=/data
tickTime=500
initLimit=10
syncLimit=5
clientPort=12345
reconfigEnabled=true
4lw.commands.whitelist=*
standaloneEnabled=false
server.1=127.0.0.1:12346:12347
server.2=127.0.0.1:12349:12350
server.3=127.0.0.1:12352:12353
`, "", true, nil},
	{"container", `dataDir=/data
dataLogDir=/datalog
tickTime=2000
initLimit=5
syncLimit=2
autopurge.snapRetainCount=3
autopurge.purgeInterval=0
maxClientCnxns=60
standaloneEnabled=true
admin.enableServer=true
server.1=0.0.0.0:2888:3888;2181
server.2=zoo2:2888:3888;2181
server.3=zoo3:2888:3888;2181
`, `-Xmx512m "-Dzookeeper.serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"`, true, nil},
	{"TLS", `dataDir=/data
tickTime=2000
initLimit=5
syncLimit=2
secureClientPort=2281
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
sslQuorum=true
ssl.quorum.keyStore.location=/tls/key.pem
ssl.keyStore.location=/tls/key.pem
ssl.clientAuth=need
server.1=zk-0.zk.default.svc.cluster.local:2888:3888:participant
server.2=zk-1.zk.default.svc.cluster.local:2888:3888:participant
server.3=zk-2.zk.default.svc.cluster.local:2888:3888:participant
snapshot.trust.empty=true
maxClientConnections=5
`, "", true, []string{"maxClientConnections"}},
}

func TestSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			c, err := load(s.cfg, "1\n", s.flags)
			require.NoError(t, err)
			require.Equal(t, s.ensemble, c.Ensemble)
			require.Equal(t, uint64(1), c.ID)
			var unknown []string
			for _, f := range c.Findings {
				if f.Kind == Unknown {
					unknown = append(unknown, f.Key)
				}
			}
			require.Equal(t, s.unknown, unknown)
			check(t, c)
		})
	}
}

// check holds a Config to what its fields' comments promise.
func check(t *testing.T, c *Config) {
	require.NotEmpty(t, c.DataDir)
	require.NotEmpty(t, c.DataLogDir)
	require.Positive(t, c.TickTime)
	require.Zero(t, c.TickTime%time.Millisecond)
	require.GreaterOrEqual(t, c.MaxSessionTimeout, max(c.MinSessionTimeout, time.Millisecond))
	require.GreaterOrEqual(t, c.MinSessionTimeout, time.Duration(0))
	require.GreaterOrEqual(t, c.MaxClientCnxns, 0)
	require.GreaterOrEqual(t, c.MaxCnxns, 0)
	require.GreaterOrEqual(t, c.SnapCount, 2)
	require.Positive(t, c.MaxBuffer)
	require.True(t, c.Allows("srvr"))
	require.False(t, c.Client.overlaps(c.SecureClient))
	require.LessOrEqual(t, c.ID, uint64(maxID))
	if !c.Ensemble {
		require.False(t, c.Client == Addr{} && c.SecureClient == Addr{})
		require.LessOrEqual(t, len(c.Members.Servers), 1)
	} else {
		require.Positive(t, c.InitLimit)
		require.Positive(t, c.SyncLimit)
		require.NotNil(t, c.Members.Find(c.ID))
		require.Positive(t, c.Members.participants())
	}
	if len(c.Members.Servers) > 0 {
		checkMembers(t, c.Members)
	}
}

// checkMembers: a text that is rendered is read as what it was rendered from, but for
// the order of addresses.
func checkMembers(t *testing.T, m Members) {
	text := m.String()
	again, err := ParseMembers(text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, text, again.String())
	require.Equal(t, m.Version, again.Version)
	require.Len(t, again.Servers, len(m.Servers))
	for i, s := range m.Servers {
		require.ElementsMatch(t, s.Addrs, again.Servers[i].Addrs)
		s.Addrs, again.Servers[i].Addrs = nil, nil
		require.Equal(t, s, again.Servers[i])
	}
}

// FuzzLoad: there is a Config that is as promised or errors of the promised type, and
// the same every time.
func FuzzLoad(f *testing.F) {
	for _, s := range samples {
		f.Add(s.cfg, "1\n", s.flags, "")
	}
	f.Add(limits+"dynamicConfigFile=/d.1f\n", "1", "-Dzookeeper.multiAddress.enabled=true", "server.1=a:1:2|[::1]:3:4\nserver.2=b:1:2;5\ngroup.1=1:2\nweight.2=3\n")
	f.Add("dataDir \\\n /data\nclientPort:\\u0031\n!x\n", "-1", `"-Dx=y z" \a 'b'`, "")
	f.Fuzz(func(t *testing.T, cfg, myid, flags, dynamic string) {
		fs := files{"/zoo.cfg": cfg, "/data/myid": myid, "/d.1f": dynamic}
		src := Source{Path: "/zoo.cfg", Open: fs.open, Flags: flags}
		c, err := Load(src)
		again, errAgain := Load(src)
		require.Equal(t, c, again)
		if err != nil {
			require.Nil(t, c)
			require.EqualError(t, errAgain, err.Error())
			require.NotEmpty(t, problems(t, err))
			return
		}
		check(t, c)
	})
}

// FuzzParseMembers: what is read can be rendered and read again.
func FuzzParseMembers(f *testing.F) {
	f.Add("server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=[::1]:1:2:observer\nversion=100000001")
	f.Add("server.1=a:1:2|b:3:4\nserver.2=c:1:2\ngroup.1=1:2\nweight.1=7")
	f.Add("server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1\ngroup.2=2")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMembers(text)
		if err != nil {
			require.NotEmpty(t, problems(t, err))
			return
		}
		checkMembers(t, m)
	})
}
