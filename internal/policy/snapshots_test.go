package policy

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// write commits a change of a tenant, as services do.
func (h *house) write(t failer, tenant string, changes []store.Change, do func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	ctx := context.Background()
	err := h.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := tx.Bump(ctx, tenant, changes...); err != nil {
			return err
		}
		return do(ctx, tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func changed(kind store.ChangeKind, key string) []store.Change {
	return []store.Change{{Kind: kind, Key: key}}
}

// TestLiveMeansRestarted: after any writes, a snapshot that was brought up to
// date by them answers as one that is loaded anew, and without being told that
// there were any.
func TestLiveMeansRestarted(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		cat := mustCatalogOf(t, worldCatalog)
		w := drawWorld(t, cat)
		dir := w.spec.dir
		caller := h.tenant(t, worldCatalog, w.text, dir, nil)
		if w.spec.strict {
			h.write(t, caller.Tenant, changed(store.ChangedTenant, ""), func(ctx context.Context, tx store.Tx) error {
				return tx.UpdateTenant(ctx, model.Tenant{ID: caller.Tenant, MFA: model.MFAEveryone, StrictFields: true, Catalog: worldCatalog})
			})
		}
		if _, err := h.Snapshots.Latest(t.Context(), caller.Tenant); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 6).Draw(t, "writes") {
			did := h.writeSomething(t, caller.Tenant, dir)
			live, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
			if err != nil {
				t.Fatal(err)
			}
			restarted, err := (&Snapshots{Store: h.Store, Now: h.Now}).Current(t.Context(), caller.Tenant)
			if err != nil {
				t.Fatal(err)
			}
			if live.Revision() != restarted.Revision() {
				t.Fatalf("%s: live is at %d, restarted at %d", did, live.Revision(), restarted.Revision())
			}
			if got, want := live.people.size(), restarted.people.size(); got != want {
				t.Fatalf("%s: live takes %d bytes, restarted %d", did, got, want)
			}
			for range 60 {
				q, in := drawQuestion(t)
				stored := map[*View]*model.Resource{}
				for _, v := range []*View{live, restarted} {
					if stored[v], err = v.record(t.Context(), h.Store, q.Resource); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(stored[restarted], stored[live]); diff != "" {
					t.Fatalf("%s: what is stored of %v (-restarted +live):\n%s", did, q.Resource, diff)
				}
				in.Stored = stored[live]
				if diff := cmp.Diff(restarted.answerTo(q, in), live.answerTo(q, in)); diff != "" {
					t.Fatalf("%s: %+v (-restarted +live):\n%s", did, q, diff)
				}
				if key := key(q); live.RequiresMFA(key, noon) != restarted.RequiresMFA(key, noon) {
					t.Fatalf("%s: a second factor of %s", did, key)
				}
			}
		}
	})
}

