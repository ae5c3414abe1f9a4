package policy

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// Snapshots keeps the compiled snapshot of each tenant in use: loaded when it is
// first asked for, brought up to date by what changed, and given up when nobody
// asks any more. Readers take a pointer and wait for nobody, unless the tenant is
// known to have changed: then whoever asks first brings the snapshot up to date.
//
//	Latest ─▶ is a newer revision known? ─no──▶ the snapshot in memory
//	                     │yes
//	                     ▼
//	          building (one a tenant) ─▶ row of the tenant ─▶ changes since ─▶ apply each, or load all
type Snapshots struct {
	Store  store.Store
	Logger *slog.Logger // optional
	Now    func() time.Time
	Budget int64         // bytes of all snapshots together, about, but for one larger than that; 0: no bound
	Idle   time.Duration // how long a snapshot nobody asks for is kept; 0: for ever

	slots  atomic.Pointer[map[string]*slot] // by tenant id; replaced when a tenant is new, never written to
	adding sync.Mutex                       // held while a slot is added
	evict  sync.Mutex                       // held while room is made

	searching sync.Mutex // held for reading
	reading   *lookFor   // of Readable; nil while none goes on
}

// slot is one tenant's place: building is held by whoever builds, so a tenant
// is built once however many ask, and no tenant waits for another.
type slot struct {
	building sync.Mutex
	view     atomic.Pointer[View]
	used     atomic.Int64 // Unix seconds
	offered  atomic.Pointer[offer]
	spoiled  atomic.Bool // what the tenant has stored could not be read when it was last tried
	fits     int64       // bytes of the view that room was last made for; guarded by building
	warned   bool        // that it is larger than the budget; guarded by Snapshots.evict
}

// offer is a policy compiled by whoever publishes it, so that the snapshot need
// not do it again. It is made before the commit, and counts only for the very
// text that is in force: a commit may fail, and another take its revision.
type offer struct {
	revision int64 // it is published as
	catalog  string
	rules    *ruleset // of a document
	text     string   // of that document
}

// View is a snapshot as of one revision of its tenant, with the records that are
// registered. Immutable.
type View struct {
	*Snapshot
	records *records
	size    int64 // bytes, about
}

// Revision is the tenant revision that decisions of this view report.
func (v *View) Revision() int64 { return v.tenant.Revision }

// PolicyRevision is that of the policy decisions of this view follow, as it was
// published; 0 before the first.
func (v *View) PolicyRevision() int64 { return v.rules.policy }

// Catalog is what the view is compiled under.
func (v *View) Catalog() *Catalog { return v.rules.catalog }

// StrictFields tells whether any denial of a field closes it, see model.Tenant.
func (v *View) StrictFields() bool { return v.tenant.StrictFields }

// Latest is the tenant's snapshot as of at least the newest revision this
// process knows of. It reads the database only if that is newer than the one in
// memory.
func (c *Snapshots) Latest(ctx context.Context, tenant string) (*View, error) {
	if s := c.find(tenant); s != nil {
		if v := s.view.Load(); v != nil && v.Revision() >= c.Store.Revisions().Known(tenant) {
			s.touch(c.Now())
			return v, nil
		}
	}
	return c.Current(ctx, tenant)
}

// Current is the tenant's snapshot as of its row in the database now. An unknown
// tenant is CodeTenantUnknown.
func (c *Snapshots) Current(ctx context.Context, tenant string) (*View, error) {
	t, err := c.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, unknownTenant(tenant, err)
	}
	s := c.slot(tenant)
	s.touch(c.Now())
	if v := s.view.Load(); v != nil && v.Revision() >= t.Revision {
		return v, nil
	}
	s.building.Lock()
	defer s.building.Unlock()
	v := s.view.Load()
	if v != nil && v.Revision() >= t.Revision {
		return v, nil
	}
	ctx, end := tracing.Part(ctx, "load")
	defer end()
	if v == nil {
		s.fits = 0
	}
	v, err = c.update(ctx, s, v, t)
	if err == nil || isSpoiled(err) {
		s.spoiled.Store(err != nil)
	}
	if err != nil {
		return nil, err
	}
	s.view.Store(v)
	if s.grew(v.bytes()) {
		c.makeRoom(tenant)
	}
	return v, nil
}

// grew tells whether a view needs room made for it: it is new, or has grown by
// more than an eighth since room was last made. Looking at all tenants is not
// worth less than that.
func (s *slot) grew(bytes int64) bool {
	grown := bytes > s.fits+s.fits/8
	if grown || bytes < s.fits {
		s.fits = bytes
	}
	return grown
}

// settleTries bounds how often a snapshot is brought up to date because the
// tenant changed meanwhile.
const settleTries = 10

// update makes the view of one moment: what changed is read piece by piece, so
// it counts only if the tenant did not change while it was.
func (c *Snapshots) update(ctx context.Context, s *slot, v *View, t model.Tenant) (*View, error) {
	for range settleTries {
		var err error
		if v, err = c.advance(ctx, s, v, t); err != nil {
			return nil, err
		}
		now, err := c.Store.Tenant(ctx, t.ID)
		if err != nil {
			return nil, unknownTenant(t.ID, err)
		}
		if now.SnapshotRevision == t.SnapshotRevision {
			return v, nil
		}
		t = now
	}
	return nil, model.Errorf(model.CodeStoreUnavailable, "tenant %q changes faster than its snapshot can be built", t.ID)
}

// maxChanges is how many changes are applied one by one; beyond it everything
// is read again.
const maxChanges = 1_000

