package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

// sheetOf takes a handshake apart.
func sheetOf(c connectRequest) *sheet {
	s := &sheet{}
	s.int("version", c.protocolVersion)
	s.long("seen", c.lastZxidSeen)
	s.int("timeout", c.timeout)
	s.long("session", c.session)
	s.buf("password", c.password)
	if c.hasReadOnly {
		s.bool("readOnly", c.readOnly)
	}
	return s
}

func decodeConnectResponse(t testing.TB, frame []byte) connectResponse {
	r := jute.NewReader(frame)
	require.Zero(t, r.Int(), "protocol version")
	c := connectResponse{timeout: r.Int(), session: r.Long()}
	require.Equal(t, passwordLen, copy(c.password[:], r.Buffer()))
	if r.Len() > 0 {
		c.hasReadOnly, c.readOnly = true, r.Bool()
	}
	require.NoError(t, r.Err())
	require.Zero(t, r.Len())
	return c
}

// What a real server took for a handshake is one, and its answer is made again;
// what it closed the connection for is none.
func TestHandshakes(t *testing.T) {
	good, bad, expired, old := 0, 0, 0, 0
	for _, x := range exchanges(t) {
		if x.file != "handshake.txt" {
			continue
		}
		c, err := decodeConnectRequest(x.sent)
		if x.what == "raw" {
			bad++
			require.ErrorIs(t, err, jute.ErrMalformed, x.label)
			require.Equal(t, connectRequest{}, c)
			require.Equal(t, "closed", x.end)
			continue
		}
		good++
		require.NoError(t, err, x.label)
		s := sheetOf(c)
		require.Equal(t, x.text, strings.Join(s.text, " "), x.label)
		if x.label != "bytes left over" {
			require.Equal(t, x.sent, s.b, x.label)
		}
		if x.reply() == nil {
			require.Greater(t, c.lastZxidSeen, int64(1<<30), x.label)
			continue
		}
		response := decodeConnectResponse(t, x.reply())
		require.Equal(t, c.hasReadOnly, response.hasReadOnly, x.label)
		require.Equal(t, x.reply(), appendConnectResponse(nil, response)[4:], x.label)
		if response.session == 0 {
			expired++
			require.Equal(t, connectResponse{hasReadOnly: c.hasReadOnly}, response, x.label)
		}
		if !c.hasReadOnly {
			old++
		}
	}
	require.GreaterOrEqual(t, good, 18)
	require.Equal(t, 3, bad)
	require.Equal(t, 4, expired)
	require.Equal(t, 3, old)
}

func TestHandshakeLengths(t *testing.T) {
	frame := sheetOf(connectRequest{password: make([]byte, passwordLen), hasReadOnly: true, readOnly: true}).b
	require.Len(t, frame, 45)
	for n := range frame {
		c, err := decodeConnectRequest(frame[:n])
		if n == 44 {
			require.NoError(t, err)
			require.False(t, c.hasReadOnly)
			require.Len(t, appendConnectResponse(nil, connectResponse{hasReadOnly: c.hasReadOnly}), 4+36)
			continue
		}
		require.ErrorIs(t, err, jute.ErrMalformed, "%d bytes", n)
	}
	c, err := decodeConnectRequest(frame)
	require.NoError(t, err)
	require.True(t, c.hasReadOnly && c.readOnly)
	b := appendConnectResponse([]byte("before"), connectResponse{timeout: 1, hasReadOnly: true, readOnly: true})
	require.Len(t, b, 6+4+37)
	require.True(t, bytes.HasPrefix(b, []byte("before\x00\x00\x00\x25")))
}
