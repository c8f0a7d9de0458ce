package server

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"time"
)

// Super is the digest identity that every server of this package lets do
// everything.
const Super = "super:test"

// Options say how a server behaves, as far as a comparison may vary it.
type Options struct {
	EnforceQuota bool

	// ReapEvery is the time between looks for containers and znodes with a time to
	// live that are to go; 0 means an hour, which no comparison lasts.
	ReapEvery time.Duration
}

// config is the zoo.cfg of both servers. What Apache ZooKeeper does not know of it
// becomes a system property zookeeper.NAME.
func (o Options) config(addr, dir string) string {
	host, port, _ := net.SplitHostPort(addr) // freeAddr made it
	var b strings.Builder
	for _, line := range []string{
		"tickTime=500",
		"dataDir=" + dir + "/data",
		"clientPortAddress=" + host,
		"clientPort=" + port,
		"maxClientCnxns=0",
		"minSessionTimeout=1000",
		"maxSessionTimeout=120000",
		"4lw.commands.whitelist=*",
		"admin.enableServer=false",
		"extendedTypesEnabled=true",
		fmt.Sprintf("enforceQuota=%v", o.EnforceQuota),
		"DigestAuthenticationProvider.superDigest=" + digest(Super),
		"preAllocSize=1024",
		"forceSync=no",
	} {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// jvmFlag is a system property that has no key in zoo.cfg.
func (o Options) jvmFlag() string {
	every := o.ReapEvery
	if every == 0 {
		every = time.Hour
	}
	return fmt.Sprintf("-Dznode.container.checkIntervalMs=%d", every.Milliseconds())
}

// digest is how scheme digest shows user:password.
func digest(idPassword string) string {
	user, _, _ := strings.Cut(idPassword, ":")
	sum := sha1.Sum([]byte(idPassword))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// ticks between two looks at whether a server is ready.
func newTicker() *time.Ticker { return time.NewTicker(20 * time.Millisecond) }
