package policy

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// readings counts what is read of policies, and of tenants with their catalogues.
type readings struct {
	store.Store
	policies, lists, directories atomic.Int64
	hold                         chan struct{} // a directory waits for it; nil for none
}

func (r *readings) CurrentPolicy(ctx context.Context, tenant string) (store.PolicyRevision, error) {
	r.policies.Add(1)
	return r.Store.CurrentPolicy(ctx, tenant)
}

func (r *readings) ListTenants(ctx context.Context) ([]model.Tenant, error) {
	r.lists.Add(1)
	return r.Store.ListTenants(ctx)
}

func (r *readings) LoadDirectory(ctx context.Context, tenant string) (model.Directory, error) {
	r.directories.Add(1)
	if r.hold != nil {
		<-r.hold
	}
	return r.Store.LoadDirectory(ctx, tenant)
}

const bookCatalog, bookPolicy, noPolicy = "objects: {book: {actions: {read: {}}}}", "p, *, book, read, all, , allow\n", "p, *, book, read, nonsense, allow\n"

// A replica that is asked nothing and is looked at every second compiles one policy, which
// then answers its tenant's questions, and lists no catalogues.
func TestReadinessCompilesOnce(t *testing.T) {
	h := newHouse(t)
	first := h.tenant(t, bookCatalog, bookPolicy, company(), nil)
	h.tenant(t, bookCatalog, bookPolicy, company(), nil)
	r := &readings{Store: h.Store}
	c := &Snapshots{Store: r, Now: h.Now}
	for i := range 3 {
		if err := c.Readable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, l := r.policies.Load(), r.lists.Load(); p != 1 || l != 0 {
			t.Errorf("looked at %d times: %d policies were read and %d times all catalogues", i+1, p, l)
		}
	}
	if _, err := c.Latest(t.Context(), first.Tenant); err != nil || r.policies.Load() != 1 {
		t.Errorf("its first question: %v, %d policies were read", err, r.policies.Load())
	}
}

// While one of several policies can be read a replica is ready, and tells of the others;
// not where none can.
func TestReadableWhileOneIs(t *testing.T) {
	h := newHouse(t)
	h.tenant(t, bookCatalog, noPolicy, company(), nil)
	good := h.tenant(t, bookCatalog, bookPolicy, company(), nil)
	h.tenant(t, "objects: nonsense", bookPolicy, company(), nil)
	fresh := func() *Snapshots { return &Snapshots{Store: h.Store, Now: h.Now} }

	c := fresh()
	if err := c.Readable(t.Context()); err != nil || c.Unreadable() != 1 {
		t.Errorf("one of three can be read, and is the second: %v, %d cannot", err, c.Unreadable())
	}
	if _, err := c.Latest(t.Context(), "t3"); !isSpoiled(err) || c.Unreadable() != 2 || c.Readable(t.Context()) != nil {
		t.Errorf("the third was asked: %v, %d cannot be read", err, c.Unreadable())
	}

	h.write(t, good.Tenant, changed(store.ChangedTenant, ""), func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateTenant(ctx, model.Tenant{ID: good.Tenant, MFA: model.MFAEveryone, Catalog: bookCatalog, Disabled: true})
	})
	c = fresh()
	for range 2 {
		if err := c.Readable(t.Context()); !isSpoiled(err) || c.Unreadable() != 2 {
			t.Errorf("the one that can be read is of a tenant that is disabled: %v, %d cannot", err, c.Unreadable())
		}
	}
	h.write(t, "t1", changed(store.ChangedPolicy, ""), func(ctx context.Context, tx store.Tx) error {
		return tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: "t1", Revision: 9, Text: bookPolicy, CreatedAt: noon})
	})
	if err := c.Readable(t.Context()); err != nil || c.Unreadable() != 1 {
		t.Errorf("the first was mended: %v, %d cannot be read", err, c.Unreadable())
	}
}

// What takes longer than readiness may is there when it is asked again, and is read once.
func TestReadinessThatTakesLong(t *testing.T) {
	h := newHouse(t)
	h.tenant(t, bookCatalog, bookPolicy, company(), nil)
	r := &readings{Store: h.Store, hold: make(chan struct{})}
	c := &Snapshots{Store: r, Now: h.Now}
	for range 3 {
		soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := c.Readable(soon); model.CodeOf(err) != model.CodeStoreUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while it is read: %v", err)
		}
		cancel()
	}
	close(r.hold)
	if err := c.Readable(t.Context()); err != nil || r.directories.Load() != 1 {
		t.Errorf("once it is read: %v, after %d times", err, r.directories.Load())
	}
}
