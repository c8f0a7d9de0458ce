package difftest

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// A Kind says what a step does.
type Kind string

// The kinds of steps.
const (
	Burst   Kind = "burst"   // requests in one packet, then their answers
	Connect Kind = "connect" // a connection and its handshake, then as Burst
	Drop    Kind = "drop"    // the client's end of the connection is closed
	Bytes   Kind = "bytes"   // bytes that are no requests
	Word    Kind = "word"    // a connection of its own with four letters on it
)

// A Step is one thing that a session does. Steps are values: they name nothing
// that differs between servers, such as a zxid or a session's id, but by where it
// came from. So a step means the same for both servers, and in every run.
type Step struct {
	ID   int // its place in the round, kept when steps around it are cut out
	Slot int // which session
	Kind Kind

	Ops     []Op       `json:",omitempty"`
	Connect *Handshake `json:",omitempty"`
	Bytes   []byte     `json:",omitempty"`

	// The step is not over before session Watcher has had so many events.
	Watcher int `json:",omitempty"`
	Events  int `json:",omitempty"`
}

// An Op is a request, or what it is made of.
type Op struct {
	zkwire.Request
	Since ZxidRef `json:",omitzero"` // of setWatches
}

// A ZxidRef names a zxid that each server has for itself.
type ZxidRef struct {
	Kind ZxidKind
	Step int `json:",omitempty"`
}

// ZxidKind is a kind of ZxidRef.
type ZxidKind string

// The kinds of zxids that a client may have seen.
const (
	ZxidZero   ZxidKind = ""       // none
	ZxidLast   ZxidKind = "last"   // the last one that the session saw
	ZxidStep   ZxidKind = "step"   // the last one that anybody had seen when a step was over
	ZxidFuture ZxidKind = "future" // one that there will never be
)

// Password is what a handshake brings as its password.
type Password string

// The kinds of passwords.
const (
	PasswordRight Password = ""
	PasswordWrong Password = "wrong"
	PasswordNull  Password = "null"
	PasswordShort Password = "short"
)

// A Handshake opens a session, or resumes the slot's last one.
type Handshake struct {
	Resume       bool     `json:",omitempty"`
	Unknown      bool     `json:",omitempty"` // resume a session that never was
	Password     Password `json:",omitempty"`
	Seen         ZxidRef  `json:",omitzero"`
	Timeout      int32
	Protocol     int32 `json:",omitempty"`
	ReadOnly     bool  `json:",omitempty"`
	OmitReadOnly bool  `json:",omitempty"`
}

// String shows a step in a few words, with one line for each request.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: session %d %s", s.ID, s.Slot, s.Kind)
	if h := s.Connect; h != nil {
		fmt.Fprintf(&b, " %+v", *h)
	}
	if s.Bytes != nil {
		fmt.Fprintf(&b, " %q", s.Bytes[:min(len(s.Bytes), 32)])
	}
	for i := range s.Ops {
		fmt.Fprintf(&b, "\n      %v", &s.Ops[i].Request)
		if s.Ops[i].Since.Kind != ZxidZero {
			fmt.Fprintf(&b, " since %v", s.Ops[i].Since)
		}
	}
	return b.String()
}

// closing says whether the answer to a request may be the last one on its
// connection. Such a request is the last of its burst, and nothing is sent behind
// it before it is answered: a server that closes a connection with unread bytes
// on it may take its answers with it.
func closing(op zkwire.Opcode) bool {
	switch op {
	case zkwire.CloseSession, zkwire.Auth, zkwire.SASL:
		return true
	}
	return false
}
