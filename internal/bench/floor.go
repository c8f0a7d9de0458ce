package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// floor does what no replicated log of three can avoid, and nothing else: it
// groups what callers write into batches, sends each batch to two followers,
// appends it to a log and syncs that at all three places, acknowledges it when
// two of them are done, and applies it to a map at all three. There is no
// election, no checksum, no catching up, and no survivor of any fault. What is
// faster than this leaves out work; what is slower spends the difference on
// everything else.
//
// Goroutines: the sequencer (one write per follower and batch, then its own log),
// one per follower that reads acknowledgements, and the two followers. Whichever
// of the first three learns of a majority applies and acknowledges.
type floor struct {
	log       *rawLog
	state     *mapState
	conns     [2]net.Conn
	followers [2]*floorFollower

	mu   sync.Mutex
	cur  *floorBatch   // what callers add to
	free []*floorBatch // whose frames can be used again, by the sequencer alone
	err  error

	kick   chan struct{} // cur is no longer empty
	closed chan struct{}
	wg     sync.WaitGroup

	sent      chan *floorBatch // sequenced and not yet committed, in order
	durable   [3]atomic.Uint64 // the last batch that each of the three has on disk
	committed atomic.Uint64
	advancing sync.Mutex
	over      bool   // nothing more is taken from sent; guarded by advancing
	last      uint64 // batch sequenced last; the sequencer's
}

// floorBatch is a frame: its length without this prefix, its number, the number
// committed when it was sent, and commands, each behind its length.
type floorBatch struct {
	frame    []byte
	commands int
	flush    bool
	seq      uint64
	done     chan struct{} // closed when it is applied here, or err is set
	err      error
}

const (
	floorHeader = 4 + 8 + 8

	// floorWindow is how many batches wait for a majority before the sequencer
	// waits too, and callers gather. It is the one with which the floor was fastest
	// and used the least CPU of 1, 2, 3, 4, 8, 16 and 64. From 8 on it has a second
	// steady state, several times slower: small batches free few callers at a time,
	// who make small batches again; ratios to that say nothing.
	floorWindow = 1
)

var errFloorClosed = errors.New("floor: closed")

