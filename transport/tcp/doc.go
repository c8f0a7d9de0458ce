// Package tcp is the transport over TCP, with optional TLS.
//
//	listener, err := net.Listen("tcp", "10.0.0.1:7000")
//	...
//	t, err := tcp.New(listener, tcp.Options{ID: 1})
//
// Whoever opens the listener knows its address before any replica starts, and
// may wrap it; [Options.Dial] does the same for the other direction.
//
// # On the wire
//
// A connection is: TLS if configured, then one hello each way, the dialer's
// first, then frames. Hello and frame alike are a length (4 bytes, big endian)
// and as many bytes. A hello is a MessagePack map of at most 4 KiB: a magic word,
// the versions spoken, who speaks to whom, the longest frame taken; fields that
// are not known are passed over. What follows in the frames is none of this
// package's business, package zab begins its own handshake there.
//
// # Strangers
//
// Bytes that are no hello, a version not spoken, another replica than was dialed,
// or a handshake (TLS and hello together) that takes longer than
// [Options.HandshakeTimeout] close the connection; the reason goes to
// [Options.Logger], a few lines a second. At most [Options.MaxHandshakes]
// handshakes are under way: each is a goroutine and no buffer to speak of, and
// one more takes the place of the oldest, so that ten thousand connections that
// never finish cost no more than the limit, and a peer that needs milliseconds
// gets through between them. A frame's length is checked before anything is
// allocated for it, and a long frame is given memory as its bytes arrive.
//
// Without TLS nothing is authenticated: the IDs in a hello catch mistakes, not
// attackers. With TLS both sides use [Options.TLS] as it is; for mutual
// authentication set ClientAuth to tls.RequireAndVerifyClientCert. That a
// certificate belongs to the replica that presents it is for
// [Options.VerifyPeer] to say, which is given the ID of the hello; the ID is then
// [transport.Conn.Peer], to which package zab holds the frames.
//
// # Goroutines, locks, bytes
//
// One goroutine accepts and one runs for each handshake of an accepted
// connection; nothing runs for an established one. Close joins them and every
// Dial. The one mutex guards the lists of what is open; nothing blocks under it.
//
// Send writes all frames of a call with as few system calls as it can: frames
// up to 4 KiB are copied into one buffer of the connection, longer ones are
// handed to the kernel where they lie (with TLS, or a connection that is not the
// net package's, all are copied, 64 KiB at a time). Recv reads ahead up to 64 KiB
// and returns memory of the caller's own; frames up to 512 bytes are carved out of
// pieces of 4 KiB.
//
// There is no read timeout: silence is judged by who expects frames. Two things
// notice a dead peer here: TCP keepalive while nothing is under way, and
// [Options.WriteTimeout] while something is and does not move.
package tcp
