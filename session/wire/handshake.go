package wire

import "github.com/zabtree/zabtree/internal/jute"

// passwordLen is the length of every password that a server gives out.
const passwordLen = 16

// connectRequest is the first frame of a connection. It has no header.
type connectRequest struct {
	protocolVersion int32 // 0; nobody looks at it
	lastZxidSeen    int64
	timeout         int32  // milliseconds
	session         int64  // 0 asks for a new one
	password        []byte // of any length, nil if null; aliases the frame
	readOnly        bool
	// hasReadOnly is false for clients from before ZooKeeper 3.4, whose frame ends
	// before the readOnly byte and whose answer must do so too.
	hasReadOnly bool
}

// decodeConnectRequest decodes the first frame, of which the password aliases.
// The error wraps jute.ErrMalformed.
func decodeConnectRequest(frame []byte) (connectRequest, error) {
	r := jute.NewReader(frame)
	c := connectRequest{
		protocolVersion: r.Int(),
		lastZxidSeen:    r.Long(),
		timeout:         r.Int(),
		session:         r.Long(),
		password:        r.Buffer(),
	}
	if r.Err() == nil && r.Len() > 0 {
		c.hasReadOnly, c.readOnly = true, r.Bool()
	}
	if r.Err() != nil {
		return connectRequest{}, r.Err()
	}
	return c, nil
}

// connectResponse answers a connectRequest. The zero value with hasReadOnly as
// the client has it says that the session is over.
type connectResponse struct {
	timeout     int32 // milliseconds
	session     int64
	password    [passwordLen]byte
	readOnly    bool
	hasReadOnly bool // as the request has it
}

// appendConnectResponse appends the frame of c, 40 or 41 bytes with its length.
func appendConnectResponse(dst []byte, c connectResponse) []byte {
	start := len(dst)
	dst = jute.AppendInt(dst, 0) // length
	dst = jute.AppendInt(dst, 0) // protocol version
	dst = jute.AppendInt(dst, c.timeout)
	dst = jute.AppendLong(dst, c.session)
	dst = jute.AppendBuffer(dst, c.password[:])
	if c.hasReadOnly {
		dst = jute.AppendBool(dst, c.readOnly)
	}
	return endFrame(dst, start)
}
