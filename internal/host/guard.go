package host

import "github.com/zabtree/zabtree/internal/codec"

// A guarded command has effect only in an entry of the epoch that it names. The
// end of a session whose time is up is one: only the leader that counted the time
// may end it, and a proposal of a leader that was replaced may reach the log of
// its successor, which counts anew.
//
// The guard is the epoch before the encoded command. A command begins with the
// header of an array and never with a number, so the two cannot be confused.
func guard(epoch uint32, command []byte) []byte {
	return append(codec.AppendUint(make([]byte, 0, len(command)+5), uint64(epoch)), command...)
}

// cutGuard returns a guarded command's epoch and the command; 0 and the command
// if it is not guarded.
func cutGuard(b []byte) (uint32, []byte) {
	if len(b) == 0 || b[0] >= 0x80 && b[0] < 0xcc {
		return 0, b
	}
	r := codec.NewReader(b)
	epoch := r.Uint32()
	if r.Err() != nil {
		return 0, b
	}
	return epoch, r.Rest()
}

// Command returns what an entry of an epoch gives to the tree: the command
// without its guard, or nil, which has no effect, if the guard does not hold.
func Command(epoch uint32, data []byte) []byte {
	guarded, command := cutGuard(data)
	if guarded != 0 && guarded != epoch {
		return nil
	}
	return command
}