// writeSomething makes one random change and says which.
func (h *house) writeSomething(t *rapid.T, tenant string, dir model.Directory) string {
	subject := dir.Subjects[rapid.IntRange(0, len(dir.Subjects)-1).Draw(t, "subject")]
	role := pick(t, "a", "b", "c", "d")
	member := pick(t, subject.Key(), "team:t1", "team:t2")
	kind := pick(t, "policy", "tenant", "subject", "assign", "unassign", "disable", "role", "groups", "resource", "session", "several", "leave", "drop")
	switch kind {
	case "policy":
		h.write(t, tenant, changed(store.ChangedPolicy, ""), func(ctx context.Context, tx store.Tx) error {
			now, err := tx.Tenant(ctx, tenant)
			if err != nil {
				return err
			}
			text := csvLine([]string{"p", "role:" + role, "deal", "read", "all", "", "allow"})
			if more := csvLine(drawRow(t)); more != text { // a row stands once
				text += more
			}
			return tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: tenant, Revision: now.Revision, Text: text, CreatedAt: noon})
		})
	case "tenant":
		h.write(t, tenant, changed(store.ChangedTenant, ""), func(ctx context.Context, tx store.Tx) error {
			catalog := pick(t, worldCatalog, strings.Replace(worldCatalog, "secured: true", "secured: false", 1))
			return tx.UpdateTenant(ctx, model.Tenant{ID: tenant, MFA: model.MFAEveryone, StrictFields: rapid.Bool().Draw(t, "strict"),
				Disabled: rapid.Bool().Draw(t, "disabled"), Catalog: catalog})
		})
	case "subject":
		other := drawDirectory(t).Subjects[rapid.IntRange(0, 3).Draw(t, "other")]
		other.ID = pick(t, other.ID, "eve")
		h.write(t, tenant, changed(store.ChangedSubject, other.Key()), func(ctx context.Context, tx store.Tx) error { return tx.PutSubject(ctx, tenant, other) })
	case "assign":
		a := model.Assignment{Member: member, Role: role, From: pick(t, time.Time{}, noon, noon.Add(time.Microsecond)), Until: pick(t, time.Time{}, noon)}
		h.write(t, tenant, changed(store.ChangedMember, member), func(ctx context.Context, tx store.Tx) error {
			if err := tx.EnsureRole(ctx, tenant, role); err != nil {
				return err
			}
			return tx.PutAssignment(ctx, tenant, a)
		})
	case "unassign":
		h.write(t, tenant, changed(store.ChangedMember, member), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.DeleteAssignment(ctx, tenant, member, role)
			return err
		})
	case "disable":
		id := pick(t, people...)
		h.write(t, tenant, changed(store.ChangedSubject, "user:"+id), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.User(ctx, tenant, id)
			if err != nil {
				return tx.InsertUser(ctx, model.User{Tenant: tenant, ID: id, Username: id, UsernameKey: id, Disabled: true, CreatedAt: noon})
			}
			_, err = tx.SetUserDisabled(ctx, tenant, id, rapid.Bool().Draw(t, "disabled"))
			return err
		})
	case "role":
		h.write(t, tenant, changed(store.ChangedRole, role), func(ctx context.Context, tx store.Tx) error {
			return tx.PutRole(ctx, tenant, model.Role{ID: role, RequireMFA: rapid.Bool().Draw(t, "mfa")})
		})
	case "groups":
		h.write(t, tenant, changed(store.ChangedGroups, ""), func(ctx context.Context, tx store.Tx) error {
			return tx.PutUnit(ctx, tenant, model.Unit{ID: "east", Parent: pick(t, "co", "sales", ""), Heads: some(t, "ann", "bob")})
		})
	case "resource":
		h.write(t, tenant, changed(store.ChangedResource, "deal:1"), func(ctx context.Context, tx store.Tx) error {
			return tx.PutResource(ctx, tenant, model.Resource{Type: "deal", ID: "1", Attributes: drawRecord(t)})
		})
	case "leave":
		h.write(t, tenant, append(changed(store.ChangedSubject, subject.Key()), changed(store.ChangedMember, subject.Key())...), func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.DeleteAssignments(ctx, tenant, subject.Key()); err != nil {
				return err
			}
			_, err := tx.DeleteSubject(ctx, tenant, subject.Type, subject.ID)
			return err
		})
	case "drop":
		h.write(t, tenant, append(changed(store.ChangedResource, "deal:1"), changed(store.ChangedGroups, "")...), func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.DeleteUnit(ctx, tenant, "east"); err != nil {
				return err
			}
			_, err := tx.DeleteResource(ctx, tenant, "deal", "1")
			return err
		})
	case "session":
		h.write(t, tenant, nil, func(context.Context, store.Tx) error { return nil })
	case "several":
		h.writeSomething(t, tenant, dir)
		h.writeSomething(t, tenant, dir)
	}
	return kind
}

