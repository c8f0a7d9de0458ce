package tcp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/zabtree/zabtree/transport"
)

// Sizes of the buffers of a connection, in bytes.
const (
	readAhead    = 64 << 10  // what Recv reads at once
	carveUpTo    = 512       // received frames that share memory
	carvePiece   = 4 << 10   // the memory that they share
	trustedFrame = 256 << 10 // allocated on the word of the other side
	copyUpTo     = 4 << 10   // sent frames that are copied rather than handed over
	writeAtOnce  = 64 << 10  // what is copied before it is written
	maxVectors   = 1024      // slices in one write: what Linux takes in one call
)

// frameReader takes frames from a stream of bytes that may be hostile.
type frameReader struct {
	r     *bufio.Reader
	limit int
	piece []byte // where small frames are carved from
}

func newFrameReader(r io.Reader, limit int) frameReader {
	return frameReader{r: bufio.NewReaderSize(r, readAhead), limit: limit}
}

// next returns the next frame, which belongs to the caller. The error is io.EOF
// only between two frames.
func (f *frameReader) next() ([]byte, error) {
	head, err := f.r.Peek(lengthBytes)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length := binary.BigEndian.Uint32(head)
	if uint64(length) > uint64(f.limit) {
		return nil, fmt.Errorf("%w: %d bytes announced, limit %d", transport.ErrFrameTooLarge, length, f.limit)
	}
	f.r.Discard(lengthBytes) // they were peeked at: this cannot fail
	n := int(length)
	if n > trustedFrame {
		return f.long(n)
	}
	frame := f.memory(n)
	if err := f.fill(frame); err != nil {
		return nil, err
	}
	return frame, nil
}

// memory returns n bytes for a frame, not nil.
func (f *frameReader) memory(n int) []byte {
	if n > carveUpTo {
		return make([]byte, n)
	}
	if n > len(f.piece) || f.piece == nil {
		f.piece = make([]byte, carvePiece)
	}
	b := f.piece[:n:n]
	f.piece = f.piece[n:]
	return b
}

// long reads a frame that is too long to be believed at once: it is given at
// most four times the memory of what has arrived.
func (f *frameReader) long(n int) ([]byte, error) {
	frame := make([]byte, trustedFrame)
	for have := 0; ; {
		if err := f.fill(frame[have:]); err != nil {
			return nil, err
		}
		if have = len(frame); have == n {
			return frame, nil
		}
		longer := make([]byte, min(n, 4*have))
		copy(longer, frame)
		frame = longer
	}
}

func (f *frameReader) fill(b []byte) error {
	_, err := io.ReadFull(f.r, b)
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// vectorWriter writes several slices with one system call; it uses up v.
type vectorWriter interface{ writeVector(v *net.Buffers) error }

// frameWriter writes frames to a connection, many with one system call.
type frameWriter struct {
	to      io.Writer
	vectors vectorWriter // nil: everything is copied
	limit   int
	buf     []byte      // lengths and small frames
	cut     int         // where in buf the piece begins that is in no vector yet
	vector  net.Buffers // pieces of buf and long frames, in order
}

// write writes all frames. Nothing of them is written if one is too large.
func (w *frameWriter) write(frames [][]byte) error {
	for _, f := range frames {
		if len(f) > w.limit {
			return fmt.Errorf("%w: %d bytes, limit %d", transport.ErrFrameTooLarge, len(f), w.limit)
		}
	}
	for _, f := range frames {
		if err := w.room(lengthBytes); err != nil {
			return err
		}
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(f)))
		if len(f) > copyUpTo && w.vectors != nil {
			w.seal()
			w.vector = append(w.vector, f)
			continue
		}
		for len(f) > 0 {
			if err := w.room(min(len(f), copyUpTo)); err != nil {
				return err
			}
			n := min(len(f), writeAtOnce-len(w.buf))
			w.buf = append(w.buf, f[:n]...)
			f = f[n:]
		}
	}
	return w.flush()
}

// room writes what was gathered if n more bytes would be too many.
func (w *frameWriter) room(n int) error {
	if len(w.buf)+n <= writeAtOnce && len(w.vector) < maxVectors-2 {
		return nil
	}
	return w.flush()
}

// seal ends the current piece of buf. Should buf move to other memory later, the
// piece stays where it is.
func (w *frameWriter) seal() {
	if w.cut < len(w.buf) {
		w.vector = append(w.vector, w.buf[w.cut:len(w.buf):len(w.buf)])
		w.cut = len(w.buf)
	}
}

func (w *frameWriter) flush() error {
	var err error
	if len(w.vector) == 0 {
		if len(w.buf) > 0 {
			_, err = w.to.Write(w.buf)
		}
	} else {
		w.seal()
		all := w.vector
		err = w.vectors.writeVector(&w.vector)
		clear(all) // keeps none of the caller's bytes
		w.vector = all[:0]
	}
	w.buf, w.cut = w.buf[:0], 0
	return err
}
