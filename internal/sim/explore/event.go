package explore

// event is something that happens to one node: its kind, a peer and a lane or a
// number, and a frame, packed.
type event uint32

type eventKind uint8

const (
	evReceive  eventKind = iota // a frame, of a peer, on a lane
	evLinkUp                    // to a peer, which was wiped so often
	evLinkDown                  // to a peer
	evWritten                   // the first queued write is durable
	evStored                    // the first chunk is durable
	evTick
	evTimeout
	evPropose // a write, by number
	evRead    // a read, by number
	evChange  // a change of membership, by number
	evSnapshot
	evHandover // to a peer
	evCrash
	evWipe
)

const frameBits = 24

func makeEvent(k eventKind, peer, lane int, arg uint32) event {
	return event(uint32(k)<<28 | uint32(peer)<<25 | uint32(lane)<<24 | arg)
}

func (e event) kind() eventKind { return eventKind(e >> 28) }
func (e event) peer() int       { return int(e>>25) & 7 }
func (e event) arg() uint32     { return uint32(e) & (1<<frameBits - 1) }
