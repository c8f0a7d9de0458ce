//go:build unix

package wire

import "syscall"

// openFiles returns how many files may be open. Go has raised it to what the system
// allows.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20))
}
