// Package embedder embeds Zabtree as another module would, with every public
// package, and keeps what that costs in its go.mod and go.sum: a dependency more,
// or a newer version of one, shows there in review, and its tests fail.
package embedder
