package check

import (
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// doctoredRead makes a doctor that changes what the first read of a kind has found that
// there is something to change of.
func doctoredRead(name string, kind protocol.ReadKind, fits func(r *protocol.Reading) bool, change func(r *protocol.Reading)) doctor {
	return doctor{name, Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Read.Kind == kind && f.what.Answer.Read != nil && fits(f.what.Answer.Read)
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { change(a.Read) })
	}}
}

func anything(*protocol.Reading) bool { return true }

// What may go wrong with the less usual reads.
var readDoctors = []doctor{
	doctoredRead("a page that is not the last", protocol.ReadChildren,
		func(r *protocol.Reading) bool { return r.More }, func(r *protocol.Reading) { r.More = false }),
	doctoredRead("too few descendants", protocol.ReadDescendants, anything, func(r *protocol.Reading) { r.Count-- }),
	doctoredRead("an ephemeral of nobody", protocol.ReadEphemerals, anything,
		func(r *protocol.Reading) { r.Names = append(slices.Clone(r.Names), "/x") }),
	doctoredRead("an identity that nobody has proved", protocol.ReadIdentities, anything,
		func(r *protocol.Reading) { r.Identities = append(slices.Clone(r.Identities), tree.Super) }),
	doctoredRead("a part that is missing", protocol.ReadMany,
		func(r *protocol.Reading) bool { return len(r.Parts) > 0 }, func(r *protocol.Reading) { r.Parts = r.Parts[1:] }),
	doctoredRead("a part with another code", protocol.ReadMany,
		func(r *protocol.Reading) bool { return len(r.Parts) > 0 && r.Parts[0].Code == tree.CodeOK },
		func(r *protocol.Reading) {
			r.Parts = slices.Clone(r.Parts)
			r.Parts[0] = protocol.PartReading{Code: tree.CodeNoNode}
		}),
	doctoredRead("a part that found another version", protocol.ReadMany,
		func(r *protocol.Reading) bool {
			return len(r.Parts) > 0 && r.Parts[0].Read != nil && r.Parts[0].Read.Exists
		},
		func(r *protocol.Reading) {
			r.Parts = slices.Clone(r.Parts)
			part := *r.Parts[0].Read
			part.Stat.Version++
			r.Parts[0].Read = &part
		}),
}