// A change by another process is not known here until something says so; then
// it is felt.
func TestOthersChangesAreFeltOnceKnown(t *testing.T) {
	h, caller := library(t, 3)
	view, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil || again != view {
		t.Fatalf("nothing changed, and the view is another: %v", err)
	}
	h.write(t, caller.Tenant, nil, func(context.Context, store.Tx) error { return nil })
	moved, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil || moved.Revision() != view.Revision()+1 {
		t.Fatalf("revision %d after %d, %v", moved.Revision(), view.Revision(), err)
	}
	if moved.rules != view.rules || moved.people != view.people {
		t.Error("a session ended, and the snapshot was built again")
	}
	if view.Revision() != again.Revision() {
		t.Error("the view from before changed")
	}
}

// noRules are the rules of a directory that refuses nothing.
var noRules = Rules{
	Gate: func(context.Context, store.Queries, string, string) (audit.Class, error) {
		return audit.ClassAdmin, nil
	},
	Limit:      func(context.Context, store.Directory, string, model.Assignment) error { return nil },
	Registered: func(context.Context, store.Directory, string, string) error { return nil },
}

// A policy whose commit failed is offered in vain: what is in force under the
// same revision is another text.
func TestOfferOfAnotherText(t *testing.T) {
	h, caller := library(t, 3)
	view, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	next := view.Revision() + 1
	never := view.rules
	h.Snapshots.offer(caller.Tenant, &offer{next, catalogText(view.tenant), never, "p, *, *, *, all, , allow\n"})
	published, err := h.Import(t.Context(), caller, caller.Tenant, "p, *, book, read, all, , allow\n", "", noRules)
	if err != nil || published.Revision != next {
		t.Fatal(published, err)
	}
	h.Snapshots.offer(caller.Tenant, &offer{next, catalogText(view.tenant), never, "p, *, *, *, all, , allow\n"})
	now, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil || now.rules == never {
		t.Errorf("a policy that is not in force decides: %v", err)
	}
}

// TestPublishedIsNotCompiledTwice: whoever publishes a policy has compiled it.
func TestPublishedIsNotCompiledTwice(t *testing.T) {
	h, caller := library(t, 3)
	if _, err := h.Snapshots.Latest(t.Context(), caller.Tenant); err != nil {
		t.Fatal(err)
	}
	text := "p, *, book, read, all, , allow\n"
	if _, err := h.Import(t.Context(), caller, caller.Tenant, text, "", noRules); err != nil {
		t.Fatal(err)
	}
	offered := h.Snapshots.find(caller.Tenant).offered.Load()
	view, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
	if err != nil || offered == nil || view.rules != offered.rules {
		t.Errorf("the policy was compiled again: %v", err)
	}
	if h.Snapshots.find(caller.Tenant).offered.Load() != nil {
		t.Error("the offer is kept in memory")
	}
}

// blocking is a store whose directory of one tenant is slow to load.
type blocking struct {
	store.Store
	tenant  string
	reached chan struct{}
	release chan struct{}
}

func (b blocking) LoadDirectory(ctx context.Context, tenant string) (model.Directory, error) {
	if tenant == b.tenant {
		b.reached <- struct{}{}
		<-b.release
	}
	return b.Store.LoadDirectory(ctx, tenant)
}

// TestNobodyWaitsForAnotherTenant: while one tenant is loaded, others answer, and
// however many ask for the one, it is loaded once.
func TestNobodyWaitsForAnotherTenant(t *testing.T) {
	h, slow := library(t, 3)
	quick := h.tenant(t, "objects: {book: {actions: {read: {}}}}", "p, *, book, read, all, , allow\n", company(), nil)
	b := blocking{h.Store, slow.Tenant, make(chan struct{}, 100), make(chan struct{})}
	c := &Snapshots{Store: b, Now: h.Now}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Latest(context.Background(), slow.Tenant); err != nil {
				t.Error(err)
			}
		})
	}
	<-b.reached
	if _, err := c.Latest(t.Context(), quick.Tenant); err != nil {
		t.Error(err)
	}
	close(b.release)
	wg.Wait()
	if len(b.reached) != 0 {
		t.Errorf("the tenant was loaded %d times more", len(b.reached))
	}
}

