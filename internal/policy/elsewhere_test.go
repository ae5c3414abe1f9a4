package policy

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// A type of records of which there are too many to keep is looked up one by one.
func TestRecordsThatAreTooMany(t *testing.T) {
	set := &recordSet{}
	set.tooMany.Store(true)
	h, caller := library(t, 3)
	v, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := v.record(t.Context(), h.Store, model.Entity{Type: "book", ID: "b0001"})
	if err != nil || kept == nil {
		t.Fatalf("a registered book: %v, %v", kept, err)
	}
	many := &View{v.Snapshot, &records{types: map[string]*recordSet{"book": set}}, 0}
	for id, want := range map[string]*model.Resource{"b0001": kept, "none": nil, "*": nil} {
		got, err := many.record(t.Context(), h.Store, model.Entity{Type: "book", ID: id})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", id, err, diff)
		}
	}
	if set.kept.Load() != nil {
		t.Error("they are kept all the same")
	}
}

// Buffered, another process's change is not known here, but an item of a batch
// that asks for its revision is answered by it.
func TestItemOfARevisionMadeElsewhere(t *testing.T) {
	h, caller := library(t, 2)
	if err := h.Log.Start(t.Context(), audit.Options{Buffered: true, Alone: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Log.Close(context.Background()) })
	item := Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: "u0001"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book", ID: "b0001"}}}
	ask := func(least ...int64) []model.Code {
		t.Helper()
		var rs []Request
		for _, revision := range least {
			item.MinRevision = revision
			rs = append(rs, item)
		}
		ds, err := h.EvaluateBatch(t.Context(), caller, rs, ExecuteAll)
		if err != nil {
			t.Fatal(err)
		}
		var codes []model.Code
		for _, d := range ds {
			codes = append(codes, d.Code)
		}
		return codes
	}
	ask(0)
	elsewhere, err := sqlstore.OpenSQLite(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	var revision int64
	err = elsewhere.InTx(t.Context(), func(tx store.Tx) (err error) {
		revision, err = tx.Bump(t.Context(), caller.Tenant, store.Change{Kind: store.ChangedTenant})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []model.Code{model.ReasonAllowed, model.ReasonAllowed, model.CodeRevisionBehind}
	if diff := cmp.Diff(want, ask(0, revision, revision+1)); diff != "" {
		t.Error(diff)
	}
}

// publicTooLate is a tenant whose rules are in memory, buffered, and the change
// that another process makes of it: Ann may read what is public as long as she is
// a rep, and ceases to be one before the only book is made public. So she may
// read it at no revision.
func publicTooLate(t *testing.T) (h *house, caller model.Caller, view *View, elsewhere func()) {
	t.Helper()
	h = newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}}}
	book := func(public bool) model.Resource {
		return model.Resource{Type: "book", ID: "1", Attributes: map[string]any{"public": public}}
	}
	caller = h.tenant(t, "objects: {book: {actions: {read: {}}, fields: {public: {type: bool}}}}",
		"p, role:rep, book, read, all, record.public == true, allow\n", dir, []model.Resource{book(false)})
	if err := h.Log.Start(t.Context(), audit.Options{Buffered: true, Alone: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Log.Close(context.Background()) })
	view, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	another, err := sqlstore.OpenSQLite(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { another.Close() })
	other := &house{Service: &Service{Store: another}}
	return h, caller, view, func() {
		t.Helper()
		other.write(t, caller.Tenant, changed(store.ChangedMember, "user:ann"), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.DeleteAssignment(ctx, caller.Tenant, "user:ann", "rep")
			return err
		})
		other.write(t, caller.Tenant, changed(store.ChangedResource, "book:1"), func(ctx context.Context, tx store.Tx) error {
			return tx.PutResource(ctx, caller.Tenant, book(true))
		})
	}
}

// A record that is not kept may be newer than the rules: buffered, when another
// process made it so, the rules that go with it are asked.
func TestRecordOfARevisionMadeElsewhere(t *testing.T) {
	h, caller, view, elsewhere := publicTooLate(t)
	view.records.types["book"].tooMany.Store(true)
	r := Request{Question: ask("ann", "read", "book", "1", nil)}
	if d, err := h.Evaluate(t.Context(), caller, r); err != nil || d.Allow {
		t.Fatalf("a private book: %s, %v", d.Code, err)
	}
	elsewhere()
	if d, err := h.Evaluate(t.Context(), caller, r); err != nil || d.Allow || d.Revision != view.Revision()+2 {
		t.Errorf("allowed at no revision, yet now: %s at %d, %v", d.Code, d.Revision, err)
	}
}

// The records a search reads are of the moment it reads them, and so are the
// rules they are found by.
func TestFoundOfARevisionMadeElsewhere(t *testing.T) {
	h, caller, view, elsewhere := publicTooLate(t)
	sr := SearchRequest{Kind: SearchResource, Limit: 10, Request: Request{Question: ask("ann", "read", "book", "", nil)}}
	if found, err := h.Search(t.Context(), caller, sr); err != nil || len(found.Results) != 0 {
		t.Fatalf("a private book: %+v, %v", found, err)
	}
	elsewhere()
	if found, err := h.Search(t.Context(), caller, sr); err != nil || len(found.Results) != 0 || found.Revision != view.Revision()+2 {
		t.Errorf("allowed at no revision, yet found: %+v, %v", found, err)
	}
}
