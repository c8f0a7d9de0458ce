package wire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// The ways in which a handshake comes to nothing.
var (
	errExpired  = errors.New("session expired, or a wrong password")
	errRefused  = errors.New("session refused")
	errTooLate  = errors.New("this member is behind what the client has seen, or has no leader")
	errStopping = errors.New("server is closed")
)

// handshake opens a session, or takes one over. The length of its frame is in
// c.header.
func (c *conn) handshake() error {
	if err := c.readBody(); err != nil {
		return err
	}
	q, err := decodeConnectRequest(c.frame)
	if err != nil {
		return err
	}
	c.readBy(time.Time{})
	first, password, err := c.firstRequest(&q)
	if err != nil {
		return err
	}
	j, err := c.joinAs(&q, first)
	if err != nil {
		return err
	}
	r := connectResponse{hasReadOnly: q.hasReadOnly, readOnly: c.readOnly}
	switch {
	case j.attached != nil:
		c.base = j.attached.LastSequence
		c.sequence = c.base
		c.limits = j.attached.Limits
		c.pinged = time.Now()
		r.session, r.timeout, r.password = j.attached.Session, int32(j.attached.Timeout/int64(time.Millisecond)), password
	case j.refused.Reason != protocol.RefusedExpired:
		return fmt.Errorf("%w: %v", errRefused, j.refused.Reason)
	}
	c.mu.Lock()
	c.session, c.answers = r.session, c.sequence
	c.timeout = time.Duration(r.timeout) * time.Millisecond
	c.out = appendConnectResponse(c.out, r)
	c.wake()
	c.mu.Unlock()
	if j.attached == nil {
		return errExpired
	}
	return nil
}

// firstRequest is what opens the session, or takes it over.
func (c *conn) firstRequest(q *connectRequest) (protocol.Request, tree.Password, error) {
	ids, err := c.identities()
	if err != nil {
		return nil, tree.Password{}, err
	}
	var p tree.Password
	seen, timeout := max(0, q.lastZxidSeen), max(1, int64(q.timeout))*int64(time.Millisecond)
	if q.session == 0 {
		_, _ = rand.Read(p[:]) // which never fails
		return &protocol.Open{Timeout: timeout, Password: p, LastSeen: seen, Identities: ids}, p, nil
	}
	if len(q.password) == len(p) { // else it is nobody's, as one of zeros
		copy(p[:], q.password)
	}
	return &protocol.Attach{
		Session: q.session, Password: p, Timeout: timeout, LastSeen: seen, Anew: true, Identities: ids, ReplaceIdentities: true,
	}, p, nil
}

// identities are those that come with the connection.
func (c *conn) identities() ([]tree.ID, error) {
	var ids []tree.ID
	if c.addr != "" {
		ids = append(ids, tree.ID{Scheme: "ip", ID: c.addr})
	}
	t, ok := c.n.(*tls.Conn)
	if !ok || !c.s.config.X509 {
		return ids, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.s.config.HandshakeTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
		ids = append(ids, tree.ID{Scheme: "x509", ID: certs[0].Subject.String()})
	}
	return ids, nil
}

// join connects to the host and waits for what it says to the first request.
func (c *conn) join(first protocol.Request, seen int64) (joining, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.s.config.SyncTimeout)
	defer cancel()
	link, err := c.s.host.Connect(ctx, c)
	if err != nil {
		return joining{}, err
	}
	c.mu.Lock()
	c.link = link
	c.mu.Unlock()
	link.Send(first)
	timer := time.NewTimer(c.s.config.SyncTimeout)
	defer timer.Stop()
	for waited := false; ; waited = true {
		select {
		case j := <-c.joined:
			if j.attached == nil && j.refused == nil {
				return j, errRefused
			}
			return j, nil
		case <-timer.C:
			mode, _ := c.s.host.Mode()
			if waited || mode == "" || c.s.host.View().Zxid() < seen {
				return joining{}, errTooLate
			}
			timer.Reset(c.s.config.HandshakeTimeout) // all that is missing is a majority's disks
		case <-c.s.stop:
			return joining{}, errStopping
		}
	}
}
