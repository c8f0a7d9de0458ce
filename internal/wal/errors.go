package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrLowSpace: there is no space to prepare the segment that the batch, or the
	// reserve behind it, needs. Nothing of the batch was written and the log is as
	// good as before.
	ErrLowSpace = errors.New("wal: low on space")
	// ErrInvalid: the batch does not fit the log. Nothing was written and the log is
	// as good as before.
	ErrInvalid = errors.New("wal: invalid batch")
	// ErrNotFound: the log does not hold the record that was asked for.
	ErrNotFound = errors.New("wal: no such record")
	// ErrDamaged is what every Damage is.
	ErrDamaged = errors.New("wal: log is damaged")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("wal: log is closed")
)

// Damage says that bytes that were durable are lost or wrong, and where that was
// seen first. errors.Is(d, ErrDamaged) holds.
type Damage struct {
	File   string
	Offset int64 // bytes; -1 for the file as a whole
	Reason string
	Err    error // what reading failed with, if it did
}

func (d *Damage) Error() string {
	s := fmt.Sprintf("%v: %s", ErrDamaged, d.File)
	if d.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", d.Offset)
	}
	s += ": " + d.Reason
	if d.Err != nil {
		s += ": " + d.Err.Error()
	}
	return s
}

// Unwrap makes a Damage an ErrDamaged, and what reading failed with.
func (d *Damage) Unwrap() []error {
	if d.Err == nil {
		return []error{ErrDamaged}
	}
	return []error{ErrDamaged, d.Err}
}
