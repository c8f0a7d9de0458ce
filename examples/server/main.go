// Command server serves ZooKeeper's clients from an ensemble that runs in this
// process, or from one member of an ensemble of processes.
//
//	server -members 3 -client 127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183 -dir DIR
//	server -id 1 -peers 1=a:2888,2=b:2888,3=c:2888 -client 0.0.0.0:2181 -dir DIR
//	server -id 4 -peers 1=a:2888,2=b:2888,3=c:2888 -listen d:2888 -client 0.0.0.0:2181 -dir DIR
//	server -zoo-cfg FILE        the member that a ZooKeeper configuration describes;
//	server FILE                 the same
//
// In the second form ;HOST:PORT behind a member's address, in quotes, is where clients are
// told to find it: some of them, as Curator, go by that. With a ZooKeeper configuration
// clients are served with TLS at its secureClientPort, if its key store and trust store are
// PEM files. Where members and their clients' ports are is known from when the ensemble was
// founded: what the list says later changes nothing, but clients can (reconfig).
//
// The fourth joins an ensemble of three once a client has asked for it by reconfig, which
// the three must have been started for (-reconfig, or reconfigEnabled=true in the file). By
// a file it needs -founders, as the file lists it too.
//
// It stays in the foreground, prints the line "ready" once all of its members serve,
// and ends on SIGTERM or SIGINT: leadership is handed over and everything closed. What
// was acknowledged is on disk, so SIGKILL does as well.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// goodbye is how long the members may take to hand over what they lead.
const goodbye = 10 * time.Second

// run runs the members that args describe until ctx is done or one of them has failed.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	plans, err := plan(args, log)
	if err != nil {
		return err
	}
	var members []*member
	defer func() {
		for _, m := range members {
			m.close()
		}
	}()
	for i := range plans {
		m, err := start(ctx, &plans[i])
		if err != nil {
			return fmt.Errorf("member %d: %w", plans[i].server.ID, err)
		}
		members = append(members, m)
	}
	failed := make(chan error, 3*len(members))
	for _, m := range members {
		m.serve(failed)
	}
	for _, m := range members {
		if err := m.server.Ready(ctx); err != nil {
			return ended(ctx, err)
		}
	}
	fmt.Fprintln(out, "ready")
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	var errs []error
	for _, m := range members {
		errs = append(errs, m.shutdown(last))
	}
	return errors.Join(errs...)
}

// ended makes nothing of an error that comes of having been told to stop.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
