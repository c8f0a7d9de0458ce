package plant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Target is what is built.
type Target struct {
	Package string // folder below the module's root; "" is the root
	Test    bool   // its test binary, not the program
}

// BuildError says that something did not compile.
type BuildError struct {
	Target Target
	Output string
	Err    error
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("building %s: %v\n%s", e.Target.Package, e.Err, e.Output)
}

func (e *BuildError) Unwrap() error { return e.Err }

// WriteOverlay writes files into a directory, and there what go build's -overlay
// wants to know to see them in the place of those below root. It returns the name
// of that.
func WriteOverlay(root, dir string, files []File) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for i, f := range files {
		name := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(f.Path)))
		if err := os.WriteFile(name, f.Text, 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(abs, filepath.FromSlash(f.Path))] = name
	}
	text, err := json.Marshal(&overlay)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

// Build builds a target of the module at root as if the files were there, in dir,
// and returns the name of the binary. The error is a BuildError if it did not compile.
func Build(ctx context.Context, root, dir string, t Target, files []File) (string, error) {
	overlay, err := WriteOverlay(root, dir, files)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "planted.exe") // a name that every system runs
	args := []string{"build"}
	if t.Test {
		args = []string{"test", "-c", "-vet=off"}
	}
	args = append(args, "-overlay", overlay, "-o", binary, "./"+t.Package)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &BuildError{t, out.String(), err}
	}
	return binary, nil
}
