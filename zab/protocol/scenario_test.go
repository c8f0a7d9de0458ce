package protocol

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the scenario files")

// TestScenarios plays the transcripts in testdata/scenarios. In such a file
//
//	# a line of prose says what the scenario shows,
//	> a command directs the stage (see stageCommands),
//	  and indented lines are what came of it,
//
// which must come out again. A command "must ..." asserts: if what it says does
// not hold the test fails, also with -rewrite, and so it does when the stage
// finds broken what must always hold.
//
// Which rule of the protocol is shown where:
//
// The log: log-counter-over-epochs, log-opening-entry, log-base-by-record,
// log-all-or-nothing, log-promise-durable, log-gap-refused, log-corrupt-entry,
// log-damaged-replica, log-failed-write, log-stop-and-restart, snapshot-label.
// Election, discovery and synchronisation: election-*, discovery-*, sync-*,
// snapshot-*, commit-*, apply-*. Broadcast and what rests on it: broadcast-*,
// progress-*, forwarding*, read-*.
// Time and liveness: time-*, heartbeat-*, handover*, halted-*.
// Membership: config-*, bootstrap-*, wiped-*.
//
// What a storage does with a batch, with torn and damaged tails, and after a
// failed write (one durable step, checksums in frames of its own, final errors)
// is tested by zab/zabtest.TestStorage and by internal/wal; that a stop waits for
// the log's writer, that events are drained before a tick and a late tick counts
// as one, by the tests of zab's loop.
func TestScenarios(t *testing.T) { playAll(t, "scenarios") }

func playAll(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { play(t, dir, file) })
	}
}

func play(t *testing.T, dir, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &director{stage: newStage()}
	got := p.play(string(text))
	for _, f := range p.stage.faults {
		t.Error(f)
	}
	if got == string(text) {
		return
	}
	if *rewrite && len(p.stage.faults) == 0 {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the transcript is not what happens (go test -run TestScenarios -rewrite writes it anew):\n%s", diffLines(string(text), got))
}

// director reads a transcript and has the stage play it.
type director struct {
	stage *stage
}

// play returns the transcript with what came of each command.
func (p *director) play(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "  "):
			continue
		case !strings.HasPrefix(line, "> "):
			b.WriteString(line + "\n")
			continue
		}
		b.WriteString(line + "\n")
		p.command(line[2:])
		b.WriteString(p.stage.out.String())
		p.stage.out.Reset()
	}
	return b.String()
}

// command carries out one line.
func (p *director) command(line string) {
	words, err := splitWords(line)
	if err != nil {
		p.fail("%v", err)
		return
	}
	s := p.stage
	s.quiet, s.hidden = false, false
	for len(words) > 0 {
		switch words[0] {
		case "briefly":
			s.quiet, words = true, words[1:]
			continue
		case "quietly":
			s.quiet, s.hidden, words = true, true, words[1:]
			continue
		}
		break
	}
	if len(words) == 0 {
		p.fail("no command")
		return
	}
	do, ok := stageCommands()[words[0]]
	if !ok {
		p.fail("unknown command %q", words[0])
		return
	}
	if err := do(s, words[1:]); err != nil {
		p.fail("%v", err)
	}
	s.hidden = false
}

// fail reports a transcript that makes no sense.
func (p *director) fail(format string, args ...any) {
	p.stage.violation("bad command: "+format, args...)
}

// splitWords splits at spaces, but for those between quotes.
func splitWords(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			return words, nil
		}
		if line[0] == '"' {
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("no closing quote in %q", line)
			}
			words, line = append(words, line[1:1+end]), line[2+end:]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
}

// diffLines shows what was removed and added between the common beginning and
// the common end of two texts, with some lines around it.
func diffLines(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	var out strings.Builder
	show := func(mark string, lines []string) {
		for n, l := range lines {
			if n == 40 {
				fmt.Fprintf(&out, "%s ... %d more\n", mark, len(lines)-n)
				return
			}
			fmt.Fprintf(&out, "%s %s\n", mark, l)
		}
	}
	fmt.Fprintf(&out, "line %d:\n", i+1)
	show(" ", a[max(0, i-3):i])
	show("-", a[i:len(a)-j])
	show("+", b[i:len(b)-j])
	show(" ", a[len(a)-j:min(len(a), len(a)-j+3)])
	return out.String()
}
