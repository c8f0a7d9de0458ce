package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where figures come from; without it they say nothing.
type machine struct {
	OS         string        `json:"os"`
	CPU        string        `json:"cpu"`
	Cores      int           `json:"cores"`
	GOMAXPROCS int           `json:"gomaxprocs"`
	Go         string        `json:"go"`
	Load       string        `json:"load_average"`
	SyncP50    time.Duration `json:"fdatasync_p50_ns"`
}

func describeMachine(dir string) (machine, error) {
	sync, err := syncTime(dir)
	return machine{
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		CPU:        firstField("/proc/cpuinfo", "model name"),
		Cores:      runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		Go:         runtime.Version(),
		Load:       loadAverage(),
		SyncP50:    sync,
	}, err
}

func (m machine) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, %d cores, GOMAXPROCS %d, %s, load before the run %s, fdatasync p50 %v\n\n",
		m.OS, m.CPU, m.Cores, m.GOMAXPROCS, m.Go, m.Load, m.SyncP50.Round(time.Microsecond))
}

// firstField returns the first value of "name : value" in a file, where there
// is such a file.
func firstField(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverage tells whether the machine was quiet: over the last minute, before
// the run.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(b), " ")
	return load
}
