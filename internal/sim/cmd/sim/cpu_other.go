//go:build !unix

package main

import "time"

var started = time.Now()

// cpuSeconds returns how long this process has run, for want of something better.
func cpuSeconds() float64 { return time.Since(started).Seconds() }