// TestSnapshotsAreGivenUp: by the budget the one not used longest first, by
// idleness whoever was not asked for; and a tenant that is asked for again is
// there again.
func TestSnapshotsAreGivenUp(t *testing.T) {
	h := newHouse(t)
	now := noon
	c := &Snapshots{Store: h.Store, Now: func() time.Time { return now }, Idle: time.Hour}
	var tenants []string
	for range 4 {
		tenants = append(tenants, h.tenant(t, "", "p, *, contact, read, all, , allow\n", company(), nil).Tenant)
	}
	load := func(tenant string) *View {
		t.Helper()
		now = now.Add(time.Minute)
		v, err := c.Latest(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	inMemory := func() (names []string) {
		for _, s := range c.loaded() {
			names = append(names, s.tenant)
		}
		slices.Sort(names)
		return names
	}
	first := load(tenants[0])
	c.Budget = first.size * 5 / 2 // room for two
	load(tenants[1])
	load(tenants[0])
	load(tenants[2])
	if got := inMemory(); !slices.Equal(got, []string{tenants[0], tenants[2]}) {
		t.Errorf("in memory: %v; tenant %s was not used longest", got, tenants[1])
	}
	if u := c.Usage(); u.Tenants != 2 || u.Bytes > c.Budget {
		t.Errorf("usage %+v of %d", u, c.Budget)
	}
	c.Budget = 1 // whoever is asked for is there all the same
	load(tenants[3])
	if got := inMemory(); !slices.Equal(got, []string{tenants[3]}) {
		t.Errorf("in memory: %v", got)
	}
	c.Budget = 0
	load(tenants[0])
	now = now.Add(time.Hour - time.Second)
	load(tenants[1])
	c.Sweep()
	if got := inMemory(); !slices.Equal(got, []string{tenants[1]}) {
		t.Errorf("after the sweep: %v", got)
	}
	q, in := ask("ann", "read", "contact", "1", nil), Inputs{Now: noon}
	if !first.answerTo(q, in).Allow || !load(tenants[0]).answerTo(q, in).Allow {
		t.Error("a snapshot that was given up does not answer any more, or not again")
	}
}

// revoking proves nothing, but first takes a role away: the worst moment for it.
type revoking struct {
	tokensByName
	once   *sync.Once
	revoke func()
}

func (r revoking) Assurance(ctx context.Context, tenant, user, raw string) (model.Assurance, error) {
	r.once.Do(r.revoke)
	return r.tokensByName.Assurance(ctx, tenant, user, raw)
}

// leaving is a client that is gone when it is looked at again.
type leaving struct{}

func (leaving) Recheck(context.Context, model.Caller) (model.Caller, error) {
	return model.Caller{}, &model.Error{Code: model.CodeUnauthorized}
}

// TestChangesWhileDeciding: what is taken away while a question is answered is
// felt by its answer, be it the subject's role or the caller itself.
func TestChangesWhileDeciding(t *testing.T) {
	h, caller := library(t, 3)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "reader"}}}
	caller = h.tenant(t, "objects: {book: {actions: {read: {}}}}", "p, role:reader, book, read, all, , allow\n", dir, nil)
	token := "token of ann"
	r := Request{Question: ask("ann", "read", "book", "1", nil), AccessToken: &token}
	revoke := func() {
		h.write(t, caller.Tenant, changed(store.ChangedMember, "user:ann"), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.DeleteAssignment(ctx, caller.Tenant, "user:ann", "reader")
			return err
		})
	}
	grant := func() {
		h.write(t, caller.Tenant, changed(store.ChangedMember, "user:ann"), func(ctx context.Context, tx store.Tx) error {
			return tx.PutAssignment(ctx, caller.Tenant, model.Assignment{Member: "user:ann", Role: "reader"})
		})
	}
	before, err := h.Store.LogSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.Assurer = revoking{once: &sync.Once{}, revoke: revoke}
	d, err := h.Evaluate(t.Context(), caller, r)
	if err != nil || d.Allow || d.Code != model.ReasonNotGranted {
		t.Errorf("single: %s, %v", d.Code, err)
	}
	grant()
	h.Assurer = revoking{once: &sync.Once{}, revoke: revoke}
	ds, err := h.EvaluateBatch(t.Context(), caller, []Request{r, r}, ExecuteAll)
	if err != nil || ds[0].Allow || ds[1].Allow || ds[0].Revision != ds[1].Revision {
		t.Errorf("batch: %+v, %v", ds, err)
	}
	grant()
	h.Assurer = revoking{once: &sync.Once{}, revoke: revoke}
	found, err := h.Search(t.Context(), caller, SearchRequest{Kind: SearchAction, Limit: 10, Request: r})
	if err != nil || len(found.Results) != 0 {
		t.Errorf("search: %+v, %v", found, err)
	}
	after, err := h.Store.LogSize(t.Context())
	if err != nil || after-before != 3 {
		t.Errorf("%d entries of three requests, %v", after-before, err)
	}
	// Looked at before the tenant's last change, a client is looked at again.
	old := caller
	old.Revision, h.Callers = 1, leaving{}
	if _, err := h.Evaluate(t.Context(), old, r); model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("a client from before: %v", err)
	}
	old.Scopes, h.Callers = []string{"audit"}, sameCaller{}
	if _, err := h.Evaluate(t.Context(), old, r); model.CodeOf(err) != model.CodeForbidden {
		t.Errorf("a client that lost its scope: %v", err)
	}
	grant()
	caller.Revision = h.Store.Revisions().Known(caller.Tenant)
	h.Assurer, h.Callers = revoking{once: &sync.Once{}, revoke: revoke}, leaving{}
	if d, err := h.Evaluate(t.Context(), caller, r); model.CodeOf(err) != model.CodeUnauthorized || d.Allow {
		t.Errorf("a client that is gone: %+v, %v", d, err)
	}
}

