package policy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// Snapshots keeps the compiled snapshot of each tenant in use. Before every
// decision the tenant's row is read: when policy, catalogue or directory moved,
// or an assignment's window opened or closed, the snapshot is built anew, so a
// change committed before a question is always felt by its answer.
type Snapshots struct {
	store store.Store
	now   func() time.Time

	mu      sync.Mutex // held for the map only, never while building
	tenants map[string]*slot
}

// slot is one tenant's place: building is held by whoever builds, so a tenant
// is built once however many ask, and no tenant waits for another.
type slot struct {
	building sync.Mutex
	mu       sync.RWMutex
	snap     *Snapshot
	revision int64 // the tenant's SnapshotRevision it was built from
}

// NewSnapshots makes an empty cache over the store.
func NewSnapshots(st store.Store, now func() time.Time) *Snapshots {
	return &Snapshots{store: st, now: now, tenants: map[string]*slot{}}
}

// View is a snapshot as of one tenant row: its revision may be later than the
// snapshot's own, when what changed since does not concern it.
type View struct {
	*Snapshot
	revision int64
}

// Revision is the tenant revision that decisions of this view report.
func (v View) Revision() int64 { return v.revision }

// Decide answers a question at the view's revision.
func (v View) Decide(q model.Question, in Inputs) model.Decision {
	d := v.Snapshot.Decide(q, in)
	d.Revision = v.revision
	d.Assurance = in.Assurance
	return d
}

// knows tells whether the subject is registered in the tenant.
func (v View) knows(subject model.Entity) bool {
	return v.people.members[subject.Type+":"+subject.ID] != nil
}

// dataSubject is the key of the person a record is about, as the catalogue says:
// the record itself ("contact:17"), or whom its attribute names.
func (v View) dataSubject(r model.Entity, stored *model.Resource) string {
	o := v.cat.Objects[r.Type]
	switch {
	case o == nil || r.ID == model.AnyRecord:
		return ""
	case o.Person:
		return r.Type + ":" + r.ID
	case o.DataSubject == "":
		return ""
	}
	value, sent := r.Properties[o.DataSubject]
	if !sent && stored != nil {
		value = stored.Attributes[o.DataSubject]
	}
	id, _ := value.(string)
	if id == "" || len(id) > maxID {
		return ""
	}
	return o.DataSubject + ":" + strings.TrimPrefix(id, o.DataSubject+":")
}

// Current is the tenant's snapshot as of now. An unknown tenant is CodeTenantUnknown.
func (c *Snapshots) Current(ctx context.Context, tenant string) (View, error) {
	t, err := c.store.Tenant(ctx, tenant)
	if err != nil {
		return View{}, unknownTenant(tenant, err)
	}
	s := c.slot(tenant)
	if snap := s.fresh(t, c.now()); snap != nil {
		return View{snap, t.Revision}, nil
	}
	s.building.Lock()
	defer s.building.Unlock()
	if snap := s.fresh(t, c.now()); snap != nil {
		return View{snap, t.Revision}, nil
	}
	snap, t, err := c.settle(ctx, t)
	if err != nil {
		return View{}, err
	}
	s.mu.Lock()
	s.snap, s.revision = snap, t.SnapshotRevision
	s.mu.Unlock()
	return View{snap, t.Revision}, nil
}

// settleTries bounds how often a snapshot is built again because the tenant
// changed meanwhile.
const settleTries = 10

// settle builds the snapshot of one moment: policy, catalogue and directory are
// read one after the other, so it counts only if the tenant did not change
// while they were.
func (c *Snapshots) settle(ctx context.Context, t model.Tenant) (*Snapshot, model.Tenant, error) {
	for range settleTries {
		snap, err := c.build(ctx, t)
		if err != nil {
			return nil, t, err
		}
		now, err := c.store.Tenant(ctx, t.ID)
		if err != nil {
			return nil, t, unknownTenant(t.ID, err)
		}
		if now.SnapshotRevision == t.SnapshotRevision {
			return snap, t, nil
		}
		t = now
	}
	return nil, t, model.Errorf(model.CodeStoreUnavailable, "tenant %q changes faster than its snapshot can be built", t.ID)
}

// unknownTenant says what a missing tenant row means.
func unknownTenant(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return model.Errorf(model.CodeTenantUnknown, "there is no tenant %q; `rolegate tenant list` shows them", id)
	}
	return err
}

func (c *Snapshots) slot(tenant string) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tenants[tenant]
	if s == nil {
		s = &slot{}
		c.tenants[tenant] = s
	}
	return s
}

// fresh is the slot's snapshot if it was built from the row's revision, or a
// later one, and no window has opened or closed since.
func (s *slot) fresh(t model.Tenant, now time.Time) *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.snap == nil || s.revision < t.SnapshotRevision {
		return nil
	}
	if until := s.snap.ValidUntil(); !until.IsZero() && !now.Before(until) {
		return nil
	}
	return s.snap
}

// build reads what the tenant holds now.
func (c *Snapshots) build(ctx context.Context, t model.Tenant) (*Snapshot, error) {
	doc, err := currentDocument(ctx, c.store, t.ID)
	if err != nil {
		return nil, err
	}
	catalog, err := ParseCatalog(catalogText(t))
	if err != nil {
		return nil, err
	}
	dir, err := c.store.LoadDirectory(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return NewSnapshot(t, doc, catalog, dir, c.now())
}

// currentDocument is the tenant's published document; before the first it is
// empty and denies everything.
func currentDocument(ctx context.Context, q store.Policies, tenant string) (*Document, error) {
	p, err := q.CurrentPolicy(ctx, tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return Parse(p.Text)
}

func catalogText(t model.Tenant) string {
	if t.Catalog == "" {
		return model.StarterCatalog
	}
	return t.Catalog
}
