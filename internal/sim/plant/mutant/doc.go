// Package mutant makes small changes to the product's step machines by itself, to
// guard against plants that are blind where their authors are: a condition negated,
// a boundary moved by one, a statement dropped. They are run as plants are, by a
// plant.Runner.
//
//   - operators.go: what is changed, found in the syntax tree, each as a replacement of
//     bytes of the file.
//   - skip.go: what is left alone, because nobody could notice: texts of errors, capacities,
//     encodings that only tools read.
//   - sample.go: so many of them, drawn by a seed, that type-check.
//
// All of it is deterministic: the same source and the same seed give the same
// mutants, by the same names.
package mutant
