package zab_test

import (
	"context"
	"fmt"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab"
)

// Three replicas in one process agree on how often each name was given.
func Example() {
	ctx := context.Background()
	net := transport.NewMemory(transport.MemoryOptions{})
	members := zab.Membership{{ID: 1}, {ID: 2}, {ID: 3}}
	var replicas []*zab.Replica
	for _, m := range members {
		r, err := zab.Start(ctx, zab.Config{
			ID: m.ID, Name: "example", Members: members,
			Transport: net.Endpoint(m.ID), Storage: zab.NewMemoryStorage(), StateMachine: &tally{},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer r.Close()
		replicas = append(replicas, r)
	}
	for i, name := range []string{"ant", "bee", "ant", "ant"} {
		res, err := replicas[i%3].Propose(ctx, []byte(name))
		fmt.Println(name, res.Value, err)
	}
	// Output:
	// ant 1 <nil>
	// bee 1 <nil>
	// ant 2 <nil>
	// ant 3 <nil>
}
