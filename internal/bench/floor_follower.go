package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// floorFollower appends what it receives to its log, acknowledges it, and
// applies what the leader says is committed. It has one goroutine: everything
// that arrived while it was at the disk is written and synced at once.
type floorFollower struct {
	conn  net.Conn
	log   *rawLog
	state *mapState

	// buf[applied:logged] is on disk, buf[logged:filled] has arrived.
	buf                     []byte
	applied, logged, filled int
	commit                  uint64
}

const followerBuffer = 8 << 20

func readFull(c net.Conn, b []byte) (int, error) { return io.ReadFull(c, b) }

func (o *floorFollower) run() error {
	o.buf = make([]byte, followerBuffer)
	for {
		if len(o.buf)-o.filled < followerBuffer/4 {
			o.compact()
		}
		n, err := o.conn.Read(o.buf[o.filled:])
		if err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		o.filled += n
		if err := o.persist(); err != nil {
			return err
		}
		o.apply()
	}
}

// compact moves what is not yet applied to the head of the buffer.
func (o *floorFollower) compact() {
	copy(o.buf, o.buf[o.applied:o.filled])
	o.logged -= o.applied
	o.filled -= o.applied
	o.applied = 0
	if len(o.buf)-o.filled < followerBuffer/4 {
		o.buf = append(o.buf, make([]byte, followerBuffer)...)
	}
}

// persist logs the frames that have arrived whole and acknowledges them.
func (o *floorFollower) persist() error {
	end, seq := o.logged, uint64(0)
	for o.filled-end >= floorHeader {
		n := 4 + int(binary.LittleEndian.Uint32(o.buf[end:]))
		if o.filled-end < n {
			break
		}
		seq = binary.LittleEndian.Uint64(o.buf[end+4:])
		o.commit = binary.LittleEndian.Uint64(o.buf[end+12:])
		end += n
	}
	if end == o.logged {
		return nil
	}
	if err := o.log.append(o.buf[o.logged:end]); err != nil {
		return fmt.Errorf("follower: %w", err)
	}
	o.logged = end
	var ack [8]byte
	binary.LittleEndian.PutUint64(ack[:], seq)
	_, err := o.conn.Write(ack[:])
	return err
}

// apply applies what is on disk and known to be committed.
func (o *floorFollower) apply() {
	for o.applied < o.logged {
		frame := o.buf[o.applied:o.logged]
		if binary.LittleEndian.Uint64(frame[4:]) > o.commit {
			return
		}
		n := 4 + int(binary.LittleEndian.Uint32(frame))
		eachCommand(frame[floorHeader:n], o.state.apply)
		o.applied += n
	}
}
