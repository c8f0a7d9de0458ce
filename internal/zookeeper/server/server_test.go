package server

import (
	"os"
	"testing"
)

// A server serves when it has started, is gone when it is closed, with its files,
// and one that ends by itself is noticed.
func TestApache(t *testing.T) {
	p, err := StartApache(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fourLetters(p.Addr, "ruok"); got != "imok" {
		t.Errorf("ruok: %q", got)
	}
	if err := p.Ended(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got := fourLetters(p.Addr, "ruok"); got != "" {
		t.Errorf("ruok of a closed server: %q", got)
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", p.dir)
	}

	p, err = StartApache(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.Ended() == nil || p.Close() == nil {
		t.Error("a server that ended by itself was not noticed")
	}
}
