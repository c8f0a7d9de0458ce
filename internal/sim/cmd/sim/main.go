// Command sim runs the simulator.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/zabtree/zabtree/internal/sim"
)

func main() {
	seeds := flag.Int("seeds", 10, "how many seeds to run")
	from := flag.Uint64("from", 1, "the first")
	flag.Parse()
	start := time.Now()
	events := uint64(0)
	simulated := int64(0)
	for seed := *from; seed < *from+uint64(*seeds); seed++ {
		t := time.Now()
		r := sim.Run(seed)
		events += r.Events
		simulated += r.Time
		fmt.Printf("seed %d: %d events, %d s simulated, %v, hash %x\n", seed, r.Events, r.Time/1e9, time.Since(t).Round(time.Millisecond), r.Hash)
		if f := r.Failure; f != nil {
			for _, l := range f.Timeline {
				fmt.Println(l)
			}
			fmt.Println(r.Options.String())
			fmt.Printf("seed %d: %s: %s\n", seed, f.Checker, f.Message)
			os.Exit(1)
		}
		if *seeds == 1 {
			fmt.Println(r.Marks, r.Faults)
		}
	}
	d := time.Since(start)
	fmt.Printf("%d events, %.0f/s; %.0f simulated hours per hour\n", events, float64(events)/d.Seconds(), float64(simulated)/float64(d))
}
