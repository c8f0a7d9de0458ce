package driver

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/zab/protocol"
)

// damagedStorage has lost its log, and of its hard state what a test wants.
type damagedStorage struct {
	Storage
	rec     protocol.Recovered
	written *protocol.HardState
}

func (s *damagedStorage) Load() (protocol.Recovered, error) { return s.rec, nil }

func (s *damagedStorage) Append(b protocol.Batch) error {
	s.written = b.HardState
	return nil
}

type noState struct{ Restorer }

// Whoever was damaged comes back under another incarnation, and takes part in no
// founding but the one that it took part in.
func TestDamagedFoundsNothing(t *testing.T) {
	founders := []protocol.Founder{{ID: 1, Incarnation: 7}}
	for name, c := range map[string]struct{ found, want []protocol.Founder }{
		"list is lost": {nil, []protocol.Founder{}},
		"list is kept": {founders, founders},
	} {
		t.Run(name, func(t *testing.T) {
			s := &damagedStorage{rec: protocol.Recovered{
				HardState: &protocol.HardState{Replica: 1, Incarnation: 7, Founders: c.found}, Damage: io.ErrUnexpectedEOF,
			}}
			r, err := Recover(RecoveryConfig{
				Self: 1, Storage: s, StateMachine: noState{}, ChunkBytes: 1 << 10, NewIncarnation: func() uint64 { return 8 },
				Log: slog.New(slog.DiscardHandler), Stop: func() error { return nil },
			})
			require.NoError(t, err)
			require.True(t, errors.Is(r.Damage, io.ErrUnexpectedEOF))
			require.Equal(t, &protocol.HardState{Replica: 1, Incarnation: 8, Founders: c.want}, s.written)
			require.Equal(t, *s.written, r.Hard)
			require.NotNil(t, s.written.Founders)
		})
	}
}
