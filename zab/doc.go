// Package zab replicates a state machine by ZAB, ZooKeeper's atomic broadcast,
// inside the processes that use it.
//
// A [Replica] is one member of an ensemble. It is given commands by [Replica.Propose],
// on whatever member, and every member's [StateMachine] applies the same commands
// in the same order; the result of a command reaches whoever proposed it. A
// [Replica.ReadPoint] makes reading the local state linearizable. What it stands on
// are two small interfaces: a [Storage] (see [OpenDir] and [NewMemoryStorage]) and a
// [transport.Transport]. Package zab knows nothing of what the commands mean.
//
//	r, err := zab.Start(ctx, zab.Config{
//		ID:           1,
//		Members:      zab.Membership{{ID: 1, Addr: "10.0.0.1:7000"}, ...},
//		Transport:    t,
//		Storage:      s,
//		StateMachine: m,
//	})
//	...
//	result, err := r.Propose(ctx, command)
//
// The protocol itself is package [github.com/zabtree/zabtree/zab/protocol], a step
// machine without goroutines, clocks or files. This package drives it: it decides
// nothing that the ensemble has to agree about.
//
// # Who decides what
//
// What is decided around it (which writes are joined to one durable step, what is
// applied next and from where, what becomes of a proposal, when a snapshot is taken,
// which connections make a link, whom to dial when, whose hello is believed, when a
// replica serves, and how a storage is recovered) is in step machines too, in package
// internal/driver. The goroutines of this package are thin: they carry out.
//
// # Goroutines
//
// A replica runs these, all of them joined by Close:
//
//   - the loop owns the driver's machine, with the core in it. It takes everything
//     that has arrived since it last looked, hands it over, and passes on what is to
//     be done. It never waits for disk, network, state machine or callback, so that
//     heartbeats do not. A tick is counted after everything that was received before
//     it, and a late one as one: a process that was held up does not take that for
//     the silence of others. A follower counts its ticks with its leader's heartbeats,
//     which wake it anyway, and while the machine gathers proposals, one more does
//     not wake the loop.
//   - the log writer appends, one fsync for all the entries that have come
//     together meanwhile, and reports what is durable.
//   - the applier has the state machine to itself, and answers those whose commands
//     it applied.
//   - the snapshotter writes out snapshots that the applier captured.
//   - the disk worker reads the log and snapshots for followers that are behind,
//     and stores a snapshot that is received.
//   - the notifier calls OnMessage, OnStatus and OnTick, and answers reads and refusals.
//   - the dialer and the acceptor make connections; each hello that is under way has
//     a goroutine, at most 64 of accepted connections at a time.
//   - each link to another replica has two connections, so that heartbeats never
//     wait behind data, and each of them a goroutine that receives and one that
//     sends.
//
// With two peers that is 16. There is no goroutine and no timer per tick, proposal
// or read, and none outlives its replica; all timers are the replica's own, so that
// whole ensembles run in a testing/synctest bubble. (What is submitted to a replica
// that is closed is refused from a goroutine of its own, which ends with that.)
//
// # Locks
//
// There is no lock order, because no lock is held while another is taken, with one
// exception: progress.mu is held while a change of status is put in the notifier's
// queue (notices.mu). None is held while anything is waited for, or while code
// runs that is not this package's. They are mailbox.mu (what is on its way to the
// loop), applyState.mu (what loop and applier share), progress.mu (what others may
// know), lane.mu (frames to be sent), liveLinks.mu, writtenMark.mu, refusalLog.mu,
// stopMu, and one in each queue.
//
// # Bytes
//
// A command belongs to the replica once it is proposed, and nobody may change it.
// The core encodes it, and lets go of it; from then on there is the log's encoding,
// made once by the leader and shared by frames, storage and the entries that the
// state machine gets, which nobody ever changes. Frames that were received belong
// to whoever decodes them, and entries alias them. A message is copied by Send and
// is OnMessage's.
//
// Everything that waits is bounded: frames that were received and not looked at
// (4 MiB a lane, then the other side has to wait), frames to be sent (8 MiB of
// control frames, then the link breaks; entries by what the protocol allows to be
// under way), entries to be applied (32 MiB, then they are read from the storage),
// proposals (Config.MaxPending), messages for OnMessage (64 MiB, then the link breaks).
//
// # Invariants
//
//   - Nothing that implies durability leaves before the storage said so, and a
//     failed append is never tried again: it stops the replica (ZOOKEEPER-4882).
//     A lack of space is no failure: nothing of the batch is there, and it is tried
//     again.
//   - The state machine is given committed entries that are durable here, in order,
//     without a gap, each once; a snapshot replaces the state as a whole, and only
//     when all of it is there (ZOOKEEPER-3642).
//   - Every proposal is answered exactly once, and exactly: with its result when
//     its entry is applied, with an error for which [NotApplied] holds when it is
//     certain that it is in no log and never will be, and with [ErrUnknownOutcome]
//     only when this replica stops, or is sent a snapshot that may hold it.
//   - A core link is up once both its connections are, and down once; one peer has
//     one link at most.
//   - A replica is not who it was when anything that was durable is gone: it draws a
//     new incarnation, durably, in the step that repairs its storage, and counts for
//     nothing until the ensemble has entered that one into the log.
//   - A fault is a value: [Replica.Done] is closed and [Replica.Err] says why. No
//     panic leaves a replica's goroutine, be it the state machine's, a callback's or
//     the core's.
//
// # Connections
//
// The first frame on each connection, in both directions, is a hello of this
// package, whatever the transport: magic word, versions, ensemble, who, which
// incarnation, to whom, which lane, and a number that pairs the two lanes of a
// link. Of two replicas the one with the higher ID dials. Whoever says something
// else, is of another ensemble, no member, or takes too long is cut off with a
// reason in the log. A link on which nothing comes for four election timeouts is
// closed and made anew; to have something come, both sides ping.
//
// # Limits
//
// A hello is at most 4 KiB, but that is looked at after the transport has received
// the whole frame, up to the transport's own limit. A replica that joins later must
// be able to dial, or be dialed by, members that it knows from Config.Members.
package zab
