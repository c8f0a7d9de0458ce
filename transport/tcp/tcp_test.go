package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/zab/zabtest"
)

// pair makes transports with IDs 1 and 2 out of options and listeners.
func pair(options func(id uint64) tcp.Options, listener func(t *testing.T) net.Listener) zabtest.MakeTransports {
	return func(t *testing.T) (a, b transport.Transport, toA, toB transport.Endpoint) {
		var all [2]*tcp.Transport
		for i := range all {
			var err error
			all[i], err = tcp.New(listener(t), options(uint64(i+1)))
			require.NoError(t, err)
		}
		return all[0], all[1], transport.Endpoint{ID: 1, Addr: all[0].Addr()}, transport.Endpoint{ID: 2, Addr: all[1].Addr()}
	}
}

func onTCP(t *testing.T) net.Listener { return listen(t) }

func TestPlainConforms(t *testing.T) {
	zabtest.TestTransport(t, pair(func(id uint64) tcp.Options {
		return tcp.Options{ID: id, MaxFrame: 1 << 20}
	}, onTCP))
}

func TestTLSConforms(t *testing.T) {
	a := newAuthority(t)
	zabtest.TestTransport(t, pair(func(id uint64) tcp.Options {
		return tcp.Options{ID: id, MaxFrame: 1 << 20, TLS: a.config(id), VerifyPeer: verifyName}
	}, onTCP))
}

// wrapped hides what the net package could do with a connection.
type wrapped struct{ net.Conn }

type wrappedListener struct{ net.Listener }

func (l wrappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrapped{c}, nil
}

// Connections that a user's Dial and Listener make are not the net package's.
func TestOtherConnsConform(t *testing.T) {
	zabtest.TestTransport(t, pair(func(id uint64) tcp.Options {
		return tcp.Options{ID: id, MaxFrame: 1 << 20, Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "unix", addr)
			if err != nil {
				return nil, err
			}
			return wrapped{c}, nil
		}}
	}, func(t *testing.T) net.Listener {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		require.NoError(t, err)
		return wrappedListener{l}
	}))
}

// verifyName binds a certificate to the replica that it was made for.
func verifyName(id uint64, cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	return cs.PeerCertificates[0].VerifyHostname(replicaName(id))
}

func TestOptionsAreValidated(t *testing.T) {
	_, err := tcp.New(nil, tcp.Options{
		MaxFrame: 100, HandshakeTimeout: -1, WriteTimeout: -1, MaxHandshakes: -1,
		VerifyPeer: func(uint64, tls.ConnectionState) error { return nil },
	})
	for _, field := range []string{"MaxFrame", "HandshakeTimeout", "WriteTimeout", "MaxHandshakes", "VerifyPeer"} {
		require.ErrorContains(t, err, "Options."+field)
	}
	l := listen(t)
	_, err = tcp.New(l, tcp.Options{TLS: new(tls.Config)})
	require.ErrorContains(t, err, "Options.TLS")
	require.NoError(t, l.Close(), "the listener is the caller's if New fails")
}

func TestWithoutListener(t *testing.T) {
	only, err := tcp.New(nil, tcp.Options{ID: 9})
	require.NoError(t, err)
	require.Empty(t, only.Addr())
	y, to := start(t, tcp.Options{ID: 4})
	c, d := connect(t, only, y, to)
	require.EqualValues(t, 4, c.Peer())
	require.EqualValues(t, 9, d.Peer())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = only.Accept(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, only.Close())
}

// A connection reaches whom it was dialed for, or none.
func TestIDsMustFit(t *testing.T) {
	j := newJournal()
	a, _ := start(t, tcp.Options{ID: 1})
	_, to := start(t, tcp.Options{ID: 2, Logger: j.logger()})
	to.ID = 3
	_, err := a.Dial(t.Context(), to)
	require.ErrorIs(t, err, transport.ErrUnreachable)
	require.ErrorContains(t, err, "replica 3 is looked for, this is 2")
	j.wait(t, "replica 3 is looked for, this is 2")
}

