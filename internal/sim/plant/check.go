package plant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// TypeChecker says whether packages with changed files compile, as far as types can tell,
// from the export data of what they import: that takes a few hundredths of a
// second, where a build takes seconds.
type TypeChecker struct {
	fset     *token.FileSet
	exports  map[string]string // import path to file
	packages map[string]*checkedPackage
	imports  types.Importer
}

type checkedPackage struct {
	path  string
	files map[string]*ast.File // by name
	names []string
}

// TypeError says what is wrong with a changed package.
type TypeError struct {
	Package string
	Err     error
}

func (e *TypeError) Error() string { return fmt.Sprintf("%s does not compile: %v", e.Package, e.Err) }
func (e *TypeError) Unwrap() error { return e.Err }

// ErrNotBuilt says that a file is of no package that a TypeChecker was asked for, or is
// not built on this system.
var ErrNotBuilt = errors.New("plant: file is not part of a build")

// NewTypeChecker returns a TypeChecker for packages of the module at root, named by
// their folders.
func NewTypeChecker(ctx context.Context, root string, folders ...string) (*TypeChecker, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export,DepOnly"}
	for _, f := range folders {
		args = append(args, "./"+f)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	c := &TypeChecker{fset: token.NewFileSet(), exports: map[string]string{}, packages: map[string]*checkedPackage{}}
	c.imports = importer.ForCompiler(c.fset, "gc", c.export)
	return c, c.read(abs, json.NewDecoder(bytes.NewReader(out)))
}

// read takes what go list says, and parses the files of the packages asked for.
func (c *TypeChecker) read(root string, in *json.Decoder) error {
	for {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
			DepOnly                 bool
		}
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		c.exports[p.ImportPath] = p.Export
		if p.DepOnly {
			continue
		}
		rel, err := filepath.Rel(root, p.Dir)
		if err != nil {
			return err
		}
		pkg := &checkedPackage{path: p.ImportPath, files: map[string]*ast.File{}, names: p.GoFiles}
		for _, name := range p.GoFiles {
			if pkg.files[name], err = parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution); err != nil {
				return err
			}
		}
		c.packages[filepath.ToSlash(rel)] = pkg
	}
}

// export opens the export data of an imported package.
func (c *TypeChecker) export(path string) (io.ReadCloser, error) {
	file := c.exports[path]
	if file == "" {
		return nil, fmt.Errorf("no export data of %s", path)
	}
	return os.Open(file)
}

// Check checks the packages that the files belong to, each with all of its files that
// changed. The error is a TypeError or ErrNotBuilt.
func (c *TypeChecker) Check(files []File) error {
	changed := map[string]map[string]*ast.File{}
	var order []string
	for _, f := range files {
		dir := path.Dir(f.Path)
		if c.packages[dir] == nil || c.packages[dir].files[path.Base(f.Path)] == nil {
			return fmt.Errorf("%w: %s", ErrNotBuilt, f.Path)
		}
		tree, err := parser.ParseFile(c.fset, f.Path, f.Text, parser.SkipObjectResolution)
		if err != nil {
			return &TypeError{dir, err}
		}
		if changed[dir] == nil {
			changed[dir] = map[string]*ast.File{}
			order = append(order, dir)
		}
		changed[dir][path.Base(f.Path)] = tree
	}
	for _, dir := range order {
		pkg := c.packages[dir]
		trees := make([]*ast.File, 0, len(pkg.names))
		for _, name := range pkg.names {
			if tree := changed[dir][name]; tree != nil {
				trees = append(trees, tree)
			} else {
				trees = append(trees, pkg.files[name])
			}
		}
		conf := types.Config{Importer: c.imports}
		if _, err := conf.Check(pkg.path, c.fset, trees, nil); err != nil {
			return &TypeError{dir, err}
		}
	}
	return nil
}
