package zoocfg

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// takeMembership reads who belongs to the ensemble, and who of them this is.
func (l *loader) takeMembership(c *Config, entries []entry) {
	before := len(l.errs)
	rules := rules{maxID: maxID, multi: l.truth(propMultiAddress)}
	if c.ExtendedTypes {
		rules.maxID = maxIDExtended
	}
	if e, ok := l.keys["dynamicConfigFile"]; ok {
		c.Members = l.dynamicMembers(e, entries, rules)
	} else {
		c.Members = l.members(entries, rules)
	}
	standalone := l.boolean("standaloneEnabled", true)
	participants := c.Members.participants()
	c.Ensemble = participants > 1 || !standalone
	if len(l.errs) == before {
		l.checkParticipants(c, standalone, participants)
	}
	whole := len(l.errs) == before
	l.takeID(c, rules, whole)
	l.takeOwn(c)
	l.checkPorts(c, whole)
	if !c.Ensemble {
		return
	}
	for _, limit := range []string{"initLimit", "syncLimit"} {
		// Ranges were checked; as in Apache 0 is the same as nothing.
		if e := l.at(limit); e.line == 0 || integer.valid(e.value) && strings.Trim(e.value, "+-0") == "" {
			l.bad(e, ErrMissing, "an ensemble needs it, and not 0")
		}
	}
}

// dynamicMembers reads the members from a file of their own.
func (l *loader) dynamicMembers(path entry, entries []entry, rules rules) Members {
	for _, e := range entries {
		if ofMembers(e.key) {
			l.bad(e, ErrConflict, "members are in the file of dynamicConfigFile, or here, not both")
		}
	}
	content, ok := l.read(path.value, MaxFileBytes)
	if !ok {
		return Members{}
	}
	dynamic := l.settle(l.parseProperties(path.value, content))
	for _, e := range dynamic {
		switch {
		case e.key == "version":
			l.bad(e, ErrConflict, "the version is in the name of a dynamic file, not in it")
		case !ofMembers(e.key):
			l.bad(e, ErrSyntax, "unrecognised parameter")
		}
	}
	m := l.members(dynamic, rules)
	if i := strings.LastIndexByte(path.value, '.'); i >= 0 {
		v, err := strconv.ParseInt(path.value[i+1:], 16, 64)
		if err == nil && v < 0 {
			l.bad(path, ErrRange, "the name ends with a version below 0")
		} else if err == nil {
			m.Version = uint64(v)
		}
	}
	return m
}

// checkParticipants holds the members to Apache's rules for how many there must be.
func (l *loader) checkParticipants(c *Config, standalone bool, participants int) {
	observers := len(c.Members.Servers) - participants
	e := entry{file: l.file, key: "server.N"}
	switch {
	case participants == 0 && !standalone:
		l.bad(e, ErrMissing, "standaloneEnabled is false, and there are no participants")
	case observers > 0 && !c.Ensemble:
		l.bad(e, ErrMissing, "observers need more than one participant, or standaloneEnabled=false")
	case participants == 1 && standalone:
		l.find(e, NoEffect, "it is the only server: this one runs standalone")
	}
}

// maxIDBytes is how much of myid is read.
const maxIDBytes = 4096

// takeID reads myid. whole says whether the members are known.
func (l *loader) takeID(c *Config, rules rules, whole bool) {
	if c.DataDir == "" {
		return
	}
	e := entry{file: filepath.Join(c.DataDir, "myid"), key: "myid"}
	content, err := readAll(l.open, e.file, maxIDBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if c.Ensemble {
			l.bad(e, ErrMissing, "a member of an ensemble needs it")
		}
		return
	case err != nil:
		l.add(&Error{File: e.file, Key: e.key, Kind: ErrRead, Cause: err})
		return
	}
	line := content
	if i := bytes.IndexAny(content, "\r\n"); i >= 0 {
		line = content[:i]
	}
	id, err := strconv.ParseInt(string(line), 10, 64)
	switch e.line = 1; {
	case err != nil:
		l.bad(e, ErrSyntax, "the first line is no number, or there is something beside it")
	case (id < 1 || id > rules.maxID) && c.Ensemble:
		l.bad(e, ErrRange, "it is not 1 to %d", rules.maxID)
	case id < 1 || id > rules.maxID:
		l.find(e, NoEffect, "out of range, and not needed by a standalone server")
	case c.Ensemble && whole && c.Members.Find(uint64(id)) == nil:
		l.bad(entry{file: l.file, key: "server." + strconv.FormatInt(id, 10)}, ErrMissing, "it is this server, by %s", e.file)
	default:
		c.ID = uint64(id)
	}
}

// takeOwn takes what the list of servers says of this one: where it serves clients,
// which must not be another place than in the zoo.cfg, and its role.
func (l *loader) takeOwn(c *Config) {
	own := c.Members.Find(c.ID)
	role := Participant
	if own != nil {
		role = own.Role
	}
	if e, ok := l.keys["peerType"]; ok {
		switch said := strings.ToLower(e.value); {
		case said != Observer.String() && said != Participant.String():
			l.bad(e, ErrSyntax, "neither participant nor observer")
		case said != role.String():
			l.find(e, Adjusted, "the list of servers says "+role.String())
		}
	}
	if own == nil || own.Client.Port == 0 {
		return
	}
	if static := c.Client; static.Port != 0 && !static.wildcard() && differ(static.Host, own.Client.Host) ||
		static.Port != 0 && static.Port != own.Client.Port {
		l.bad(l.at("clientPort"), ErrConflict, "it says %s, and server.%d %s", static, c.ID, own.Client)
	}
	c.Client = own.Client
}

// differ says whether hosts are two, as far as can be told without resolving names.
func differ(a, b string) bool {
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	return err1 == nil && err2 == nil && x != y
}

// checkPorts refuses what could not be listened on, and looks for somewhere to serve
// clients. whole says whether the members are known.
func (l *loader) checkPorts(c *Config, whole bool) {
	if c.Client.overlaps(c.SecureClient) {
		l.bad(l.at("secureClientPort"), ErrConflict, "it is the client port too")
	}
	if own := c.Members.Find(c.ID); own != nil && c.Ensemble && whole {
		for _, a := range own.Addrs {
			if c.QuorumListenOnAllIPs {
				a.Host = "0.0.0.0"
			}
			for _, member := range []Addr{{a.Host, a.Quorum}, {a.Host, a.Election}} {
				if c.Client.overlaps(member) {
					l.bad(l.at("clientPort"), ErrConflict, "it is a port of server.%d for members too", c.ID)
				}
				if c.SecureClient.overlaps(member) {
					l.bad(l.at("secureClientPort"), ErrConflict, "it is a port of server.%d for members too", c.ID)
				}
			}
		}
	}
	switch {
	case c.Client.Port != 0 || c.SecureClient.Port != 0 || l.noPort:
	case c.Ensemble:
		l.find(l.at("clientPort"), Notice, "no clients are served")
	default:
		l.bad(l.at("clientPort"), ErrMissing, "a standalone server needs one")
	}
}
