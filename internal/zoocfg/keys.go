package zoocfg

import (
	"slices"
	"strconv"
	"strings"
)

// syntax is what Apache holds the value of a key to, whether or not it is used.
type syntax uint8

const (
	text syntax = iota
	integer
	long
	boolean
)

// ownKey is a key that QuorumPeerConfig knows: these become no system properties.
type ownKey struct {
	syntax syntax
	effect bool // here
}

var ownKeys = map[string]ownKey{
	"dataDir":                 {text, true},
	"dataLogDir":              {text, true},
	"clientPort":              {integer, true},
	"clientPortAddress":       {text, true},
	"secureClientPort":        {integer, true},
	"secureClientPortAddress": {text, true},
	"tickTime":                {integer, true},
	"initLimit":               {integer, true},
	"syncLimit":               {integer, true},
	"minSessionTimeout":       {integer, true},
	"maxSessionTimeout":       {integer, true},
	"maxClientCnxns":          {integer, true},
	"peerType":                {text, true},
	"dynamicConfigFile":       {text, true},
	"standaloneEnabled":       {boolean, true},
	"reconfigEnabled":         {boolean, true},
	"sslQuorum":               {boolean, true},
	"quorumListenOnAllIPs":    {boolean, true},
	"electionAlg":             {integer, true},

	"quorum.auth.enableSasl":                {boolean, true}, // refused
	"quorum.auth.serverRequireSasl":         {boolean, true}, // refused
	"quorum.auth.learnerRequireSasl":        {boolean, true}, // refused
	"oraclePath":                            {text, true},    // refused
	"quorum.auth.learner.saslLoginContext":  {text, false},
	"quorum.auth.server.saslLoginContext":   {text, false},
	"quorum.auth.kerberos.servicePrincipal": {text, false},

	"quorum.cnxn.threads.size":                {integer, false},
	"autopurge.snapRetainCount":               {integer, false},
	"autopurge.purgeInterval":                 {integer, false},
	"clientPortListenBacklog":                 {integer, false},
	"connectToLearnerMasterLimit":             {integer, false},
	"observerMasterPort":                      {integer, false},
	"localSessionsEnabled":                    {boolean, false},
	"localSessionsUpgradingEnabled":           {boolean, false},
	"portUnification":                         {boolean, false},
	"sslQuorumReloadCertFiles":                {boolean, false},
	"syncEnabled":                             {boolean, false},
	"multiAddress.enabled":                    {boolean, false}, // see server in members.go
	"multiAddress.reachabilityCheckEnabled":   {boolean, false},
	"multiAddress.reachabilityCheckTimeoutMs": {integer, false},
	"jvm.pause.monitor":                       {boolean, false},
	"jvm.pause.info-threshold.ms":             {long, false},
	"jvm.pause.warn-threshold.ms":             {long, false},
	"jvm.pause.sleep.time.ms":                 {long, false},
}

// valid says whether a value is of a syntax, as Java's parsers see it.
func (s syntax) valid(value string) bool {
	var err error
	switch s {
	case integer:
		_, err = strconv.ParseInt(value, 10, 32)
	case long:
		_, err = strconv.ParseInt(value, 10, 64)
	case boolean:
		return strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	}
	return err == nil
}

func (s syntax) String() string {
	return [...]string{"text", "a whole number of 32 bits", "a whole number of 64 bits", "true or false"}[s]
}

// Names of system properties that have an effect here.
const (
	propWhitelist    = "zookeeper.4lw.commands.whitelist"
	propSuperDigest  = "zookeeper.DigestAuthenticationProvider.superDigest"
	propExtended     = "zookeeper.extendedTypesEnabled"
	propEnforceQuota = "zookeeper.enforceQuota"
	propMaxCnxns     = "zookeeper.maxCnxns"
	propSnapCount    = "zookeeper.snapCount"
	propMultiAddress = "zookeeper.multiAddress.enabled"
	propReadOnly     = "readonlymode.enabled"
	propMaxBuffer    = "jute.maxbuffer"
)

