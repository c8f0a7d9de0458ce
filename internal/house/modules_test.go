package house

import (
	"encoding/json"
	"io/fs"
	"os/exec"
	"path/filepath"
	"testing"
)

// modFile is what `go mod edit -json` says of a go.mod.
type modFile struct {
	Module    struct{ Path string }
	Go        string
	Toolchain string
	Tool      []any
	Require   []struct {
		Path     string
		Indirect bool
	}
	Replace []struct {
		Old, New struct{ Path string }
	}
}

func loadModFile(t *testing.T, file string) modFile {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var m modFile
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestModules: the module asks for nothing but its few dependencies, and nested
// modules see the module as it is beside them.
func TestModules(t *testing.T) {
	var files []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch d.Name() {
		case "go.mod":
			files = append(files, file)
		case "go.work":
			t.Errorf("%s: there is no workspace", file)
		case "testdata", ".git":
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		m := loadModFile(t, file)
		if m.Go != "1.26.0" || m.Toolchain != "" || len(m.Tool) > 0 {
			t.Errorf("%s: has go %s, toolchain %q, tools %v; not go 1.26.0 alone", file, m.Go, m.Toolchain, m.Tool)
		}
		if filepath.Dir(file) == filepath.Clean(root) {
			checkMainModule(t, m)
			continue
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		if want := module + "/" + filepath.ToSlash(rel); m.Module.Path != want {
			t.Errorf("%s: is module %s, not %s", file, m.Module.Path, want)
		}
		if len(m.Replace) != 1 || m.Replace[0].Old.Path != module || m.Replace[0].New.Path != "../.." {
			t.Errorf("%s: replaces %v, not the module alone", file, m.Replace)
		}
	}
}

func checkMainModule(t *testing.T, m modFile) {
	if m.Module.Path != module || len(m.Replace) > 0 {
		t.Errorf("go.mod: module %s, replacing %v", m.Module.Path, m.Replace)
	}
	for _, r := range m.Require {
		if !r.Indirect && thirdParty[r.Path] == nil && !within(r.Path, testOnly...) {
			t.Errorf("go.mod: requires %s, which is no dependency of ours", r.Path)
		}
	}
}
