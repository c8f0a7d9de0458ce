package server_test

import (
	"context"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/watch"
)

// lonely is a transport that reaches nobody.
type lonely struct{}

func (lonely) Dial(ctx context.Context, _ transport.Endpoint) (transport.Conn, error) {
	return nil, transport.ErrUnreachable
}

func (lonely) Accept(ctx context.Context) (transport.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (lonely) MaxFrame() int { return 16 << 20 }

func (lonely) Close() error { return nil }

type watchEvent = watch.Event
