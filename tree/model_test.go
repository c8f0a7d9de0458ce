package tree

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// model is the state machine once more, as plainly as it can be said: maps that
// are copied whole before every write, children found by looking at every path.
type model struct {
	zxid, clock, wall int64
	nodes             map[string]modelNode
	sessions          map[int64]modelSession
	ended             map[int64]modelSession // all of them, for ever
	settings          Settings
}

type modelNode struct {
	data     []byte
	stat     Stat // without NumChildren and DataLength
	acl      []ACL
	creates  int32
	setClock int64
}

type modelSession struct {
	password   Password
	server     uint64
	attachment int64
	last       uint64
	answered   uint64
	results    map[uint64]modelResult
	ids        []ID
	endClock   int64
}

type modelResult struct {
	code    Code
	index   int // of the operation that failed
	results []Result
}

type modelChange struct {
	kind          ChangeKind
	path          string
	before, after string
}

func newModel(settings Settings) *model {
	m := &model{
		nodes: map[string]modelNode{}, sessions: map[int64]modelSession{}, ended: map[int64]modelSession{},
		settings: settings.withDefaults(),
	}
	m.nodes["/"] = modelNode{data: []byte{}, stat: Stat{Cversion: -1}}
	m.nodes["/zookeeper"] = modelNode{data: []byte{}, stat: Stat{Cversion: -2}}
	m.nodes["/zookeeper/quota"] = modelNode{data: []byte{}}
	m.nodes["/zookeeper/config"] = modelNode{data: []byte{}, stat: Stat{Aversion: -1}, acl: []ACL{World(PermRead)}}
	return m
}

// modelParent is what stands before the last slash.
func modelParent(path string) string {
	parts := strings.Split(path, "/")
	if parent := strings.Join(parts[:len(parts)-1], "/"); parent != "" {
		return parent
	}
	return "/"
}

// oddPath says whether there is no slash in a path, or a zero byte.
func oddPath(path string) bool { return !strings.Contains(path, "/") || strings.Contains(path, "\x00") }

