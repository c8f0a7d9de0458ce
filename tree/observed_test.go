package tree

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a standalone ZooKeeper 3.8.0 answered, with enforceQuota and extended types, to
// requests that were drawn at random, ill-formed ones among them: testdata has them as
// JSON. Two sessions share an address, and the first has proved to be alice. Left out is
// what it answered with -5, as it does where the text of a quota cannot be read.

type observedRun struct {
	Sessions []int64
	Steps    []observedStep
}

type observedStep struct {
	C       int // which session
	Zxid    int64
	Op      *observedOp // a write; or
	Res     observedResult
	Multi   []observedOp
	Results []observedResult

	Read  string // or a read
	Path  string
	Err   int
	Data  *[]byte
	Names []string
	ACL   [][3]any
	Count int
	Stat  *observedStat
}

type observedOp struct {
	Op, Path string
	Data     *[]byte
	ACL      [][3]any
	Flags    int
	TTL      int64
	Version  int32
}

type observedResult struct {
	Err  int
	Path string
	Stat *observedStat
}

type observedStat struct {
	Czxid, Mzxid, Pzxid, Owner                 int64
	Version, Cversion, Aversion, Len, Children int32
}

func observedACL(acl [][3]any) []ACL {
	all := []ACL{}
	for _, a := range acl {
		all = append(all, ACL{Perms(a[0].(float64)), ID{a[1].(string), a[2].(string)}})
	}
	return all
}

func observedData(data *[]byte) []byte {
	switch {
	case data == nil:
		return nil
	case *data == nil:
		return []byte{}
	}
	return *data
}

// op is what the request is for this package.
func (o *observedOp) op() Op {
	cond := Version(o.Version)
	switch o.Op {
	case "set":
		return Set{o.Path, observedData(o.Data), cond}
	case "delete":
		return Delete{o.Path, cond}
	case "check":
		return Check{o.Path, cond}
	case "setacl":
		return SetACL{o.Path, observedACL(o.ACL), cond}
	}
	c := Create{Path: o.Path, Data: observedData(o.Data), ACL: observedACL(o.ACL)}
	switch {
	case o.Op == "container":
		c.Mode = Container
	case o.Op == "ttl":
		c.Mode = Mode(o.Flags-5) * Sequential
		if c.TTL = time.Duration(o.TTL) * time.Millisecond; o.TTL == 0 {
			c.TTL = -1 // no TTL is something else here
		}
	case o.Flags < 0 || o.Flags > 4:
		c.Mode = 77
	case o.Flags < 4: // a create with the flag of a container makes a plain znode
		c.Mode = Mode(o.Flags)
	}
	return c
}

var zooKeeperCodes = map[Code]int{
	CodeOK: 0, CodeNoNode: -101, CodeNodeExists: -110, CodeNotEmpty: -111, CodeBadVersion: -103,
	CodeNoChildrenForEphemerals: -108, CodeBadPath: -8, CodeReserved: -8, CodeBadMode: -8,
	CodeInvalidACL: -114, CodeNoAuth: -102, CodeRuntimeInconsistency: -2, CodeQuotaExceeded: -125,
}

// observer compares a State with what was observed.
type observer struct {
	*testing.T
	s      *State
	w      *writer
	zxids  map[int64]int64 // ZooKeeper's -> the State's
	owners map[int64]int64
}

func (o *observer) results(want []observedResult, id int64, op Op) {
	out, _, err := o.s.Apply([]Entry{o.w.write(id, op)})
	require.NoError(o, err)
	got := out[0].Results()
	require.Len(o, got, len(want), "%+v", op)
	for i, r := range got {
		code, _ := CodeOf(r.Err)
		require.Equal(o, want[i].Err, zooKeeperCodes[code], "%d of %+v", i, op)
		if out[0].Code == CodeOK {
			require.Equal(o, want[i].Path, r.Path)
			if want[i].Stat != nil {
				o.stat(want[i].Stat, r.Stat)
			}
		}
	}
}

