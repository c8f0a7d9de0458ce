// Package sched is the ground of the simulator: simulated time, randomness that
// can be recorded and played back, and a trace by which two runs are compared.
//
// A [Scheduler] runs events one after the other, ordered by (time, sequence of
// scheduling). Time is nanoseconds since the beginning of the run and moves only
// from event to event. What a process has scheduled belongs to its [Owner], so
// that a crash takes all of it along and a pause holds it back.
//
// A [Source] gives a named [Stream] of randomness to each part of the simulated
// world. Streams are independent: how often one is asked changes nothing in the
// others. Everything that chance decides goes through a Stream, whose answers can
// be recorded on a [Tape] and played back later, also after the tape was cut or
// the code has changed: an answer that no longer fits is brought into the range
// that was asked for. In every draw 0 is the answer that disturbs least (no
// fault, no delay, the first of a list), which is what shrinking tends towards.
//
// A [Trace] hashes what happened, for comparing two runs of one seed, and keeps
// the last of it as a timeline that is formatted only when somebody reads it.
//
// Goroutines: none, and nothing here may be used from two at once. There is no
// clock, no map whose order shows, no global randomness and no floating point
// (which may round differently on other processors): the same calls give the same
// results on every machine.
//
// Bytes: [DecodeTape] copies what it keeps, [Tape.Append] gives bytes that belong
// to the caller.
//
// Invariants: an event runs at most once; never after it was cancelled or its
// owner killed; never while its owner is paused; never before one that is due
// earlier, except that what a pause held back runs when it ends. Now never goes
// back. Nothing is allocated for an event once the scheduler has grown to the
// number that is pending at one time.
package sched
