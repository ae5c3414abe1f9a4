package sink

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"

	"github.com/fxamacker/cbor/v2"
)

// memory is a store in memory, for tests whose time is not real.
type memory struct {
	store.Store
	mu      sync.Mutex
	entries []store.Entry // without a leaf: missing
	job     store.Job
	mac     []byte // of the head; none is the right one
	moved   []int64
	left    bool // apart from the store: the cursor has left the beginning
	apart   bool // what is kept apart from the store is away
	cutOff  []int64
	away    bool
	reads   int // most entries that were read at once
}

var errAway = errors.New("the database is away")

func (m *memory) locked(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errAway
	}
	return do()
}

func (m *memory) Head(context.Context) (h store.Head, err error) {
	err = m.locked(func() error { h = store.Head{Size: int64(len(m.entries)), MAC: m.mac}; return nil })
	return h, err
}

func (m *memory) LogSize(ctx context.Context) (int64, error) {
	h, err := m.Head(ctx)
	return h.Size, err
}

func (m *memory) EntriesBetween(_ context.Context, from, to int64) (out []store.Entry, err error) {
	err = m.locked(func() error {
		for i := from; i < min(to, int64(len(m.entries))); i++ {
			if m.entries[i].Leaf != nil {
				out = append(out, m.entries[i])
			}
		}
		m.reads = max(m.reads, len(out))
		return nil
	})
	return out, err
}

func (m *memory) LeavesFrom(ctx context.Context, from int64, limit int) (out [][]byte, err error) {
	entries, err := m.EntriesBetween(ctx, from, from+int64(limit))
	for _, e := range entries {
		out = append(out, e.Leaf)
	}
	return out, err
}

func (m *memory) Job(context.Context, string) (j store.Job, err error) {
	err = m.locked(func() error { j = m.job; return nil })
	return j, err
}

func (m *memory) InTx(_ context.Context, fn func(store.Tx) error) error {
	return m.locked(func() error {
		was := m.job
		err := fn(memoryTx{m: m})
		if err != nil {
			m.job = was
		}
		return err
	})
}

type memoryTx struct {
	store.Tx
	m *memory
}

func (t memoryTx) LockJob(context.Context, string) (store.Job, error) { return t.m.job, nil }
func (t memoryTx) SetJob(_ context.Context, j store.Job) error        { t.m.job = j; return nil }

// keyed is the log that a sink knows of. Moves are noted in memory.
type keyed struct{}

func (keyed) CheckHead(h store.Head) error {
	if h.MAC != nil {
		return errors.New("the head was altered")
	}
	return nil
}

func (keyed) MAC(kind string, of []byte) []byte {
	sum := sha256.Sum256(fmt.Append(nil, kind, "|", string(of)))
	return sum[:]
}

// cursorAt is the row of the test's sink as one left it.
func cursorAt(position int64, at time.Time) store.Job {
	return store.Job{Position: position, At: at, MAC: keyed{}.MAC("sink", fmt.Append(nil, "test|", position))}
}

func noteMove(_ context.Context, tx store.Tx, claimed, from int64) error {
	m := tx.(memoryTx).m
	m.moved = append(m.moved, claimed, from)
	return nil
}

// grow appends n entries at a time.
func (m *memory) grow(n int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		leaf, err := cbor.Marshal(audit.Leaf{Version: 1, Time: at.UnixMicro(), Class: audit.ClassLogin, Activity: audit.LoginSucceeded, Outcome: audit.OutcomeOK,
			Actor: "anonymous", Source: []byte("s"), Seq: int64(len(m.entries) + 1)})
		if err != nil {
			panic(err)
		}
		m.entries = append(m.entries, store.Entry{Leaf: leaf})
	}
}

func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memory) hasLeft(context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.apart {
		return false, errAway
	}
	return m.left, nil
}

func (m *memory) setLeft(_ context.Context, left bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.apart {
		return errAway
	}
	m.left = left
	return nil
}

func (m *memory) cursor() store.Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.job
}

// inbox is a target in memory that can refuse.
type inbox struct {
	mu     sync.Mutex
	got    []int64
	sizes  []int // of batches
	tries  int
	refuse func(events int) error
	closed bool
}

func (i *inbox) Deliver(_ context.Context, events [][]byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tries++
	if i.refuse != nil {
		if err := i.refuse(len(events)); err != nil {
			return err
		}
	}
	i.sizes = append(i.sizes, len(events))
	for _, e := range events {
		var v struct{ Index int64 }
		if err := json.Unmarshal(e, &v); err != nil {
			return err
		}
		i.got = append(i.got, v.Index)
	}
	return nil
}

func (i *inbox) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	return nil
}

func (i *inbox) set(refuse func(int) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = refuse
}

func (i *inbox) indices() []int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

// tally is how often events were brought, and how many were taken at once.
func (i *inbox) tally() (tries int, sizes []int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tries, slices.Clone(i.sizes)
}

// upTo are the indices from 0 below n.
func upTo(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

// indexOnly renders the index alone.
func indexOnly(_ context.Context, index int64, _ store.Entry) ([]byte, error) {
	return fmt.Appendf(nil, `{"index":%d}`, index), nil
}

func newTestSink(t *testing.T, st store.Store, to Target) *Sink {
	cutOff := func(_ context.Context, at int64) error {
		if m, ok := st.(*memory); ok {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.cutOff = append(m.cutOff, at)
		}
		return nil
	}
	left, setLeft := func(context.Context) (bool, error) { return false, nil }, func(context.Context, bool) error { return nil }
	if m, ok := st.(*memory); ok {
		left, setLeft = m.hasLeft, m.setLeft
	}
	return New(Options{Name: "test", Store: st, Log: keyed{}, Moved: noteMove, Left: left, SetLeft: setLeft, CutOff: cutOff, Target: to, Render: indexOnly, Now: time.Now,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
}

// start runs a sink; the returned function ends it.
func start(s *Sink) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return func() { cancel(); <-done }
}
