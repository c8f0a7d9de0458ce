package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/wire"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab"
)

// flags are what the command line says.
type flags struct {
	members   int
	id        uint64
	peers     string
	listen    string
	client    string
	dir       string
	zooCfg    string
	founders  string
	words     string
	tick      time.Duration
	min, max  time.Duration
	reap      time.Duration
	ttl       bool
	readOnly  bool
	reconfig  bool
	super     string
	verbosely bool
}

func parse(args []string, log io.Writer) (*flags, error) {
	f := &flags{}
	set := flag.NewFlagSet("server", flag.ContinueOnError)
	set.SetOutput(log)
	set.IntVar(&f.members, "members", 0, "run a whole ensemble of so many members in this process")
	set.Uint64Var(&f.id, "id", 0, "run one member: its `ID`, one of -peers")
	set.StringVar(&f.peers, "peers", "", "with -id: all founding members, the same list at every start, as `1=host:port,2=host:port`;"+
		" with ;host:port behind one (put it in quotes), clients are told that it serves them there."+
		" What is said of other members counts when the ensemble is founded")
	set.StringVar(&f.listen, "listen", "", "with -id: `host:port` to listen at for other members, for one that is not among -peers and joins later")
	set.StringVar(&f.client, "client", "", "`host:port` to serve clients at; with -members one for each, with commas")
	set.StringVar(&f.dir, "dir", "", "`directory` for what is to be kept")
	set.StringVar(&f.zooCfg, "zoo-cfg", "", "run the member that this ZooKeeper configuration `file` describes")
	set.StringVar(&f.founders, "founders", "", "with -zoo-cfg: `IDs`, with commas, of the servers that the ensemble was founded with;"+
		" needed where the file lists others, which have joined since")
	set.StringVar(&f.words, "words", "srvr,ruok", "four-letter `words` that are answered, with commas; * for all")
	set.DurationVar(&f.tick, "tick", 0, "length of a `tick`; elections and sessions are timed in it (default "+zab.DefaultTick.String()+")")
	set.DurationVar(&f.min, "min-session-timeout", 0, "least `timeout` of a session (default an election timeout)")
	set.DurationVar(&f.max, "max-session-timeout", 0, "greatest `timeout` of a session (default 24h)")
	set.DurationVar(&f.reap, "reap", 0, "`interval` at which containers and TTL znodes are looked for (default 1s)")
	set.BoolVar(&f.ttl, "ttl", true, "allow znodes with a TTL")
	set.BoolVar(&f.readOnly, "read-only", false, "let members without a leader serve reads to clients that are content with them")
	set.BoolVar(&f.reconfig, "reconfig", false, "let clients who may write /zookeeper/config change the membership")
	set.StringVar(&f.super, "super", "", "`user:digest` of who may do everything, as in ZooKeeper's superDigest")
	set.BoolVar(&f.verbosely, "v", false, "log what the members and the client ports have to say, to standard error")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case set.NArg() == 1 && set.NFlag() == 0:
		f.zooCfg = set.Arg(0)
	case set.NArg() > 0:
		return nil, fmt.Errorf("argument %q is not understood", set.Arg(0))
	}
	return f, nil
}

// plan says which members the arguments ask for.
func plan(args []string, log io.Writer) ([]memberPlan, error) {
	f, err := parse(args, log)
	if err != nil {
		return nil, err
	}
	ways := 0
	for _, way := range []bool{f.zooCfg != "", f.members != 0, f.id != 0} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		return nil, errors.New("say one of -members, -id with -peers, and -zoo-cfg; -help lists all flags")
	}
	var plans []memberPlan
	switch {
	case f.zooCfg != "":
		plans, err = planZooCfg(f, log)
	case f.members != 0:
		plans, err = f.planEnsemble()
	default:
		plans, err = f.planMember()
	}
	for i := range plans {
		dir := plans[i].server.Dir
		plans[i].wire.Sizes = func() (int64, int64) { return sizes(dir) }
	}
	if f.verbosely {
		logger := slog.New(slog.NewTextHandler(log, nil))
		for i := range plans {
			l := logger.With("member", plans[i].server.ID)
			plans[i].server.Logger, plans[i].wire.Logger = l, l
		}
	}
	return plans, err
}

// common returns what all members have that no file describes.
func (f *flags) common() memberPlan {
	return memberPlan{
		server: server.Config{Tick: f.tick, MinSessionTimeout: f.min, MaxSessionTimeout: f.max, ReapInterval: f.reap,
			SuperDigest: f.super},
		wire: wire.Config{
			NoTTL: !f.ttl, Words: strings.Split(f.words, ","),
			ReadOnly: f.readOnly, MinSessionTimeout: f.min, MaxSessionTimeout: f.max, SuperDigest: f.super,
		},
		reconfig: f.reconfig,
	}
}

// planEnsemble plans a whole ensemble, whose members reach each other in memory.
func (f *flags) planEnsemble() ([]memberPlan, error) {
	clients := strings.Split(f.client, ",")
	switch {
	case f.members < 1 || f.members > 9:
		return nil, fmt.Errorf("-members %d: want 1 to 9", f.members)
	case len(clients) != f.members || f.client == "":
		return nil, fmt.Errorf("-client %q: want %d addresses, one for each member", f.client, f.members)
	case f.dir == "":
		return nil, errors.New("-dir is missing")
	}
	network := transport.NewMemory(transport.MemoryOptions{})
	var members zab.Membership
	for i := range f.members {
		members = append(members, zab.Member{ID: uint64(i + 1), ClientAddr: clients[i]})
	}
	var plans []memberPlan
	for i, addr := range clients {
		p := f.common()
		p.server.ID, p.server.Members = uint64(i+1), members
		p.server.Transport = network.Endpoint(p.server.ID)
		p.server.Dir = filepath.Join(f.dir, strconv.Itoa(i+1))
		p.client = []string{addr}
		plans = append(plans, p)
	}
	return plans, nil
}

// planMember plans one member of an ensemble of processes.
func (f *flags) planMember() ([]memberPlan, error) {
	if f.dir == "" || f.client == "" || f.peers == "" {
		return nil, errors.New("-id needs -peers, -client and -dir")
	}
	p := f.common()
	p.peer = f.listen
	for _, s := range strings.Split(f.peers, ",") {
		m, err := peer(s)
		if err != nil {
			return nil, err
		}
		p.server.Members = append(p.server.Members, m)
		if m.ID == f.id && p.peer == "" {
			p.peer = m.Addr
		}
	}
	if p.peer == "" {
		return nil, fmt.Errorf("-peers: member %d is not among them, and -listen is missing", f.id)
	}
	p.server.ID, p.server.Dir = f.id, f.dir
	p.client = strings.Split(f.client, ",")
	return []memberPlan{p}, nil
}

// peer reads ID=host:port[;host:port].
func peer(s string) (zab.Member, error) {
	text, addrs, ok := strings.Cut(s, "=")
	addr, client, served := strings.Cut(addrs, ";")
	id, err := strconv.ParseUint(text, 10, 64)
	if err == nil {
		_, _, err = net.SplitHostPort(addr)
	}
	if err == nil && served {
		_, _, err = net.SplitHostPort(client)
	}
	if !ok || err != nil {
		return zab.Member{}, fmt.Errorf("-peers: %q is not ID=host:port, or that with ;host:port for clients", s)
	}
	return zab.Member{ID: id, Addr: addr, ClientAddr: client}, nil
}