// TestTenantsAreWalls: one tenant's names mean nothing in another, and its rows
// change nothing there.
func TestTenantsAreWalls(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Teams: []string{"emea"}}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "reader"}}}
	open := h.tenant(t, "objects: {book: {actions: {read: {}}}}", "p, role:reader, book, read, all, , allow\n", dir, []model.Resource{{Type: "book", ID: "1", Attributes: map[string]any{"owner": "ann"}}})
	shut := h.tenant(t, "objects: {book: {actions: {read: {}}}}", "p, role:reader, book, read, own, , allow\n", dir, nil)
	empty := h.tenant(t, "", "", model.Directory{}, nil)
	for range 2 {
		for _, c := range []struct {
			caller model.Caller
			want   model.Code
		}{{open, model.ReasonAllowed}, {shut, model.ReasonNotGranted}, {empty, model.ReasonSubjectUnknown}} {
			d, err := h.Evaluate(t.Context(), c.caller, Request{Question: ask("ann", "read", "book", "1", nil)})
			if err != nil || d.Code != c.want {
				t.Errorf("%s: %s, %v, want %s", c.caller.Tenant, d.Code, err, c.want)
			}
		}
	}
	if _, err := h.Evaluate(t.Context(), model.Caller{Kind: model.CallerClient, ID: "crm", Tenant: "nobody"}, Request{Question: ask("ann", "read", "book", "1", nil)}); model.CodeOf(err) != model.CodeTenantUnknown {
		t.Errorf("no tenant: %v", err)
	}
}

