package session

import (
	"bytes"
	"context"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// The errors of the operations here: a *tree.Error for what is wrong with the
// operation; else ErrExpired, ErrClosed, ErrUnreachable or the error of ctx, marked by
// NotApplied, or wrapped together with ErrUnknownOutcome.

// Create makes a znode with the session's default ACL, open to all, and returns
// its path, which for tree.Sequential is longer than the one given.
func (s *Session) Create(ctx context.Context, path string, data []byte, mode tree.Mode) (string, error) {
	r, err := s.Do(ctx, tree.Create{Path: path, Data: data, Mode: mode})
	return r.Path, err
}

// Set replaces a znode's data if cond holds for its version.
func (s *Session) Set(ctx context.Context, path string, data []byte, cond tree.Cond) (tree.Stat, error) {
	r, err := s.Do(ctx, tree.Set{Path: path, Data: data, If: cond})
	return r.Stat, err
}

// Delete deletes a znode without children if cond holds for its version.
func (s *Session) Delete(ctx context.Context, path string, cond tree.Cond) error {
	_, err := s.Do(ctx, tree.Delete{Path: path, If: cond})
	return err
}

// SetACL replaces a znode's ACL if cond holds for its Aversion.
func (s *Session) SetACL(ctx context.Context, path string, acl []tree.ACL, cond tree.Cond) (tree.Stat, error) {
	r, err := s.Do(ctx, tree.SetACL{Path: path, ACL: acl, If: cond})
	return r.Stat, err
}

// Do carries out one operation. Of a tree.Multi the result is that of its first
// operation: see Multi.
func (s *Session) Do(ctx context.Context, op tree.Op) (tree.Result, error) {
	results, err := s.c.do(ctx, op)
	if len(results) == 0 {
		return tree.Result{}, err
	}
	return results[0], err
}

// Multi carries out several operations as one: all or none, under one zxid, each
// seeing what those before it did. If one fails, the error is its own, and the
// results say for each operation what happened.
func (s *Session) Multi(ctx context.Context, ops ...tree.Op) ([]tree.Result, error) {
	return s.c.do(ctx, tree.Multi{Ops: ops})
}

// Get returns a znode's data, which the caller owns, and its Stat.
func (s *Session) Get(ctx context.Context, path string) ([]byte, tree.Stat, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadData, path))
	if err != nil {
		return nil, tree.Stat{}, err
	}
	return clone(a.Read.Data), a.Read.Stat, nil
}

// Exists returns the Stat of the znode at path, and whether there is one. It needs no
// permission, as in ZooKeeper before 3.9.2.
func (s *Session) Exists(ctx context.Context, path string) (tree.Stat, bool, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadExists, path))
	if err != nil {
		return tree.Stat{}, false, err
	}
	return a.Read.Stat, a.Read.Exists, nil
}

// Children returns the names of a znode's children in ascending order, and its
// Stat.
func (s *Session) Children(ctx context.Context, path string) ([]string, tree.Stat, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadChildren, path))
	if err != nil {
		return nil, tree.Stat{}, err
	}
	return a.Read.Names, a.Read.Stat, nil
}

// GetACL returns a znode's ACL and its Stat. Who may READ but not ADMIN the znode
// does not see the hashes of the digest scheme.
func (s *Session) GetACL(ctx context.Context, path string) ([]tree.ACL, tree.Stat, error) {
	a, err := s.c.read(ctx, s.readOf(protocol.ReadACL, path))
	if err != nil {
		return nil, tree.Stat{}, err
	}
	return clone(a.Read.ACL), a.Read.Stat, nil
}

// Sync returns when the replica that hosts the session has applied everything
// that was committed anywhere before the call, confirmed by a quorum (ZooKeeper's
// own sync is not: ZOOKEEPER-1675).
func (s *Session) Sync(ctx context.Context) error {
	_, err := s.c.read(ctx, protocol.Read{Kind: protocol.ReadNothing, Linearizable: true})
	return err
}

// AddAuth gives the session an identity, for ACLs. The scheme is "digest", the
// credential "user:password". It is kept until the session ends, also when it
// moves. Whoever is the SuperDigest of the server that hosts the session is permitted
// everything from then on.
func (s *Session) AddAuth(ctx context.Context, scheme string, credential []byte) error {
	if err := ctx.Err(); err != nil {
		return &notApplied{err}
	}
	if scheme == "digest" && bytes.IndexByte(credential, ':') <= 0 {
		return &tree.Error{Op: "addAuth", Err: tree.ErrInvalidACL}
	}
	p := s.c.newPending()
	p.call.Auth = &protocol.AddAuth{Scheme: scheme, Credential: clone(credential)}
	s.c.submit(p)
	p.finish(ctx)
	switch a := p.call.Answer; {
	case a == nil:
		return faultError(&p.call, p.why)
	case a.Code != tree.CodeOK:
		return &tree.Error{Op: "addAuth", Err: a.Code.Err()}
	}
	return nil
}

func (s *Session) readOf(kind protocol.ReadKind, path string) protocol.Read {
	return protocol.Read{Kind: kind, Path: path, Linearizable: s.linearizable}
}
