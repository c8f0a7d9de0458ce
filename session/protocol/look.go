package protocol

import (
	"slices"
	"strings"

	"github.com/zabtree/zabtree/tree"
)

// Look fills in what the read finds in a view, for a session with these identities: found
// is to be empty, and is worth nothing unless the code is CodeOK. Whether the view may
// be read yet, and the watch, are for whoever hosts the session. What is found may share
// bytes with the tree.
func (r *Read) Look(v *tree.View, session int64, identities []tree.ID, found *Reading) tree.Code {
	switch r.Kind {
	case ReadNothing:
	case ReadEphemerals:
		found.Names = slices.AppendSeq([]string{}, v.EphemeralsWith(session, r.Path))
	case ReadIdentities:
		found.Identities = slices.Clone(identities)
	case ReadMany:
		found.Parts = lookParts(v, identities, r.Parts)
	default:
		return r.lookAt(v, identities, found)
	}
	return tree.CodeOK
}

// lookParts makes each read once, however often it is asked for: what all of them find
// is no more than there is in the tree.
func lookParts(v *tree.View, identities []tree.ID, parts []Part) []PartReading {
	all := make([]PartReading, len(parts))
	first := make(map[Part]int, len(parts))
	for i, p := range parts {
		if j, ok := first[p]; ok {
			all[i] = all[j]
			continue
		}
		first[p] = i
		all[i] = p.look(v, identities)
	}
	return all
}

func (p Part) look(v *tree.View, identities []tree.ID) PartReading {
	switch p.Kind {
	case ReadData, ReadExists, ReadChildren, ReadACL:
	default:
		return PartReading{Code: tree.CodeUnknownOp}
	}
	r, found := Read{Kind: p.Kind, Path: p.Path}, &Reading{}
	if code := r.lookAt(v, identities, found); code != tree.CodeOK {
		return PartReading{Code: code}
	}
	return PartReading{Read: found}
}

// lookAt fills in what a read of a znode finds.
func (r *Read) lookAt(v *tree.View, identities []tree.ID, found *Reading) tree.Code {
	z := v.Lookup(r.Path)
	if z == nil {
		if strings.IndexByte(r.Path, 0) >= 0 && r.Kind == ReadExists {
			return tree.CodeBadPath
		}
		if r.Kind == ReadExists {
			return tree.CodeOK
		}
		return tree.CodeNoNode
	}
	need := tree.PermRead
	if r.Kind == ReadACL {
		need |= tree.PermAdmin
	}
	if r.Kind != ReadExists && !z.Permits(identities, need) {
		return tree.CodeNoAuth
	}
	found.Exists, found.Stat = true, z.Stat()
	switch r.Kind {
	case ReadData:
		found.Data = z.Data()
	case ReadExists:
	case ReadChildren:
		r.children(v, found)
	case ReadDescendants:
		found.Count = int64(v.Descendants(r.Path))
	case ReadACL:
		found.ACL = z.ACL()
		if found.ACL == nil {
			found.ACL = []tree.ACL{tree.World(tree.PermAll)}
		}
		if !z.Permits(identities, tree.PermAdmin) {
			found.ACL = tree.MaskACL(found.ACL)
		}
	default:
		return tree.CodeUnknownOp
	}
	return tree.CodeOK
}

// children fills in the names of a znode's children, or a page of them.
func (r *Read) children(v *tree.View, found *Reading) {
	n := int(found.Stat.NumChildren)
	if r.Limit > 0 {
		n = min(n, r.Limit)
	}
	found.Names = make([]string, 0, n)
	for name := range v.ChildrenAfter(r.Path, r.After) {
		if r.Limit > 0 && len(found.Names) == r.Limit {
			found.More = true
			return
		}
		found.Names = append(found.Names, name)
	}
}

// Proves returns the identities that the credential proves, given who is permitted
// everything; nil for nothing. Only what proves itself is known here.
func (a *AddAuth) Proves(superDigest string) []tree.ID {
	if a.Scheme != "digest" || len(a.Credential) > tree.MaxIDBytes {
		return nil
	}
	id := tree.DigestCredential(string(a.Credential))
	if id.ID == superDigest {
		return []tree.ID{tree.Super, id}
	}
	return []tree.ID{id}
}
