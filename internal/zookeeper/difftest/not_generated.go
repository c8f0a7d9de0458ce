package difftest

// exclusion is something that no round does, because Apache ZooKeeper 3.8.0 does
// not answer it in a way that could be compared.
type exclusion struct{ what, reason string }

// notGenerated is the list of them.
var notGenerated = []exclusion{
	{
		"a check outside of a multi that succeeds",
		"it is never answered: its answer has a Stat that nobody fills in, and the server drops it",
	},
	{
		"data of zookeeper_limits or zookeeper_stats that is no quota",
		"the server cannot parse it when the next change below the quota's path is applied, and ends itself",
	},
	{
		"watches of different modes of one connection on one path",
		"there is one mode for each path and connection, whichever came last (ZOOKEEPER-4466, fixed since)",
	},
	{
		"removal of a persistent watch as one of the data, or of the children, alone",
		"it is kept in two tables, and half of it stays",
	},
	{
		"addWatch of a null path",
		"when its connection ends, the server stumbles over the watch and answers nobody any more",
	},
	{
		"addresses of version 6 in ACLs of scheme ip, and with Config.NoIP any",
		"Apache ZooKeeper 3.8.0 knows only those of version 4, later ones both, as Zabtree does; and two servers elsewhere may see different ones",
	},
	{
		"several requests at once, with Config.Serial",
		"how far a real server is with those before it is a matter of luck, and shows: a multi that fails takes back more or less of what creates under way have counted",
	},
	{
		"limits of a quota that are set in a multi",
		"Apache ZooKeeper holds the rest of the multi to the limits of before; Zabtree to the new ones",
	},
	{
		"createSession",
		"it is answered with a second handshake, and a session comes to be that nobody has",
	},
	{
		"more than one request at once where there are quotas",
		"a quota is checked against what has been applied when a request arrives, which is a matter of luck",
	},
	{
		"auth, sasl and unknown opcodes behind other requests of a burst",
		"they are answered by the thread that reads the connection, ahead of requests before them",
	},
	{
		"requests behind one that ends the connection",
		"the connection is reset with bytes on it that nobody read, and answers before it may be lost",
	},
}
