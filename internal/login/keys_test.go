package login

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rolegate/internal/store"
)

var keyTime = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func states(keys []KeyInfo) string {
	out := ""
	for _, k := range keys {
		out += k.ID + ":" + string(k.State) + " "
	}
	return out
}

func TestSchedule(t *testing.T) {
	at := func(m int) time.Time { return keyTime.Add(time.Duration(m) * time.Minute) }
	key := func(id string, from int) store.SigningKey {
		return store.SigningKey{ID: id, CreatedAt: at(0), NotBefore: at(from)}
	}
	revoked := func(id string, from, when int) store.SigningKey {
		k := key(id, from)
		k.RevokedAt = at(when)
		return k
	}
	for _, c := range []struct {
		name string
		rows []store.SigningKey // the last to sign first
		at   int
		want string
	}{
		{"none", nil, 0, ""},
		{"one", []store.SigningKey{key("a", 0)}, 100000, "a:signing "},
		{"the next is published", []store.SigningKey{key("b", 10), key("a", 0)}, 9, "b:prepublished a:signing "},
		{"the next signs", []store.SigningKey{key("b", 10), key("a", 0)}, 10, "b:signing a:retiring "},
		{"the last token has ended", []store.SigningKey{key("b", 10), key("a", 0)}, 20, "b:signing a:retiring "},
		{"and clocks may differ", []store.SigningKey{key("b", 10), key("a", 0)}, 21, "b:signing a:dropped "},
		{"the signing key is revoked", []store.SigningKey{key("c", 15), revoked("b", 10, 15), key("a", 0)}, 15, "c:signing b:revoked a:retiring "},
		{"its predecessor's time goes on", []store.SigningKey{key("c", 15), revoked("b", 10, 15), key("a", 0)}, 21, "c:signing b:revoked a:dropped "},
		{"the next is revoked before it signs", []store.SigningKey{revoked("b", 10, 5), key("a", 0)}, 30, "b:revoked a:signing "},
		{"a retiring key is revoked", []store.SigningKey{key("b", 10), revoked("a", 0, 12)}, 12, "b:signing a:revoked "},
		{"a clock behind the one that revoked", []store.SigningKey{key("c", 15), revoked("b", 10, 15), key("a", 0)}, 14, "c:signing b:revoked a:retiring "},
		{"a clock before all", []store.SigningKey{key("b", 10), key("a", 5)}, 0, "b:prepublished a:signing "},
		{"all revoked", []store.SigningKey{revoked("a", 0, 1)}, 2, "a:revoked "},
	} {
		if got := states(schedule(c.rows, at(c.at))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Whatever was made and revoked when: one key signs, and a token that a key
// signed verifies until it ends, unless the key was revoked.
func TestScheduleKeepsTokensGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []store.SigningKey
		from := keyTime
		for i := range rapid.IntRange(1, 6).Draw(t, "keys") {
			k := store.SigningKey{ID: string(rune('a' + i)), NotBefore: from}
			if i > 0 && rapid.Bool().Draw(t, "revoked") {
				k.RevokedAt = from.Add(time.Duration(rapid.IntRange(-10, 10).Draw(t, "after")) * time.Minute)
			}
			rows = append([]store.SigningKey{k}, rows...)
			from = from.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute)
		}
		now := keyTime.Add(time.Duration(rapid.IntRange(0, 800).Draw(t, "now")) * time.Minute)
		var signer string
		n := 0
		for _, k := range schedule(rows, now) {
			if k.State == KeySigning {
				signer = k.ID
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d keys sign: %s", n, states(schedule(rows, now)))
		}
		later := now.Add(AccessTTL)
		for _, k := range schedule(rows, later) {
			if k.ID == signer && !k.State.verifies() && k.State != KeyRevoked {
				t.Fatalf("a token of %s made at %s does not verify at its end: %s", signer, now, states(schedule(rows, later)))
			}
		}
	})
}
