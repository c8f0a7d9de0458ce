package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"
)

// Defaults and bounds of Options.
const (
	DefaultMaxFrame         = 16 << 20
	DefaultHandshakeTimeout = 5 * time.Second
	DefaultWriteTimeout     = 30 * time.Second
	DefaultMaxHandshakes    = 256

	minMaxFrame = 1 << 10
	maxMaxFrame = math.MaxInt32
)

// Options configure a transport. The zero value is complete: plain TCP with the
// documented defaults.
type Options struct {
	// ID is the replica that this transport belongs to; its connections say so.
	// A connection that was dialed to reach another one is refused. 0: not said,
	// and nothing checked.
	ID uint64

	// TLS, if not nil, is used for every connection, by the accepting side as its
	// server configuration and by the dialing side as its client configuration.
	// A ServerName that is empty is taken from the address that is dialed. It must
	// not be changed afterwards.
	TLS *tls.Config

	// VerifyPeer, if not nil, says whether the other side of a TLS connection may
	// speak for replica id (0 if it named none), usually by a look at
	// cs.PeerCertificates[0], which there is on the accepting side only if TLS
	// asks for client certificates. An error closes the connection. It runs within
	// the handshake, in several goroutines at once, and must not block.
	VerifyPeer func(id uint64, cs tls.ConnectionState) error

	// Dial opens the connection below TLS and frames. It must return once ctx is
	// done: Close waits for it. nil: TCP, by package net.
	Dial func(ctx context.Context, addr string) (net.Conn, error)

	// MaxFrame is the longest frame sent and taken, in bytes: 1 KiB to 2 GiB - 1.
	// Of the two sides' limits the smaller one counts. 0: 16 MiB.
	MaxFrame int

	// HandshakeTimeout bounds TLS and hello together, beginning with the open
	// connection. 0: 5 s.
	HandshakeTimeout time.Duration

	// MaxHandshakes is how many handshakes of accepted connections are under way
	// at once, and how many connections wait for Accept after it. One more
	// handshake ends the oldest; one more connection is closed. 0: 256.
	MaxHandshakes int

	// WriteTimeout breaks a connection on which a Send waits and not one byte was
	// taken by the other side for at least this time, and at most three times as
	// long. 0: 30 s.
	WriteTimeout time.Duration

	// KeepAlive is set on every TCP connection, to notice a peer that vanished
	// while nothing is under way. The zero value: probes after 15 s of silence,
	// every 5 s, and the third without an answer breaks the connection.
	KeepAlive net.KeepAliveConfig

	// Logger is told about connections refused, a few times a second at most.
	// nil: nobody.
	Logger *slog.Logger
}

// Validate returns everything that is wrong with the options, joined.
func (o Options) Validate() error {
	var all []error
	bad := func(format string, args ...any) {
		all = append(all, fmt.Errorf("transport/tcp: Options."+format, args...))
	}
	if o.MaxFrame != 0 && (o.MaxFrame < minMaxFrame || o.MaxFrame > maxMaxFrame) {
		bad("MaxFrame is %d, not within %d to %d bytes", o.MaxFrame, minMaxFrame, maxMaxFrame)
	}
	if o.HandshakeTimeout < 0 {
		bad("HandshakeTimeout is %v", o.HandshakeTimeout)
	}
	if o.WriteTimeout < 0 {
		bad("WriteTimeout is %v", o.WriteTimeout)
	}
	if o.MaxHandshakes < 0 {
		bad("MaxHandshakes is %d", o.MaxHandshakes)
	}
	if o.VerifyPeer != nil && o.TLS == nil {
		bad("VerifyPeer is set without TLS: there is no certificate to verify")
	}
	return errors.Join(all...)
}

func (o Options) withDefaults() Options {
	orDefault := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	orDefault(&o.HandshakeTimeout, DefaultHandshakeTimeout)
	orDefault(&o.WriteTimeout, DefaultWriteTimeout)
	if o.MaxFrame == 0 {
		o.MaxFrame = DefaultMaxFrame
	}
	if o.MaxHandshakes == 0 {
		o.MaxHandshakes = DefaultMaxHandshakes
	}
	if o.Dial == nil {
		dialer := new(net.Dialer)
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr)
		}
	}
	if o.KeepAlive == (net.KeepAliveConfig{}) {
		o.KeepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
	}
	return o
}