// sslProperties are those about TLS for clients that have an effect if there is a secure
// client port, without their zookeeper.ssl. in front.
var sslProperties = strings.Fields(`keyStore.location keyStore.type trustStore.location trustStore.type clientAuth
	enabledProtocols protocol ciphersuites`)

// demands are properties by which an operator asks for what this server cannot do
// and must not silently do without, and the only value that each may have.
var demands = []struct{ name, harmless string }{
	{"zookeeper.sessionRequireClientSASLAuth", "false"},
	{"zookeeper.enforce.auth.enabled", "false"},
	{"zookeeper.DigestAuthenticationProvider.enabled", "true"},
	{"zookeeper.DigestAuthenticationProvider.digestAlg", "SHA1"},
	{"zookeeper.ssl.crl", "false"},
	{"zookeeper.ssl.ocsp", "false"},
}

var effectiveProperties = []string{
	propWhitelist, propSuperDigest, propExtended, propEnforceQuota, propMaxCnxns, propSnapCount, propMultiAddress,
	propReadOnly, propMaxBuffer,
}

// idleProperties are those of Apache's server that make no difference here, without
// their zookeeper. in front. One that ends with a dot stands for all that begin so.
var idleProperties = strings.Fields(`
	admin. authProvider. audit. client. commitProcessor. connection_throttle_ db. fastleader. jmx. kerberos. leader.
	learner. log. messageTracker. metricsProvider. netty. nio. observer. observerMaster. pathStats. request_throttle_
	request_throttler. sasl. security. snapshot. ssl. multiAddress. root.logger console.threshold tracelog.dir tracelog.file
	DigestAuthenticationProvider.enabled DigestAuthenticationProvider.digestAlg SASLAuthenticationProvider.superPassword
	X509AuthenticationProvider.superUser allowSaslFailedClients bitHashCacheSize clientTcpKeepAlive closeSessionTxn.enabled
	cnxTimeout commitLogCount datadir.autocreate digest.enabled electionPortBindRetry emulate353TTLNodes enableEagerACLCheck
	enforce.auth.enabled enforce.auth.schemes ensembleAuthName flushDelay follower.skipLearnerRequestToNextProcessor
	forceSnapshotSync forceSync forward_learner_requests_to_commit_processor_disabled fsync.warningthresholdms
	globalOutstandingLimit intBufferStartingSizeBytes jute.maxbuffer.extrasize kinit largeRequestMaxBytes
	largeRequestThreshold leaderConnectDelayDuringRetryMs leaderServes letAnySaslUserDoX maxBatchSize
	maxGetChildrenResponseCacheSize maxInProcessingDeadWatchers maxResponseCacheSize maxWriteQueuePollTime preAllocSize
	quorumCnxnTimeoutMs request_stale_connection_check request_stale_latency_check requireKerberosConfig server.realm
	serverCnxnFactory sessionRequireClientSASLAuth skipACL snapSizeLimitInKb snapshotSizeFactor superUser tcpKeepAlive
	throttled_op_wait_time txnLogSizeLimitInKb watchManagerName watcherCleanIntervalInSeconds watcherCleanThreadsNum
	watcherCleanThreshold`)

// judgeProperty finds what there is to say of a setting that sets a system property.
func (r *report) judgeProperty(e entry, property string) {
	name, prefixed := strings.CutPrefix(property, "zookeeper.")
	idle := func(p string) bool {
		return name == p || strings.HasPrefix(name, p) && (strings.HasSuffix(p, ".") || strings.HasSuffix(p, "_"))
	}
	switch {
	case slices.Contains(effectiveProperties, property):
	case prefixed && strings.HasPrefix(name, "ssl.") && slices.Contains(sslProperties, name[len("ssl."):]):
	case slices.ContainsFunc(effectiveProperties, func(p string) bool { return p == name }):
		r.find(e, NoEffect, "as in Apache it counts only as a flag, -D"+name+"=...")
	case !prefixed:
		r.find(e, NoEffect, "no property of the server")
	case slices.ContainsFunc(idleProperties, idle):
		r.find(e, NoEffect, "")
	default:
		r.find(e, Unknown, "")
	}
}
