package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

const testDir = "/log"

// model is a log as it should be.
type model struct {
	head    []byte
	start   uint64
	records []string // from start+1 on
}

func (m model) last() uint64 { return m.start + uint64(len(m.records)) }

// after returns the model after a batch.
func (m model) after(b *Batch) model {
	if b.Head != nil {
		m.head = bytes.Clone(b.Head)
	}
	start, last := m.start, m.last()
	if b.Restart {
		start = b.Start
	}
	if b.Truncate {
		last = b.TruncateAfter
	}
	var kept []string
	for i := max(start, m.start) + 1; i <= last && i <= m.last(); i++ {
		kept = append(kept, m.records[i-m.start-1])
	}
	m.start, m.records = start, kept // empty if it began after last
	data := bytes.Join(b.Data, nil)
	for _, n := range b.Lengths {
		m.records, data = append(m.records, string(data[:n])), data[n:]
	}
	return m
}

func (m model) String() string {
	return fmt.Sprintf("head %x, after %d: %d %x", m.head, m.start, len(m.records), strings.Join(m.records, "|"))
}

// dump reads all of a log back.
func dump(l *Log, rec *Recovered) (model, error) {
	m := model{head: rec.Head, start: l.Start()}
	if rec.Start != l.Start() || rec.Last != l.Last() {
		return m, fmt.Errorf("recovered (%d, %d], log has (%d, %d]", rec.Start, rec.Last, l.Start(), l.Last())
	}
	return m, m.read(l)
}

func (m *model) read(l *Log) error {
	var r Records
	for at := m.start; at < l.Last(); {
		if err := l.Read(&r, at, 700); err != nil {
			return err
		}
		if r.First != at+1 || len(r.Lengths) == 0 {
			return fmt.Errorf("read %d records from %d after %d", len(r.Lengths), r.First, at)
		}
		data := r.Data
		for _, n := range r.Lengths {
			m.records, data = append(m.records, string(data[:n])), data[n:]
		}
		if len(data) > 0 {
			return errors.New("more bytes than records")
		}
		at += uint64(len(r.Lengths))
	}
	if err := l.Read(&r, l.Last(), 1); !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read behind the end: %v", err)
	}
	return nil
}

// ids returns a source of identities that the seed fixes.
func ids(seed uint64) func() uint64 { return rand.New(rand.NewPCG(seed, 1)).Uint64 }

func testOptions(seed uint64) Options {
	return Options{SegmentBytes: 4096, ID: 42, NewID: ids(seed)}
}

func newMem(t testing.TB) *disk.Mem {
	m := disk.NewMem()
	require.NoError(t, m.MkdirAll(testDir))
	return m
}

func mustOpen(t testing.TB, fsys disk.FS, opts Options) (*Log, Recovered) {
	t.Helper()
	l, rec, err := Open(fsys, testDir, opts)
	require.NoError(t, err)
	return l, rec
}

// records makes a batch of records that follow an index.
func records(after uint64, data ...string) Batch {
	b := Batch{First: after + 1}
	for _, d := range data {
		b.Lengths = append(b.Lengths, uint32(len(d)))
		b.Data = append(b.Data, []byte(d))
	}
	return b
}

// text returns n bytes that are unlike any others.
func text(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}

// randomBatch returns a batch that fits the model.
func randomBatch(rng *rand.Rand, m *model) Batch {
	var b Batch
	start, last := m.start, m.last()
	if rng.IntN(4) == 0 {
		b.Head = []byte(text(rng, rng.IntN(40)))
	}
	if rng.IntN(6) == 0 && last > start {
		b.Truncate, b.TruncateAfter = true, start+rng.Uint64N(last-start+1)
		last = b.TruncateAfter
	}
	switch k := rng.IntN(16); {
	case k < 3:
		b.Restart, b.Start = true, start+rng.Uint64N(last-start+1)
	case k == 3: // jump ahead
		b.Restart, b.Start = true, last+rng.Uint64N(5)
		last = b.Start
	case k == 4 && start > 2: // and back
		b.Restart, b.Start = true, start-1-rng.Uint64N(2)
		b.Truncate, b.TruncateAfter = true, b.Start
		last = b.Start
	}
	if rng.IntN(8) > 0 {
		n := 1 + rng.IntN(4)
		size := 90
		if rng.IntN(6) == 0 {
			size = 700
		}
		var data []string
		for range n {
			data = append(data, text(rng, rng.IntN(size)))
		}
		r := records(last, data...)
		b.First, b.Lengths, b.Data = r.First, r.Lengths, r.Data
	}
	return b
}
