package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	logBytes = 64 << 20
)

// rawLog is a file of zeroes, written and synced before it is used, so that
// appending changes no metadata. At its end it begins again: a log that recycles
// its segments needs no more.
type rawLog struct {
	f   *os.File
	off int64
}

func newRawLog(path string) (*rawLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < logBytes && err == nil; off += int64(len(zeros)) {
		_, err = f.WriteAt(zeros, off)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &rawLog{f: f}, nil
}

// append makes b durable.
func (l *rawLog) append(b []byte) error {
	if len(b) > logBytes {
		return fmt.Errorf("batch of %d bytes is longer than the whole log", len(b))
	}
	if l.off+int64(len(b)) > logBytes {
		l.off = 0
	}
	if _, err := l.f.WriteAt(b, l.off); err != nil {
		return err
	}
	l.off += int64(len(b))
	return datasync(l.f)
}

func (l *rawLog) close() error { return l.f.Close() }

// syncTime is the median time that a small append takes on an idle disk.
func syncTime(dir string) (time.Duration, error) {
	l, err := newRawLog(filepath.Join(dir, "synctime"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(l.f.Name())
	defer l.close()
	record := make([]byte, 128)
	times := make([]time.Duration, 0, 300)
	for range cap(times) {
		start := time.Now()
		if err := l.append(record); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
