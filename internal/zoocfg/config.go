package zoocfg

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// Source is what a configuration is read from.
type Source struct {
	// Path is the zoo.cfg.
	Path string

	// Open opens a file: Path, the file that dynamicConfigFile names as it is
	// written there, and myid in dataDir. That a file does not exist must be an error
	// that is fs.ErrNotExist. os.Open does, as
	//
	//	func(path string) (io.ReadCloser, error) { return os.Open(path) }
	Open func(path string) (io.ReadCloser, error)

	// Flags are the flags of the JVM, as in the environment variable
	// SERVER_JVMFLAGS. They are cut into words as a shell does, quotes taken away;
	// zkServer.sh would keep quotes.
	Flags string
}

// Config is what a zoo.cfg says, with Apache's defaults for what it leaves out.
type Config struct {
	// ID is the content of dataDir/myid, 1 to 255: 0 if there is none, which only a
	// standalone server can be without.
	ID uint64

	// Ensemble says whether the server is a member of one; else it is standalone,
	// also if Members has a single server.
	Ensemble bool

	// Members are the servers of the configuration, none for most standalone ones.
	// If Ensemble is set, the one with ID is among them.
	Members Members

	// DataDir holds snapshots and myid, DataLogDir the log: DataDir by default. They
	// are as written, relative to the working directory if not absolute.
	DataDir, DataLogDir string

	// TickTime is the unit of time, 3 s by default, whole milliseconds. InitLimit and
	// SyncLimit are how many ticks a follower may take to connect and synchronise,
	// and to answer: at least 1 if Ensemble is set, where they have no defaults.
	TickTime             time.Duration
	InitLimit, SyncLimit int

	// MinSessionTimeout and MaxSessionTimeout bound what clients may ask for: 2 and 20
	// ticks by default, whole milliseconds. The former may be 0, the latter not.
	MinSessionTimeout, MaxSessionTimeout time.Duration

	// Client is where clients are served, SecureClient where they are with TLS. Zero
	// is nowhere; a standalone server has at least one of them. In the list of Members
	// this server's client address is only if it was there in the configuration.
	Client, SecureClient Addr

	// QuorumListenOnAllIPs says to listen for other members on all addresses, not only on the
	// one in Members. SSLQuorum demands TLS between members. Both are false by
	// default.
	QuorumListenOnAllIPs, SSLQuorum bool

	// MaxClientCnxns is how many connections one IP address may have, 60 by default,
	// MaxCnxns how many there may be in all; 0, the default of the latter, is any
	// number.
	MaxClientCnxns, MaxCnxns int

	// MaxBuffer is how large a request may be, in bytes: 1 MiB less one by default
	// (jute.maxbuffer).
	MaxBuffer int

	// SnapCount is after how many transactions a snapshot is due, 100,000 by default,
	// at least 2.
	SnapCount int

	// FourLetterWords are the commands that the whitelist allows, sorted: srvr always
	// is one, isro with ReadOnlyMode. There may be names that no server knows.
	FourLetterWords []string

	// SuperDigest is user:digest of the super user, empty if there is none.
	SuperDigest string

	// ExtendedTypes allows TTL nodes, EnforceQuota makes quotas hard, Reconfig
	// allows changes of the membership by clients, ReadOnlyMode lets members without
	// a quorum serve reads. All are false by default.
	ExtendedTypes, EnforceQuota, Reconfig, ReadOnlyMode bool

	// Properties are all system properties that flags and file have set, by their
	// full names, for what has no field: TLS takes its files and passwords from
	// zookeeper.ssl.* and zookeeper.ssl.quorum.*.
	Properties map[string]string

	// Findings are what there is to say besides, in the order in which it was found.
	Findings []Finding
}

// Allows says whether a four letter word may be answered.
func (c *Config) Allows(word string) bool {
	_, ok := slices.BinarySearch(c.FourLetterWords, word)
	return ok
}

// fourLetterWords are those that * stands for.
var fourLetterWords = strings.Fields("conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs")

// Load reads the configuration of a server. If there is anything that it is to be
// refused for, it returns no Config, and every reason, or the first 1000 of them: *Error
// values, joined.
func Load(src Source) (*Config, error) {
	l := &loader{open: src.Open, file: src.Path, keys: map[string]entry{}, props: map[string]entry{}}
	if src.Open == nil {
		l.bad(entry{file: src.Path}, ErrRead, "Source.Open is nil")
		return nil, errors.Join(l.errs...)
	}
	l.takeFlags(src.Flags)
	content, ok := l.read(src.Path, MaxFileBytes)
	if !ok {
		return nil, errors.Join(l.errs...)
	}
	entries := l.settle(l.parseProperties(src.Path, content))
	for _, e := range entries {
		l.takeEntry(e)
	}
	l.refuseDemands()
	c := &Config{}
	l.takeFiles(c)
	l.takeTimes(c)
	l.takeProperties(c)
	c.Client = l.takeClient("clientPort", "clientPortAddress")
	c.SecureClient = l.takeClient("secureClientPort", "secureClientPortAddress")
	l.takeMembership(c, entries)
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	c.Findings = l.findings
	return c, nil
}