func (m *model) children(path string) (names []string) {
	for p := range m.nodes {
		if p != "/" && modelParent(p) == path {
			names = append(names, p[strings.LastIndex(p, "/")+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (m *model) statOf(path string) Stat {
	n := m.nodes[path]
	s := n.stat
	s.DataLength, s.NumChildren = int32(len(n.data)), int32(len(m.children(path)))
	return s
}

// show is everything there is to say of a znode.
func (m *model) show(path string) string {
	n := m.nodes[path]
	return showNode(path, n.data, m.statOf(path), n.acl)
}

func showNode(path string, data []byte, stat Stat, acl []ACL) string {
	if len(acl) == 1 && acl[0] == World(PermAll) {
		acl = nil
	}
	return fmt.Sprintf("%s %q nil=%t %+v %v", path, data, data == nil, stat, acl)
}

func (m *model) permits(path string, ids []ID, perm Perms) bool {
	acl := m.nodes[path].acl
	if acl == nil || slices.Contains(ids, Super) {
		return true
	}
	return slices.ContainsFunc(acl, func(a ACL) bool {
		return a.Perms&perm != 0 && (a.ID == ID{"world", "anyone"} || slices.ContainsFunc(ids, func(id ID) bool {
			if prefix, err := netip.ParsePrefix(a.ID.ID); err == nil && id.Scheme == "ip" && a.ID.Scheme == "ip" {
				return prefix.Contains(netip.MustParseAddr(id.ID))
			}
			return id == a.ID
		}))
	})
}

func (m *model) resolve(acl []ACL, ids []ID) ([]ACL, Code) {
	var resolved []ACL
	if acl != nil && len(acl) == 0 {
		return nil, CodeInvalidACL
	}
	var unique []ACL
	for _, a := range acl {
		if !slices.Contains(unique, a) {
			unique = append(unique, a)
		}
	}
	for _, a := range unique {
		switch a.ID.Scheme {
		case "x509":
			if !m.settings.X509 {
				return nil, CodeInvalidACL
			}
			resolved = append(resolved, a)
		case "auth":
			mine := slices.DeleteFunc(slices.Clone(ids), func(id ID) bool {
				return id == Super || id.Scheme == "ip" || id.Scheme == "x509" && !m.settings.X509
			})
			if len(mine) == 0 {
				return nil, CodeInvalidACL
			}
			for _, id := range mine {
				resolved = append(resolved, ACL{a.Perms, id})
			}
		default:
			resolved = append(resolved, a)
		}
	}
	if len(resolved) == 1 && resolved[0] == World(PermAll) {
		resolved = nil
	}
	return resolved, CodeOK
}

func (m *model) bumpParent(path string, created bool) {
	p := modelParent(path)
	n := m.nodes[p]
	n.stat.Pzxid = m.zxid
	n.stat.Cversion++
	if created {
		n.creates++
	}
	m.nodes[p] = n
}

func (m *model) remove(path string) modelChange {
	c := modelChange{kind: Deleted, path: path, before: m.show(path)}
	size := len(m.nodes[path].data)
	delete(m.nodes, path)
	m.bumpParent(path, false)
	m.tally(path, -size, -1)
	return c
}

// do executes one operation.
func (m *model) do(op Op, session int64) (Result, []modelChange, Code) {
	ids := m.sessions[session].ids
	switch op := op.(type) {
	case Create:
		return m.create(op, session, ids)
	case Set:
		n, ok := m.nodes[op.Path]
		switch want, exact := op.If.Wanted(); {
		case ValidatePath(op.Path) != nil:
			return Result{}, nil, CodeBadPath
		case !ok:
			return Result{}, nil, CodeNoNode
		case !m.permits(op.Path, ids, PermWrite):
			return Result{}, nil, CodeNoAuth
		case m.overQuota(op.Path, len(op.Data)-len(n.data), 0):
			return Result{}, nil, CodeQuotaExceeded
		case exact && want != n.stat.Version:
			return Result{}, nil, CodeBadVersion
		}
		m.tally(op.Path, len(op.Data)-len(n.data), 0)
		c := modelChange{kind: DataSet, path: op.Path, before: m.show(op.Path)}
		n.data, n.setClock = op.Data, m.clock
		n.stat.Version++
		n.stat.Mzxid, n.stat.Mtime = m.zxid, m.wall/1e6
		m.nodes[op.Path] = n
		c.after = m.show(op.Path)
		return Result{Stat: m.statOf(op.Path)}, []modelChange{c}, CodeOK
	case Delete:
		if oddPath(op.Path) {
			return Result{}, nil, CodeBadPath
		}
		if op.Path == "/" || op.Path == "/zookeeper" || op.Path == "/zookeeper/quota" || op.Path == "/zookeeper/config" {
			return Result{}, nil, CodeReserved
		}
		n, ok := m.nodes[op.Path]
		_, parent := m.nodes[modelParent(op.Path)]
		switch want, exact := op.If.Wanted(); {
		case !parent:
			return Result{}, nil, CodeNoNode
		case !m.permits(modelParent(op.Path), ids, PermDelete):
			return Result{}, nil, CodeNoAuth
		case !ok:
			return Result{}, nil, CodeNoNode
		case exact && want != n.stat.Version:
			return Result{}, nil, CodeBadVersion
		case len(m.children(op.Path)) > 0:
			return Result{}, nil, CodeNotEmpty
		}
		return Result{}, []modelChange{m.remove(op.Path)}, CodeOK
	case Check:
		n, ok := m.nodes[op.Path]
		switch want, exact := op.If.Wanted(); {
		case ValidatePath(op.Path) != nil:
			return Result{}, nil, CodeBadPath
		case !ok:
			return Result{}, nil, CodeNoNode
		case !m.permits(op.Path, ids, PermRead):
			return Result{}, nil, CodeNoAuth
		case exact && want != n.stat.Version:
			return Result{}, nil, CodeBadVersion
		}
		return Result{}, nil, CodeOK
	case SetACL:
		if ValidatePath(op.Path) != nil {
			return Result{}, nil, CodeBadPath
		}
		acl, code := m.resolve(op.ACL, ids)
		if code != CodeOK {
			return Result{}, nil, code
		}
		n, ok := m.nodes[op.Path]
		switch want, exact := op.If.Wanted(); {
		case !ok:
			return Result{}, nil, CodeNoNode
		case !m.permits(op.Path, ids, PermAdmin):
			return Result{}, nil, CodeNoAuth
		case exact && want != n.stat.Aversion:
			return Result{}, nil, CodeBadVersion
		}
		c := modelChange{kind: ACLSet, path: op.Path, before: m.show(op.Path)}
		n.acl = acl
		if n.stat.Aversion++; n.stat.Aversion == -1 {
			n.stat.Aversion = 0
		}
		m.nodes[op.Path] = n
		c.after = m.show(op.Path)
		return Result{Stat: m.statOf(op.Path)}, []modelChange{c}, CodeOK
	}
	panic("no such operation")
}

func (m *model) create(op Create, session int64, ids []ID) (Result, []modelChange, Code) {
	if op.Mode > EphemeralSequential && op.Mode != Container || op.TTL != 0 && op.Mode != Persistent && op.Mode != Sequential {
		return Result{}, nil, CodeBadMode
	}
	if oddPath(op.Path) {
		return Result{}, nil, CodeBadPath
	}
	acl, code := m.resolve(op.ACL, ids)
	if code != CodeOK {
		return Result{}, nil, code
	}
	path := op.Path
	parent := modelParent(path)
	up, ok := m.nodes[parent]
	if !ok {
		return Result{}, nil, CodeNoNode
	}
	if !m.permits(parent, ids, PermCreate) {
		return Result{}, nil, CodeNoAuth
	}
	if op.Mode&Sequential != 0 {
		path += fmt.Sprintf("%010d", up.creates)
	}
	if ValidatePath(path) != nil {
		return Result{}, nil, CodeBadPath
	}
	if _, taken := m.nodes[path]; taken {
		return Result{}, nil, CodeNodeExists
	}
	if up.stat.EphemeralOwner != 0 {
		return Result{}, nil, CodeNoChildrenForEphemerals
	}
	n := modelNode{data: op.Data, acl: acl, setClock: m.clock, stat: Stat{
		Czxid: m.zxid, Mzxid: m.zxid, Pzxid: m.zxid, Ctime: m.wall / 1e6, Mtime: m.wall / 1e6,
		Container: op.Mode == Container, TTL: op.TTL,
	}}
	if op.Mode&Ephemeral != 0 {
		n.stat.EphemeralOwner = session
	}
	if m.overQuota(path, len(op.Data), 1) {
		return Result{}, nil, CodeQuotaExceeded
	}
	m.bumpParent(path, true)
	m.nodes[path] = n
	c := modelChange{kind: Created, path: path, after: m.show(path)}
	r := Result{Path: path, Stat: m.statOf(path)}
	m.recount(path)
	m.tally(path, len(op.Data), 1)
	return r, []modelChange{c}, CodeOK
}

// write executes an operation or a multi, all or nothing.
func (m *model) write(op Op, session int64) (modelResult, []modelChange) {
	ops := []Op{op}
	if multi, ok := op.(Multi); ok {
		ops = multi.Ops
	}
	saved := maps.Clone(m.nodes)
	var res modelResult
	var changes []modelChange
	for i, op := range ops {
		r, c, code := m.do(op, session)
		if code != CodeOK {
			m.nodes = saved
			return modelResult{code: code, index: i}, nil
		}
		res.results = append(res.results, r)
		changes = append(changes, c...)
	}
	return res, changes
}

func (m *model) end(id int64) (changes []modelChange) {
	for _, path := range slices.Sorted(maps.Keys(m.nodes)) {
		if m.nodes[path].stat.EphemeralOwner == id {
			changes = append(changes, m.remove(path))
		}
	}
	x := m.sessions[id]
	x.endClock = m.clock
	m.ended[id] = x
	delete(m.sessions, id)
	return changes
}

// identities is the union of two lists, unless that adds one that is too many.
func (m *model) identities(have, more []ID) ([]ID, bool) {
	all := slices.Clone(have)
	for _, id := range more {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all, len(all) == len(have) || len(all) <= m.settings.Identities
}

// modelOutcome is what the model says of an entry.
type modelOutcome struct {
	code     Code
	repeated bool
	next     uint64
	result   *modelResult
	changes  []modelChange
}

func (m *model) apply(e Entry, c Command) (out modelOutcome) {
	m.zxid, m.wall, m.clock = e.Zxid, e.Wall, max(m.clock, e.Clock)
	switch c := c.(type) {
	case CreateSession:
		ids, ok := m.identities(nil, c.Identities)
		if !ok {
			out.code = CodeLimit
			return out
		}
		m.sessions[e.Zxid] = modelSession{password: c.Password, server: c.Server, attachment: e.Zxid, results: map[uint64]modelResult{}, ids: ids}
		out.next = 1
	case Attach:
		x, ok := m.sessions[c.Session]
		if !ok || x.password != c.Password {
			out.code = CodeSessionExpired
			return out
		}
		out.next = x.last + 1
		if c.From != 0 && c.From != x.attachment {
			out.code = CodeSessionMoved
			return out
		}
		have := x.ids
		if c.Replace {
			have = nil
		}
		ids, ok := m.identities(have, c.Identities)
		if !ok {
			out.code = CodeLimit
			return out
		}
		x.attachment, x.server, x.ids = e.Zxid, c.Server, ids
		m.sessions[c.Session] = x
	case CloseSession:
		x, ok := m.sessions[c.Session]
		switch {
		case !ok:
			out.code = CodeSessionExpired
		case c.Attachment != 0 && c.Attachment != x.attachment:
			out.code, out.next = CodeSessionMoved, x.last+1
		case c.Sequence != 0 && c.Sequence != x.last+1:
			out.code, out.next = CodeResend, x.last+1
		default:
			if c.Sequence != 0 {
				x.last++
				m.sessions[c.Session] = x
			}
			out.changes = m.end(c.Session)
		}
	case ExpireSessions:
		for _, id := range c.Sessions {
			if _, ok := m.sessions[id]; ok {
				out.changes = append(out.changes, m.end(id)...)
			}
		}
	case AddAuth:
		x, ok := m.sessions[c.Session]
		switch {
		case !ok:
			out.code = CodeSessionExpired
		case c.Attachment != x.attachment:
			out.code, out.next = CodeSessionMoved, x.last+1
		default:
			out.next = x.last + 1
			ids, ok := m.identities(x.ids, c.Identities)
			if !ok {
				out.code = CodeLimit
				return out
			}
			x.ids = ids
			m.sessions[c.Session] = x
		}
	case Write:
		return m.applyWrite(c)
	case DeleteNode:
		out.code = CodeBadVersion
		n, ok := m.nodes[c.Path]
		due := n.stat.Container && n.creates > 0 || n.stat.TTL > 0 && m.clock >= n.setClock+int64(n.stat.TTL)
		switch {
		case !ok:
			out.code = CodeNoNode
		case n.stat.Czxid != c.Czxid || n.stat.Mzxid != c.Mzxid:
		case len(m.children(c.Path)) > 0:
			out.code = CodeNotEmpty
		case due:
			out.code, out.changes = CodeOK, []modelChange{m.remove(c.Path)}
		}
	case ChangeSettings:
		m.settings = c.Settings.withDefaults()
	case SetConfig:
		n := m.nodes["/zookeeper/config"]
		change := modelChange{kind: DataSet, path: "/zookeeper/config", before: m.show("/zookeeper/config")}
		n.data, n.stat.Mzxid, n.stat.Mtime, n.stat.Version = c.Data, m.zxid, m.wall/1e6, -1
		m.nodes["/zookeeper/config"] = n
		change.after = m.show("/zookeeper/config")
		out.changes = []modelChange{change}
	}
	return out
}

func (m *model) applyWrite(c Write) (out modelOutcome) {
	x, ok := m.sessions[c.Session]
	if !ok {
		return modelOutcome{code: CodeSessionExpired}
	}
	out.next = x.last + 1
	switch {
	case c.Attachment != x.attachment:
		out.code = CodeSessionMoved
		return out
	case c.Sequence == 0 || c.Sequence > x.last+1:
		out.code = CodeResend
		return out
	case c.Sequence <= x.answered:
		out.code = CodeAnswered
		return out
	case c.Sequence <= x.last:
		res := x.results[c.Sequence]
		out.code, out.result, out.repeated = res.code, &res, true
		return out
	}
	x.answered = max(x.answered, min(c.AnsweredUpTo, x.last))
	m.sessions[c.Session] = x
	if x.last-x.answered >= uint64(m.settings.Unanswered) {
		out.code = CodeLimit
		return out
	}
	res, changes := m.write(c.Op, c.Session)
	x.last++
	x.results = maps.Clone(x.results)
	x.results[x.last] = res
	m.sessions[c.Session] = x
	return modelOutcome{code: res.code, next: x.last + 1, result: &res, changes: changes}
}

// due is what View.Expired must find.
func (m *model) due(clock int64) (paths []string) {
	for path, n := range m.nodes {
		if len(m.children(path)) == 0 && (n.stat.Container && n.creates > 0 || n.stat.TTL > 0 && n.setClock+int64(n.stat.TTL) <= clock) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func showChange(c Change) modelChange {
	show := func(z *Znode) string {
		if z == nil {
			return ""
		}
		return showNode(z.Path(), z.Data(), z.Stat(), z.ACL())
	}
	return modelChange{kind: c.Kind, path: c.Path, before: show(c.Before), after: show(c.After)}
}

func sameResults(got []Result, want *modelResult, members int) bool {
	if want.code == CodeOK {
		return slices.Equal(got, want.results)
	}
	if len(got) != members {
		return false
	}
	for i := range got {
		code, _ := CodeOf(got[i].Err)
		switch {
		case i < want.index && code != CodeOK,
			i == want.index && code != want.code,
			i > want.index && code != CodeRuntimeInconsistency:
			return false
		}
	}
	return true
}
