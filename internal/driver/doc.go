// Package driver is what a replica decides besides the protocol, as step machines:
// events in, effects out, without goroutine, clock or lock. Package zab puts
// goroutines around them; simulations step them in one.
//
// # The machines
//
//   - [Machine] has the core. It decides which connections make a link, numbers
//     proposals and read points, says behind which writes the log is to be read, and
//     when the log has named a snapshot.
//   - [Applier] is fed the Machine's outputs, and decides what the state machine is
//     given and when, what becomes of this replica's proposals, and when a
//     snapshot is taken.
//   - [WritePlan] decides which writes are joined to one durable step, and which of
//     them may pass one that found no space.
//   - [Pace] decides when a tick is counted.
//   - [DialPlan] decides whom to dial when; [Identity] what is said first on a
//     connection, and whose hello is believed.
//   - [Serving] says whether a replica serves.
//
// And these work on a storage, synchronously: [Recover], which a replica does
// before it speaks; [Worker], which reads for followers and stores what a leader
// sends; [WriteSnapshot] and [Restore].
//
// # Order
//
// One replica's events go through Machine, and each Output is carried out before
// the next is taken: its links, then the status, then its proposals, writes and
// commits, which are fed to the Applier, then everything else. Writes are done in
// their order, and reported by Machine.Durable only once they are durable. The
// Applier's steps are done one at a time, each before the next is asked for. A tick
// is counted after everything that was received before it. While Machine.Gathering
// says so, proposals may be kept until there is another event: it says so only while
// one is to come.
//
// # Bytes
//
// They are the core's: what is in an Output is shared and changed by nobody.
// Entries in a Step are in the caller's buffer, and what they point to is shared.
// Entries that WritePlan joined are in memory of its own, which it uses again once
// they are written. A proposal's Data are the Machine's once it is proposed.
//
// # Invariants
//
//   - Entries are handed out for applying in the log's order without a gap, only
//     up to what is committed and durable here, and none that a snapshot will
//     replace once the log was told of it (ZOOKEEPER-4882, 3642).
//   - Every proposal that was accepted is resolved once, and exactly: Applied when
//     its entry is, NotApplied when it is in no log and never will be, Unknown only
//     when a snapshot may hold it or the replica stops.
//   - A link comes up once both its lanes are there, and goes down once; one peer
//     has one link at most.
//   - A replica that lost anything that was durable draws a new incarnation in the
//     very step that repairs its storage.
package driver
