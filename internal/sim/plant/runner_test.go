package plant_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

// toy is a module with a program that behaves as a simulator with a bug would,
// depending on a line that the plants of TestRunner change.
var toy = map[string]string{
	"go.mod": "module toy\n\ngo 1.26.0\n",
	"cmd/main.go": `package main

import (
	"fmt"
	"os"
	"slices"

	"toy/code"
)

func main() {
	if !slices.Contains(os.Args, "-fail-fast") {
		os.Exit(2)
	}
	fmt.Println("at work")
	switch code.Mode {
	case "fails":
		fmt.Println(` + "`" + `{"seeds":3,"events":9,"cpu_seconds":0,"failure":{"seed":"0x3","checker":"prefix","message":"m"}}` + "`" + `)
		os.Exit(1)
	case "panics":
		panic("boom")
	case "spins":
		for {
		}
	case "misuses":
		os.Exit(2)
	}
	fmt.Println(` + "`" + `{"seeds":5,"events":9,"cpu_seconds":0,"failure":null}` + "`" + `)
}
`,
	"code/code.go":      "package code\n\nconst Mode = \"works\"\n",
	"code/code_test.go": "package code\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMode(t *testing.T) {\n\tif Mode != \"works\" {\n\t\tt.Error(os.WriteFile(\"left-behind\", nil, 0o600))\n\t}\n}\n",
}

func writeToy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range toy {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mode(name, line string, checkers ...string) *plant.Plant {
	return &plant.Plant{Name: name, Checkers: checkers, Edits: []plant.Edit{{File: "code/code.go", Old: "const Mode = \"works\"\n", New: line + "\n"}}}
}

// TestRunner: each of the ways in which a plant can end is told apart.
func TestRunner(t *testing.T) {
	dir := writeToy(t)
	plants := []*plant.Plant{
		mode("named", `const Mode = "fails"`, "prefix", "digest"),
		mode("listed", `const Mode = "fails" // again`, "digest", "prefix"),
		mode("other", `const Mode = "fails" // and again`, "digest"),
		mode("panics", `const Mode = "panics"`, plant.NoPanic),
		mode("survives", `const Mode = "works" // too`, "prefix"),
		mode("spins", `const Mode = "spins"`, "liveness"),
		mode("misuses", `const Mode = "misuses"`, "prefix"),
		mode("breaks", `const Mode = 1 / "x"`, "prefix"),
		{Name: "absent", Checkers: []string{"prefix"}, Edits: []plant.Edit{{File: "code/code.go", Old: "nowhere\n"}}},
	}
	want := map[string]struct {
		status  plant.Status
		checker string
		match   plant.Match
		seeds   uint64
	}{
		"named":    {plant.Found, "prefix", plant.Named, 3},
		"listed":   {plant.Found, "prefix", plant.Listed, 3},
		"other":    {plant.Found, "prefix", plant.Other, 3},
		"panics":   {plant.Found, plant.NoPanic, plant.Named, 0},
		"survives": {plant.Missed, "", "", 5},
		"spins":    {plant.OverBudget, "", "", 0},
		"misuses":  {plant.Failed, "", "", 0},
		"breaks":   {plant.NotCompiling, "", "", 0},
		"absent":   {plant.NotCompiling, "", "", 0},
	}
	told := 0
	r := plant.Runner{
		Root: dir, Budget: time.Second, Parallel: 2,
		Command: func(*plant.Subject) plant.Command { return plant.Sim{Package: "cmd"} },
		Each:    func(*plant.Report) { told++ },
	}
	reports := r.Run(t.Context(), plant.Subjects(os.DirFS(dir), plants))
	if told != len(plants) || len(reports) != len(plants) {
		t.Fatalf("%d reports, %d told, of %d", len(reports), told, len(plants))
	}
	for i := range reports {
		got := &reports[i]
		w := want[plants[i].Name]
		if got.Name != plants[i].Name || got.Status != w.status || got.Checker != w.checker || got.Match != w.match || got.Seeds != w.seeds {
			t.Errorf("%s: %+v, not %+v", plants[i].Name, *got, w)
		}
	}
	checkReports(t, reports)
	if text, err := os.ReadFile(filepath.Join(dir, "code/code.go")); err != nil || string(text) != toy["code/code.go"] {
		t.Errorf("the source was changed: %q, %v", text, err)
	}
}

// checkReports: the table has a line for each and the summary; the JSON can be read.
func checkReports(t *testing.T, reports []plant.Report) {
	t.Helper()
	var table, text bytes.Buffer
	if err := plant.WriteTable(&table, reports); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(table.String(), "\n"); n != len(reports)+3 ||
		!strings.Contains(table.String(), "4 of 9 found, 3 of them by a checker that they name") ||
		!strings.Contains(table.String(), "1 not found, 1 over budget, 2 not compiling, 1 errors") {
		t.Errorf("%d lines:\n%s", n, table.String())
	}
	if err := plant.WriteJSON(&text, reports); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Summary plant.Summary
		Reports []plant.Report
	}
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || back.Summary.Found != 4 || len(back.Reports) != len(reports) || back.Reports[0].Checker != "prefix" {
		t.Errorf("%+v, %v", back, err)
	}
}

// TestRunnerRunsTests: a package's tests are a command too, and what they leave behind
// is not left in the source tree.
func TestRunnerRunsTests(t *testing.T) {
	dir := writeToy(t)
	plants := []*plant.Plant{mode("wrong", `const Mode = "fails"`), mode("right", `const Mode = "wor" + "ks"`)}
	r := plant.Runner{Root: dir, Budget: 5 * time.Second, Command: func(s *plant.Subject) plant.Command { return plant.Tests{Package: s.Package} }}
	reports := r.Run(t.Context(), plant.Subjects(os.DirFS(dir), plants))
	if a, b := &reports[0], &reports[1]; a.Status != plant.Found || a.Checker != "TestMode" || b.Status != plant.Missed {
		t.Errorf("%+v\n%+v", *a, *b)
	}
	if _, err := os.Stat(filepath.Join(dir, "code/left-behind")); err == nil {
		t.Error("the tests were run in the source tree")
	}
	record := filepath.Join(t.TempDir(), "tests.txt")
	if err := plant.SaveRecord(record, reports); err != nil {
		t.Fatal(err)
	}
	if err := plant.SaveRecord(record, reports[:1]); err != nil {
		t.Fatal(err)
	}
	if m, err := plant.LoadRecord(record); err != nil || len(m) != 2 || m["wrong"] != "TestMode" || m["right"] != plant.None {
		t.Errorf("%v, %v", m, err)
	}
}

// TestRunInTurn: what the first command has found the second one does not see.
func TestRunInTurn(t *testing.T) {
	dir := writeToy(t)
	plants := []*plant.Plant{mode("first", `const Mode = "fails"`), mode("second", `const Mode = "odd"`), mode("neither", `const Mode = "wor" + "ks"`)}
	r := plant.Runner{Root: dir, Budget: 5 * time.Second}
	reports := r.RunInTurn(t.Context(), plant.Subjects(os.DirFS(dir), plants),
		func(*plant.Subject) plant.Command { return plant.Sim{Package: "cmd"} },
		func(s *plant.Subject) plant.Command { return plant.Tests{Package: s.Package} })
	for i, want := range []string{"prefix", "TestMode", ""} {
		if reports[i].Name != plants[i].Name || reports[i].Checker != want || (reports[i].Status == plant.Found) != (want != "") {
			t.Errorf("%+v", reports[i])
		}
	}
}
