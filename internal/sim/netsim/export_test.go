package netsim

// Remembered returns how many sides of connections the network still knows.
func (n *Net) Remembered() int {
	count := 0
	for _, l := range n.links {
		count += len(l.conns)
	}
	for _, h := range n.hosts {
		count += len(h.ends) + len(h.lingering)
	}
	return count
}
