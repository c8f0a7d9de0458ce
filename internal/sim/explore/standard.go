package explore

// Standard lists the configurations that are to be explored to the end, the short
// ones first: those with Long unset take about ten seconds of a processor together,
// the others about four minutes and, for 100 million states, 7 GB of memory.
func Standard() []Config {
	alone := Change{Voters: []uint64{3}, Observers: []uint64{1, 2}}
	// Two quorums of five that have one voter in common.
	overlap := [][2]uint64{{1, 2}, {1, 3}, {2, 3}, {3, 4}, {3, 5}, {4, 5}}
	// Two that never meet, and a third one between them: small, and where the wrong
	// quorum shows.
	line := [][2]uint64{{1, 2}, {1, 3}}
	short := []Config{
		{Name: "founding, two wipes", Voters: 3, Start: Cold, MaxEpoch: 2, Wipes: 2},
		{Name: "election, all restarted", Voters: 3, Start: Restarted, MaxEpoch: 2, Writes: 1},
		{Name: "three epochs, a crash", Voters: 3, Start: Established, MaxEpoch: 3, Crashes: 1},
		{Name: "three epochs, a crash and a write, fast disks", FastDisks: true, Voters: 3, Start: Established, MaxEpoch: 3, Writes: 1, Crashes: 1},
		{Name: "a silence, a write", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Timeouts: 1},
		{Name: "a wipe and its swap", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Wipes: 1, Ticks: 1},
		{Name: "two joint changes", Voters: 3, Start: Established, MaxEpoch: 2, Disconnects: 1,
			Changes: []Change{{Voters: []uint64{2, 3}, Observers: []uint64{1}}, alone}},
		{Name: "a joint change, three epochs, a crash, fast disks", FastDisks: true, Voters: 3, Start: Established, MaxEpoch: 3, Crashes: 1,
			Changes: []Change{alone}},
		{Name: "reads and writes anywhere", Voters: 3, Start: Established, MaxEpoch: 2, Reads: 1, Writes: 1, Forward: true, Disconnects: 1},
		{Name: "two snapshots, a wipe, fast disks", FastDisks: true, Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Snapshots: 2, Wipes: 1},
		{Name: "a handover", Voters: 3, Start: Established, MaxEpoch: 2, Handovers: 1, Disconnects: 1},
		{Name: "in line: four epochs, three disconnects, a write, fast disks", FastDisks: true, Voters: 3, Start: Established, Links: line,
			MaxEpoch: 4, Writes: 1, Disconnects: 3},
		{Name: "in line: rivals for an epoch, fast disks", FastDisks: true, Voters: 3, Start: Restarted, Links: line, MaxEpoch: 2, Disconnects: 3},
		{Name: "in line: a read at a deposed leader", Voters: 3, Start: Established, Links: line, MaxEpoch: 2, Writes: 1, Reads: 1, Timeouts: 1},
		{Name: "in line: a joint change, a crash, a disconnect", Voters: 3, Start: Established, Links: line, MaxEpoch: 3, Crashes: 1,
			Disconnects: 1, Changes: []Change{alone}},
		{Name: "in line: a joint change, a write, a silence, fast disks", FastDisks: true, Voters: 3, Start: Established, Links: line, MaxEpoch: 3,
			Writes: 1, Timeouts: 1, Disconnects: 1, Changes: []Change{alone}},
		{Name: "five voters, no fault", Voters: 5, Start: Established, MaxEpoch: 1, Writes: 1},
	}
	long := []Config{
		{Name: "founding, a crash, a write", Voters: 3, Start: Cold, MaxEpoch: 2, Writes: 1, Crashes: 1},
		{Name: "three epochs, a crash, a write", Voters: 3, Start: Established, MaxEpoch: 3, Writes: 1, Crashes: 1},
		{Name: "three epochs, two disconnects, a write", Voters: 3, Start: Established, MaxEpoch: 3, Writes: 1, Disconnects: 2},
		{Name: "three epochs, a crash, a disconnect, a write, fast disks", FastDisks: true, Voters: 3, Start: Established, MaxEpoch: 3,
			Writes: 1, Crashes: 1, Disconnects: 1},
		{Name: "in line: four epochs, four disconnects, a write, fast disks", FastDisks: true, Voters: 3, Start: Established, Links: line,
			MaxEpoch: 4, Writes: 1, Disconnects: 4},
		{Name: "a joint change, a crash", Voters: 3, Start: Established, MaxEpoch: 2, Crashes: 1, Changes: []Change{alone}},
		{Name: "a voter leaves", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Disconnects: 1, Ticks: 1,
			Changes: []Change{{Voters: []uint64{2, 3}}}},
		{Name: "a voter comes", Voters: 2, Spares: 1, Start: Established, MaxEpoch: 2, Writes: 1, Disconnects: 1, Ticks: 1,
			Changes: []Change{{Voters: []uint64{1, 2, 3}}}},
		{Name: "a wipe and its swap, a disconnect", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Wipes: 1, Ticks: 1, Disconnects: 1},
		{Name: "two snapshots, a wipe and its swap", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Snapshots: 2, Wipes: 1, Ticks: 1},
		{Name: "a read, a silence", Voters: 3, Start: Established, MaxEpoch: 2, Reads: 1, Writes: 1, Timeouts: 1},
		{Name: "five voters found", Voters: 5, Start: Cold, MaxEpoch: 1},
		{Name: "five voters, two quorums, a silence, fast disks", FastDisks: true, Voters: 5, Start: Established, Links: overlap,
			MaxEpoch: 2, Timeouts: 1},
	}
	for i := range long {
		long[i].Long = true
	}
	return append(short, long...)
}
