// Package wal is a segmented write-ahead log. It knows indexes and bytes, and
// nothing of what they mean: a record has an index (contiguous, uint64) and
// bytes, and beside the records the log keeps one opaque head, of which the
// newest counts.
//
// # Batches
//
// A [Batch] replaces the head, cuts the log's end off, drops its beginning and
// adds records, any of these together. It is there whole after a crash or not at
// all, and costs one write and one fdatasync into space that was filled with
// zeros before, so that the sync has no metadata to write.
//
// # Layout
//
// A directory holds segments, files of a fixed size whose names are their
// numbers. A segment's first sector is its header: the log's identity, the
// segment's own random identity, its number, the number of the segment before
// it and the sequence number that the log had reached when it was prepared. The
// rest is batches, each in whole sectors of 512 bytes: 508 of payload and a
// CRC-32C that is seeded with the segment's identity, the batch's sequence number
// and the place of the sector in the segment. A batch's payload is a header, the
// lengths of its records, the head if it carries one, and the records' bytes. The
// header names the batch's number, the checksum chain that ends in the batch
// before, and where that one ended: so each batch vouches for all before it. The
// first batch of a segment always carries the head and where the log begins, which
// makes it possible to drop whatever lies before.
//
// # What is torn and what is damage
//
// Every sector is thereby new (it checks out for the batch that is expected
// there), old (the zeros that it was filled with) or neither. After a crash the
// log ends with its last whole batch. What follows may be a batch whose fsync never
// ended: some of its sectors new, at least one old, and nothing but zeros behind.
// Only then is it cut. A sector that is neither is damage, and so is
// anything else that contradicts what a later batch, the seal of a clean stop or a
// later segment's header say was durable (compare Alagappan et al., FAST 2018:
// cutting at the first bad checksum loses acknowledged records). Damage is
// reported, with the part of the log before it as material, and nothing is written
// until the owner says so with [Batch].Repair. Damage among records that the log no
// longer holds is none. A disk that acknowledged the very last batch and never wrote one of
// its sectors cannot be told from a crash in the middle of it; Close writes a seal
// so that this does not concern clean stops.
//
// Open writes the last batch again before it relies on it: a process may have died
// after writing and before a sync that failed, and reads from the page cache would
// not show that (Rebello et al., USENIX ATC 2020). A repair does the same with the batch
// that it follows. For the same reason, after
// anything but a clean stop, what lies behind it is filled with zeros again and
// segments not yet begun are made anew.
//
// # Space
//
// Segments are prepared ahead, aside, synced and renamed, by Prepare, which its
// owner calls beside Append whenever NeedsPrepare says so; without it Append does
// it when it has to. One prepared segment is kept in reserve: a batch takes it
// only if another can be prepared, or if it is marked Essential. Otherwise it fails
// with ErrLowSpace and changes nothing. Segments that hold no record that is
// still in the log are removed, oldest first, by Prepare. A segment's space is never
// used twice. A file under the name of a segment that has none of the marks of one is
// reported as damage and never removed (see [Ours]).
//
// # Concurrency
//
// There are no goroutines here. Append, and Close, are for one goroutine at a
// time; Read, Prepare and the accessors may run beside them and each other. One
// mutex guards the index of what is where and is never held across a file
// operation; a one-place channel keeps preparations apart and is taken first. Append copies
// what it is given; Read fills buffers that the caller owns. The index has 32 bytes
// for each batch with records.
package wal
