// Package tree is the replicated state machine of Zabtree: znodes, ACLs,
// sessions and the operations on them, applied deterministically.
package tree
