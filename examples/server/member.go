package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/wire"
	"github.com/zabtree/zabtree/transport/tcp"
)

// memberPlan says what member to run.
type memberPlan struct {
	server   server.Config
	wire     wire.Config
	peer     string   // address to listen on for other members; "" if Transport is set, or not needed
	client   []string // addresses to listen on for clients
	secure   string   // address to listen on for clients with TLS, or ""
	tls      *tls.Config
	reconfig bool // clients may change the membership
}

// member is one that runs.
type member struct {
	server    *server.Server
	wire      *wire.Server
	listeners []net.Listener
}

// start starts a member that serves no clients yet. Their ports are open: whoever
// connects early waits.
func start(ctx context.Context, p *memberPlan) (*member, error) {
	m := &member{}
	var err error
	if err = m.listen(p); err != nil {
		m.close()
		return nil, err
	}
	c := p.server
	if p.peer != "" {
		l, err := net.Listen("tcp", p.peer)
		if err != nil {
			m.close()
			return nil, err
		}
		if c.Transport, err = tcp.New(l, tcp.Options{}); err != nil {
			m.close()
			return nil, errors.Join(err, l.Close())
		}
	}
	if m.server, err = server.Start(ctx, c); err != nil {
		m.close()
		return nil, err
	}
	w := p.wire
	if p.reconfig {
		w.Reconfig = m.server
	}
	if m.wire, err = wire.NewServer(m.server, w); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// listen opens the ports for clients.
func (m *member) listen(p *memberPlan) error {
	for _, addr := range p.client {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		m.listeners = append(m.listeners, l)
	}
	if p.secure != "" {
		l, err := tls.Listen("tcp", p.secure, p.tls)
		if err != nil {
			return err
		}
		m.listeners = append(m.listeners, l)
	}
	return nil
}

// serve serves clients, and reports why it or the member has stopped.
func (m *member) serve(failed chan<- error) {
	for _, l := range m.listeners {
		go func() {
			if err := m.wire.Serve(l); !errors.Is(err, wire.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	go func() {
		<-m.server.Done()
		failed <- fmt.Errorf("member %d has stopped: %w", m.server.ID(), m.server.Err())
	}()
}

// shutdown lets clients go, who turn to other members, and stops the member with good
// manners.
func (m *member) shutdown(ctx context.Context) error {
	return errors.Join(m.wire.Close(), m.server.Shutdown(ctx))
}

// close ends everything that there is of the member.
func (m *member) close() {
	if m.wire != nil {
		_ = m.wire.Close()
	}
	for _, l := range m.listeners {
		_ = l.Close()
	}
	if m.server != nil {
		_ = m.server.Close()
	}
}

// sizes returns how many bytes the snapshots and the log in a member's directory have.
func sizes(dir string) (snapshots, log int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is gone: segments and snapshots come and go
		}
		info, err := e.Info()
		switch {
		case err != nil || !info.Mode().IsRegular():
		case filepath.Base(filepath.Dir(path)) == "log":
			log += info.Size()
		default:
			snapshots += info.Size()
		}
		return nil
	})
	return snapshots, log
}
