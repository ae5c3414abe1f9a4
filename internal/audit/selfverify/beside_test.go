package selfverify_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit/selfverify"
	"rolegate/internal/audit/verify"
	"rolegate/internal/store"
	"rolegate/internal/testkit/logkit"
)

// beside does something after each beginning of a reading, and before its end.
type beside struct {
	store.Store
	begun, ending func(reading int)
	n             int
	inside        bool // of what is done, which reads as well
}

func (b *beside) StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]store.Stored, error) {
	if !sealed && from == 0 && !b.inside { // acts come first
		b.n++
		b.do(b.begun)
	}
	stored, err := b.Store.StoredFrom(ctx, from, until, sealed)
	if sealed && from < 0 && !b.inside {
		b.do(b.ending)
	}
	return stored, err
}

func (b *beside) do(what func(int)) {
	if what != nil {
		b.inside = true
		what(b.n)
		b.inside = false
	}
}

// Erasures go on while the log is verified. One of what was read does no harm; one
// of what was not has it read again, and is no alarm; what is wrong beside it is.
func TestErasuresWhileVerifying(t *testing.T) {
	for name, c := range map[string]struct {
		alter  string
		before bool // it is read
		until  int  // so many readings
		want   string
	}{
		"of what is read":               {"", false, 99, ""},
		"of what is not":                {"", true, 3, ""},
		"of what is read, and altered":  {`UPDATE audit_sealed SET ct = x'00' WHERE idx = 9 AND seg = 0`, false, 99, "entry 9:"},
		"of what is not, and a missing": {`DELETE FROM audit_sealed WHERE idx = 9 AND seg = 0`, true, 2, "entry 9:"},
	} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(60)
			old(k)
			if c.alter != "" {
				k.Exec(c.alter)
			}
			st := &beside{Store: k.Store}
			erase := func(reading int) {
				if reading <= c.until {
					k.Erase(fmt.Sprint("customer:c", reading))
				}
			}
			if st.ending = erase; c.before {
				st.begun, st.ending = erase, nil
			}
			v := selfverify.New(selfverify.Options{Store: st, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			a, err := v.Ask(t.Context(), operator, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			r := a.Pass.Report
			switch {
			case c.want == "" && a.Pass.Failed():
				t.Errorf("a false alarm: %+v", r.Faults)
			case c.want != "" && (!a.Pass.Failed() || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].What, c.want)):
				t.Errorf("%s: %+v", r.Result, r.Faults)
			}
		})
	}
}

// old makes what is sealed as old as the law has it kept.
func old(k *logkit.Kit) {
	for n := range 6 {
		k.Ref("acme", fmt.Sprint("customer:c", n))
	}
	k.Advance(verify.LegalFloor + time.Hour)
}

// What is sealed is kept for as long as the law says, whatever an act says of itself.
func TestErasureBeforeTheLegalFloor(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(20)
	k.Erase("customer:c3")
	v := selfverify.New(selfverify.Options{Store: k.Store, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	a, err := v.Ask(t.Context(), operator, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if r := a.Pass.Report; !a.Pass.Failed() || !strings.Contains(r.Faults[0].What, "it is kept for 184 days, and was 0 days old") {
		t.Errorf("%s: %+v", r.Result, r.Faults)
	}
}
