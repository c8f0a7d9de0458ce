package tree

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// State is the replicated state machine. It is for one goroutine, except View
// and Err, which any number of goroutines may call.
type State struct {
	meta
	wall int64  // of the entry being applied, milliseconds
	sum  uint64 // of the hashes of all items; the digest without meta

	index      map[string]*place // for apply alone
	order      cowTree[*place]
	znodes     versions[Znode]
	ephemerals cowTree[ephemeralKey]
	due        cowTree[dueKey]
	acls       aclTable
	quotas     map[string]quota // by the paths that have limits

	byID         map[int64]*seat // for apply alone
	sessionOrder cowTree[sessionItem]
	sessions     versions[session]
	tombs        cowTree[tombItem]
	tombOrder    cowTree[tombOrder]
	tombBytes    int

	batch     uint64 // counts calls of Apply: sessions made in one may change in it
	token     uint64 // counts those and multis: likewise for znodes
	recording bool   // whether swaps go to undo
	undo      []change

	changes []Change // of this call of Apply
	cmd     flatCommand
	scratch []byte
	name    []byte
	paths   []string

	view   atomic.Pointer[View]
	halted atomic.Pointer[HaltError]
	probes *sync.Pool // of *place, for lookups in views
}

// meta is what the state has besides items.
type meta struct {
	zxid         int64
	clock        int64
	applyVersion uint32
	settings     Settings
}

// New returns the state that every log starts from: the root, /zookeeper,
// /zookeeper/quota and /zookeeper/config, no session, and the settings, which
// must be the same on all replicas.
func New(settings Settings) *State {
	s := newState(meta{applyVersion: firstApplyVersion, settings: settings.withDefaults()})
	add := func(path, parent string, children int32, version int32, acl []ACL) {
		z := &Znode{place: s.newPlace(path, parent), data: []byte{}, dataHash: dataHashOf([]byte{})}
		if acl != nil {
			z.acl = s.acls.intern(acl)
			z.stat.Aversion = -1
		}
		// ZooKeeper's own znodes count as never having been created.
		z.stat.NumChildren, z.stat.Cversion, z.stat.Version = children, -children, version
		z.hash = z.rehash()
		s.swap(nil, z)
	}
	add("/", "", 1, 0, nil)
	add(systemPath, "/", 2, 0, nil)
	add(quotaPath, systemPath, 0, 0, nil)
	add(configPath, systemPath, 0, 0, []ACL{World(PermRead)})
	s.publish()
	return s
}

func newState(m meta) *State {
	return &State{
		meta:         m,
		index:        make(map[string]*place),
		quotas:       make(map[string]quota),
		byID:         make(map[int64]*seat),
		acls:         aclTable{lists: make(map[string]*aclList)},
		order:        newCowTree(lessPlace),
		ephemerals:   newCowTree(lessEphemeral),
		due:          newCowTree(lessDue),
		sessionOrder: newCowTree(lessSession),
		tombs:        newCowTree(lessTomb),
		tombOrder:    newCowTree(lessTombOrder),
		batch:        1,
		token:        1,
		probes:       &sync.Pool{New: func() any { return new(place) }},
	}
}

// Apply applies committed entries, in order, and publishes one new View after
// all of them. outcomes has one element for each entry, in order; changes has
// what happened to znodes, in order. Both, and everything that they refer to,
// may be kept and must not be written to. entries is not kept.
//
// What depends on the state is decided here and says so in a code: that is a
// result like any other, the same on every replica. An error is something else:
// a [HaltError], because an entry cannot be applied and must not be skipped
// (unknown or malformed, or a fault in this package). The entries before it are
// applied, have their outcomes and changes, and are in the View; unless it was
// a panic, after which none of this call is. From then on the State applies
// nothing and every Apply returns the same error.
func (s *State) Apply(entries []Entry) (outcomes []Outcome, changes []Change, err error) {
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	at := s.zxid
	defer func() {
		if fault := recover(); fault != nil {
			h := &HaltError{at, fmt.Errorf("panic: %v", fault)}
			s.halted.Store(h)
			outcomes, changes, err = nil, nil, h
		}
	}()
	outcomes = make([]Outcome, len(entries))
	s.changes = make([]Change, 0, len(entries))
	for i := range entries {
		at = entries[i].Zxid
		if fault := s.applyEntry(&entries[i], &outcomes[i]); fault != nil {
			h := &HaltError{at, fault}
			s.halted.Store(h)
			outcomes, err = outcomes[:i], h
			break
		}
	}
	changes, s.changes = s.changes, nil
	s.letGo()
	s.publish()
	return outcomes, changes, err
}

