package wire

// word is a four-letter word: what an operator's tool sends instead of a
// handshake, without a length in front. The server answers in text and closes.
type word string

// The words that ZooKeeper 3.8 knows.
const (
	wordConf word = "conf"
	wordCons word = "cons"
	wordCrst word = "crst"
	wordDirs word = "dirs"
	wordDump word = "dump"
	wordEnvi word = "envi"
	wordGtmk word = "gtmk"
	wordHash word = "hash"
	wordIsro word = "isro"
	wordMntr word = "mntr"
	wordRuok word = "ruok"
	wordSrst word = "srst"
	wordSrvr word = "srvr"
	wordStat word = "stat"
	wordStmk word = "stmk" // the new mask follows, 8 bytes
	wordWchc word = "wchc"
	wordWchp word = "wchp"
	wordWchs word = "wchs"
)

// parseWord says which word a connection begins with, if any: first is its first
// four bytes. Taken as the length of a handshake every word is far above any
// limit (each letter makes it so), so that nothing is both.
func parseWord(first [4]byte) (word, bool) {
	switch w := word(first[:]); w {
	case wordConf, wordCons, wordCrst, wordDirs, wordDump, wordEnvi, wordGtmk, wordHash, wordIsro, wordMntr,
		wordRuok, wordSrst, wordSrvr, wordStat, wordStmk, wordWchc, wordWchp, wordWchs:
		return w, true
	}
	return "", false
}