func (o *observer) stat(want *observedStat, got Stat) {
	got.Ctime, got.Mtime, got.TTL, got.Container = 0, 0, 0, false
	require.Equal(o, Stat{
		Czxid: o.zxids[want.Czxid], Mzxid: o.zxids[want.Mzxid], Pzxid: o.zxids[want.Pzxid], EphemeralOwner: o.owners[want.Owner],
		Version: want.Version, Cversion: want.Cversion, Aversion: want.Aversion, DataLength: want.Len, NumChildren: want.Children,
	}, got)
}

func (o *observer) read(step *observedStep, id int64) {
	v := o.s.View()
	if step.Path == "" && step.Read != "eph" {
		return // to ZooKeeper that is the root, as nobody should know
	}
	if step.Read == "eph" {
		require.Equal(o, step.Names, slices.AppendSeq([]string{}, v.EphemeralsWith(id, step.Path)))
		return
	}
	need := map[string]Perms{"acl": PermRead | PermAdmin}[step.Read] | PermRead
	z, code := v.Lookup(step.Path), CodeOK
	switch {
	case z == nil && step.Read == "exists" && slices.Contains([]byte(step.Path), 0):
		code = CodeBadPath
	case z == nil:
		code = CodeNoNode
	case step.Read != "exists": // it asks for READ since 3.8.4
		code, _ = CodeOf(v.Permit(id, step.Path, need))
	}
	require.Equal(o, step.Err, zooKeeperCodes[code], "%+v", step)
	if code != CodeOK {
		return
	}
	if step.Stat != nil {
		o.stat(step.Stat, z.Stat())
	}
	switch step.Read {
	case "get":
		require.Equal(o, observedData(step.Data), z.Data())
	case "children":
		require.Equal(o, step.Names, slices.AppendSeq([]string{}, v.Children(step.Path)))
	case "number":
		require.Equal(o, step.Count, v.Descendants(step.Path))
	case "acl":
		acl, _, _ := v.GetACL(step.Path)
		if v.Permit(id, step.Path, PermAdmin) != nil {
			acl = MaskACL(acl)
		}
		require.Equal(o, observedACL(step.ACL), acl)
	}
}

func TestAsObserved(t *testing.T) {
	f, err := os.Open("testdata/zookeeper-3.8.0.json.gz")
	require.NoError(t, err)
	defer f.Close()
	in, err := gzip.NewReader(f)
	require.NoError(t, err)
	var runs []observedRun
	require.NoError(t, json.NewDecoder(in).Decode(&runs))
	seen := map[int]int{}
	for _, run := range runs {
		o := &observer{t, New(Settings{}), newWriter(), map[int64]int64{0: 0}, map[int64]int64{0: 0}}
		ids := []ID{{"ip", "127.0.0.1"}, DigestID("alice", "secret")}
		for i, session := range run.Sessions {
			e := o.w.entry(CreateSession{Timeout: time.Second, Identities: ids[:2-i]})
			o.w.next[e.Zxid], o.w.attachment[e.Zxid], o.owners[session] = 1, e.Zxid, e.Zxid
			_, _, err := o.s.Apply([]Entry{e})
			require.NoError(t, err)
		}
		for i := range run.Steps {
			step := &run.Steps[i]
			id := int64(1 + step.C)
			switch {
			case step.Op != nil:
				o.zxids[step.Zxid] = o.w.zxid + 1
				o.results([]observedResult{step.Res}, id, step.Op.op())
				seen[step.Res.Err]++
			case len(step.Multi) > 0:
				var m Multi
				for i := range step.Multi {
					m.Ops = append(m.Ops, step.Multi[i].op())
				}
				o.zxids[step.Zxid] = o.w.zxid + 1
				o.results(step.Results, id, m)
				for _, r := range step.Results {
					seen[r.Err]++
				}
			default:
				o.read(step, id)
			}
		}
	}
	for _, code := range zooKeeperCodes {
		require.NotZero(t, seen[code], "code %d", code)
	}
}
