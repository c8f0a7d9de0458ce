// Package house has no code, only tests: they hold the module's packages to the
// rules that a compiler does not check.
//
//   - imports_test.go: what may reach what. Arrows between packages point down
//     only, a thin client links no replica, the step machines have no clock and no
//     goroutine, and third-party code stays where it is needed.
//   - layout_test.go: what the module's folders and files look like.
//   - source_test.go: what no source file may contain, found in the syntax tree:
//     mutable package-level state, init functions, sleeping tests, os.Exit.
//   - readme_test.go: README.md names tests and commands that exist.
//
// What "reaches" means: by imports of files that are not tests, through any number
// of packages, for the operating system the test runs on. What "imports" means:
// directly. The step machines are held to direct imports, since fmt alone reaches
// os, sync and time; the packages of ours below them are held to more, see
// TestImports.
//
// Nested modules and examples are held to the layout and source rules too where
// these make sense for programs.
package house
