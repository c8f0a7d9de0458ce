package protocol

import "slices"

// connect begins a link to the backend whose turn it is.
func (c *Client) connect() {
	c.link++
	c.state = linkConnecting
	c.giveUpAt = c.now + c.patience(c.timeout/3, 2*c.timeout)
	c.emit(Effect{Kind: EffectConnect, Link: c.link, Backend: c.backend})
}

// patience is how long to wait: less if there is somewhere else to go, and more after
// every round of all of them that was in vain, since each attempt leaves work behind
// with an ensemble that may have too much already.
func (c *Client) patience(several, one int64) int64 {
	if c.config.Backends > 1 {
		return several << min(c.failures/c.config.Backends, maxPatience)
	}
	return one
}

const maxPatience = 3 // 8 times as long

// Connected says that a link is open.
func (c *Client) Connected(link uint64, now int64) {
	c.now = now
	if link != c.link || c.state != linkConnecting {
		return
	}
	c.state = linkJoining
	c.giveUpAt = now + c.patience(c.timeout/3, 2*c.timeout)
	if c.session == 0 {
		if !c.opened {
			c.opened, c.openedAt = true, now
		}
		c.send(&Open{Timeout: c.config.Timeout, Password: c.config.Password})
		return
	}
	c.attach(c.attachment)
}

func (c *Client) attach(from int64) {
	for ws := range slices.Chunk(c.armed(), MaxRearm) {
		c.send(&Rearm{Watches: ws})
	}
	c.send(&Attach{
		Session: c.session, Password: c.config.Password, From: from, LastSeen: c.lastSeen,
		AnsweredUpTo: c.answered, LastSent: c.lastSeq,
	})
}

// Lost says that a link is broken or could not be opened.
func (c *Client) Lost(link uint64, now int64) {
	c.now = now
	if link == c.link && c.state != linkNone && !c.ended {
		c.fail()
	}
}

// drop forgets the link, closing it.
func (c *Client) drop() {
	if c.state == linkNone {
		return
	}
	if c.state == linkAttached {
		c.emit(Effect{Kind: EffectDetached, Link: c.link})
	}
	c.emit(Effect{Kind: EffectDisconnect, Link: c.link})
	c.state = linkNone
	c.arriving, c.removed = nil, nil
	c.pings = c.pings[:0]
	c.inflight, c.calls.sent = 0, 0
	for i := range c.calls.len() {
		c.calls.at(i).counted = false
	}
}

// fail drops the link and turns to the next backend, at once after a link that
// was of use, and else after a pause that grows.
func (c *Client) fail() {
	if c.state == linkAttached {
		c.failures = 0
	}
	c.drop()
	if !c.turn() {
		return
	}
	pause := int64(0)
	if c.failures >= c.config.Backends {
		pause = min(c.timeout/200<<min(c.failures-c.config.Backends, 8), c.timeout/10)
	}
	if c.config.Backends == 1 {
		pause = max(pause, c.timeout/200)
	}
	c.failures++
	c.retryAt = c.now + pause
	if pause == 0 {
		c.connect()
	}
}

// turn makes it the next backend's turn. With none left the session is over on this
// side, and the result false.
func (c *Client) turn() bool {
	for range c.config.Backends {
		c.backend = (c.backend + 1) % c.config.Backends
		if !c.gone[c.backend] {
			return true
		}
	}
	c.end(FaultUnreachable, nil)
	return false
}

// Move turns to a backend, whether or not the session is attached.
func (c *Client) Move(backend int, now int64) {
	c.now = now
	if c.ended || backend < 0 || backend >= c.config.Backends {
		return
	}
	c.drop()
	c.backend, c.failures = backend, 0
	c.connect()
}

// AddBackend adds a backend to choose from, and returns its number.
func (c *Client) AddBackend() int {
	c.config.Backends++
	c.gone = append(c.gone, false)
	return c.config.Backends - 1
}

// Gone says that a backend is closed for good. With the last one the session is
// over on this side.
func (c *Client) Gone(backend int, now int64) {
	c.now = now
	c.gone[backend] = true
	if backend != c.backend || c.ended {
		return
	}
	c.drop()
	if c.turn() {
		c.connect()
	}
}

