package main

import (
	"encoding/binary"
	"os"
	"sync"
	"testing"
)

// TestMain lets the test's own program be the servers.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveFlag {
		main()
		return
	}
	os.Exit(m.Run())
}

// Writes go over the port of another process, many at a time, and each is answered; what
// the servers refuse is an error.
func TestPortPeer(t *testing.T) {
	started, err := newPortPeer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 32 {
		write, err := started.caller(i)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := range 20 {
				cmd := binary.LittleEndian.AppendUint64(nil, uint64(i))
				if err := write(binary.LittleEndian.AppendUint64(cmd, uint64(n))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := started.settle(); err != nil {
		t.Error(err)
	}
	answer := make(chan error, 1)
	started.(*portPeer).clients[0].set("/none", nil, answer)
	if err := <-answer; err == nil {
		t.Error("a znode that is not there was set")
	}
	if err := started.close(); err != nil {
		t.Error(err)
	}
}
