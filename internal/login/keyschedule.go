package login

import (
	"time"

	"rolegate/internal/store"
	"rolegate/internal/token"
)

// The life of a signing key:
//
//	made ──PrepublishFor──▶ signs ─────────▶ the next one signs ──RetireFor──▶ dropped
//	└─ in the JWKS ────────────────────────────────────────────────────────┘
//
// Verifiers keep the JWKS for up to five minutes, so a key is in it for longer
// than that before it signs; and it stays until no token of it is good any more,
// with time for clocks that disagree.
const (
	PrepublishFor = 10 * time.Minute
	RetireFor     = AccessTTL + 2*token.MaxLeeway
)

// KeyState is where a key is in its life.
type KeyState string

const (
	KeyPrepublished KeyState = "prepublished" // verifies; signs later
	KeySigning      KeyState = "signing"      // exactly one
	KeyRetiring     KeyState = "retiring"     // verifies; another one signs
	KeyDropped      KeyState = "dropped"      // soon deleted
	KeyRevoked      KeyState = "revoked"      // good for nothing from that moment on
)

func (s KeyState) verifies() bool {
	return s == KeyPrepublished || s == KeySigning || s == KeyRetiring
}

// KeyInfo is a signing key as people see it. Zero times are open.
type KeyInfo struct {
	ID            string    `json:"kid"`
	Algorithm     string    `json:"algorithm"`
	State         KeyState  `json:"state"`
	CreatedAt     time.Time `json:"created_at"`
	SignsFrom     time.Time `json:"signs_from"`
	SignsUntil    time.Time `json:"signs_until,omitzero"`
	VerifiesUntil time.Time `json:"verifies_until,omitzero"`
	RevokedAt     time.Time `json:"revoked_at,omitzero"`
}

// schedule tells what each key is at a time. rows are as store.ListSigningKeys
// gives them, the last to sign first; so is the answer.
func schedule(rows []store.SigningKey, now time.Time) []KeyInfo {
	out := make([]KeyInfo, len(rows))
	var next time.Time // when the one after this began, or will begin
	for i, r := range rows {
		k := KeyInfo{ID: r.ID, Algorithm: r.Algorithm, CreatedAt: r.CreatedAt, SignsFrom: r.NotBefore, SignsUntil: next, RevokedAt: r.RevokedAt}
		if !next.IsZero() {
			k.VerifiesUntil = next.Add(RetireFor)
		}
		switch {
		case !r.RevokedAt.IsZero():
			k.State = KeyRevoked
		case now.Before(r.NotBefore):
			k.State = KeyPrepublished
		case next.IsZero() || now.Before(next):
			k.State = KeySigning
		case now.Before(k.VerifiesUntil):
			k.State = KeyRetiring
		default:
			k.State = KeyDropped
		}
		out[i] = k
		if r.RevokedAt.IsZero() || r.RevokedAt.After(r.NotBefore) { // revoked before it signed, it took no one's place
			next = r.NotBefore
		}
	}
	sign(out)
	return out
}

// sign has the first of those to come sign where none does: the clock went back,
// or is behind that of the replica which revoked a key and made another.
func sign(keys []KeyInfo) {
	soonest := -1
	for i, k := range keys {
		switch k.State {
		case KeySigning:
			return
		case KeyPrepublished:
			soonest = i
		}
	}
	if soonest >= 0 {
		keys[soonest].State = KeySigning
	}
}
