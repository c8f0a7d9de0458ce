package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/crashpoint"
)

// runCrashPoints crashes a replica's storage at every operation of its disk, or at one
// point, and shows what came of it.
func (o *options) runCrashPoints() (bool, error) {
	// Little is kept and much thrown away.
	debug.SetGCPercent(400)
	cfg := crashpoint.Config{Seed: o.from}
	if o.at != "" {
		var err error
		if cfg.At, err = crashpoint.ParsePoint(o.at); err != nil {
			return false, err
		}
	} else {
		cfg.Each = progress
	}
	total, err := crashpoint.Run(cfg)
	var lost *crashpoint.Violation
	if err != nil && !errors.As(err, &lost) {
		return false, err
	}
	o.showCrashPoints(&total, lost)
	return lost == nil, nil
}

// progress says now and then how far it is.
func progress(t *crashpoint.Totals) {
	if t.Steps%20 == 0 {
		fmt.Fprintf(os.Stderr, "crash points: %d operations of the script, %d of the disk, %d crashes, %d in recovery, %.0f s of CPU time\n",
			t.Steps, t.DiskOps, t.Crashes, t.Again, cpuSeconds())
	}
}

func (o *options) showCrashPoints(t *crashpoint.Totals, lost *crashpoint.Violation) {
	if o.json {
		out := struct {
			*crashpoint.Totals
			CPU   float64 `json:"cpu_seconds"`
			Found string  `json:"found,omitempty"`
			At    string  `json:"at,omitempty"`
		}{t, cpuSeconds(), "", ""}
		if lost != nil {
			out.Found, out.At = lost.Error(), lost.At.String()
		}
		if line, err := json.Marshal(out); err == nil {
			fmt.Printf("%s\n", line)
		}
		return
	}
	row := func(name string, n int) { fmt.Printf("%-38s %d\n", name, n) }
	row("operations of the script", t.Steps)
	for _, kind := range slices.Sorted(maps.Keys(t.Kinds)) {
		row("  "+kind, t.Kinds[kind])
	}
	row("disk operations", t.DiskOps)
	row("crash images", t.Images)
	row("crashes", t.Crashes)
	row("  writes under way that survived", t.Survived)
	row("  different disks left", t.Disks)
	row("crashes in recovery", t.Again)
	row("recoveries", t.Recoveries)
	row("losses", t.Losses)
	fmt.Printf("%-38s %.1f\n", "CPU seconds", cpuSeconds())
	if lost != nil {
		fmt.Printf("%v\nrun it again: go run ./internal/sim/cmd/sim -crashpoints -from %d -at %v\n", lost, lost.Seed, lost.At)
	}
}
