package zabtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/zabtree/zabtree/zab"
)

// keeper keeps the last commands, and has every fault that it is told to have.
type keeper struct {
	fault string
	mu    sync.Mutex // a snapshot of the faulty kind looks at kept while Apply goes on
	kept  [][]byte
	slice []zab.Entry
	calls int
}

func (k *keeper) Apply(entries []zab.Entry, results []any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	for i := range entries {
		e := &entries[i]
		if e.Kind != zab.KindCommand {
			if k.fault == "unknown kind" && e.Kind == zab.KindMembership {
				results[i] = zab.Halt{Err: errors.New("unknown")}
			}
			continue
		}
		results[i] = len(k.kept)
		switch k.fault {
		case "random":
			results[i] = rand.Int()
		case "batches":
			results[i] = i
		case "state by batches":
			k.kept = append(k.kept, []byte{byte(k.calls)})
		case "changes bytes":
			e.Data[0]++
		}
		k.kept = append(k.kept, e.Data)
	}
	if k.fault == "keeps slices" {
		for _, e := range k.slice {
			k.kept = append(k.kept, e.Data)
		}
		k.slice = entries[:1]
	}
}

type kept struct {
	of   *keeper
	kept [][]byte
}

func (k *keeper) Snapshot() (zab.Snapshot, error) {
	return &kept{k, k.kept[:len(k.kept):len(k.kept)]}, nil
}

func (s *kept) bytes() []byte {
	b := make([]byte, 8)
	data := s.kept
	if s.of.fault == "live snapshot" {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		data = s.of.kept
	}
	for _, d := range data {
		b = binary.BigEndian.AppendUint32(b, uint32(len(d)))
		b = append(b, d...)
	}
	h := fnv.New64a()
	h.Write(b[8:])
	binary.BigEndian.PutUint64(b, h.Sum64())
	return b
}

func (s *kept) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(s.bytes())
	if s.of.fault == "swallows errors" {
		err = nil
	}
	return int64(n), err
}

func (s *kept) Digest() uint64 { return binary.BigEndian.Uint64(s.bytes()) }
func (s *kept) Release()       {}

func (k *keeper) Digest() uint64 { return (&kept{k, k.kept}).Digest() }

func (k *keeper) Restore(meta zab.SnapshotMeta, r io.Reader) error {
	if k.fault == "clears first" {
		k.kept = nil
	}
	b, err := io.ReadAll(r)
	if k.fault == "takes what comes" {
		err = nil
	}
	if err != nil {
		return err
	}
	next := &keeper{fault: k.fault}
	if k.fault == "adds" {
		next.kept = k.kept
	}
	var sum []byte
	if len(b) >= 8 {
		sum, b = b[:8], b[8:]
	}
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 {
			break
		}
		next.kept = append(next.kept, b[4:4+n:4+n])
		b = b[4+n:]
	}
	if k.fault == "" || k.fault == "clears first" {
		if next.Digest() != meta.Digest || !bytes.Equal(sum, binary.BigEndian.AppendUint64(nil, meta.Digest)) || len(b) > 0 {
			return errors.New("wrong digest")
		}
	}
	k.kept = next.kept
	return nil
}

func keeperWith(fault string) StateMachineUnderTest {
	return StateMachineUnderTest{
		New:     func(*testing.T) zab.StateMachine { return &keeper{fault: fault} },
		Command: func(rng *rand.Rand) []byte { return fmt.Append(nil, "command ", rng.IntN(100)) },
		Seed:    rand.Uint64(),
	}
}

func TestStateMachineSuitePasses(t *testing.T) { TestStateMachine(t, keeperWith("")) }

const faultEnv = "ZABTEST_FAULT"

// TestFaultyStateMachine is what TestStateMachineSuiteFails runs in a process of
// its own, with a fault.
func TestFaultyStateMachine(t *testing.T) {
	fault := os.Getenv(faultEnv)
	if fault == "" {
		t.Skip("only for TestStateMachineSuiteFails")
	}
	m := keeperWith(fault)
	switch fault {
	case "nil New":
		m.New = nil
	case "nil Command":
		m.Command = nil
	case "New of nil":
		m.New = func(*testing.T) zab.StateMachine { return nil }
	}
	TestStateMachine(t, m)
}

// What the suite lacks it says, instead of a panic.
func TestStateMachineSuiteLacks(t *testing.T) {
	for fault, want := range map[string]string{
		"nil New":     "zabtest.TestStateMachine: StateMachineUnderTest.New is nil",
		"nil Command": "zabtest.TestStateMachine: StateMachineUnderTest.Command is nil",
		"New of nil":  "StateMachineUnderTest.New returned nil",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFaultyStateMachine$", "-test.v")
		cmd.Env = append(os.Environ(), faultEnv+"="+fault)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "panic") {
			t.Errorf("%s: %v\n%s", fault, err, out)
		}
	}
}

// The suite finds each fault, in the check that is about it.
func TestStateMachineSuiteFails(t *testing.T) {
	for fault, check := range map[string]string{
		"random":           "Deterministic",
		"batches":          "Deterministic",
		"state by batches": "Deterministic",
		"unknown kind":     "AllKindsOfEntries",
		"changes bytes":    "KeepsNoSlices",
		"keeps slices":     "KeepsNoSlices",
		"live snapshot":    "SnapshotIsOfOneMoment",
		"swallows errors":  "SnapshotWriteFails",
		"adds":             "Restore",
		"clears first":     "RestoreAllOrNothing",
		"takes what comes": "RestoreAllOrNothing",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFaultyStateMachine$/^"+check+"$", "-test.v")
		cmd.Env = append(os.Environ(), faultEnv+"="+fault)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--- FAIL: TestFaultyStateMachine/"+check) {
			t.Errorf("%s does not find a state machine that %q: %v\n%s", check, fault, err, out)
		}
	}
}
