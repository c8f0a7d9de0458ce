package difftest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// known is a difference between Apache ZooKeeper 3.8.0, which is A, and Zabtree, B,
// that is wanted.
type known struct {
	name   string
	reason string
	match  func(d *Difference) bool
}

// knownDifferences is the one list of them. Each is as narrow as can be: what is
// not on it fails the test.
var knownDifferences = []known{
	{
		"null path",
		"Apache ZooKeeper takes a null path for a path in requests that do not look it up; Zabtree refuses it as everywhere else",
		func(d *Difference) bool {
			return d.request != nil && d.request.NullPath && d.Field == "err" && d.A == "0" && d.B == "-5" &&
				slices.Contains([]zkwire.Opcode{zkwire.Sync, zkwire.RemoveWatches, zkwire.GetEphemerals}, d.request.Op)
		},
	},
	{
		"malformed path before missing parent",
		"Zabtree refuses a create for its path before it looks anything up, for the path is the same everywhere and for ever",
		func(d *Difference) bool {
			c := d.created()
			return c != nil && d.Field == "err" && d.B == "-8" && slices.Contains([]string{"-101", "-102", "-114"}, d.A) &&
				!wellFormed(c)
		},
	},
	{
		"malformed member before failing one",
		"Zabtree refuses a multi for a malformed operation before it asks the tree for those before it; both refuse all of it",
		func(d *Difference) bool {
			a, b := d.failing(0), d.failing(1)
			if a < 0 || b <= a || d.Field != "err" {
				return false
			}
			err := d.replies[1].Results[b].Err
			return err == -8 || err == -114
		},
	},
	{
		"permissions that do not exist",
		"Zabtree keeps the five bits of an ACL's permissions that mean something",
		func(d *Difference) bool {
			if d.Field != "acl" || d.replies[0] == nil || d.replies[1] == nil {
				return false
			}
			masked := slices.Clone(d.replies[0].ACL)
			for i := range masked {
				masked[i].Perms &= zkwire.PermAll
			}
			return zkwire.FormatACL(sortRuns(masked)) == d.B
		},
	},
	{
		"identity of scheme ip",
		"Zabtree knows no scheme ip: addresses are no identities where members and clients share processes",
		func(d *Difference) bool {
			return d.Op == "whoAmI" && d.Field == "ids" && withoutIP(d.A) == d.B
		},
	},
	{
		"somebody's watch",
		"Apache ZooKeeper 3.8.0 answers checkWatches with yes if any connection watches the path; Zabtree means the caller's",
		func(d *Difference) bool {
			return d.Op == "checkWatches" && d.Field == "err" && d.A == "0" && d.B == "-121"
		},
	},
	{
		"body beside an error",
		"Apache ZooKeeper sends the end of an empty multi behind the error for a multiRead of writes",
		func(d *Difference) bool {
			return d.Op == "multiRead" && d.Field == "bytes behind" && d.A == "9" && d.B == "0" &&
				d.replies[0].Err == -5 && d.replies[1].Err == -5
		},
	},
	{
		"/zookeeper/config",
		"it holds the members; an Apache ZooKeeper without an ensemble has none",
		func(d *Difference) bool {
			return d.request != nil && readsConfig(d.request) && d.replies[0] != nil && d.replies[0].Err == 0 &&
				slices.Contains([]string{"data", "dataLength", "czxid", "mzxid", "ctime", "mtime", "version", "aversion"}, d.Field)
		},
	},
}

// explain returns the name of the known difference that d is.
func explain(d *Difference) string {
	for _, k := range knownDifferences {
		if k.match(d) {
			return k.name
		}
	}
	return ""
}

// readsConfig says whether a request is about the znode of the members.
func readsConfig(r *zkwire.Request) bool {
	return r.Path == "/zookeeper/config" || r.Op == zkwire.MultiRead &&
		slices.ContainsFunc(r.Ops, func(o zkwire.Request) bool { return o.Path == "/zookeeper/config" })
}

// created returns the create that d is about, in a multi or not.
func (d *Difference) created() *zkwire.Request {
	r := d.request
	if r == nil {
		return nil
	}
	if i := d.failing(1); r.Op == zkwire.Multi && i >= 0 && i == d.failing(0) && i < len(r.Ops) {
		r = &r.Ops[i]
	}
	switch r.Op {
	case zkwire.Create, zkwire.Create2, zkwire.CreateContainer, zkwire.CreateTTL:
		return r
	}
	return nil
}

// failing returns the place of the operation that a multi failed for, -1 if none.
func (d *Difference) failing(side int) int {
	r := d.replies[side]
	if r == nil {
		return -1
	}
	return slices.IndexFunc(r.Results, func(res zkwire.Result) bool { return res.Type == zkwire.Error && res.Err != 0 })
}

// wellFormed says whether a create makes a path that may be one.
func wellFormed(r *zkwire.Request) bool {
	path := r.Path
	switch r.Flags {
	case zkwire.PersistentSequential, zkwire.EphemeralSequential, zkwire.PersistentSequentialTTL:
		path += "0000000000"
	}
	if path == "/" {
		return true
	}
	for i, part := range strings.Split(path, "/") {
		if (i == 0) != (part == "") || part == "." || part == ".." {
			return false
		}
	}
	return strings.HasPrefix(path, "/") && !strings.ContainsFunc(path, func(c rune) bool {
		return c <= 0x1f || c >= 0x7f && c <= 0x9f || c >= 0xd800 && c <= 0xf8ff || c >= 0xfff0
	})
}

// withoutIP cuts the identities of scheme ip out of what formatIDs shows.
func withoutIP(ids string) string {
	list := slices.DeleteFunc(strings.Split(ids, " "), func(id string) bool { return strings.HasPrefix(id, "[0:ip:") })
	return strings.Join(list, " ")
}

// List writes what may differ and what is not compared, with reasons.
func List(w io.Writer) {
	fmt.Fprintln(w, "known differences")
	for _, k := range knownDifferences {
		fmt.Fprintf(w, "  %s: %s\n", k.name, k.reason)
	}
	fmt.Fprintln(w, "not generated")
	for _, e := range notGenerated {
		fmt.Fprintf(w, "  %s: %s\n", e.what, e.reason)
	}
}
