package zoocfg

import (
	"errors"
	"fmt"
)

// What an Error can be about.
var (
	// ErrSyntax: a value, a line or a file is not of the form that it must have.
	ErrSyntax = errors.New("syntax")
	// ErrMissing: something that is needed is not there.
	ErrMissing = errors.New("missing")
	// ErrRange: a number is too small or too large.
	ErrRange = errors.New("out of range")
	// ErrConflict: two settings exclude each other.
	ErrConflict = errors.New("conflict")
	// ErrUnsupported: Apache's server can do it, and this one must not do without it.
	ErrUnsupported = errors.New("not supported")
	// ErrTooLarge: a file has more than the bytes or lines that are read.
	ErrTooLarge = errors.New("too large")
	// ErrRead: a file cannot be read. Cause says why.
	ErrRead = errors.New("cannot be read")
)

// Error is one reason why a configuration is refused. errors.Is finds its Kind and
// its Cause.
type Error struct {
	File   string // as given or configured; FlagsName for the flags
	Line   int    // from 1; 0 if it is about no line, as when a key is missing
	Key    string // may be empty
	Kind   error  // one of the Err values of this package
	Detail string
	Cause  error // may be nil
}

func (e *Error) Error() string {
	s := "zoocfg: " + place(e.File, e.Line, e.Key) + e.Kind.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the Kind and, if there is one, the Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// FindingKind says what there is to say of a setting.
type FindingKind uint8

const (
	// Unknown is a key or flag that Apache's server does not know either. It may be
	// a spelling mistake.
	Unknown FindingKind = iota + 1
	// NoEffect is a setting that makes no difference here.
	NoEffect
	// Deprecated is a setting that Apache keeps for old configurations only.
	Deprecated
	// Adjusted is a value that was replaced by another, as Apache does.
	Adjusted
	// Notice is something that an operator may not have meant.
	Notice
)

func (k FindingKind) String() string {
	switch k {
	case Unknown:
		return "unknown"
	case NoEffect:
		return "without effect"
	case Deprecated:
		return "deprecated"
	case Adjusted:
		return "adjusted"
	case Notice:
		return "notice"
	}
	return fmt.Sprintf("FindingKind(%d)", uint8(k))
}

// Finding is what an operator may want to know of a configuration that is accepted.
// It holds no values, which may be secret.
type Finding struct {
	File   string // as in Error
	Line   int    // as in Error
	Key    string
	Kind   FindingKind
	Detail string // may be empty
}

func (f Finding) String() string {
	s := place(f.File, f.Line, f.Key) + f.Kind.String()
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	return s
}

func place(file string, line int, key string) string {
	s := ""
	if file != "" {
		s = file + ": "
	}
	if line > 0 {
		s = fmt.Sprintf("%s:%d: ", file, line)
	}
	if key != "" {
		s += key + ": "
	}
	return s
}

// report gathers what there is to say while a configuration is read.
type report struct {
	errs     []error
	findings []Finding
}

// maxErrors is how many reasons are given. One is enough to refuse, and a file of a
// mebibyte can hold half a million.
const maxErrors = 1000

func (r *report) bad(e entry, kind error, format string, args ...any) {
	r.add(&Error{File: e.file, Line: e.line, Key: e.key, Kind: kind, Detail: fmt.Sprintf(format, args...)})
}

func (r *report) add(err *Error) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, err)
	}
}

func (r *report) find(e entry, kind FindingKind, detail string) {
	r.findings = append(r.findings, Finding{File: e.file, Line: e.line, Key: e.key, Kind: kind, Detail: detail})
}
