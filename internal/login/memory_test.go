package login

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"
	"time"

	"rolegate/internal/token"
)

func digestOf(n int) digest { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func (m *memory) count() (n int) {
	for i := range m.shards {
		n += len(m.shards[i].young) + len(m.shards[i].old)
	}
	return n
}

// However many good tokens there are, so many are remembered and no more; what
// is in use stays.
func TestMemoryIsBounded(t *testing.T) {
	var m memory
	now := time.Now()
	inUse := &verified{}
	m.put(digestOf(-1), inUse, now)
	for i := range 200_000 {
		m.put(digestOf(i), &verified{claims: token.Claims{Subject: "somebody"}}, now)
		if i%1000 == 0 && m.find(digestOf(-1), now) != inUse {
			t.Fatalf("a token in use is forgotten after %d others", i)
		}
	}
	if n := m.count(); n > maxRemembered {
		t.Errorf("%d are remembered, want at most %d", n, maxRemembered)
	}
	if m.find(digestOf(199_999), now) == nil || m.find(digestOf(0), now) != nil {
		t.Error("the newest is forgotten, or the oldest is not")
	}
	for i := range 2000 { // every shard is met
		m.put(digestOf(i), inUse, now.Add(3*AccessTTL))
	}
	if n := m.count(); n != 2000 {
		t.Errorf("%d are remembered, want the 2000 that have not expired", n)
	}
}

func TestMemoryIsShared(t *testing.T) {
	var m memory
	now := time.Now()
	var wg sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range 20_000 {
				d := digestOf(i)
				if v := m.find(d, now); v != nil && v.claims.ExpiresAt.Unix() != int64(i) {
					t.Errorf("token %d is taken for %d", i, v.claims.ExpiresAt.Unix())
				}
				m.put(d, &verified{claims: token.Claims{ExpiresAt: time.Unix(int64(i), 0)}}, now)
			}
		})
	}
	wg.Wait()
	if n := m.count(); n > maxRemembered {
		t.Errorf("%d are remembered, want at most %d", n, maxRemembered)
	}
}
