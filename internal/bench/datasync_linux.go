package main

import (
	"os"
	"syscall"
)

// datasync is fdatasync(2): the file's bytes, and only the metadata that is
// needed to find them.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
