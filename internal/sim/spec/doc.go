// Package spec is a naive executable specification of ZAB.
package spec