// TestReadersNeverSeeHalfAChange: a role moves from one person to another while
// many ask; nobody ever sees both of them with it, or neither.
func TestReadersNeverSeeHalfAChange(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "reader"}}}
	caller := h.tenant(t, "objects: {book: {actions: {read: {}}}}", "p, role:reader, book, read, all, , allow\n", dir, nil)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				v, err := h.Snapshots.Latest(context.Background(), caller.Tenant)
				if err != nil {
					t.Error(err)
					return
				}
				ann := v.answerTo(ask("ann", "read", "book", "1", nil), Inputs{Now: noon}).Allow
				bob := v.answerTo(ask("bob", "read", "book", "1", nil), Inputs{Now: noon}).Allow
				if ann == bob {
					t.Errorf("revision %d: ann %v, bob %v", v.Revision(), ann, bob)
					return
				}
			}
		})
	}
	from, to := "user:ann", "user:bob"
	for range 60 {
		h.write(t, caller.Tenant, append(changed(store.ChangedMember, from), changed(store.ChangedMember, to)...), func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.DeleteAssignment(ctx, caller.Tenant, from, "reader"); err != nil {
				return err
			}
			return tx.PutAssignment(ctx, caller.Tenant, model.Assignment{Member: to, Role: "reader"})
		})
		from, to = to, from
	}
	stop()
	wg.Wait()
}

func csvLine(cells []string) string {
	quoted := make([]string, len(cells))
	for i, c := range cells {
		quoted[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ",") + "\n"
}

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

// What is offered to a snapshot goes when the snapshot does, and is not left to
// one that is gone.
func TestOffersAreGivenUp(t *testing.T) {
	h, caller := library(t, 3)
	c := h.Snapshots
	view, err := c.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Usage().Bytes
	c.offer(caller.Tenant, &offer{revision: 2, rules: view.rules})
	if c.Usage().Bytes <= before {
		t.Error("an offer is not counted")
	}
	s := c.find(caller.Tenant)
	c.loaded()[0].giveUp()
	if s.view.Load() != nil || s.offered.Load() != nil {
		t.Error("the offer outlives the snapshot")
	}
	c.offer(caller.Tenant, &offer{revision: 2, rules: view.rules})
	if s.offered.Load() != nil {
		t.Error("an offer is kept for a snapshot that is gone")
	}
}

// withBytes is a directory whose snapshot takes so many bytes, and a few more.
func withBytes(n int) model.Directory {
	return model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Attributes: map[string]any{"x": strings.Repeat("x", n)}}}}
}

