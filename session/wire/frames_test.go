package wire

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

// exchange is one request of testdata/frames and what a real server sent for it.
// Frames are without their length.
type exchange struct {
	file, label string
	what        string // "connect", "request" or "raw"
	text        string // the request, field by field; "raw" stands for bytes
	sent        []byte
	received    [][]byte // the reply is the last one, events come before
	end         string   // "closed", "silent" or empty
}

func (x *exchange) name() string { return x.file + ": " + x.label }

// raw says that the request cannot be said field by field.
func (x *exchange) raw() bool { return strings.Contains(x.text, "raw") }

// reply returns the last frame, nil if there was none.
func (x *exchange) reply() []byte {
	if len(x.received) == 0 {
		return nil
	}
	return x.received[len(x.received)-1]
}

// exchanges reads testdata/frames.
func exchanges(t testing.TB) []*exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/frames/*.txt")
	require.NoError(t, err)
	require.Len(t, files, 7)
	var all []*exchange
	for _, name := range files {
		all = append(all, readExchanges(t, name)...)
	}
	require.Greater(t, len(all), 300)
	return all
}

func readExchanges(t testing.TB, name string) []*exchange {
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	frame := func(text string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		require.NoError(t, err)
		r := jute.NewReader(b)
		require.EqualValues(t, len(b)-4, r.Int(), "%s: %s", name, text)
		return b[4:]
	}
	var all []*exchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		mark, text, _ := strings.Cut(lines.Text(), " ")
		if mark == "#" {
			all = append(all, &exchange{file: filepath.Base(name), label: text})
			continue
		}
		if mark == "" {
			continue
		}
		x := all[len(all)-1]
		switch mark {
		case "?":
			x.what, x.text, _ = strings.Cut(text, " ")
		case ">":
			x.sent = frame(text)
		case "<":
			x.received = append(x.received, frame(text))
		case "!":
			x.end = text
		default:
			t.Fatalf("%s: %q", name, lines.Text())
		}
	}
	require.NoError(t, lines.Err())
	return all
}

// requests returns the exchanges that have a header, and hands it out with them.
func requests(t testing.TB, each func(x *exchange, h requestHeader, body []byte)) {
	n := 0
	for _, x := range exchanges(t) {
		if x.what == "request" {
			h, body, err := decodeHeader(x.sent)
			require.NoError(t, err, x.name())
			each(x, h, body)
			n++
		}
	}
	require.Greater(t, n, 280)
}
