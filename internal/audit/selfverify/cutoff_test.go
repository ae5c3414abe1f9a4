package selfverify_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/audit/selfverify"
	"rolegate/internal/store"
	"rolegate/internal/testkit/logkit"
	"rolegate/model"
)

// stopping is a store on which the process is told to stop when a reading has come to
// an entry.
type stopping struct {
	store.Store
	at   int64
	stop func()
}

func (s *stopping) StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]store.Stored, error) {
	if sealed && from >= s.at {
		s.stop()
	}
	return s.Store.StoredFrom(ctx, from, until, sealed)
}

// A pass that a stop cuts off leaves an entry that says how far it had come.
func TestPassIsCutOff(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(5000)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	v := selfverify.New(selfverify.Options{Store: &stopping{k.Store, 2048, stop}, Keys: k.Keys, Log: k.Log, Every: time.Hour, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler)})
	if a, err := v.Ask(ctx, operator, time.Minute); err == nil {
		t.Fatalf("it went on: %+v", a)
	}
	eventually(t, "it has left an entry", func() bool { return k.Count("audit_entries") > 5000 })
	found := audittest.From(t, k.Store, 5000)
	if e := found[0]; len(found) != 1 || e.Activity != audit.LogVerified || e.Outcome != audit.OutcomeError || e.Code != model.CodeStopping || e.Count < 2048 || e.Count >= 5000 {
		t.Errorf("%d entries: %+v", len(found), e.Leaf)
	}
	if !v.State().At.IsZero() {
		t.Error("it counts as a pass")
	}
}
