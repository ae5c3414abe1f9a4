package login

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/token"
	"rolegate/model"
)

// Revisions tells how far each tenant is known to have moved.
type Revisions interface {
	// Known is a revision the tenant has at least reached, 0 for a tenant of which
	// nothing is known. It takes no lock and never goes back. Every change of what
	// a token's validity rests on moves it: of the tenant, its users and sessions,
	// and of the clients that may act in it. A change this process made has moved
	// it when the change is answered; one that another process made, as soon as
	// this one learns of it.
	Known(tenant string) int64
}

// maxRemembered bounds how many tokens are remembered at once.
const maxRemembered = 1 << 16

// digest stands for a token.
type digest [sha256.Size]byte

// memory remembers tokens that were verified, so that no signature is checked
// twice: a look-up takes less than a microsecond, a signature a hundred. What is
// not a good token never gets in, so nobody can crowd others out without having
// as many good tokens; then those go first that were not seen for longest.
//
// It holds digests, never tokens. Its zero value is ready.
type memory struct {
	shards [64]shard
}

// shard remembers the tokens of late and those of before. When the young are
// half of what may be, or a token's lifetime old, they become the old, and the
// old are forgotten.
type shard struct {
	mu         sync.RWMutex // held for the fields below
	young, old map[digest]*verified
	born       time.Time // when the young began
}

// verified is a token with a good signature.
type verified struct {
	claims token.Claims
	keys   uint64               // the generation of keys it was verified with
	live   atomic.Pointer[live] // what was found behind it last
}

// live is what stood behind a token at a revision of its tenant.
type live struct {
	revision int64
	caller   model.Caller // of a client's token
	session  Session      // of a person's token
	ends     time.Time    // of the session
}

func (m *memory) find(d digest, now time.Time) *verified {
	s := &m.shards[d[0]%uint8(len(m.shards))]
	s.mu.RLock()
	v, young := s.young[d]
	if !young {
		v = s.old[d]
	}
	s.mu.RUnlock()
	if v != nil && !young {
		m.put(d, v, now)
	}
	return v
}

func (m *memory) put(d digest, v *verified, now time.Time) {
	s := &m.shards[d[0]%uint8(len(m.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.born)
	if s.young == nil || age > AccessTTL || len(s.young) >= maxRemembered/len(m.shards)/2 {
		s.old = s.young
		if age > 2*AccessTTL { // all of them have expired
			s.old = nil
		}
		s.young, s.born = map[digest]*verified{}, now
	}
	s.young[d] = v
}

// verify is the Verifier's, from memory where it can be. What has expired, or
// was signed with a key that is gone, is looked at anew. Where nobody can tell, as
// keys may have changed and cannot be read, the error says so: see untrue.
func (s *Service) verify(raw string) (*verified, error) {
	if len(raw) > token.MaxBytes {
		_, err := s.Verifier.Verify(raw)
		return nil, err
	}
	set, err := s.Keys.fresh()
	if err != nil {
		return nil, err
	}
	d, now, keys := digest(sha256.Sum256([]byte(raw))), s.Now(), set.generation
	if v := s.remembered.find(d, now); v != nil && v.keys == keys && s.Verifier.Holds(v.claims) {
		return v, nil
	}
	claims, err := s.Verifier.Verify(raw)
	if err != nil {
		return nil, err
	}
	v := &verified{claims: claims, keys: keys}
	s.remembered.put(d, v, now)
	return v, nil
}

// untrue tells the errors of verify that are the token's own. Others are a fault of
// ours, which is no reason to take a token for a wrong one, and log people out.
func untrue(err error) bool { return errors.Is(err, token.ErrInvalid) }

// liveAt is what stood behind the token at the revision its tenant has now; nil
// where that has to be looked up.
func (v *verified) liveAt(revision int64) *live {
	if l := v.live.Load(); l != nil && l.revision == revision {
		return l
	}
	return nil
}

// keep remembers what was looked up after the revision was known. Of a tenant of
// which nothing is known nothing is remembered.
func (v *verified) keep(l live) {
	if l.revision > 0 {
		v.live.Store(&l)
	}
}