// A tenant that outgrows the room it was given makes the others go at once, not
// only when it is loaded.
func TestGrowingMakesRoom(t *testing.T) {
	h, growing := library(t, 3)
	other := h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(100_000), nil)
	for _, tenant := range []string{other.Tenant, growing.Tenant} {
		if _, err := h.Snapshots.Latest(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	c := h.Snapshots
	c.Budget = c.Usage().Bytes + 10_000
	put := func(size int) {
		t.Helper()
		h.write(t, growing.Tenant, changed(store.ChangedSubject, "user:u0000"), func(ctx context.Context, tx store.Tx) error {
			return tx.PutSubject(ctx, growing.Tenant, model.Subject{Type: "user", ID: "u0000", Attributes: map[string]any{"x": strings.Repeat("x", size)}})
		})
		if _, err := c.Latest(t.Context(), growing.Tenant); err != nil {
			t.Fatal(err)
		}
	}
	put(100)
	if n := c.Usage().Tenants; n != 2 {
		t.Fatalf("%d tenants, and both fit", n)
	}
	put(50_000)
	if n := c.Usage().Tenants; n != 1 || c.find(growing.Tenant).view.Load() == nil {
		t.Errorf("%d tenants in memory, and only the one that grew may be", n)
	}
}

// Growth is measured from what room was last made for, so that many small steps
// count as well as a large one.
func TestGrowthAddsUp(t *testing.T) {
	s := &slot{}
	var made []int64
	for _, bytes := range []int64{800, 850, 900, 901, 1000, 400, 440, 451} {
		if s.grew(bytes) {
			made = append(made, bytes)
		}
	}
	if want := []int64{800, 901, 451}; !slices.Equal(made, want) {
		t.Errorf("room was made for %v, want %v", made, want)
	}
}

// A tenant that outgrew the whole budget is named once, until it fits again.
func TestTenantLargerThanTheBudget(t *testing.T) {
	h, caller := library(t, 3)
	var out strings.Builder
	c := h.Snapshots
	c.Logger = slog.New(slog.NewTextHandler(&out, nil))
	sweep := func(budget int64, want int) {
		t.Helper()
		c.Budget = 0
		if _, err := c.Latest(t.Context(), caller.Tenant); err != nil {
			t.Fatal(err)
		}
		c.Budget = budget
		c.Sweep()
		if n := strings.Count(out.String(), "tenant="+caller.Tenant); n != want {
			t.Errorf("budget %d: %d warnings, want %d", budget, n, want)
		}
	}
	sweep(1<<30, 0)
	sweep(10, 1)
	sweep(10, 1)
	sweep(1<<30, 1)
	sweep(10, 2)
}

// A tenant that is larger than the whole budget is not loaded again and again:
// it stays while it is in use, and the others share the budget as if it were not
// there. When others are used and it is not, it goes.
func TestTooLargeForTheBudgetStaysWhileInUse(t *testing.T) {
	h := newHouse(t)
	now := noon
	c := &Snapshots{Store: h.Store, Now: func() time.Time { return now }}
	tenant := func(attributes int) string {
		return h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(attributes), nil).Tenant
	}
	large, a, b, d := tenant(1_000_000), tenant(0), tenant(0), tenant(0)
	load := func(tenant string) *View {
		t.Helper()
		v, err := c.Latest(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	inMemory := func(want ...string) {
		t.Helper()
		var names []string
		for _, s := range c.loaded() {
			names = append(names, s.tenant)
		}
		slices.Sort(names)
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("in memory (-want +got):\n%s", diff)
		}
	}
	c.Budget = load(a).size * 5 / 2 // room for two of the small
	now = now.Add(time.Second)
	load(b)
	first := load(large)
	inMemory(large, a, b)
	for range 3 {
		now = now.Add(30 * time.Second)
		load(b)
		if load(large) != first {
			t.Error("it was loaded again")
		}
		c.Sweep()
		inMemory(large, a, b)
	}
	load(d)
	inMemory(large, b, d)
	now = now.Add(61 * time.Second)
	c.Sweep() // nobody was used since
	inMemory(large, b, d)
	load(d)
	c.Sweep()
	inMemory(b, d)
	larger := tenant(2_000_000)
	load(larger)
	load(large) // there is room for one of them: the one somebody waits for
	inMemory(large, b, d)
}

// Records that are loaded to answer take their room at once.
func TestRecordsMakeRoom(t *testing.T) {
	h, caller := library(t, 100)
	other := h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(100_000), nil)
	for _, tenant := range []string{other.Tenant, caller.Tenant} {
		if _, err := h.Snapshots.Latest(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	c := h.Snapshots
	c.Budget = c.Usage().Bytes + 1_000
	r := Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: "u0001"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book", ID: "b0001"}}}
	if _, err := h.Evaluate(t.Context(), caller, r); err != nil {
		t.Fatal(err)
	}
	if c.find(other.Tenant).view.Load() != nil || c.find(caller.Tenant).view.Load() == nil {
		t.Errorf("usage %+v of %d", c.Usage(), c.Budget)
	}
}

// However short Idle is, whoever is idle is given up soon after.
func TestSweepsFollowIdle(t *testing.T) {
	for idle, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Second, 10 * time.Second: 5 * time.Second, time.Hour: time.Minute,
	} {
		if got := (&Snapshots{Idle: idle}).sweepEvery(); got != want {
			t.Errorf("idle %s: every %s, want %s", idle, got, want)
		}
	}
}
