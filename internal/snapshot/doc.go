// Package snapshot keeps large immutable byte strings in files, so that a reader
// either gets the bytes that were written or an error.
//
// # Layout
//
// A file is a header, chunks and a footer. The header has the file's random
// identity, the size of chunks and a label, opaque bytes by which a receipt that was
// interrupted is recognised. A chunk is so many bytes (the last one may be shorter) and their
// CRC-32C, seeded with the file's identity and the chunk's number, so that a chunk
// of another file or another place is not taken for the right one. The footer has
// the size, a checksum of all chunks' checksums and the final label. All of it is
// little-endian.
//
// # Life
//
// A [Writer] writes aside, to a file whose name ends in ".part". Commit writes the
// footer, syncs, renames and syncs the directory: a file with a final name is whole,
// or the disk has damaged it. [Resume] continues a file aside after its last chunk
// that checks out, having synced what it found. Which files count is not for this
// package to say: its owner keeps their names somewhere durable, and uses [Files]
// and [Remove] to get rid of all others.
//
// There are no goroutines and no locks here. A Writer is for one goroutine at a
// time; a [Reader] may be used by several. Nothing given to Write is kept; what
// ReadAt and ReadChunk fill is the caller's.
package snapshot