// Err returns the HaltError that stopped the State, or nil.
func (s *State) Err() error {
	if h := s.halted.Load(); h != nil {
		return h
	}
	return nil
}

// Zxid returns the zxid of the last entry applied; 0 if there is none.
func (s *State) Zxid() int64 { return s.zxid }

// View returns the state after the last Apply that returned. It takes no time
// and no lock and may be called by any goroutine.
func (s *State) View() *View { return s.view.Load() }

// publish makes what was applied visible.
func (s *State) publish() {
	s.view.Store(&View{
		meta:         s.meta,
		digest:       s.sum + s.meta.hash(),
		order:        s.order.freeze(),
		znodes:       s.znodes.freeze(),
		ephemerals:   s.ephemerals.freeze(),
		due:          s.due.freeze(),
		sessionOrder: s.sessionOrder.freeze(),
		sessions:     s.sessions.freeze(),
		tombs:        s.tombs.freeze(),
		probes:       s.probes,
	})
	s.batch++
	s.token++
}

// letGo drops references that scratch space has to the caller's bytes and to
// old versions.
func (s *State) letGo() {
	clear(s.cmd.ops) // those of a multi were cleared before
	s.cmd = flatCommand{ops: s.cmd.ops[:0], sessions: s.cmd.sessions[:0]}
	const keep = 1024
	if cap(s.cmd.ops) > keep || cap(s.undo) > keep || cap(s.paths) > keep || cap(s.scratch) > keep<<6 {
		s.cmd, s.undo, s.paths, s.scratch = flatCommand{}, nil, nil, nil
	}
}

// applyEntry applies one entry. An error means that it cannot be applied, and
// nothing of it was.
func (s *State) applyEntry(e *Entry, out *Outcome) error {
	if e.Zxid <= s.zxid {
		return fmt.Errorf("tree: entry does not come after zxid %d", s.zxid)
	}
	c := &s.cmd
	if len(e.Data) != 0 {
		if err := c.decode(e.Data); err != nil {
			return err
		}
		if c.kind == kindRaiseApplyVersion && c.version > ApplyVersion {
			return fmt.Errorf("%w: rules of version %d, this package has %d", ErrUnknownCommand, c.version, ApplyVersion)
		}
	} else {
		c.kind = 0
	}
	s.zxid, s.clock = e.Zxid, max(s.clock, e.Clock)
	s.wall = e.Wall / 1e6
	out.Zxid, out.kind = e.Zxid, c.kind
	s.dispatch(c, out)
	s.purge()
	return nil
}

func (s *State) dispatch(c *flatCommand, out *Outcome) {
	switch c.kind {
	case kindWrite, kindAttach, kindCloseSession, kindAddAuth:
		out.Session, out.Attachment, out.Sequence = c.session, c.attachment, c.sequence
	}
	switch c.kind {
	case kindCreateSession:
		s.createSession(c, out)
	case kindAttach:
		s.attach(c, out)
	case kindCloseSession:
		s.closeSession(c, out)
	case kindExpireSessions:
		s.expireSessions(c, out)
	case kindWrite:
		s.write(c, out)
	case kindAddAuth:
		s.addAuth(c, out)
	case kindDeleteNode:
		out.Code = s.reap(c)
	case kindChangeSettings:
		s.settings = c.settings
	case kindRaiseApplyVersion:
		s.applyVersion = max(s.applyVersion, c.version)
	case kindSetConfig:
		s.setData(s.index[configPath].newest, c.data, -1)
	}
}

// reap deletes a znode that nobody uses any more, if it is still the one that
// was found, and due.
func (s *State) reap(c *flatCommand) Code {
	at := s.index[string(c.path)]
	if at == nil {
		return CodeNoNode
	}
	z := at.newest
	if z.stat.Czxid != c.czxid || z.stat.Mzxid != c.mzxid {
		return CodeBadVersion
	}
	if z.stat.NumChildren != 0 {
		return CodeNotEmpty
	}
	if clock, ok := z.due(); !ok || clock > s.clock {
		return CodeBadVersion
	}
	s.deleteNode(z)
	return CodeOK
}
