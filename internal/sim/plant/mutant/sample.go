package mutant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

// Folders are where mutants are made: the step machines that the simulator runs.
func Folders() []string {
	return []string{"zab/protocol", "tree", "watch", "internal/host", "session/protocol"}
}

// All returns all the mutants of the packages in folders of a module's tree, in order.
// They need not compile.
func All(root fs.FS, folders []string) ([]Mutant, error) {
	var all []Mutant
	for _, folder := range folders {
		names, err := fs.Glob(root, path.Join(folder, "*.go"))
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := fs.ReadFile(root, name)
			if err != nil {
				return nil, err
			}
			ms, err := Of(name, src)
			if err != nil {
				return nil, err
			}
			all = append(all, ms...)
		}
	}
	return all, nil
}

// Sample draws n mutants of the packages in folders of the module at root, by a seed,
// and leaves out those that do not type-check. There may be fewer. They are in the order
// of their files.
func Sample(ctx context.Context, root string, folders []string, n int, seed uint64) ([]plant.Subject, error) {
	tree := os.DirFS(root)
	all, err := All(tree, folders)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	check, err := plant.NewTypeChecker(ctx, root, folders...)
	if err != nil {
		return nil, err
	}
	type drawn struct {
		at int // in all
		plant.Subject
	}
	var chosen []drawn
	for _, i := range rand.New(rand.NewPCG(seed, 0x6d7574616e7473)).Perm(len(all)) {
		if len(chosen) == n {
			break
		}
		s, err := subject(tree, check, &all[i])
		if err != nil {
			return nil, err
		}
		if s != nil {
			chosen = append(chosen, drawn{i, *s})
		}
	}
	slices.SortFunc(chosen, func(a, b drawn) int { return a.at - b.at })
	subjects := make([]plant.Subject, len(chosen))
	for i := range chosen {
		subjects[i] = chosen[i].Subject
	}
	return subjects, nil
}

// subject returns a mutant as what a Runner runs, nil if it does not type-check or
// is not part of the build.
func subject(tree fs.FS, check *plant.TypeChecker, m *Mutant) (*plant.Subject, error) {
	src, err := fs.ReadFile(tree, m.File)
	if err != nil {
		return nil, err
	}
	files := []plant.File{{Path: m.File, Text: m.Apply(src)}}
	var wrong *plant.TypeError
	switch err := check.Check(files); {
	case errors.As(err, &wrong), errors.Is(err, plant.ErrNotBuilt):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	}
	return &plant.Subject{Name: m.Name(), Room: plant.RoomOf(m.File), Package: path.Dir(m.File), Files: files}, nil
}