// advance brings a view to the row's revision, by what changed or from nothing.
func (c *Snapshots) advance(ctx context.Context, s *slot, v *View, t model.Tenant) (*View, error) {
	if v == nil {
		return c.load(ctx, s, t)
	}
	if v.tenant.SnapshotRevision == t.SnapshotRevision {
		return v.as(t), nil
	}
	changes, complete, err := c.Store.ChangesSince(ctx, t.ID, v.tenant.SnapshotRevision, maxChanges)
	if err != nil {
		return nil, err
	}
	if !complete {
		return c.load(ctx, s, t)
	}
	e := edit{ctx: ctx, c: c, slot: s, view: *v.as(t), done: map[store.Change]bool{}}
	for _, ch := range changes {
		if err := e.apply(ch); err != nil {
			return nil, err
		}
		if e.reload {
			return c.load(ctx, s, t)
		}
	}
	return e.finish(), nil
}

// as is the same view under a newer row of its tenant.
func (v *View) as(t model.Tenant) *View {
	return &View{&Snapshot{t, v.rules, v.people}, v.records, v.size}
}

// load reads all a tenant holds now.
func (c *Snapshots) load(ctx context.Context, s *slot, t model.Tenant) (*View, error) {
	rules, err := c.loadRules(ctx, s, t)
	if err != nil {
		return nil, err
	}
	dir, err := c.Store.LoadDirectory(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return newView(&Snapshot{t, rules, newRoster(dir)}, newRecords(dir.ResourceTypes, func() { c.makeRoom(t.ID) })), nil
}

func newView(s *Snapshot, r *records) *View {
	return &View{s, r, s.rules.size() + s.people.size()}
}

// loadRules compiles the published policy under the tenant's catalogue, unless
// whoever published it has done so.
func (c *Snapshots) loadRules(ctx context.Context, s *slot, t model.Tenant) (*ruleset, error) {
	p, err := c.Store.CurrentPolicy(ctx, t.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if o := s.offered.Load(); o != nil && o.revision <= p.Revision && s.offered.CompareAndSwap(o, nil) &&
		o.revision == p.Revision && o.catalog == catalogText(t) && o.text == p.Text {
		o.rules.policy = p.Revision // nobody else has them
		return o.rules, nil
	}
	doc, err := parseKept(p.Text, nil)
	if err != nil {
		return nil, spoiled(t.ID, err)
	}
	catalog, err := ParseCatalog(catalogText(t))
	if err != nil {
		return nil, spoiled(t.ID, err)
	}
	rules, err := compile(doc, catalog, asPublished)
	if err != nil {
		return nil, spoiled(t.ID, err)
	}
	rules.policy = p.Revision
	return rules, nil
}

// spoiled is what a stored policy or catalogue that cannot be read is: it could
// when it was published, so whoever asks is not at fault, and learns nothing of it.
func spoiled(tenant string, err error) error {
	return model.Errorf(model.CodeInternal, "the stored policy or catalogue of tenant %q cannot be read", tenant).Because(unreadable{err})
}

// unreadable is in every error of spoiled.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

func isSpoiled(err error) bool {
	_, is := errors.AsType[unreadable](err)
	return is
}

// offer hands over a policy that was compiled to be published, if there is a
// snapshot to take it. That is asked after the offer is made: whoever gives the
// snapshot up meanwhile drops the offer, or is noticed here.
func (c *Snapshots) offer(tenant string, o *offer) {
	if s := c.find(tenant); s != nil {
		s.offered.Store(o)
		if s.view.Load() == nil {
			s.offered.CompareAndSwap(o, nil)
		}
	}
}

// unknownTenant says what a missing tenant row means.
func unknownTenant(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return model.Errorf(model.CodeTenantUnknown, "there is no tenant %q; `rolegate tenant list` shows them", id)
	}
	return err
}

func (c *Snapshots) find(tenant string) *slot {
	if slots := c.slots.Load(); slots != nil {
		return (*slots)[tenant]
	}
	return nil
}

func (c *Snapshots) slot(tenant string) *slot {
	if s := c.find(tenant); s != nil {
		return s
	}
	c.adding.Lock()
	defer c.adding.Unlock()
	if s := c.find(tenant); s != nil {
		return s
	}
	slots := map[string]*slot{}
	if before := c.slots.Load(); before != nil {
		slots = maps.Clone(*before)
	}
	s := &slot{}
	slots[tenant] = s
	c.slots.Store(&slots)
	return s
}

// touch notes that the tenant is in use, to the second.
func (s *slot) touch(now time.Time) {
	if second := now.Unix(); s.used.Load() != second {
		s.used.Store(second)
	}
}

// currentPolicy is the tenant's published policy; before the first it is empty, of
// revision 0, and denies everything.
func currentPolicy(ctx context.Context, q store.Policies, tenant string) (store.PolicyRevision, error) {
	p, err := q.CurrentPolicy(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return p, err
}

// currentDocument is its document.
func currentDocument(ctx context.Context, q store.Policies, tenant string) (*Document, error) {
	p, err := currentPolicy(ctx, q, tenant)
	if err != nil {
		return nil, err
	}
	doc, err := parseKept(p.Text, nil)
	if err != nil {
		return nil, spoiled(tenant, err)
	}
	return doc, nil
}

// hashOf is the SHA-256 of a document's text.
func hashOf(text string) []byte {
	hash := sha256.Sum256([]byte(text))
	return hash[:]
}

func catalogText(t model.Tenant) string {
	if t.Catalog == "" {
		return model.StarterCatalog
	}
	return t.Catalog
}
