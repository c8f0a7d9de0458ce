package plant_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

func TestParseResult(t *testing.T) {
	r, err := plant.ParseResult([]byte("progress\n\n" + `{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":{"seed":"0x1f","checker":"prefix","message":"m"},"more":1}` + "\n\n"))
	if err != nil || r.Seeds != 3 || r.Events != 40 || r.CPUSeconds != 1.5 || r.Failure == nil || *r.Failure != (plant.Failure{Seed: "0x1f", Checker: "prefix", Message: "m"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = plant.ParseResult([]byte(`{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":null}`)); err != nil || r.Failure != nil || r.Seeds != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{
		"", "nothing", "{", "[]", "null", "{}", `{"seeds":3}`, `{"seeds":-1,"failure":null}`, `{"seeds":3,"failure":true}`,
		`{"seeds":3,"failure":{}}`, `{"seeds":3,"failure":{"checker":1}}`, `{"seeds":3,"failure":null}` + "\nbut then",
	} {
		var wrong *plant.ResultError
		if r, err := plant.ParseResult([]byte(bad)); !errors.As(err, &wrong) {
			t.Errorf("%q is %+v, %v", bad, r, err)
		}
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(`{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":{"seed":"0x1f","checker":"prefix","message":"m"}}`))
	f.Add([]byte(`{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":null}`))
	f.Fuzz(func(t *testing.T, stdout []byte) {
		r, err := plant.ParseResult(stdout)
		var wrong *plant.ResultError
		if err != nil && !errors.As(err, &wrong) || err == nil && r.Failure != nil && r.Failure.Checker == "" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestSimArgs(t *testing.T) {
	got := plant.Sim{Package: "p", Seeds: 7, From: 9}.Args(time.Minute)
	want := []string{"-seeds", "7", "-from", "9", "-minutes", "0.9000", "-json", "-fail-fast"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	got, want = plant.Sim{Package: "p", Tape: "a/b.tape"}.Args(time.Minute), []string{"-tape", filepath.FromSlash("a/b.tape"), "-json"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestSimJudge(t *testing.T) {
	good := []byte(`{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":null}`)
	failed := []byte(`{"seeds":3,"events":40,"cpu_seconds":1.5,"failure":{"seed":"0x1f","checker":"prefix","message":"m"}}`)
	trace := []byte("panic: boom\n\ngoroutine 1 [running]:\n")
	cases := []struct {
		name    string
		exit    plant.Exit
		checker string // that is found, "" if none
		err     bool
	}{
		{"all well", plant.Exit{Stdout: good}, "", false},
		{"a failure", plant.Exit{Code: 1, Stdout: failed}, "prefix", false},
		{"a panic", plant.Exit{Code: 2, Stderr: trace}, plant.NoPanic, false},
		{"a panic behind a lot of output", plant.Exit{Code: 2, Stdout: []byte("x\n"), Stderr: append([]byte("warning\n"), trace...)}, plant.NoPanic, false},
		{"a seed that prints a panic that it caught", plant.Exit{Code: 1, Stdout: failed, Stderr: trace}, "prefix", false},
		{"misuse", plant.Exit{Code: 2, Stderr: []byte("flag provided but not defined: -json\n")}, "", true},
		{"no result", plant.Exit{}, "", true},
		{"a failure and a good exit", plant.Exit{Stdout: failed}, "", true},
		{"no failure and a bad exit", plant.Exit{Code: 1, Stdout: good}, "", true},
		{"killed", plant.Exit{Code: -1}, "", true},
		{"over budget", plant.Exit{Code: -1, OverBudget: true}, "", true},
	}
	for _, c := range cases {
		v, err := plant.Sim{}.Judge(&c.exit)
		if (err != nil) != c.err || v.Found != (c.checker != "") || v.Checker != c.checker {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
		if c.exit.OverBudget != errors.Is(err, plant.ErrOverBudget) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTestsJudge(t *testing.T) {
	cases := []struct {
		name    string
		exit    plant.Exit
		checker string
		err     bool
	}{
		{"pass", plant.Exit{Stdout: []byte("PASS\n")}, "", false},
		{"a test", plant.Exit{Code: 1, Stdout: []byte("--- FAIL: TestX (0.00s)\n    --- FAIL: TestX/y (0.00s)\nFAIL\n")}, "TestX", false},
		{"a panic in a test", plant.Exit{Code: 2, Stdout: []byte("--- FAIL: TestX (0.00s)\n"), Stderr: []byte("panic: boom\n\ngoroutine 1 [running]:\n")}, "TestX", false},
		{"a panic", plant.Exit{Code: 2, Stderr: []byte("panic: boom\n\ngoroutine 1 [running]:\n")}, plant.NoPanic, false},
		{"a timeout", plant.Exit{Code: 2, Stderr: []byte("panic: test timed out after 2s\nrunning tests:\n\tTestY (2s)\n\ngoroutine 1 [running]:\n")}, plant.Hung, false},
		{"killed", plant.Exit{Code: -1, OverBudget: true}, plant.Hung, false},
		{"something else", plant.Exit{Code: 1, Stderr: []byte("no such file\n")}, "", true},
	}
	for _, c := range cases {
		v, err := plant.Tests{}.Judge(&c.exit)
		if (err != nil) != c.err || v.Checker != c.checker || v.Found != (c.checker != "") {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}
