package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/tree"
)

// How much may be on its way to the ensemble at once: windowOps, but of few znodes
// never more than an eighth, so that half way is half way.
const (
	windowOps   = 1024
	windowBytes = 8 << 20
)

func windowOf(nodes int) int { return max(1, min(windowOps, nodes/8)) }

// loader creates one znode after the other, without waiting for the answers, in
// the order of the plan: a session's operations take effect in the order in which
// they were submitted, so that parents are there before their children.
type loader struct {
	session *session.Session
	ledger  *ledger
	window  []pending
	bytes   int
	done    atomic.Int64 // files that are acknowledged
	order   []string     // the znodes, as acknowledged
	volume  int64
	gone    refusals // files that could not be read any more
}

// pending is a creation without an answer.
type pending struct {
	*session.Pending
	node    node
	content content
}

// load creates the nodes and returns when all are acknowledged. It calls at
// before the i-th.
func (l *loader) load(ctx context.Context, nodes []node, at func(i int) error) error {
	window := windowOf(len(nodes))
	for i, n := range nodes {
		if err := at(i); err != nil {
			return err
		}
		data, err := n.read()
		if err != nil {
			l.gone[errorReason(err)]++ // it was there when the plan was made
			continue
		}
		for len(l.window) >= window || l.bytes > 0 && l.bytes+len(data) > windowBytes {
			if err := l.await(ctx); err != nil {
				return err
			}
		}
		p, err := l.session.Submit(ctx, tree.Create{Path: n.path, Data: data})
		if err != nil {
			return err
		}
		l.window = append(l.window, pending{p, n, contentOf(data)})
		l.bytes += len(data)
	}
	for len(l.window) > 0 {
		if err := l.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the oldest creation.
func (l *loader) await(ctx context.Context) error {
	p := l.window[0]
	l.window = l.window[1:]
	var result tree.Result
	err := within(ctx, "loading "+p.node.path, func(ctx context.Context) (err error) {
		result, err = p.Wait(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if result.Path != p.node.path {
		return fmt.Errorf("%s was created as %s", p.node.path, result.Path)
	}
	l.bytes -= p.content.size
	l.volume += int64(p.content.size)
	l.ledger.created(p.node.path, p.content)
	l.order = append(l.order, p.node.path)
	if p.node.file != "" {
		l.done.Add(1)
	}
	return nil
}

// read returns a file's bytes, no more than a znode may hold; nil for a
// directory.
func (n node) read() ([]byte, error) {
	if n.file == "" {
		return nil, nil
	}
	f, err := os.Open(n.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, dataLimit+1))
	if err == nil && len(data) > dataLimit {
		err = errors.New("has grown")
	}
	return data, err
}