func newFloor(dir string) (*floor, error) {
	f := &floor{
		state:  newMapState(),
		kick:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		sent:   make(chan *floorBatch, floorWindow),
	}
	f.cur = f.newBatch()
	var err error
	if f.log, err = newRawLog(filepath.Join(dir, "floor-1")); err != nil {
		return nil, err
	}
	for i := range f.followers {
		if err := f.addFollower(i, dir); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	for i, c := range f.conns {
		f.wg.Go(func() { f.readAcks(c, &f.durable[i+1]) })
	}
	f.wg.Go(f.sequence)
	return f, nil
}

func (f *floor) addFollower(i int, dir string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	log, err := newRawLog(filepath.Join(dir, fmt.Sprintf("floor-%d", i+2)))
	if err != nil {
		return err
	}
	if f.conns[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
		return errors.Join(err, log.close())
	}
	conn, err := l.Accept()
	if err != nil {
		return errors.Join(err, log.close())
	}
	f.followers[i] = &floorFollower{conn: conn, log: log, state: newMapState()}
	f.wg.Go(func() {
		if err := f.followers[i].run(); err != nil {
			f.fail(err)
		}
	})
	return nil
}

func (f *floor) name() string { return "floor" }

func (f *floor) caller(int) (func([]byte) error, error) { return f.write, nil }

// write adds cmd to the batch that is being gathered and waits for the batch.
func (f *floor) write(cmd []byte) error {
	f.mu.Lock()
	b := f.cur
	if f.err != nil {
		defer f.mu.Unlock()
		return f.err
	}
	b.frame = binary.LittleEndian.AppendUint32(b.frame, uint32(len(cmd)))
	b.frame = append(b.frame, cmd...)
	b.commands++
	first := b.commands == 1
	f.mu.Unlock()
	if first {
		f.wake()
	}
	<-b.done
	return b.err
}

func (f *floor) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// newBatch is called with mu held, or before anyone else is there.
func (f *floor) newBatch() *floorBatch {
	b := &floorBatch{done: make(chan struct{})}
	if n := len(f.free); n > 0 {
		b.frame = f.free[n-1].frame
		f.free = f.free[:n-1]
	}
	b.frame = append(b.frame[:0], make([]byte, floorHeader)...)
	return b
}

// sequence sends out batch after batch. While it waits for its own disk, callers
// gather the next batch and followers write this one.
func (f *floor) sequence() {
	defer f.abandon()
	for {
		select {
		case <-f.kick:
		case <-f.closed:
			return
		}
		f.mu.Lock()
		b := f.cur
		if b.commands == 0 && !b.flush {
			f.mu.Unlock()
			continue
		}
		f.cur = f.newBatch()
		f.mu.Unlock()

		f.last++
		b.seq = f.last
		binary.LittleEndian.PutUint32(b.frame, uint32(len(b.frame)-4))
		binary.LittleEndian.PutUint64(b.frame[4:], b.seq)
		binary.LittleEndian.PutUint64(b.frame[12:], f.committed.Load())
		select {
		case f.sent <- b:
		case <-f.closed:
			b.err = f.failure()
			close(b.done)
			return
		}
		for _, c := range f.conns {
			if _, err := c.Write(b.frame); err != nil {
				f.fail(err)
				return
			}
		}
		if err := f.log.append(b.frame); err != nil {
			f.fail(err)
			return
		}
		f.durable[0].Store(b.seq)
		f.advance()
	}
}

func (f *floor) readAcks(c net.Conn, durable *atomic.Uint64) {
	var ack [8]byte
	for {
		if _, err := readFull(c, ack[:]); err != nil {
			f.fail(err)
			return
		}
		durable.Store(binary.LittleEndian.Uint64(ack[:]))
		f.advance()
	}
}

// majority is the last batch that two of three have on disk.
func (f *floor) majority() uint64 {
	a, b, c := f.durable[0].Load(), f.durable[1].Load(), f.durable[2].Load()
	return max(min(a, b), min(b, c), min(a, c))
}

// advance applies and acknowledges what has a majority. Who finds another one at
// it leaves it to him: he looks again after he let go.
func (f *floor) advance() {
	for f.committed.Load() < f.majority() && f.advancing.TryLock() {
		if f.over {
			f.advancing.Unlock()
			return
		}
		for to := f.majority(); f.committed.Load() < to; {
			b := <-f.sent
			eachCommand(b.frame[floorHeader:], f.state.apply)
			f.committed.Store(b.seq)
			close(b.done)
			f.mu.Lock()
			f.free = append(f.free, b)
			f.mu.Unlock()
		}
		f.advancing.Unlock()
	}
}

func eachCommand(b []byte, do func([]byte)) {
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b)
		do(b[4 : 4+n])
		b = b[4+n:]
	}
}

// settle sends two empty batches: the first tells the followers that all before
// it is committed, the acknowledgement of the second that they have applied it.
func (f *floor) settle() error {
	for range 2 {
		f.mu.Lock()
		b := f.cur
		b.flush = true
		f.mu.Unlock()
		f.wake()
		<-b.done
		if b.err != nil {
			return b.err
		}
		for i := range f.durable {
			for f.durable[i].Load() < b.seq {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
	want := f.state.digest()
	for i, o := range f.followers {
		if got := o.state.digest(); got != want {
			return fmt.Errorf("floor: follower %d has applied %d commands and differs from the leader's %d",
				i+2, o.state.count, f.state.count)
		}
	}
	return nil
}

func (f *floor) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// fail ends the floor. The sequencer notices, and ends everyone who waits.
func (f *floor) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	f.err = err
	close(f.closed)
	for i, c := range f.conns {
		if c != nil {
			c.Close()
		}
		if o := f.followers[i]; o != nil {
			o.conn.Close()
		}
	}
}

// abandon fails every batch that is not acknowledged, after the last was
// sequenced.
func (f *floor) abandon() {
	f.advancing.Lock()
	defer f.advancing.Unlock()
	f.over = true
	f.mu.Lock()
	defer f.mu.Unlock()
	for left := []*floorBatch{f.cur}; len(left) > 0; left = left[1:] {
		left[0].err = f.err
		close(left[0].done)
		if len(f.sent) > 0 {
			left = append(left, <-f.sent)
		}
	}
}

func (f *floor) close() error {
	f.fail(errFloorClosed)
	f.wg.Wait()
	err := f.log.close()
	for _, o := range f.followers {
		if o != nil {
			err = errors.Join(err, o.log.close())
		}
	}
	if f.err != errFloorClosed {
		err = errors.Join(err, f.err)
	}
	return err
}
