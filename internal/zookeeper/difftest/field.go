package difftest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// field is one value of an outcome, in the form in which it is compared.
type field struct {
	slot int
	op   string // whose it is: an opcode, "event", "handshake" or "connection"
	name string
	text string // compared exactly

	zxid   int64 // compared by zxids if how says so
	how    comparison
	at     int // index of the reply in the step
	during *zkwire.Request
}

// comparison says how a field is compared.
type comparison int

const (
	exact    comparison = iota
	sameZxid            // zxids of changes: they are the same one
	sameRank            // zxids that say what has been seen: as many changes are before them
)

// flattener makes fields of one side's outcomes. Times are only related to each
// other: a change has one time, and it is about now.
type flattener struct {
	side  *side
	start time.Time
	times map[int64]int64 // of changes, by zxid
	list  []field
	slot  int
	op    string
	at    int
	req   *zkwire.Request
}

func (f *flattener) text(name, text string) {
	f.list = append(f.list, field{slot: f.slot, op: f.op, name: name, text: text, at: f.at, during: f.req})
}

func (f *flattener) int(name string, v int64) { f.text(name, strconv.FormatInt(v, 10)) }

func (f *flattener) string(name string, s *string) {
	if s == nil {
		f.text(name, "null")
	} else {
		f.text(name, strconv.Quote(*s))
	}
}

func (f *flattener) zxid(name string, z int64, how comparison) {
	if z <= 0 { // none, or not yet anything
		f.int(name, z)
		return
	}
	f.list = append(f.list, field{slot: f.slot, op: f.op, name: name, zxid: z, how: how, at: f.at, during: f.req})
}

// flatten lists what a step's outcomes say.
func (f *flattener) flatten(step *Step, out []SlotOutcome) []field {
	f.list = f.list[:0]
	unordered := endsSession(step) || step.Events > 0
	for i := range out {
		f.slot = i
		f.outcome(step, &out[i], unordered)
	}
	return f.list
}

func (f *flattener) outcome(step *Step, out *SlotOutcome, unordered bool) {
	f.at, f.req = -1, nil
	if out.Handshake != nil {
		f.op = "handshake"
		f.handshake(out.Handshake)
	}
	f.op = "connection"
	if out.Text != "" {
		f.text("text", strconv.Quote(out.Text))
	}
	f.int("replies", int64(len(out.Replies)))
	f.text("closed", strconv.FormatBool(out.Closed))
	f.text("old connection closed", strconv.FormatBool(out.OldClosed))
	for i, r := range out.Replies {
		f.at, f.req = i, &step.Ops[i].Request
		f.op = f.req.Op.String()
		f.reply(r, f.req)
	}
	f.at, f.req = -1, nil
	f.op = "event"
	f.events(out.Events, unordered)
}

func (f *flattener) handshake(h *zkwire.ConnectReply) {
	f.int("protocol", int64(h.Protocol))
	f.int("timeout", int64(h.Timeout))
	f.text("session", f.owner(h.SessionID))
	f.int("password length", int64(len(h.Password)))
	f.text("read-only", fmt.Sprint(h.HasReadOnly, h.ReadOnly))
	f.int("bytes behind", int64(len(h.Rest)))
}

// events of a closed session's ephemeral znodes have no order among themselves:
// Apache ZooKeeper deletes them in the order of a hash table. Neither have those
// of what happens when it is time for it.
func (f *flattener) events(events []SeenEvent, unordered bool) {
	f.int("events", int64(len(events)))
	if unordered {
		events = slices.Clone(events)
		slices.SortStableFunc(events, func(a, b SeenEvent) int { return strings.Compare(eventText(a), eventText(b)) })
	}
	for _, e := range events {
		f.text("event", eventText(e))
		f.int("replies before", int64(e.After))
		f.zxid("zxid", e.Zxid, sameZxid)
		f.int("bytes behind", int64(len(e.Rest)))
	}
}

func eventText(e SeenEvent) string {
	path := "null"
	if e.Path != nil {
		path = strconv.Quote(*e.Path)
	}
	return fmt.Sprintf("%s type %d state %d err %d", path, e.Type, e.State, e.Err)
}

// writes are the opcodes whose answer, if they succeed, has the zxid of a change.
func writes(op zkwire.Opcode) bool {
	switch op {
	case zkwire.Create, zkwire.Create2, zkwire.CreateContainer, zkwire.CreateTTL, zkwire.Delete,
		zkwire.SetData, zkwire.SetACL, zkwire.Multi:
		return true
	}
	return false
}

