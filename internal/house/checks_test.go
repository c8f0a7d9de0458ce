package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

func parse(t *testing.T, src string) *source {
	t.Helper()
	s := &source{dir: "p", name: "p", fset: token.NewFileSet()}
	f, err := parser.ParseFile(s.fset, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	s.code = []*ast.File{f}
	return s
}

// The checks find what they are there for, and let pass what is fine.
func TestChecksOfState(t *testing.T) {
	cases := []struct {
		src  string
		want int
	}{
		{`var ErrX = errors.New("x")`, 0},
		{`var table = map[string]int{"a": 1}; func f() int { return table["a"] }`, 0},
		{`var _ error = (*T)(nil); type T struct{ ch chan int }`, 0},
		{`var mu sync.Mutex`, 2}, // no value, and made to be locked
		{`var n int`, 1},
		{`var list []byte`, 1},
		{`var zeroes [512]byte`, 0},
		{`var zeroes [512]byte; func f() { zeroes[0] = 1 }`, 1},
		{`var done = make(chan struct{})`, 1},
		{`var count = new(atomic.Int64)`, 1},
		{`var pool = sync.Pool{New: func() any { return 1 }}`, 1},
		{`var timer = time.NewTimer(1)`, 1},
		{`var a, b = 1, 2; func f() { a = b; b++ }`, 2},
		{`var table = map[string]int{}; func f() { table["a"] = 1 }`, 1},
		{`var x = 1; func f() *int { return &x }`, 1},
		{`var x = 1; func f() int { x := 2; x = 3; return x }`, 0},
		{`func init() {}`, 1},
	}
	for _, c := range cases {
		s := parse(t, `package p; import ("errors"; "sync"; "sync/atomic"; "time"); `+c.src)
		if got := packageState(s); len(got) != c.want {
			t.Errorf("%s: %d problems, not %d: %q", c.src, len(got), c.want, got)
		}
	}
}

func TestChecksOfSleep(t *testing.T) {
	cases := []struct {
		src  string
		want int
	}{
		{`func TestX(t *testing.T) { time.Sleep(1) }`, 1},
		{`func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }`, 0},
		{`func TestX(t *testing.T) { synctest.Test(t, inside) }; func inside(t *testing.T) { time.Sleep(1) }`, 0},
		{`func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { help() }) }; func help() { more() }; func more() { time.Sleep(1) }`, 0},
		{`func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { help() }); help() }; func help() { time.Sleep(1) }`, 1},
		{`func bubble(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }
		  func TestX(t *testing.T) { bubble(t, func() { time.Sleep(1) }) }`, 0},
		{`func inner(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }; func outer(t *testing.T, f func()) { inner(t, f) }
		  func TestX(t *testing.T) { outer(t, func() { time.Sleep(1) }) }`, 0},
		{`func Run(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }
		  func TestX(t *testing.T) { t.Run("", func(t *testing.T) { time.Sleep(1) }) }`, 1},
		{`type e struct{}; func (e) leader() { time.Sleep(1) }; func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { e{}.leader() }) }
		  func TestY(t *testing.T) { x := struct{ leader int }{}; x.leader++ }`, 0},
		{`type e struct{}; func (e) leader() { time.Sleep(1) }; func TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { e{}.leader() }) }
		  func TestY(t *testing.T) { e{}.leader() }`, 1},
		{`func unused() { time.Sleep(1) }`, 1},
		{`func TestX(t *testing.T) { f := func(t *testing.T) { time.Sleep(1) }; synctest.Test(t, f) }`, 0},
		{`func TestX(t *testing.T) { f := func(t *testing.T) { time.Sleep(1) }; synctest.Test(t, f); f(t) }`, 1},
		{`func TestX(t *testing.T) { f := func(t *testing.T) { time.Sleep(1) }; use(f) }; func use(any) {}`, 1},
		{`func TestX(t *testing.T) { f := time.Sleep; f(1) }`, 1},
	}
	for _, c := range cases {
		s := parse(t, `package p; import ("testing"; "testing/synctest"; "time"); `+c.src)
		s.tests, s.code = s.code, nil
		if got := sleeps(s.dir, s.fset, s.tests, bubbleRunners([]*source{s})); len(got) != c.want {
			t.Errorf("%s: %d sleeps, not %d", c.src, len(got), c.want)
		}
	}
}

func TestWithin(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "a/b": true, "ab": false, "c": false, "d/e": true, "d": false} {
		if within(name, "a", "d/e") != want {
			t.Errorf("%s: not %v", name, want)
		}
	}
}
