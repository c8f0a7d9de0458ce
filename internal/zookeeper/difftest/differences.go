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
				slices.Contains([]zkwire.Opcode{zkwire.Sync, zkwire.GetEphemerals}, d.request.Op)
		},
	},
	{
		"null id behind auth",
		"Apache ZooKeeper has the entry of scheme auth refused before it stumbles over a null id behind it, if the caller has proved nothing",
		func(d *Difference) bool {
			refused := d.A == "-114" || d.A == "0" && d.request != nil && d.request.Op == zkwire.Multi // which says so inside
			return d.Field == "err" && refused && d.B == "-5" && d.request != nil && nullBehindAuth(d.request)
		},
	},
	{
		"a wrong password ends a connection",
		"Apache ZooKeeper closes the connection of a session when somebody fails to take it over; Zabtree lets no stranger do that",
		func(d *Difference) bool {
			// The second time that is so there is none left to close.
			return d.Op == "connection" && d.Field == "old connection closed"
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
			// What is the same then is left out, as what is there twice always is.
			return zkwire.FormatACL(sortRuns(distinct(masked))) == d.B
		},
	},
	{
		"a watch whose event was kept back",
		"Apache ZooKeeper removes a one-shot watch also if its owner may not be told of what it fired for; Zabtree lets it stay",
		func(d *Difference) bool { return d.Op == guardedOp },
	},
	{
		"beyond the BMP",
		"Apache ZooKeeper sends a path with such a character, which no znode can have, as a pair of surrogates each encoded as UTF-8",
		func(d *Difference) bool {
			return (d.Op == "event" && d.Field == "event" || d.Op == "sync" && d.Field == "path") && strings.Contains(d.A, `\xed`) && strings.ContainsFunc(d.B, func(c rune) bool { return c > 0xffff })
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
		"relative path",
		"Apache ZooKeeper stumbles over it in checkWatches if anybody has a recursive watch, and finds nothing else; Zabtree goes by whether it has a slash",
		func(d *Difference) bool {
			return d.Op == "checkWatches" && d.Field == "err" && d.request != nil && !strings.HasPrefix(d.request.Path, "/") &&
				(d.A == "-5" && d.B == "-121" || d.A == "-121" && d.B == "-5")
		},
	},
	{
		"body beside an error",
		"Apache ZooKeeper sends the end of an empty multi behind the error for a multi that it stumbles over",
		func(d *Difference) bool {
			return (d.Op == "multiRead" || d.Op == "multi") && d.Field == "bytes behind" && d.B == "0" &&
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

// distinct returns an ACL without what is there already.
func distinct(acl []zkwire.ACL) (list []zkwire.ACL) {
	seen := map[string]bool{}
	for _, a := range acl {
		if text := zkwire.FormatACL([]zkwire.ACL{a}); !seen[text] {
			seen[text] = true
			list = append(list, a)
		}
	}
	return list
}

// nullBehindAuth says whether an ACL has an entry of scheme auth before one without
// an id.
func nullBehindAuth(r *zkwire.Request) bool {
	auth := false
	for _, a := range r.ACL {
		if auth && a.ID == nil {
			return true
		}
		auth = auth || a.Scheme != nil && *a.Scheme == "auth"
	}
	return slices.ContainsFunc(r.Ops, func(o zkwire.Request) bool { return nullBehindAuth(&o) })
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
