// Package model is the replicated state once more, written apart from package
// tree and as plainly as it can be said while it keeps up with a simulation: maps
// from paths to znodes, and sessions with the results of their writes. It shares
// with package tree what entries and answers are made of (commands, operations,
// codes, Stat), and nothing of what they mean.
//
// A [Model] is fed every entry of the log once, in order, and says beforehand what
// must come of it ([Prediction]). It also answers for the past: each path keeps its
// versions for a window of zxids ([Model.At]), as a lagging replica answers reads
// from a state that others have left behind.
//
// # Goroutines, bytes, cost
//
// There are no goroutines and no locks, and no order of a map shows. Nodes are
// never changed once they are in the model, and may be kept. Applying an entry
// takes time in the size of its operations; looking up a path at a zxid is a
// binary search among its versions. What fell out of the window is dropped bit by
// bit as entries come.
//
// # Invariants
//
//   - The versions of a path have ascending zxids; the last one is what is so now.
//   - A znode's NumChildren is the number of paths that exist below it, by its own
//     count: children are never listed here. A list of names is right if they
//     ascend, each of them exists, and they are as many (see package check).
package model
