package selfverify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"rolegate/internal/audit/selfverify"
	"rolegate/internal/testkit/logkit"
)

func acceptance(t *testing.T, p *selfverify.Pass) []byte {
	t.Helper()
	b, err := json.Marshal(selfverify.AcceptanceOf(p.Report))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// passes has a log verified each time it is called, beside the checkpoint that was published
// last, where latest is not nil, and what was answered for.
func passes(t *testing.T, k *logkit.Kit, latest, kept *[]byte) func() *selfverify.Pass {
	o := selfverify.Options{Store: k.Store, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Accepted: func(context.Context) ([]byte, error) { return *kept, nil }}
	if latest != nil {
		o.Key = func(context.Context) (string, error) { return k.VKey, nil }
		o.Kept = func(context.Context) ([]byte, error) { return *latest, nil }
	}
	v := selfverify.New(o)
	return func() *selfverify.Pass {
		t.Helper()
		a, err := v.Ask(t.Context(), operator, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return a.Pass
	}
}

// An entry that was altered is answered for as it is: while the log grows, and its
// checkpoints with it, that is no alarm; whatever is altered later is one, and can be
// answered for as well.
func TestAcceptedAlteration(t *testing.T) {
	for name, altered := range map[string]int64{"in a full tile": 5, "in one that fills later": 290} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(300)
			publisher := k.Publisher()
			latest := publisher.Publish()
			var kept []byte
			pass := passes(t, k, &latest, &kept)
			verify := func() *selfverify.Pass {
				t.Helper()
				latest = publisher.Publish()
				return pass()
			}
			holds := func(what string, grown ...int) {
				t.Helper()
				for _, n := range grown {
					k.Fill(n)
					if p := verify(); p.Failed() {
						t.Fatalf("%s, and %d entries later: %+v", what, n, p.Report.Faults)
					}
				}
			}
			found := func(what string) {
				t.Helper()
				p := verify()
				if !p.Failed() {
					t.Fatalf("%s: not found", what)
				}
				k.Fill(3)
				if again := verify(); !bytes.Equal(selfverify.Digest(p.Report), selfverify.Digest(again.Report)) {
					t.Errorf("%s: what is found is something else in the next pass:\n%+v\n%+v", what, p.Report.Faults, again.Report.Faults)
				} else {
					kept = acceptance(t, again)
				}
			}
			holds("untouched", 1)
			original := k.Leaf(altered)
			k.Forge(altered)
			found("an entry was altered")
			holds("answered for", 1, 230)
			k.Exec(`UPDATE audit_entries SET leaf = ? WHERE idx = ?`, bytes.Replace(original, []byte("contact"), []byte("contest"), 1), altered)
			found("it was altered otherwise")
			holds("answered for that", 1)
			for _, another := range []int64{altered + 1, k.Count("audit_entries") - 1} {
				k.Exec(`UPDATE audit_entries SET leaf = (SELECT leaf FROM audit_entries WHERE idx = 2) WHERE idx = ?`, another)
				found("another one was altered")
				holds("both answered for", 1)
			}
		})
	}
}

// A database that is put back to a state behind what was answered for agrees with
// itself; the checkpoint in the keystore alone shows that entries are gone, and is
// a finding like in a log of which nothing was answered for.
func TestAcceptedAndPutBack(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(300)
	publisher := k.Publisher()
	latest := publisher.Publish()
	var kept []byte
	verify := passes(t, k, &latest, &kept)
	k.Forge(5)
	kept = acceptance(t, verify())
	k.Fill(20)
	latest = publisher.Publish()
	if p := verify(); !p.Accepted {
		t.Fatalf("what was answered for is an alarm: %+v", p.Report.Faults)
	}
	k.Save()
	k.Fill(40)
	latest = publisher.Publish()
	k.Restore()
	k.Fill(100)
	p := verify()
	if !p.Failed() || p.Report.Partial || len(p.Report.Answered) != 1 {
		t.Fatalf("a log that was put back is accepted: %+v", p.Report)
	}
	kept = acceptance(t, p)
	k.Fill(5)
	if p := verify(); !p.Accepted {
		t.Errorf("answered for as well, it is an alarm: %+v", p.Report.Faults)
	}
}
