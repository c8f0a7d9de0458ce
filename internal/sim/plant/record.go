package plant

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// RecordFile is where it is written down, below the module's root, which of the
// product's own tests finds which plant.
const RecordFile = "internal/sim/plant/testdata/tests.txt"

// None stands in the record for a test if none finds the plant.
const None = "-"

const recordHead = "# Which test of the package that a plant is in finds it, if any does: what the last\n" +
	"# go run ./internal/sim/cmd/sim -plants . -unit -record found.\n"

// LoadRecord reads a record: the test by the plant's name.
func LoadRecord(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	record := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 2 {
			return nil, fmt.Errorf("plant: %s: %q is not a plant and a test", name, line)
		}
		record[fields[0]] = fields[1]
	}
	return record, nil
}

// SaveRecord writes what the reports say of their plants into a record, and leaves
// what it says of others.
func SaveRecord(name string, reports []Report) error {
	record, err := LoadRecord(name)
	if errors.Is(err, fs.ErrNotExist) {
		record = map[string]string{}
	} else if err != nil {
		return err
	}
	for i := range reports {
		switch r := &reports[i]; {
		case r.Status == Missed:
			record[r.Name] = None
		case r.Status == Found && r.Checker == Hung && r.Seed != "":
			record[r.Name] = r.Seed
		case r.Status == Found:
			record[r.Name] = r.Checker
		}
	}
	var b strings.Builder
	b.WriteString(recordHead)
	for _, plant := range sortedKeys(record) {
		fmt.Fprintf(&b, "%s %s\n", plant, record[plant])
	}
	return os.WriteFile(name, []byte(b.String()), 0o600)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
