// Package disk is the small file system that the log and the snapshots of a
// replica stand on: positioned reads and writes, data sync, rename, directory
// sync and a directory lock. Every call is synchronous and there are no
// goroutines.
//
// [OS] is the machine's own file system. [Mem] is one in memory that can crash:
// it remembers what was written but not synced, sector by sector and directory
// entry by directory entry, and [Mem.Crash] gives the file system that a machine
// might find after losing power at this moment, under an [Image] that decides
// what became of each unsynced change. Faults are injected with [Mem.SetHook]
// (errors on the n-th operation, short and lost writes, failed syncs),
// [Mem.SetCapacity] (a full disk) and [Mem.Corrupt] (rot). Nothing in it is
// random: the same calls and the same choices give the same bytes.
//
// What implementations promise, and callers rely on:
//
//   - Bytes are durable after [File.Sync] returned nil, the name of a file after
//     [FS.SyncDir] of its directory returned nil. Neither implies the other.
//   - A write inside the size a file had at its last successful Sync changes no
//     metadata once [File.Preallocate] has filled that space: Sync then costs a
//     data flush alone (fdatasync where there is one).
//   - A sector of [SectorSize] bytes, aligned to its size, is written whole or not
//     at all. This is what disks promise; a torn sector is shown as such by the
//     Garble fate and is damage to whoever reads it.
//   - After a failed Sync nothing is known of what it covered, whatever a later
//     read or Sync says (Rebello et al., USENIX ATC 2020). It must not be retried.
//
// An FS and a File may be used from several goroutines at once, except that
// Close must come after everything else. Mem has one mutex, which is held for
// the length of a call that touches memory only; the hook is called outside it.
package disk
