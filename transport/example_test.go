package transport_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/zabtree/zabtree/transport"
)

// A replica that cannot be reached is silent; once the network heals, nothing
// was lost. After a break, something may be.
func ExampleMemory() {
	network := transport.NewMemory(transport.MemoryOptions{})
	one, two := network.Endpoint(1), network.Endpoint(2)
	defer one.Close()
	defer two.Close()

	ctx := context.Background()
	dialed, err := one.Dial(ctx, transport.Endpoint{ID: 2})
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := two.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}

	network.Isolate(2)
	if err := dialed.Send([]byte("sent into the silence")); err != nil {
		log.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = one.Dial(impatient, transport.Endpoint{ID: 2})
	fmt.Println(errors.Is(err, transport.ErrUnreachable))

	network.Heal()
	frame, err := accepted.Recv()
	fmt.Printf("%s, %v\n", frame, err)

	network.Break(1, 2)
	_, err = accepted.Recv()
	fmt.Println(errors.Is(err, transport.ErrBroken))
	// Output:
	// true
	// sent into the silence, <nil>
	// true
}
