package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// peerMaker starts a peer whose files are in dir.
type peerMaker struct {
	name  string
	named bool // is there only if it is asked for
	start func(dir string) (peer, error)
}

// peerMakers lists all peers. The first of those that take part is what the others are
// measured against.
func peerMakers() []peerMaker {
	return []peerMaker{
		{"floor", false, func(dir string) (peer, error) { return newFloor(dir) }},
		{"zabtree", false, newZabtree},
		{"session", false, newSessionPeer},
		{"port", true, newPortPeer},
		{"apache", true, newApachePeer},
	}
}

// writesReport is the result of workload w1.
type writesReport struct {
	Size      int           `json:"bytes"`
	Rounds    int           `json:"rounds"`
	RoundTime time.Duration `json:"round_ns"`
	Lines     []writesLine  `json:"lines"`
}

// writesLine is one peer with one number of callers. Ratios are to the first peer.
type writesLine struct {
	Peer      string        `json:"peer"`
	Callers   int           `json:"callers"`
	Rate      float64       `json:"writes_per_second"`
	Slowest   float64       `json:"slowest_round"`
	Fastest   float64       `json:"fastest_round"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	CPU       time.Duration `json:"cpu_ns_per_write"`
	RateRatio float64       `json:"rate_ratio,omitempty"`
	P50Ratio  float64       `json:"p50_ratio,omitempty"`
}

func runWrites(o options) (report, error) {
	peers, err := startPeers(o)
	defer func() {
		for _, p := range peers {
			if cerr := p.close(); cerr != nil {
				fmt.Fprintln(os.Stderr, "bench: closing", p.name()+":", cerr)
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	r := writesReport{Size: o.size, Rounds: o.rounds, RoundTime: o.roundTime}
	for _, callers := range o.callers {
		l := load{callers: callers, size: o.size, warm: o.roundTime / 5, time: o.roundTime}
		rounds, err := alternate(l, peers, o.rounds)
		if err != nil {
			return nil, err
		}
		for i, p := range peers {
			r.Lines = append(r.Lines, summarize(p.name(), callers, rounds[i], rounds[0], i > 0))
		}
	}
	return r, nil
}

// startPeers returns the peers that did start, also with an error.
func startPeers(o options) ([]peer, error) {
	var peers []peer
	makers := peerMakers()
	for _, m := range makers {
		if !slices.Contains(o.peers, m.name) && (len(o.peers) > 0 || m.named) {
			continue
		}
		dir := filepath.Join(o.dir, m.name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return peers, err
		}
		p, err := m.start(dir)
		if err != nil {
			return peers, fmt.Errorf("starting %s: %w", m.name, err)
		}
		peers = append(peers, p)
	}
	if len(peers) == 0 {
		return nil, errors.New("no such peer")
	}
	return peers, nil
}

// alternate measures the peers in turns and returns each one's rounds.
func alternate(l load, peers []peer, rounds int) ([][]round, error) {
	results := make([][]round, len(peers))
	for range rounds {
		for i, p := range peers {
			r, err := l.measure(p)
			if err == nil {
				err = p.settle()
			}
			if err != nil {
				return nil, err
			}
			results[i] = append(results[i], r)
		}
	}
	return results, nil
}

func summarize(name string, callers int, rounds, first []round, ratios bool) writesLine {
	var rate, p50, p99, cpu, rateRatio, p50Ratio []float64
	for i, r := range rounds {
		rate = append(rate, r.Rate)
		p50 = append(p50, float64(r.P50))
		p99 = append(p99, float64(r.P99))
		cpu = append(cpu, float64(r.CPU))
		rateRatio = append(rateRatio, r.Rate/first[i].Rate)
		p50Ratio = append(p50Ratio, float64(r.P50)/float64(first[i].P50))
	}
	line := writesLine{
		Peer: name, Callers: callers,
		Rate: median(rate), Slowest: slices.Min(rate), Fastest: slices.Max(rate),
		P50: time.Duration(median(p50)), P99: time.Duration(median(p99)), CPU: time.Duration(median(cpu)),
	}
	if ratios {
		line.RateRatio, line.P50Ratio = median(rateRatio), median(p50Ratio)
	}
	return line
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func (r writesReport) print(w io.Writer) {
	fmt.Fprintf(w, "durable writes of %d bytes, medians of %d alternating rounds of %v\n", r.Size, r.Rounds, r.RoundTime)
	first := ""
	if len(r.Lines) > 0 {
		first = r.Lines[0].Peer
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "in flight\tpeer\twrites/s\tslowest\tfastest\tp50\tp99\tCPU/write\tof "+first+"\tp50 to its\t")
	for _, l := range r.Lines {
		ratio, p50Ratio := "", ""
		if l.RateRatio > 0 {
			ratio, p50Ratio = fmt.Sprintf("%.2f", l.RateRatio), fmt.Sprintf("%.2f", l.P50Ratio)
		}
		fmt.Fprintf(t, "%d\t%s\t%.0f\t%.0f\t%.0f\t%v\t%v\t%v\t%s\t%s\t\n", l.Callers, l.Peer, l.Rate, l.Slowest, l.Fastest,
			l.P50.Round(time.Microsecond), l.P99.Round(time.Microsecond), l.CPU.Round(10*time.Nanosecond), ratio, p50Ratio)
	}
	t.Flush()
}
