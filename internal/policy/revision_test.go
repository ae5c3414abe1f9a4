package policy

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// A question that demands a revision the tenant has not reached waits for it,
// but no longer than it may, and is never answered as of an older one.
func TestDemandedRevisionIsWaitedFor(t *testing.T) {
	h, caller := library(t, 2)
	ask := Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: "u0001"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book", ID: "b0001"}}}
	d, err := h.Evaluate(t.Context(), caller, ask)
	if err != nil {
		t.Fatal(err)
	}
	now := d.Revision

	for name, by := range map[string]func() (model.Caller, Request){
		"the question": func() (model.Caller, Request) { r := ask; r.MinRevision = now + 1; return caller, r },
		"the caller":   func() (model.Caller, Request) { c := caller; c.MinRevision = now + 1; return c, ask },
		"both, and the larger counts": func() (model.Caller, Request) {
			c, r := caller, ask
			c.MinRevision, r.MinRevision = now+1, now-1
			return c, r
		},
	} {
		h.RevisionWait = 0
		c, r := by()
		var behind *Behind
		if _, err := h.Evaluate(t.Context(), c, r); !errors.As(err, &behind) || *behind != (Behind{now, now + 1}) || model.CodeOf(err) != model.CodeRevisionBehind {
			t.Errorf("demanded by %s, with no time to wait: %v", name, err)
		}
		h.RevisionWait = time.Minute
		gone, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := h.Evaluate(gone, c, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("demanded by %s, and nobody waits any more: %v", name, err)
		}
		cancel()
	}

	// Another process makes the revision while the question waits for it.
	h.RevisionWait = time.Minute
	elsewhere, err := sqlstore.OpenSQLite(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	c := caller
	c.MinRevision = now + 1
	answer := make(chan model.Decision)
	go func() {
		d, err := h.Evaluate(t.Context(), c, ask)
		if err != nil {
			t.Error(err)
		}
		answer <- d
	}()
	if err := elsewhere.InTx(t.Context(), func(tx store.Tx) error {
		_, err := tx.Bump(t.Context(), caller.Tenant, store.Change{Kind: store.ChangedTenant})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.TenantRevisions(t.Context()); err != nil { // as the change feed does
		t.Fatal(err)
	}
	if d := <-answer; d.Revision != now+1 || !d.Allow {
		t.Errorf("%+v, want revision %d", d, now+1)
	}

	// What the caller demands holds for a batch and for a search as a whole.
	c.MinRevision, h.RevisionWait = now+2, time.Millisecond
	if _, err := h.EvaluateBatch(t.Context(), c, []Request{ask}, ExecuteAll); model.CodeOf(err) != model.CodeRevisionBehind {
		t.Errorf("batch: %v", err)
	}
	if _, err := h.Search(t.Context(), c, books("u0001")); model.CodeOf(err) != model.CodeRevisionBehind {
		t.Errorf("search: %v", err)
	}
	// What an item demands is its own, and its neighbours are answered.
	late := ask
	late.MinRevision = now + 2
	ds, err := h.EvaluateBatch(t.Context(), caller, []Request{ask, late}, ExecuteAll)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]model.Code{model.ReasonAllowed, model.CodeRevisionBehind}, []model.Code{ds[0].Code, ds[1].Code}); diff != "" {
		t.Error(diff)
	}
}
