// Package zoocfg reads a configuration of Apache ZooKeeper, a zoo.cfg with what it
// refers to, as a server of version 3.8 does, and renders an ensemble's members as
// the text that is in /zookeeper/config.
//
// [Load] is a function of what is handed to it: the files, by a function that opens
// them, and the flags of the JVM, as a string. Nothing is resolved, listened on or
// written. It has no goroutines and keeps no bytes of anybody's. [ParseMembers] and
// [Members.String] are each other's inverse.
//
// # What is read
//
//   - The syntax is that of java.util.Properties (properties.go): Latin-1, escapes,
//     continued lines, the last of a key wins.
//   - Keys of Apache's QuorumPeerConfig (keys.go) make up the [Config]. Every other
//     key X becomes the system property zookeeper.X, over a -Dzookeeper.X=... of the
//     flags; Apache takes many options from those, and so does Load. jute.maxbuffer
//     and readonlymode.enabled are properties without that prefix, hence flags only.
//   - Members are server.N, group.N and weight.N in the file or, instead of it, in
//     that which dynamicConfigFile names, whose name ends with their version; this
//     member's ID is in dataDir/myid. An ensemble is one by Apache's rule: more than
//     one participant, or standaloneEnabled=false.
//
// # What is refused
//
// All that Apache refuses, each as an [*Error] with file, line and key, joined: there
// is a whole Config or none. What Apache lets pass and then cannot run with, or not
// as it was meant, is refused too:
//
//   - an address or a port that two things would listen on; port 0 of a member;
//   - IDs that are not 1 to 255 (254 with extendedTypesEnabled), server.1 beside
//     server.01, and an ID that is not in the list;
//   - a standalone server without a client port, negative times and limits;
//   - hosts that no host has: names are letters, digits, '.', '-' and '_'.
//
// So is what would be less safe, or another quorum, without support for it: SASL,
// required authentication, another digest algorithm, an oracle, weights of 0, and
// hierarchical quorums, unless they are the same as plain ones (groups.go). TLS is
// not decided here: whoever uses a Config with SSLQuorum or SecureClient set must
// serve it or refuse it.
//
// # What is let pass
//
// What makes no difference or is not known becomes a [Finding]. A key without effect
// is held to its syntax all the same, where Apache does that.
//
// # Bounds
//
// [MaxFileBytes] and [MaxLines] a file, [MaxFlagBytes] of flags, 255 members.
package zoocfg
