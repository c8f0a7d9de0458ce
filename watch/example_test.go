package watch_test

import (
	"context"
	"fmt"
	"log"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

func ExampleNewTable() {
	table, err := watch.NewTable(watch.Limits{PerOwner: 1000})
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range []watch.Watch{
		{Owner: 1, ID: 1, Path: "/app/config", Kind: watch.Exist},
		{Owner: 2, ID: 1, Path: "/app", Kind: watch.PersistentRecursive},
	} {
		if err := table.Register(w); err != nil {
			log.Fatal(err)
		}
	}
	fired := table.Dispatch(nil, []tree.Change{
		{Zxid: 7, Kind: tree.Created, Path: "/app/config"},
		{Zxid: 8, Kind: tree.DataSet, Path: "/app/config"},
	}, nil)
	for _, d := range fired {
		fmt.Printf("owner %d: %v\n", d.Owner, d.Event)
	}
	// Output:
	// owner 1: NodeCreated /app/config @7
	// owner 2: NodeCreated /app/config @7
	// owner 2: NodeDataChanged /app/config @8
}

// A session whose connection broke after zxid 7 comes to a replica that is at 9.
func ExampleNewHistory() {
	history, err := watch.NewHistory(watch.HistoryConfig{}, 6)
	if err != nil {
		log.Fatal(err)
	}
	err = history.Append(6, 9, []tree.Change{
		{Zxid: 7, Kind: tree.Created, Path: "/a"},
		{Zxid: 8, Kind: tree.DataSet, Path: "/a"},
		{Zxid: 9, Kind: tree.Deleted, Path: "/a"},
	})
	if err != nil {
		log.Fatal(err)
	}
	table, err := watch.NewTable(watch.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	for _, since := range []int64{7, 2} {
		missed, err := table.Resume(nil, history, watch.Resumption{
			Since:   since,
			Watches: []watch.Watch{{Owner: since, ID: 1, Path: "/a", Kind: watch.Persistent}},
		})
		if err != nil {
			log.Fatal(err)
		}
		for _, d := range missed {
			fmt.Printf("since %d: %v\n", since, d.Event)
		}
	}
	// Output:
	// since 7: NodeDataChanged /a @8
	// since 7: NodeDeleted /a @9
	// since 2: Gap /a (2,9]
}

func ExampleNewStream() {
	stream, watcher, err := watch.NewStream(watch.StreamConfig{
		Path:      "/a",
		MaxEvents: 2,
		OnClose:   func() { fmt.Println("closed") },
	})
	if err != nil {
		log.Fatal(err)
	}
	for zxid := int64(1); zxid <= 4; zxid++ {
		stream.Push(watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: zxid})
	}
	for ev, err := range watcher.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev)
		if ev.Zxid == 4 {
			break
		}
	}
	// Output:
	// Gap /a (0,3]
	// NodeDataChanged /a @4
	// closed
}

func ExampleAppendEvent() {
	b := watch.AppendEvent(nil, watch.Event{Type: watch.Deleted, Path: "/a", Zxid: 12})
	ev, rest, err := watch.DecodeEvent(b)
	fmt.Println(ev, len(rest), err)
	// Output: NodeDeleted /a @12 0 <nil>
}