// Receive takes a message. Those of links that are given up are ignored.
func (c *Client) Receive(link uint64, m Message, now int64) {
	c.now = now
	if link != c.link || c.ended {
		return
	}
	var ok bool
	switch c.state {
	case linkJoining:
		ok = c.receiveJoining(m)
	case linkAttached:
		ok = c.receiveAttached(m)
	default:
		return
	}
	if !ok {
		c.fail()
	}
}

func (c *Client) receiveJoining(m Message) bool {
	switch m := m.(type) {
	case *Attached:
		return c.attached(m)
	case *Events:
		return c.events(m)
	case *GoingAway:
		return c.config.Backends == 1
	case *Refused:
		return c.refused(m)
	}
	return false
}

func (c *Client) refused(m *Refused) bool {
	switch {
	case m.Reason == RefusedExpired && c.session != 0:
		fault := FaultExpired
		if c.closing {
			fault = FaultClosed
		}
		c.end(fault, m.Fates)
		return true
	case m.Reason == RefusedMoved && c.session != 0:
		// Somewhere an attach of this session went through without our knowing.
		// The current one is the newest of all, and we know better where we are.
		c.attachment = max(c.attachment, m.Attachment)
		c.drop()
		c.connect()
		return true
	}
	return false
}

func (c *Client) attached(m *Attached) bool {
	if m.Session == 0 || c.session != 0 && m.Session != c.session || m.Timeout <= 0 {
		return false
	}
	if c.session == 0 {
		c.session = m.Session
		c.timeout = min(m.Timeout, MaxTimeout)
		// Which of several Opens it was that made the session, nobody knows.
		c.renew(c.openedAt)
	}
	c.limits = m.Limits
	c.attachment = m.Attachment
	c.seen(m.Attachment)
	c.state = linkAttached
	c.failures = 0
	c.giveUpAt = c.now + c.patience(c.timeout/2, c.timeout)
	c.pingAt = c.now
	if m.Attachment == m.Session && c.leased { // just opened
		c.pingAt += c.timeout / pingsPerTimeout
	}
	c.emit(Effect{Kind: EffectAttached, Link: c.link, Backend: c.backend})
	for _, id := range c.removed {
		c.send(&Unwatch{Watch: id})
	}
	c.removed = nil
	c.giveUpOvertaken(m.LastSequence)
	c.pump()
	c.tick()
	return true
}

// giveUpOvertaken resolves the reads, submitted before a write that was applied,
// that can no longer be carried out in their place.
func (c *Client) giveUpOvertaken(last uint64) {
	n := c.calls.len()
	for n > 0 {
		if call := c.calls.at(n - 1); call.sequence != 0 && call.sequence <= last {
			break
		}
		n--
	}
	for i := range n {
		if call := c.calls.at(i); !call.write() && !call.resolved {
			c.dropPendingWatch(call)
			c.resolve(call, FaultOvertaken, false)
		}
	}
	c.calls.trim()
}

func (c *Client) receiveAttached(m Message) bool {
	switch m := m.(type) {
	case *Answer:
		return c.answer(m)
	case *Events:
		return c.events(m)
	case *Pong:
		c.pong(m.N)
		return true
	case *Hold:
		c.send(&Acknowledge{AnsweredUpTo: c.answered})
		return true
	case *GoingAway:
		if c.config.Backends > 1 {
			return false
		}
		c.Close(c.now)
		return true
	case *Ended:
		switch m.Reason {
		case EndClosed:
			c.end(FaultClosed, m.Fates)
			return true
		case EndExpired:
			c.end(FaultExpired, m.Fates)
			return true
		}
	}
	return false
}

// Tick does what time asks for.
func (c *Client) Tick(now int64) {
	c.now = now
	c.tick()
}

func (c *Client) tick() {
	if c.ended {
		return
	}
	if c.leased && c.now >= c.until {
		c.loseLease(FaultNone)
	}
	switch {
	case c.state == linkNone:
		if c.now >= c.retryAt {
			c.connect()
		}
	case c.now >= c.giveUpAt:
		c.fail()
	case c.state == linkAttached && c.now >= c.pingAt:
		c.ping()
	}
}

// Deadline returns when Tick is due; it changes with every event.
func (c *Client) Deadline() int64 {
	d := int64(1<<63 - 1)
	switch {
	case c.ended:
		return d
	case c.state == linkNone:
		d = c.retryAt
	case c.state == linkAttached:
		d = min(c.giveUpAt, c.pingAt)
	default:
		d = c.giveUpAt
	}
	if c.leased {
		d = min(d, c.until)
	}
	return d
}
