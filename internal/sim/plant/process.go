package plant

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"time"
)

// Exit is the end of a process.
type Exit struct {
	Code           int    // -1 if a signal ended it
	Stdout, Stderr []byte // the end of each
	CPU, Wall      time.Duration
	// OverBudget says that it was ended because it had used up what it may.
	OverBudget bool
}

// keptBytes is how much of a process's output is kept: its end.
const keptBytes = 1 << 20

// limitBytes is how much address space a process may have: what is planted may
// make a program that eats all there is.
const limitBytes = 4 << 30

// run runs a binary in a directory, until it has used its budget of CPU time, or
// several times that much time.
func run(ctx context.Context, binary, dir string, args []string, budget time.Duration) (Exit, error) {
	// Whoever shares the machine must not make a plant look as if it was not found.
	wall := 5*budget + 10*time.Second
	ctx, cancel := context.WithTimeout(ctx, wall)
	defer cancel()
	seconds := int((budget + time.Second - 1) / time.Second)
	cmd := exec.CommandContext(ctx, binary, args...)
	if sh, err := exec.LookPath("sh"); err == nil {
		const limited = `ulimit -t "$0"; ulimit -v "$1" 2>/dev/null; shift; exec "$@"`
		cmd = exec.CommandContext(ctx, sh, append([]string{"-c", limited, strconv.Itoa(seconds), strconv.Itoa(limitBytes >> 10), binary}, args...)...)
	}
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	e := Exit{Stdout: stdout.bytes, Stderr: stderr.bytes, Wall: time.Since(begun)}
	var ended *exec.ExitError
	if cmd.ProcessState == nil || err != nil && !errors.As(err, &ended) && !errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return e, err
	}
	e.Code = cmd.ProcessState.ExitCode()
	e.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	// The system's limit and what it reports differ by some ticks, more on a busy machine.
	used := time.Duration(seconds) * time.Second / 2
	e.OverBudget = e.Code == -1 && (e.CPU >= used || errors.Is(ctx.Err(), context.DeadlineExceeded))
	if !e.OverBudget && ctx.Err() != nil {
		return e, ctx.Err()
	}
	return e, nil
}

// tail keeps the end of what is written to it.
type tail struct{ bytes []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.bytes = append(t.bytes, b...)
	if extra := len(t.bytes) - keptBytes; extra > keptBytes {
		t.bytes = append(t.bytes[:0], t.bytes[extra:]...)
	}
	return len(b), nil
}
