package disk

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// syncData flushes the data and only the metadata that reading it needs.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		runtime.KeepAlive(f)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) { // interrupted before it began
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

// reserve asks for space without writing it. A file system that cannot is no
// fault: the zeros written next find out as well.
func reserve(f *os.File, from, n int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, from, n)
		runtime.KeepAlive(f)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		default:
			return nil
		}
	}
}
