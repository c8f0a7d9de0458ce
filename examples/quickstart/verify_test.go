package main

import (
	"strings"
	"testing"

	"github.com/zabtree/zabtree/tree"
)

// history is a tree and what a watcher was told while it grew.
type history struct {
	t     *testing.T
	state *tree.State
	zxid  int64
	saw   []sighting
}

func newHistory(t *testing.T) *history {
	h := &history{t: t, state: tree.New(tree.Settings{})}
	h.apply(tree.CreateSession{Timeout: 1e9})
	return h
}

func (h *history) apply(c tree.Command) {
	h.t.Helper()
	h.zxid++
	_, _, err := h.state.Apply([]tree.Entry{{Zxid: h.zxid, Data: c.AppendTo(nil)}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) create(path string, data []byte) {
	h.t.Helper()
	h.apply(tree.Write{Session: 1, Attachment: 1, Sequence: uint64(h.zxid), Op: tree.Create{Path: path, Data: data}})
	if _, ok := h.state.View().Exists(path); !ok {
		h.t.Fatalf("%s was not created", path)
	}
	if strings.HasPrefix(path, base+"/") {
		h.saw = append(h.saw, sighting{path, h.zxid})
	}
}

// The verification passes what is right and finds each single fault.
func TestVerification(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(h *history, l *ledger)
		want  string // part of what is found; "" if nothing is wrong
	}{
		{"right", func(*history, *ledger) {}, ""},
		{"other bytes", func(_ *history, l *ledger) { l.created(base+"/a", contentOf([]byte("x"))) }, "/a: holds"},
		{"fewer bytes", func(_ *history, l *ledger) { l.created(base+"/d/b", contentOf([]byte{})) }, "/d/b: holds"},
		{"missing", func(_ *history, l *ledger) { l.created(base+"/c", contentOf(nil)) }, "/c: is missing"},
		{"extra", func(h *history, _ *ledger) { h.create(base+"/e", nil) }, "/e: was never created"},
		{"seen twice", func(h *history, _ *ledger) { h.saw = append(h.saw, h.saw[0]) }, "twice"},
		{"not seen", func(h *history, _ *ledger) { h.saw = h.saw[:1] }, "did not see"},
		{"out of order", func(h *history, _ *ledger) { h.saw[0], h.saw[1] = h.saw[1], h.saw[0] }, "after zxid"},
		{"another zxid", func(h *history, _ *ledger) { h.saw[1].zxid++ }, "was created at"},
		{"seen but not there", func(h *history, _ *ledger) { h.saw[0].path += "x" }, "which is not there"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h, l := newHistory(t), newLedger()
			for path, data := range map[string][]byte{base: nil, base + "/a": []byte("a"), base + "/d": nil, base + "/d/b": []byte("b")} {
				l.created(path, contentOf(data))
			}
			h.create(base, nil)
			h.create(base+"/a", []byte("a"))
			h.create(base+"/d", nil)
			h.create(base+"/d/b", []byte("b"))
			c.spoil(h, l)
			var found []string
			for _, err := range []error{l.checkView(h.state.View()), checkSightings(h.saw, h.state.View())} {
				if err != nil {
					found = append(found, err.Error())
				}
			}
			got := strings.Join(found, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found %q, not %q", got, c.want)
			}
		})
	}
}

func TestAlike(t *testing.T) {
	one, same, other := newHistory(t), newHistory(t), newHistory(t)
	for _, h := range []*history{one, same} {
		h.create(base, []byte("a"))
	}
	other.create(base, []byte("b"))
	ahead := newHistory(t)
	ahead.create(base, []byte("a"))
	ahead.create(base+"/a", nil)
	view := func(h *history) *tree.View { return h.state.View() }
	if err := checkAlike([replicas]*tree.View{view(one), view(same), view(one)}); err != nil {
		t.Error(err)
	}
	for _, h := range []*history{other, ahead} {
		if err := checkAlike([replicas]*tree.View{view(one), view(same), view(h)}); err == nil || !strings.Contains(err.Error(), "replica 3 has digest") {
			t.Errorf("found %v", err)
		}
	}
}
