package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// dataLimit is the default of tree.Limits.Data: the most that a znode holds.
const dataLimit = 1<<20 - 1

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	dir, err := directory(args)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "zabtree-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	s, err := newStory(ctx, dir, temp, out)
	if err != nil {
		return err
	}
	if err = errors.Join(s.tell(ctx), s.ensemble.close()); err != nil {
		return err
	}
	s.conclude()
	return nil
}

// directory is the argument, or else the root of the module that the current
// directory is in.
func directory(args []string) (string, error) {
	switch len(args) {
	case 0:
		dir, err := os.Getwd()
		if err != nil {
			return "", err
		}
		return moduleRoot(dir)
	case 1:
		return filepath.Abs(args[0])
	}
	return "", errors.New("usage: quickstart [DIRECTORY]")
}

// moduleRoot is dir, or the nearest directory above it, that has a go.mod.
func moduleRoot(dir string) (string, error) {
	for {
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && info.Mode().IsRegular() {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the current directory is in no module: name a directory to load")
		}
		dir = parent
	}
}

// How long things may take that should take moments, before they count as
// failed.
const patience = 30 * time.Second

var errPatience = fmt.Errorf("took longer than %v", patience)

func within(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