// A certificate that the ensemble signed speaks for its own replica only.
func TestVerifyPeer(t *testing.T) {
	ca, j := newAuthority(t), newJournal()
	b, toB := start(t, tcp.Options{ID: 2, TLS: ca.config(2), VerifyPeer: verifyName, Logger: j.logger()})
	impostor, toImpostor := start(t, tcp.Options{ID: 1, TLS: ca.config(3)})
	_, err := impostor.Dial(t.Context(), toB)
	require.ErrorIs(t, err, transport.ErrUnreachable)
	require.ErrorContains(t, err, "not accepted as replica 1")
	j.wait(t, "not accepted as replica 1")
	_, err = b.Dial(t.Context(), toImpostor)
	require.ErrorIs(t, err, transport.ErrUnreachable)
	require.ErrorContains(t, err, "not accepted as replica 1")

	stranger, _ := start(t, tcp.Options{ID: 1, TLS: newAuthority(t).config(1)})
	_, err = stranger.Dial(t.Context(), toB)
	require.ErrorIs(t, err, transport.ErrUnreachable)
	plain, _ := start(t, tcp.Options{ID: 1})
	_, err = plain.Dial(t.Context(), toB)
	require.ErrorIs(t, err, transport.ErrUnreachable)

	a, _ := start(t, tcp.Options{ID: 1, TLS: ca.config(1), VerifyPeer: verifyName})
	c, d := connect(t, a, b, toB)
	require.EqualValues(t, 2, c.Peer())
	require.EqualValues(t, 1, d.Peer())
}

// The smaller limit of the two sides counts, whoever has it.
func TestFrameLimitOfTheOtherSide(t *testing.T) {
	a, _ := start(t, tcp.Options{MaxFrame: 10_000})
	b, to := start(t, tcp.Options{MaxFrame: 5000})
	c, d := connect(t, a, b, to)
	for _, conn := range []transport.Conn{c, d} {
		require.ErrorIs(t, conn.Send(make([]byte, 5001)), transport.ErrFrameTooLarge)
		require.NoError(t, conn.Send(make([]byte, 5000)))
	}
	for _, conn := range []transport.Conn{c, d} {
		f, err := conn.Recv()
		require.NoError(t, err)
		require.Len(t, f, 5000)
	}
}

// A peer that is alive and takes nothing breaks a Send after a while, TLS or not.
func TestWriteTimeout(t *testing.T) {
	ca := newAuthority(t)
	for name, config := range map[string]func(id uint64) *tls.Config{
		"plain": func(uint64) *tls.Config { return nil }, "TLS": ca.config,
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := start(t, tcp.Options{ID: 1, TLS: config(1), WriteTimeout: 50 * time.Millisecond})
			b, to := start(t, tcp.Options{ID: 2, TLS: config(2)})
			c, _ := connect(t, a, b, to)
			var err error
			for err == nil {
				err = c.Send(make([]byte, 100_000))
			}
			require.ErrorIs(t, err, transport.ErrBroken)
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			require.True(t, timeout.Timeout())
			require.ErrorIs(t, c.Send([]byte("more")), transport.ErrBroken)
		})
	}
}

// Two callers that share a direction are told, and lose nothing.
func TestTwoReceivers(t *testing.T) {
	a, _ := start(t, tcp.Options{})
	b, to := start(t, tcp.Options{})
	c, d := connect(t, a, b, to)
	first := make(chan error, 2)
	for range 2 {
		go func() { _, err := c.Recv(); first <- err }()
	}
	require.ErrorContains(t, <-first, "another Recv")
	require.NoError(t, d.Send([]byte("x")))
	require.NoError(t, <-first)
}

// A listener that its owner closes is a transport that accepts no more.
func TestListenerClosedByOthers(t *testing.T) {
	l := listen(t)
	x, err := tcp.New(l, tcp.Options{})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = x.Accept(t.Context())
	require.ErrorIs(t, err, transport.ErrClosed)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, x.Close())
}

// failing is a listener that fails a few times, as for want of files.
type failing struct {
	net.Listener
	left int
}

func (l *failing) Accept() (net.Conn, error) {
	if l.left--; l.left >= 0 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestListenerFailsForAWhile(t *testing.T) {
	j := newJournal()
	b, err := tcp.New(&failing{listen(t), 3}, tcp.Options{Logger: j.logger()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	a, _ := start(t, tcp.Options{})
	connect(t, a, b, transport.Endpoint{Addr: b.Addr()})
	j.wait(t, "too many open files")
}
