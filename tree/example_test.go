package tree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/zabtree/zabtree/tree"
)

// log hands out entries as a replicated log would.
type log struct{ zxid int64 }

func (l *log) entry(c tree.Command) tree.Entry {
	l.zxid++
	return tree.Entry{Zxid: l.zxid, Wall: 1_800_000_000e9, Clock: l.zxid * 1e6, Data: c.AppendTo(nil)}
}

func Example() {
	var l log
	state := tree.New(tree.Settings{})
	outcomes, changes, err := state.Apply([]tree.Entry{
		l.entry(tree.CreateSession{Timeout: 10 * time.Second, Server: 1}),
		l.entry(tree.Write{Session: 1, Attachment: 1, Sequence: 1, Op: tree.Create{Path: "/app", Data: []byte("v1")}}),
		l.entry(tree.Write{Session: 1, Attachment: 1, Sequence: 2, Op: tree.Create{Path: "/app/member-", Mode: tree.EphemeralSequential}}),
		l.entry(tree.Write{Session: 1, Attachment: 1, Sequence: 3, Op: tree.Set{Path: "/app", Data: []byte("v2"), If: tree.Version(7)}}),
	})
	if err != nil { // the log cannot be applied
		fmt.Println(err)
		return
	}
	for _, o := range outcomes[1:] {
		if err := o.Err(); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("created", o.Results()[0].Path)
	}
	fmt.Println(len(changes), "changes")

	view := state.View() // stays as it is
	if _, _, err := state.Apply([]tree.Entry{l.entry(tree.ExpireSessions{Sessions: []int64{1}})}); err != nil {
		fmt.Println(err)
		return
	}
	for path, stat := range view.Walk("/app") {
		fmt.Println(path, stat.NumChildren)
	}
	_, _, err = state.View().Get("/app/member-0000000000")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// created /app
	// created /app/member-0000000000
	// set "/app": tree: version does not match
	// 2 changes
	// /app 1
	// /app/member-0000000000 0
	// true
}

func ExampleMulti() {
	var l log
	state := tree.New(tree.Settings{})
	multi := tree.Multi{Ops: []tree.Op{
		tree.Create{Path: "/account"},
		tree.Check{Path: "/limits", If: tree.Version(2)},
		tree.Set{Path: "/account", Data: []byte("100")},
	}}
	if err := tree.Validate(multi, tree.Limits{}); err != nil {
		fmt.Println(err)
		return
	}
	outcomes, _, err := state.Apply([]tree.Entry{
		l.entry(tree.CreateSession{}),
		l.entry(tree.Write{Session: 1, Attachment: 1, Sequence: 1, Op: multi}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range outcomes[1].Results() {
		fmt.Println(r.Err)
	}
	_, exists := state.View().Exists("/account")
	fmt.Println(exists)
	// Output:
	// <nil>
	// check "/limits" (operation 1 of a multi, from 0): tree: no such znode
	// multi (operation 2 of a multi, from 0): tree: not tried, an earlier operation of the multi failed
	// false
}

func ExampleValidate() {
	fmt.Println(tree.Validate(tree.Create{Path: "/a/../b"}, tree.Limits{}))
	fmt.Println(tree.Validate(tree.Set{Path: "/a", Data: make([]byte, 100)}, tree.Limits{Data: 10}))
	// Output:
	// create "/a/../b": tree: invalid path: has a relative component
	// set "/a": tree: too large: 100 bytes of data, the limit is 10
}
