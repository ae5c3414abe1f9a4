package policy

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/store"
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
