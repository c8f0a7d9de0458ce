// Package protocol is ZAB as a pure step machine.
package protocol
