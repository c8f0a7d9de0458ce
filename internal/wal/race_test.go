//go:build race

package wal

// underRace says that these tests run with the race detector, under which all takes
// ten times as long. What has one goroutine gets a part of its cases.
const underRace = true
