package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zabtree/zabtree/internal/zoocfg"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/wire"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// planZooCfg plans the member that a ZooKeeper configuration describes. Whatever it
// leaves out is as Apache's server has it. How members elect and synchronise is ours:
// tickTime counts for sessions alone.
func planZooCfg(f *flags, log io.Writer) ([]memberPlan, error) {
	cfg, err := zoocfg.Load(zoocfg.Source{
		Path:  f.zooCfg,
		Open:  func(path string) (io.ReadCloser, error) { return os.Open(path) },
		Flags: os.Getenv(zoocfg.FlagsName),
	})
	if err != nil {
		return nil, err
	}
	for _, finding := range cfg.Findings {
		fmt.Fprintln(log, finding)
	}
	if cfg.SSLQuorum {
		return nil, errors.New("sslQuorum: TLS between members with Java's key stores is not supported")
	}
	p := memberPlan{server: serverOf(cfg), wire: wireOf(cfg), reconfig: cfg.Reconfig}
	if err := notApaches(cfg.DataDir, p.server.Dir); err != nil {
		return nil, err
	}
	p.wire.MinSessionTimeout, p.wire.MaxSessionTimeout = p.server.MinSessionTimeout, p.server.MaxSessionTimeout
	if cfg.SecureClient != (zoocfg.Addr{}) {
		p.secure = cfg.SecureClient.Listen()
		if p.tls, err = clientTLS(cfg); err != nil {
			return nil, err
		}
	}
	if cfg.Client != (zoocfg.Addr{}) {
		p.client = []string{cfg.Client.Listen()}
	}
	if cfg.Ensemble {
		if p.server.Members, err = founding(membersOf(cfg.Members), f.founders); err != nil {
			return nil, err
		}
		own := cfg.Members.Find(cfg.ID).Addrs[0]
		p.peer = zoocfg.Addr{Host: own.Host, Port: own.Quorum}.Listen()
		if cfg.QuorumListenOnAllIPs {
			p.peer = zoocfg.Addr{Port: own.Quorum}.Listen()
		}
	}
	return []memberPlan{p}, nil
}

// notApaches refuses to begin an empty tree beside what Apache's server has written, or a
// member whose directory dataDir itself is.
func notApaches(dataDir, own string) error {
	apaches := filepath.Join(dataDir, "version-2")
	if _, err := os.Stat(own); err == nil {
		return nil
	}
	if _, err := os.Stat(apaches); err == nil {
		return fmt.Errorf("dataDir: %s is of Apache's server, whose files are not read", apaches)
	}
	if _, err := os.Stat(filepath.Join(dataDir, "IDENTITY")); err == nil {
		return fmt.Errorf("dataDir: %s is a member's own directory: move IDENTITY, log and snapshots into %s", dataDir, own)
	}
	return nil
}

func serverOf(cfg *zoocfg.Config) server.Config {
	c := server.Config{
		Dir: dirOf(cfg), SuperDigest: cfg.SuperDigest,
		Settings:          tree.Settings{SoftQuotas: !cfg.EnforceQuota, X509: x509Of(cfg)},
		MinSessionTimeout: cfg.MinSessionTimeout, MaxSessionTimeout: cfg.MaxSessionTimeout,
		// Apache looks every minute unless a property says otherwise.
		ReapInterval: time.Minute,
	}
	if ms, err := time.ParseDuration(cfg.Properties["znode.container.checkIntervalMs"] + "ms"); err == nil && ms > 0 {
		c.ReapInterval = ms
	}
	if cfg.Ensemble {
		c.ID = cfg.ID
	}
	if c.MinSessionTimeout == 0 {
		c.MinSessionTimeout = time.Millisecond
	}
	if cfg.SnapCount > 0 {
		c.SnapshotEntries = uint64(cfg.SnapCount)
	}
	return c
}

func wireOf(cfg *zoocfg.Config) wire.Config {
	c := wire.Config{
		MaxConns: cfg.MaxCnxns, MaxConnsPerAddr: cfg.MaxClientCnxns, MaxFrameBytes: cfg.MaxBuffer,
		NoTTL: !cfg.ExtendedTypes, Words: cfg.FourLetterWords, ReadOnly: cfg.ReadOnlyMode, SuperDigest: cfg.SuperDigest,
		X509:        true,
		SyncTimeout: max(time.Second, time.Duration(cfg.SyncLimit)*cfg.TickTime),
		Conf:        func() string { return conf(cfg) },
	}
	for _, v := range []*int{&c.MaxConns, &c.MaxConnsPerAddr} {
		if *v == 0 {
			*v = -1 // there it is no limit
		}
	}
	return c
}

// conf is the answer to that word.
func conf(cfg *zoocfg.Config) string {
	snapshots, log := sizes(dirOf(cfg))
	return fmt.Sprintf("clientPort=%d\nsecureClientPort=%d\ndataDir=%s\ndataDirSize=%d\ndataLogDir=%s\ndataLogSize=%d\ntickTime=%d\n"+
		"maxClientCnxns=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\nclientPortListenBacklog=-1\nserverId=%d\n",
		portOf(cfg.Client), portOf(cfg.SecureClient), cfg.DataDir, snapshots, cfg.DataLogDir, log, cfg.TickTime.Milliseconds(),
		cfg.MaxClientCnxns, cfg.MinSessionTimeout.Milliseconds(), cfg.MaxSessionTimeout.Milliseconds(), cfg.ID)
}

// dirOf is where a member keeps its files. As with Apache's version-2 it is a directory of
// its own: dataDir has myid.
func dirOf(cfg *zoocfg.Config) string { return filepath.Join(cfg.DataDir, "zabtree") }

// x509Of says whether ACLs may name subjects of certificates: if clients can have them, or
// if the provider is configured, as Apache wants it.
func x509Of(cfg *zoocfg.Config) bool {
	if cfg.SecureClient != (zoocfg.Addr{}) {
		return true
	}
	for name, value := range cfg.Properties {
		if strings.HasPrefix(name, "zookeeper.authProvider.") && strings.HasSuffix(value, ".X509AuthenticationProvider") {
			return true
		}
	}
	return false
}

// portOf is how conf shows a port: -1 is none.
func portOf(a zoocfg.Addr) int {
	if a.Port == 0 {
		return -1
	}
	return int(a.Port)
}

func membersOf(list zoocfg.Members) zab.Membership {
	var members zab.Membership
	for _, s := range list.Servers {
		m := zab.Member{ID: s.ID, Weight: s.Weight}
		m.Addr, m.ElectionAddr, m.ClientAddr = s.Reached()
		if s.Role == zoocfg.Observer {
			m.Role = zab.Observer
		}
		members = append(members, m)
	}
	return members
}

// founding returns those members whose IDs are in the list, all if it is empty.
func founding(members zab.Membership, ids string) (zab.Membership, error) {
	if ids == "" {
		return members, nil
	}
	var founders zab.Membership
	for _, text := range strings.Split(ids, ",") {
		id, err := strconv.ParseUint(text, 10, 64)
		m := members.Find(id)
		if err != nil || m == nil {
			return nil, fmt.Errorf("-founders: %q is no server of the file", text)
		}
		founders = append(founders, *m)
	}
	slices.SortFunc(founders, func(a, b zab.Member) int { return cmp.Compare(a.ID, b.ID) })
	return founders, nil
}
