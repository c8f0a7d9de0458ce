package sim

// bug is something that the simulator found in the product. Whoever changes what it
// was about finds here how it showed.
type bug struct {
	what string
	fix  string // where, and which test of the package itself shows it
	// name is that of its tape, of testdata/tapes, and of the plant that puts it back, of
	// plant/testdata/plants. Package crashpoint runs a script: what it found has neither.
	name string
}

// bugs are all that were found, in the order in which they were.
var bugs = []bug{
	{
		what: "A follower that took longer to receive a snapshot than its leader to take the next two was sent one" +
			" snapshot after the other, and never the log behind them (liveness).",
		fix:  "zab/protocol: Core.needed; scenario progress-catching-up",
		name: "protocol-found-snapshots-for-ever",
	},
	{
		what: "An identity asked for while a host knew no leader was proposed only when something else came from" +
			" that session, or never (liveness).",
		fix:  "internal/host: proposeAuth; TestAuthWaitsForALeader",
		name: "session-found-auth-forgotten",
	},
	{
		what: "After a failed sync a received snapshot was resumed after bytes that the page cache showed and the disk" +
			" did not have; once complete it was whole until power failed (durability-audit).",
		fix:  "internal/snapshot: Writer.resume; TestResumeAfterAFailedSync",
		name: "storage-found-receipt-not-rewritten",
	},
	{
		what: "Sessions whose end was under way were ended again and again, and client sides gave up slow members as" +
			" fast as ever, leaving an entry with each: a log that was behind stayed behind for ever (liveness).",
		fix:  "internal/host: leader.expiryDone, TestExpiryIsProposedOnce; session/protocol: patience, TestClientIsPatientWithTheSlow",
		name: "session-found-expiry-repeated",
	},
	{
		what: "The log's beginning moved on over the end of an epoch while entries before it were read for a slow" +
			" follower: the leader took what it read for a broken log and halted (no-halt).",
		fix:  "zab/protocol: EntriesRead; scenario progress-base-moves-while-read",
		name: "protocol-found-read-behind-base",
	},
	{
		what: "One flipped bit in IDENTITY made it a file of an unknown version, and the replica refused to start (no-halt).",
		fix:  "internal/dirstore: decodeIdentity; TestEveryFlipOfIdentity",
		name: "storage-found-identity-version",
	},
	{
		what: "Copies of a session's writes that were in vain, still in the log, had the host propose all of them again," +
			" each time more: a session at its limit filled a slow log with itself (liveness).",
		fix:  "internal/host: landed; TestNoStorm",
		name: "session-found-storm",
	},
	{
		what: "What an entry changed, and the end of a session that was told of it, in one batch of applied entries: events" +
			" were held back, by the identities that the session had no more (watches).",
		fix:  "internal/host: session.identities, authApplied; TestIdentityAtTheEvent, TestStrayAuth",
		name: "session-found-identities-of-later",
	},
	{
		what: "A watch that was removed before the read that arms it was answered, or while a link was joining, was" +
			" armed for ever (watches).",
		fix:  "session/protocol: Client.Unwatch, internal/host: unwatch; TestClientUnwatchesBeforeTheAnswer, TestUnwatchBeforeItsRead",
		name: "session-found-unwatch-forgotten",
	},
	{
		what: "A repair of a damaged log followed a batch that the page cache had and the disk had not: its sync had failed." +
			" After a loss of power the log was damaged once more (no-halt).",
		fix:  "internal/wal: settleEnd; TestRepairMakesDurableWhatItFollows",
		name: "storage-found-repair-unsettled",
	},
	{
		what: "Reconfigure returned when the change was committed. Until the leader had written that down, a crash of" +
			" it left an ensemble that needed members which had been told that they could go (liveness).",
		fix:  "zab: Reconfigure waits for Status.Settled; TestStatusKnowsWhatWasReconfigured",
		name: "protocol-found-settled-early",
	},
	{
		what: "A leader asked for all the chunks of a snapshot at once. On a slow disk the reads of one attempt were still in" +
			" the way of the next, which was given up for want of progress, and so on for ever (liveness).",
		fix:  "zab/protocol: chunksAhead; TestFewChunksAhead",
		name: "protocol-found-all-chunks-at-once",
	},
	{
		what: "Recovery removed prepared segments, the newest first, each for good before the next; but one that a process had" +
			" removed just before it died could still come back after a loss of power, without the one it names: damage where" +
			" there is none, for which a replica is counted as a new one (package crashpoint).",
		fix: "internal/wal: settle; TestPowerIsLostAfterAProcessDiedInRecovery",
	},
	{
		what: "Voters that had lost their whole logs, and knew it, had neither a log nor a list of founders: all of them," +
			" or a single one, founded the ensemble again, without what was committed (beyond the model; refinement).",
		fix:  "internal/driver: identityChanges, TestDamagedFoundsNothing; TestLostLogsDoNotFoundAgain of package zab",
		name: "driver-found-founding-again",
	},
	{
		what: "Who lost patience with a candidate took its support back, each in its own time and for its own next best: when no" +
			" voter could be spared, all had to be for the best one at one moment, and five of eight took minutes (liveness).",
		fix:  "zab/protocol: tickLooking, onLook; TestElectionOfAnExactQuorum, scenario election-support-kept",
		name: "protocol-found-support-taken-back",
	},
	{
		what: "A snapshot that was being restored was removed because the log was being given the next one, and the replica took" +
			" it for a damaged disk and halted (no-halt).",
		fix:  "internal/driver: Applier.Superseded; TestRestoreOfWhatIsBeingReplaced",
		name: "driver-found-restore-superseded",
	},
}
