// Package dirstore is the storage of a replica in a directory: what is behind
// zab.OpenDir, over any file system of package disk, so that it runs over one that
// crashes too. It translates: a batch of the protocol into a batch of the log,
// snapshots into files that the log's head names.
//
// # Layout
//
//	LOCK        locked while a Store uses the directory
//	IDENTITY    whose directory it is (identity.go)
//	log/        the log, of package wal; its head has the hard state and what snapshots
//	            count (head.go), a record's index is its entry's counter
//	snapshots/  snapshot files, of package snapshot, named after all that their metas say
//	            (snapshot.go): own-N.part is one that is being written, receipt.part
//	            one that is being received
//
// # Goroutines and locks
//
// Who may call what beside what is for zab.Storage to say. The only work that the
// package does by itself is to prepare and remove files of the log: it is handed to
// the function that [Open] is given, one piece at a time, and Close waits for it. In
// Store, mu guards what is shared with that and with the snapshots' methods. It is
// the only lock here, and never held across a file operation, a wait, or a call of
// what is not this package's.
//
// # Bytes
//
// Nothing given to Append or to a writer is kept. What Read returns is the caller's.
//
// # Invariants
//
//   - One Append is one batch of the log: one write, one sync, all of it or nothing.
//     What it makes superfluous is removed after it, and by the next Load if that fails.
//   - A snapshot file counts once the log's head names it, and while it does. Others are
//     removed, except one that was committed and may yet be named in this life.
//   - IDENTITY is written after the log has a hard state. So one that is there without
//     a hard state in the log shows that the log is lost.
//   - A directory is not touched before it is known as ours, or as nobody's
//     (foreign.go). Files are removed only if both their names and their first bytes are
//     ours. While the log is damaged Load removes no snapshots.
//   - Damage is told from a crash by the log and the snapshots; what this package adds
//     (a head that cannot be read, an entry in another's place) is damage as well.
//   - It has no clock and no chance of its own: identities of files come from
//     Options.NewID. With background at once, the same calls over the same file
//     system do the same.
package dirstore
