package difftest

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// Each four-letter word is answered as Apache answers it, but for numbers, names and the
// lines that wordDifferences lists.
func TestFourLetterWords(t *testing.T) {
	words := []string{"ruok", "isro", "gtmk", "stmk\x00\x00\x00\x00\x00\x00\x01\x02", "conf", "srvr", "stat", "cons", "dump", "wchs", "wchc",
		"wchp", "dirs", "mntr", "crst", "srst"}
	var answers [2]map[string]string
	for i, start := range []func(context.Context) (*server.Process, error){apache, zabtree(t, options())} {
		p, err := start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := busy(t, p.Addr)
		answers[i] = map[string]string{}
		for _, w := range words {
			answers[i][w] = sayWord(t, p.Addr, w)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, w := range words {
		theirs, ours := shape(w, answers[0][w]), shape(w, answers[1][w])
		if w == "mntr" { // theirs has hundreds of lines
			for _, line := range ours {
				if !slices.Contains(theirs, line) {
					t.Errorf("mntr: Apache does not say %q", line)
				}
			}
			continue
		}
		if !slices.Equal(theirs, ours) {
			t.Errorf("%s:\n%s\nand\n%s", w[:4], strings.Join(theirs, "\n"), strings.Join(ours, "\n"))
		}
	}
}

// busy connects a client that has an ephemeral znode and two watches.
func busy(t *testing.T, addr string) *zkwire.Conn {
	t.Helper()
	c, err := zkwire.Dial(addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	hello := zkwire.ConnectRequest{Timeout: 60000, Password: make([]byte, 16)}
	frames := [][]byte{hello.AppendFrame(nil)}
	for _, r := range []zkwire.Request{
		{Xid: 1, Op: zkwire.Create, Path: "/e", Data: []byte("x"), ACL: world(), Flags: 1},
		{Xid: 2, Op: zkwire.Exists, Path: "/w", Watch: true},
		{Xid: 3, Op: zkwire.GetData, Path: "/e", Watch: true},
	} {
		frames = append(frames, r.AppendFrame(nil))
	}
	for _, frame := range frames {
		if err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadFrame(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func sayWord(t *testing.T, addr, word string) string {
	t.Helper()
	c, err := zkwire.Dial(addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Write([]byte(word)); err != nil {
		t.Fatal(err)
	}
	b, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wordDifferences are lines that only one of the servers has: by their beginnings.
var wordDifferences = []struct{ word, line, why string }{
	{"dump", "Session Sets", "when sessions expire is decided by the leader's clock, and not known in advance: as by a follower of Apache's, they are listed with their time-outs"},
	{"dump", "N expire at", "likewise"},
	{"dump", "Global Sessions", "likewise"},
	{"dump", "\tNxN", "likewise"},
	{"dump", "NxN", "likewise"},
	{"dump", "Connections dump:", "connections do not expire by themselves; cons lists them"},
	{"dump", "Connections Sets", "likewise"},
	{"dump", "\tip: ", "likewise"},
}

var (
	hexadecimal = regexp.MustCompile(`0x[0-9a-f]+`)
	number      = regexp.MustCompile(`-?\d+(\.\d+)?`)
)

// shape is what an answer has in common with that of another server.
func shape(word, answer string) []string {
	var lines []string
	for line := range strings.Lines(answer) {
		line = number.ReplaceAllString(hexadecimal.ReplaceAllString(line, "NxN"), "N")
		switch {
		case strings.HasPrefix(line, "Zookeeper version: "):
			line = "Zookeeper version: V"
		case strings.HasPrefix(line, "zk_"):
			line, _, _ = strings.Cut(line, "\t")
		case word == "conf" && (strings.HasPrefix(line, "dataDir=") || strings.HasPrefix(line, "dataLogDir=")):
			line, _, _ = strings.Cut(line, "=")
		}
		if !slices.ContainsFunc(wordDifferences, func(d struct{ word, line, why string }) bool {
			return d.word == word && strings.HasPrefix(line, d.line)
		}) {
			lines = append(lines, line)
		}
	}
	if word == "cons" || word == "stat" { // connections are in no order, and some are just going
		slices.Sort(lines)
		lines = slices.Compact(lines)
	}
	return lines
}