func (f *flattener) reply(r *zkwire.Reply, req *zkwire.Request) {
	f.int("err", int64(r.Err))
	how := sameRank
	if writes(req.Op) && r.Err == 0 && !failed(r) && (req.Op != zkwire.Multi || len(r.Results) > 0) {
		how = sameZxid
	}
	f.zxid("zxid", r.Zxid, how)
	f.body(r)
	if r.Results != nil {
		f.int("results", int64(len(r.Results)))
	}
	for i := range r.Results {
		res := &r.Results[i]
		f.op = fmt.Sprintf("%v[%v]", req.Op, res.Type)
		if i < len(req.Ops) {
			f.op = fmt.Sprintf("%v[%v]", req.Op, req.Ops[i].Op)
		}
		f.int("type", int64(res.Type))
		f.int("err", int64(res.Err))
		f.body(&res.Reply)
	}
	f.int("bytes behind", int64(len(r.Rest)))
}

// failed says whether a multi failed.
func failed(r *zkwire.Reply) bool {
	return slices.ContainsFunc(r.Results, func(res zkwire.Result) bool { return res.Type == zkwire.Error })
}

func (f *flattener) body(r *zkwire.Reply) {
	if r.Path != nil {
		f.string("path", r.Path)
	}
	if r.Data != nil {
		f.text("data", strconv.Quote(string(r.Data)))
	}
	if r.Names != nil {
		names := slices.Sorted(slices.Values(r.Names))
		f.text("names", fmt.Sprintf("%q", names))
	}
	if r.ACL != nil {
		f.text("acl", zkwire.FormatACL(sortRuns(r.ACL)))
	}
	if r.IDs != nil {
		f.text("ids", formatIDs(r.IDs))
	}
	if r.Count != nil {
		f.int("count", int64(*r.Count))
	}
	if r.Stat != nil {
		f.stat(r.Stat)
	}
}

func (f *flattener) stat(s *zkwire.Stat) {
	f.zxid("czxid", s.Czxid, sameZxid)
	f.zxid("mzxid", s.Mzxid, sameZxid)
	f.zxid("pzxid", s.Pzxid, sameZxid)
	f.text("ctime", f.time(s.Czxid, s.Ctime))
	f.text("mtime", f.time(s.Mzxid, s.Mtime))
	f.int("version", int64(s.Version))
	f.int("cversion", int64(s.Cversion))
	f.int("aversion", int64(s.Aversion))
	f.text("ephemeralOwner", f.owner(s.EphemeralOwner))
	f.int("dataLength", int64(s.DataLength))
	f.int("numChildren", int64(s.NumberChildren))
}

// time says what can be said of the time of a change: it is one for all that has
// the change's zxid, and it is about now.
func (f *flattener) time(zxid, ms int64) string {
	if ms == 0 {
		return "0"
	}
	t := time.UnixMilli(ms)
	if t.Before(f.start.Add(-time.Minute)) || t.After(time.Now().Add(time.Minute)) {
		return "not now"
	}
	before, known := f.times[zxid]
	if known && before != ms {
		return "not the change's"
	}
	f.times[zxid] = ms
	return "now"
}

// owner names a session by when it was opened.
func (f *flattener) owner(id int64) string {
	if id == 0 {
		return "0"
	}
	if n, ok := f.side.sessions[id]; ok {
		return "session " + strconv.Itoa(n)
	}
	return fmt.Sprintf("unknown %#x", id)
}

// sortRuns sorts entries of the same permissions that follow each other: what
// scheme auth stands for has no order.
func sortRuns(list []zkwire.ACL) []zkwire.ACL {
	list = slices.Clone(list)
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].Perms == list[i].Perms {
			j++
		}
		slices.SortFunc(list[i:j], func(a, b zkwire.ACL) int {
			return strings.Compare(zkwire.FormatACL([]zkwire.ACL{a}), zkwire.FormatACL([]zkwire.ACL{b}))
		})
		i = j
	}
	return list
}

// formatIDs shows a connection's identities, which have no order.
func formatIDs(ids []zkwire.ID) string {
	var list []string
	for _, id := range ids {
		list = append(list, zkwire.FormatACL([]zkwire.ACL{{Scheme: id.Scheme, ID: id.Name}}))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
