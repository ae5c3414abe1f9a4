package audit

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// A process holds the keys it has used in memory. Whoever destroys keys in the
// keystore leaves a mark there; every process looks for it, and forgets all keys
// when it is another one. So a key that was destroyed seals and opens nothing a
// moment later, on every replica.
const (
	lookEvery = time.Second      // for the mark
	lookFor   = 30 * time.Second // without an answer, keys in memory are believed no longer
)

// lookedAt is the mark and when it was last read; the mutex also has those who look
// do so one after the other, so that an older mark never replaces a newer one.
type lookedAt struct {
	mu   sync.Mutex
	mark []byte
	at   time.Time
}

// look reads the mark and forgets the keys in memory if it is another one, or if
// it could not be read for too long: then keys are read again where they are
// used, which fails while the keystore is away.
func (p *people) look(ctx context.Context) error {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	now := p.now()
	mark, err := p.keys.DestroyedMark(ctx)
	if err != nil {
		if now.Sub(p.seen.at) > lookFor {
			p.forget()
		}
		return err
	}
	if !bytes.Equal(mark, p.seen.mark) {
		p.forget()
	}
	p.seen.mark, p.seen.at = mark, now
	return nil
}

func (p *people) forget() {
	p.persons.clear()
	p.months.clear()
}

// ForgetKeys has this process look for keys that were destroyed, and forget them.
// It does so by itself every second where it is not alone; whoever destroys keys
// calls it, so that the process that does so is the first to know.
func (l *Log) ForgetKeys(ctx context.Context) error { return l.people.look(ctx) }
