package session

import (
	"context"
	"iter"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// ChildrenPage returns, in ascending order, up to limit of the names of a znode's
// children that come after a given one, all for a limit of 0, and says whether there
// are more. It begins after "".
func (s *Session) ChildrenPage(ctx context.Context, path, after string, limit int) (names []string, more bool, err error) {
	r := s.readOf(protocol.ReadChildren, path)
	r.After, r.Limit = after, max(limit, 0)
	a, err := s.c.read(ctx, r)
	if err != nil {
		return nil, false, err
	}
	return a.Read.Names, a.Read.More, nil
}

const childrenPage = 1000

// ChildrenSeq returns the names of a znode's children in ascending order, read in
// pages as the loop goes on: however many there are, they are never all in one answer.
// Each page is of a state of its own, not older than that of the one before; a child
// that is there all the time is returned once. An error ends it.
func (s *Session) ChildrenSeq(ctx context.Context, path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for after, more := "", true; more; {
			var names []string
			var err error
			if names, more, err = s.ChildrenPage(ctx, path, after, childrenPage); err != nil {
				yield("", err)
				return
			}
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
				after = name
			}
		}
	}
}

// Got is what GetMany found at one path.
type Got struct {
	Data []byte // the caller's
	Stat tree.Stat
	Err  error // a *tree.Error, or nil
}

// GetMany returns the data and Stat of several znodes, all as they were at one time:
// no write took effect in between. There may be up to protocol.MaxParts paths. What is
// wrong with one of them is said in its place.
func (s *Session) GetMany(ctx context.Context, paths ...string) ([]Got, error) {
	if len(paths) > protocol.MaxParts {
		return nil, &tree.Error{Op: "get", Err: &tree.SizeError{What: "paths", Size: len(paths), Limit: protocol.MaxParts}}
	}
	r := s.readOf(protocol.ReadMany, "")
	r.Parts = make([]protocol.Part, len(paths))
	for i, path := range paths {
		r.Parts[i] = protocol.Part{Kind: protocol.ReadData, Path: path}
	}
	a, err := s.c.read(ctx, r)
	if err != nil {
		return nil, err
	}
	all := make([]Got, len(paths))
	for i, path := range paths {
		all[i].Err = &tree.Error{Op: "get", Path: path, Err: protocol.ErrMalformed}
		if i >= len(a.Read.Parts) {
			continue
		}
		switch p := a.Read.Parts[i]; {
		case tree.ValidatePath(path) != nil:
			all[i].Err = &tree.Error{Op: "get", Path: path, Err: tree.ValidatePath(path)}
		case p.Code != tree.CodeOK:
			all[i].Err = &tree.Error{Op: "get", Path: path, Err: p.Code.Err()}
		case p.Read != nil:
			all[i] = Got{Data: clone(p.Read.Data), Stat: p.Read.Stat}
		}
	}
	return all, nil
}

// Descendants returns how many znodes there are below one, however deep. The host takes
// time in proportion to that.
func (s *Session) Descendants(ctx context.Context, path string) (int, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadDescendants, path))
	if err != nil {
		return 0, err
	}
	return int(a.Read.Count), nil
}

// Ephemerals returns the paths of the session's own ephemeral znodes that begin with
// prefix, in ascending order.
func (s *Session) Ephemerals(ctx context.Context, prefix string) ([]string, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadEphemerals, prefix))
	if err != nil {
		return nil, err
	}
	return a.Read.Names, nil
}

// Identities returns the identities that the session has.
func (s *Session) Identities(ctx context.Context) ([]tree.ID, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadIdentities, ""))
	if err != nil {
		return nil, err
	}
	return clone(a.Read.Identities), nil
}
