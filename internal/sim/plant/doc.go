// Package plant proves that the simulator finds bugs: it plants some. The
// product's code stays clean of them. A plant is a small text file that names
// lines of a source file and what stands there instead, the checker that must
// fire, and why it is a bug; it is put into a program by a build with an overlay
// (go build -overlay), which replaces the file for this one build and writes
// nothing into the source tree.
//
//   - plant.go, parse.go: what a plant is, and how its file is read. testdata/plants
//     has them, testdata/impossible.txt those that the protocol's rules leave no
//     place for, testdata/tests.txt which of the product's own tests find which.
//   - apply.go: a plant applied to the source tree. Lines that are not there exactly
//     once are an error: a plant must not silently become another one when the code
//     moves on.
//   - check.go: whether changed files still type-check, in milliseconds.
//   - build.go, process.go: a build with an overlay, and a run of what was built
//     under a budget of CPU time.
//   - command.go, sim.go, explore.go, tests.go: what is built and run, and what its end
//     means: the simulator's command, for random runs, a tape or the explorer, or a
//     package's test binary.
//   - runner.go, report.go: the plants one after the other, or a few at a time.
//   - mutant: changes made by a machine instead, run in the same way.
//
// The simulator's own command (cmd/sim) does it.
//
// Nothing here is part of the product or of the simulator, so goroutines, processes and the
// clock are welcome. A Runner has as many goroutines as it runs plants at a time;
// each plant has a directory of its own, which is removed behind it. Values are for
// one goroutine at a time if nothing else is said.
package plant
