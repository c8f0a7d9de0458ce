package plant_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

// root is the module's root, seen from this package's tests.
const root = "../../.."

func load(t *testing.T) []*plant.Plant {
	t.Helper()
	plants, err := plant.Load(os.DirFS(filepath.Join(root, plant.Dir)))
	if err != nil {
		t.Fatal(err)
	}
	return plants
}

// TestPlants: every plant applies to the source tree as it is, each of its edits
// exactly once, and what comes of it compiles. A plant that does not must be
// planted anew where its code went.
func TestPlants(t *testing.T) {
	plants := load(t)
	var folders []string
	for _, p := range plants {
		for _, e := range p.Edits {
			if dir := path.Dir(e.File); !slices.Contains(folders, dir) {
				folders = append(folders, dir)
			}
		}
	}
	begun := time.Now()
	check, err := plant.NewTypeChecker(t.Context(), root, folders...)
	if err != nil {
		t.Fatal(err)
	}
	listed := time.Since(begun)
	tree := os.DirFS(root)
	for _, p := range plants {
		files, err := p.Apply(tree)
		if err == nil {
			err = check.Check(files)
		}
		if err == nil && p.Tape != "" {
			_, err = fs.Stat(tree, p.TapeFile())
		}
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	t.Logf("%d plants in %d folders; go list took %v, the checks %v", len(plants), len(folders), listed, time.Since(begun)-listed)
}

// TestPlantsCoverTheRooms: so many of them in each part of the product, each of them
// named for its part, and each checker has something to find.
func TestPlantsCoverTheRooms(t *testing.T) {
	atLeast := map[string]int{"protocol": 28, "storage": 10, "driver": 5, "tree": 10, "session": 8, "watch": 5}
	have, wanted := map[string]int{}, map[string]int{}
	plants := load(t)
	for _, p := range plants {
		have[p.Room()]++
		if !strings.HasPrefix(p.Name, p.Room()+"-") {
			t.Errorf("%s is in the room %q", p.Name, p.Room())
		}
		for _, c := range p.Checkers {
			wanted[c]++
		}
		for _, e := range p.Edits {
			if plant.RoomOf(e.File) == "" {
				t.Errorf("%s: %s is in no room", p.Name, e.File)
			}
		}
	}
	for _, room := range plant.Rooms() {
		if have[room] < atLeast[room] {
			t.Errorf("%s has %d plants, fewer than %d", room, have[room], atLeast[room])
		}
	}
	if len(plants) < 60 {
		t.Errorf("%d plants, fewer than 60", len(plants))
	}
	for _, c := range plant.Checkers() {
		if wanted[c] == 0 {
			t.Errorf("no plant is for the checker %s", c)
		}
	}
}

// TestRecord: it is written down for every plant whether a test of its package finds
// it, and the test is there.
func TestRecord(t *testing.T) {
	record, err := plant.LoadRecord(filepath.Join(root, plant.RecordFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range load(t) {
		test, ok := record[p.Name]
		if !ok {
			t.Errorf("%s is not in the record", p.Name)
		}
		delete(record, p.Name)
		if test == plant.None || test == plant.NoPanic || test == plant.Hung || !ok {
			continue
		}
		name, _, _ := strings.Cut(test, "/")
		if !hasTest(t, p.Package(), name) {
			t.Errorf("%s: there is no test %s in %s", p.Name, name, p.Package())
		}
	}
	for name := range record {
		t.Errorf("the record has %s, which is no plant", name)
	}
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	found := false
	err := fs.WalkDir(os.DirFS(filepath.Join(root, folder)), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != ".":
			return fs.SkipDir
		case !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(filepath.Join(root, folder, file))
		found = found || strings.Contains(string(src), "\nfunc "+name+"(") || strings.HasPrefix(name, "Example") && strings.Contains(string(src), "\nfunc Example")
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}
