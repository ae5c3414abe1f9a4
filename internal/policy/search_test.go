package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// house is a service over a real store, with any number of tenants.
type house struct {
	path string // of the database
	*Service
	tenants int
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "rolegate.db")
	st, err := sqlstore.OpenSQLite(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	keys, err := sqlstore.OpenKeystoreSQLite(ctx, filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	kek, err := keyring.New(bytes.Repeat([]byte("k1"), 16))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon }
	log, err := audit.Open(ctx, st, keys, kek, now)
	if err != nil {
		t.Fatal(err)
	}
	return &house{path: path, Service: &Service{Store: st, Log: log, Assurer: tokensByName{}, Now: now, Callers: sameCaller{}, Snapshots: &Snapshots{Store: st, Now: now}, Limits: model.DefaultLimits()}}
}

// tokensByName takes "token of NAME" for NAME's.
type tokensByName struct{}

func (tokensByName) Assurance(_ context.Context, _, user, raw string) (model.Assurance, error) {
	if raw != "token of "+user {
		return model.Assurance{}, &model.Error{Code: model.CodeUnauthorized}
	}
	return model.Assurance{Level: 2, AuthTime: noon.Add(-time.Minute)}, nil
}

// tenant makes a tenant and returns a client of it.
func (h *house) tenant(t failer, catalog, policy string, dir model.Directory, records []model.Resource) model.Caller {
	t.Helper()
	h.tenants++
	id := fmt.Sprint("t", h.tenants)
	ctx := context.Background()
	err := h.Store.InTx(ctx, func(tx store.Tx) error {
		errs := []error{tx.InsertTenant(ctx, model.Tenant{ID: id, Ref: fmt.Appendf(nil, "%16d", h.tenants), MFA: model.MFAEveryone, Catalog: catalog, CreatedAt: noon})}
		if _, err := tx.Bump(ctx, id, store.Change{Kind: store.ChangedDirectory}); err != nil {
			return err
		}
		errs = append(errs, tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: id, Revision: 1, Text: policy, CreatedAt: noon}))
		for _, s := range dir.Subjects {
			errs = append(errs, tx.PutSubject(ctx, id, s))
		}
		for _, v := range dir.Teams {
			errs = append(errs, tx.PutTeam(ctx, id, v))
		}
		for _, v := range dir.Units {
			errs = append(errs, tx.PutUnit(ctx, id, v))
		}
		for _, v := range dir.Territories {
			errs = append(errs, tx.PutTerritory(ctx, id, v))
		}
		for _, a := range dir.Assignments {
			errs = append(errs, tx.EnsureRole(ctx, id, a.Role), tx.PutAssignment(ctx, id, a))
		}
		for _, r := range records {
			errs = append(errs, tx.PutResource(ctx, id, r))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return model.Caller{Kind: model.CallerClient, ID: "crm", Tenant: id, Scopes: []string{"decide"}}
}

// all goes through every page, and counts them.
func (h *house) all(t failer, caller model.Caller, sr SearchRequest) (results []string, pages int) {
	t.Helper()
	for {
		f, err := h.Search(context.Background(), caller, sr)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Results) > sr.Limit {
			t.Fatalf("%d results, and the limit is %d", len(f.Results), sr.Limit)
		}
		results = append(results, f.Results...)
		pages++
		if !f.More {
			return results, pages
		}
		sr.After = f.After
	}
}

// TestSearchMeansEvaluation: a search finds exactly what single evaluations and
// batches allow, for every kind of search, policy, token and page size.
func TestSearchMeansEvaluation(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		w := makeWorld(t, drawGenerous(t), drawDirectory(t), mustCatalogOf(t, worldCatalog), false)
		records := make([]model.Resource, rapid.IntRange(2, 6).Draw(t, "records"))
		for i := range records {
			records[i] = model.Resource{Type: pick(t, "deal", "deal", "note"), ID: fmt.Sprint(i), Attributes: drawRecord(t)}
		}
		caller := h.tenant(t, worldCatalog, w.text, w.spec.dir, records)
		caller.Client.RequireToken = pick(t, false, false, true, false)
		q, _ := drawQuestion(t)
		q.Subject.Type, q.Subject.ID = "user", pick(t, "ann", "bob", "eve", "cyd", "dan", "ann")
		q.Action.Name = pick(t, "read", "read", "update", "export")
		q.Resource.Type = pick(t, "deal", "deal", "note", "deal", "deal")
		if pick(t, true, false, true) {
			q.Action.Properties = nil
		}
		if rapid.Bool().Draw(t, "as stored") {
			q.Resource.Properties = nil
		}
		sr := SearchRequest{Request: Request{Question: q}, Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
		if token := pick(t, "", "", "", "", "token of ann", "token of "+q.Subject.ID, ""); token != "" {
			sr.AccessToken = &token
		}
		sr.Kind = pick(t, SearchSubject, SearchResource, SearchAction)
		var universe []string
		place := func(q *model.Question, name string) {}
		switch sr.Kind {
		case SearchSubject:
			sr.Question.Subject = model.Entity{Type: pick(t, "user", "user", "user", "client")}
			universe = append(slices.Clone(people), "crm", "eve", "a", "t1")
			place = func(q *model.Question, name string) { q.Subject.ID = name }
		case SearchResource:
			sr.Question.Resource.ID = ""
			for _, r := range records {
				if r.Type == q.Resource.Type {
					universe = append(universe, r.ID)
				}
			}
			place = func(q *model.Question, name string) { q.Resource.ID = name }
		case SearchAction:
			sr.Question.Action = model.Action{}
			if rapid.Bool().Draw(t, "any record") {
				sr.Question.Resource = model.Entity{Type: q.Resource.Type, ID: model.AnyRecord}
			}
			universe = []string{"read", "update", "export", "publish", "dance", "*"}
			place = func(q *model.Question, name string) { q.Action.Name = name }
		}
		slices.Sort(universe)
		var requests []Request
		for _, name := range universe {
			r := sr.Request
			place(&r.Question, name)
			requests = append(requests, r)
		}
		decisions, err := h.EvaluateBatch(ctx, caller, requests, ExecuteAll)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i, d := range decisions {
			single, err := h.Evaluate(ctx, caller, requests[i])
			if err != nil || single.Allow != d.Allow || single.Code != d.Code {
				t.Fatalf("%+v alone: %s (%v), in a batch: %s", requests[i], single.Code, err, d.Code)
			}
			if d.Allow {
				want = append(want, universe[i])
			}
		}
		got, pages := h.all(t, caller, sr)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s search of %+v in\n%s(-allowed +found):\n%s", sr.Kind, sr, w.text, diff)
		}
		if most := max(1, (len(want)+sr.Limit-1)/sr.Limit); pages != most {
			t.Fatalf("%d pages of %d for %d results, want %d", pages, sr.Limit, len(want), most)
		}
	})
}

// drawGenerous draws a policy under which most searches find something.
func drawGenerous(t *rapid.T) [][]string {
	var rows [][]string
	for range rapid.IntRange(1, 4).Draw(t, "grants") {
		rows = append(rows, []string{"p", pick(t, "*", "user:ann", "team:t1", "role:a"), pick(t, "deal", "deal", "*"), pick(t, "*", "read"), pick(t, append(append([]string{"all", "all", "all", "own"}, allScopes...), "all", "own", "subtree", "all", "team")...), "", allow})
	}
	for range rapid.IntRange(0, 2).Draw(t, "rows") {
		rows = append(rows, drawRow(t))
	}
	return rows
}

func mustCatalogOf(t failer, text string) *Catalog {
	cat, err := ParseCatalog(text)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// library is a tenant of n users who may read n books.
func library(t testing.TB, n int) (*house, model.Caller) {
	h := newHouse(t)
	var dir model.Directory
	var books []model.Resource
	for i := range n {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: fmt.Sprintf("u%04d", i)})
		books = append(books, model.Resource{Type: "book", ID: fmt.Sprintf("b%04d", i), Attributes: map[string]any{"owner": fmt.Sprintf("u%04d", i)}})
	}
	return h, h.tenant(t, "objects: {book: {actions: {read: {}, lend: {}}}}", "p, *, book, read, all, , allow\np, *, book, lend, own, , allow\n", dir, books)
}

func books(subject string) SearchRequest {
	return SearchRequest{Kind: SearchResource, Limit: 1000, Request: Request{Question: model.Question{
		Subject: model.Entity{Type: "user", ID: subject}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book"}}}}
}

func readers(book string) SearchRequest {
	return SearchRequest{Kind: SearchSubject, Limit: 1000, Request: Request{Question: model.Question{
		Subject: model.Entity{Type: "user"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book", ID: book}}}}
}

// The edges of paging: what is found over all pages is always the whole, and only
// a page behind which there may be more says so.
func TestSearchPages(t *testing.T) {
	const n = 7
	h, caller := library(t, n)
	for _, sr := range []SearchRequest{books("u0001"), readers("b0001")} {
		for limit := 1; limit <= n+2; limit++ {
			sr.Limit = limit
			got, pages := h.all(t, caller, sr)
			if want := (n + limit - 1) / limit; len(got) != n || pages != want || !slices.IsSorted(got) {
				t.Errorf("%s, limit %d: %d results on %d pages, want %d on %d", sr.Kind, limit, len(got), pages, n, want)
			}
		}
		sr.Limit = 0
		f, err := h.Search(t.Context(), caller, sr)
		if err != nil || len(f.Results) != 0 || f.Results == nil || !f.More || f.After != "" {
			t.Errorf("%s, limit 0: %+v, %v", sr.Kind, f, err)
		}
		sr.After = "z"
		f, err = h.Search(t.Context(), caller, sr)
		if err != nil || f.More {
			t.Errorf("%s, limit 0 behind the last: %+v, %v", sr.Kind, f, err)
		}
	}
}

// A page ends when it has cost enough, with what it has, and the next goes on.
func TestSearchIsBounded(t *testing.T) {
	h, caller := library(t, 20)
	lend := books("u0013")
	lend.Question.Action.Name = "lend" // one of twenty
	for _, most := range []bounds{{candidates: 3, time: time.Hour}, {candidates: 1000}} {
		var got []string
		pages, sr := 0, lend
		for {
			f, err := h.search(t.Context(), caller, sr, most)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Results...)
			pages++
			if !f.More {
				break
			}
			if f.After <= sr.After {
				t.Fatalf("no progress behind %q", f.After)
			}
			sr.After = f.After
		}
		if diff := cmp.Diff([]string{"b0013"}, got); diff != "" || pages < 7 {
			t.Errorf("%+v: %d pages, %s", most, pages, diff)
		}
	}
	sr := lend // with limit 0 the page moves on as well
	sr.Limit = 0
	if f, err := h.search(t.Context(), caller, sr, bounds{candidates: 3, time: time.Hour}); err != nil || f.After != "b0002" || !f.More {
		t.Errorf("limit 0: %+v, %v", f, err)
	}
}

func TestSearchStopsWithItsCaller(t *testing.T) {
	h, caller := library(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	h.Store = quiet{h.Store} // which does not mind
	h.Assurer = cancelling{cancel, &asked}
	sr, token := readers("b0001"), "x"
	sr.AccessToken = &token
	if _, err := h.Search(ctx, caller, sr); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller left: %v", err)
	}
	if asked != 1 {
		t.Errorf("%d candidates were looked at", asked)
	}
	if size, err := h.Store.LogSize(t.Context()); err != nil || size != 0 {
		t.Errorf("%d entries, %v", size, err)
	}
}

type cancelling struct {
	cancel func()
	asked  *int
}

func (c cancelling) Assurance(context.Context, string, string, string) (model.Assurance, error) {
	*c.asked++
	c.cancel()
	return model.Assurance{}, &model.Error{Code: model.CodeUnauthorized}
}

func TestSearchFindsOnly(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "ann:x"}, {Type: "user", ID: "Ann"},
		{Type: "users", ID: "bob"}, {Type: "client", ID: "crm"}}}
	records := []model.Resource{{Type: "deal", ID: "1"}, {Type: "deal", ID: "*"}, {Type: "Deal", ID: "2"}, {Type: "deal", ID: "中"}}
	caller := h.tenant(t, dealCatalog, "p, *, deal, read, all, , allow\np, *, deal, tag, all, , allow\np, *, note, *, all, , allow\np, *, *, stamp, all, , allow\np3, *, deal, margin, read, deny\n", dir, records)
	subject := func(typ, id string) model.Entity { return model.Entity{Type: typ, ID: id} }
	read := model.Action{Name: "read"}
	for _, c := range []struct {
		name string
		kind SearchKind
		q    model.Question
		want []string
	}{
		{"users", SearchSubject, model.Question{Subject: subject("user", ""), Action: read, Resource: subject("deal", "1")}, []string{"Ann", "ann", "ann:x"}},
		{"users of any record", SearchSubject, model.Question{Subject: subject("user", ""), Action: read, Resource: subject("deal", "*")}, []string{"Ann", "ann", "ann:x"}},
		{"another type", SearchSubject, model.Question{Subject: subject("client", ""), Action: read, Resource: subject("deal", "1")}, []string{"crm"}},
		{"unknown type", SearchSubject, model.Question{Subject: subject("ghost", ""), Action: read, Resource: subject("deal", "1")}, nil},
		{"half a key", SearchSubject, model.Question{Subject: subject("user:ann", ""), Action: read, Resource: subject("deal", "1")}, nil},
		{"roles", SearchSubject, model.Question{Subject: subject("role", ""), Action: read, Resource: subject("deal", "1")}, nil},
		{"unknown object", SearchSubject, model.Question{Subject: subject("user", ""), Action: read, Resource: subject("ghost", "1")}, nil},
		{"unknown action", SearchSubject, model.Question{Subject: subject("user", ""), Action: model.Action{Name: "dance"}, Resource: subject("deal", "1")}, nil},
		{"star as action", SearchSubject, model.Question{Subject: subject("user", ""), Action: model.Action{Name: "*"}, Resource: subject("deal", "1")}, nil},
		{"records", SearchResource, model.Question{Subject: subject("user", "ann"), Action: read, Resource: subject("deal", "")}, []string{"1", "中"}},
		{"records of no type", SearchResource, model.Question{Subject: subject("user", "ann"), Action: read, Resource: subject("ghost", "")}, nil},
		{"records of a stranger", SearchResource, model.Question{Subject: subject("user", "eve"), Action: read, Resource: subject("deal", "")}, nil},
		{"actions", SearchAction, model.Question{Subject: subject("user", "ann"), Resource: subject("deal", "1")}, []string{"read", "stamp", "tag"}},
		{"actions on any", SearchAction, model.Question{Subject: subject("user", "ann"), Resource: subject("deal", "*")}, []string{"read", "stamp", "tag"}},
		{"actions of what is switched off", SearchAction, model.Question{Subject: subject("user", "ann"), Resource: subject("off", "1")}, nil},
		{"actions of an object without a list", SearchAction, model.Question{Subject: subject("user", "ann"), Resource: subject("note", "1")}, []string{"stamp"}},
		{"actions of nothing", SearchAction, model.Question{Subject: subject("user", "ann"), Resource: subject("ghost", "1")}, nil},
		{"actions of a stranger", SearchAction, model.Question{Subject: subject("user", "eve"), Resource: subject("deal", "1")}, nil},
	} {
		got, _ := h.all(t, caller, SearchRequest{Kind: c.kind, Limit: 10, Request: Request{Question: c.q}})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What is looked up about one subject is not taken for another's.
func TestSearchLooksAtEachSubject(t *testing.T) {
	h := newHouse(t)
	var dir model.Directory
	for _, id := range []string{"ann", "bob", "cyd"} {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: id})
	}
	caller := h.tenant(t, "objects: {book: {actions: {read: {}, burn: {}}}}", "p, *, book, *, all, , allow\np4, *, book, burn, 2, , deny\n", dir, nil)
	for _, u := range []model.User{{ID: "ann", Disabled: true}, {ID: "bob"}, {ID: "cyd", Disabled: true}} {
		u.Tenant, u.Username, u.UsernameKey = caller.Tenant, u.ID, u.ID
		if err := h.Store.InsertUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := h.all(t, caller, readers("1")); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("ann and cyd are disabled; found %v", got)
	}
	for _, u := range []string{"ann", "cyd"} {
		if _, err := h.Store.SetUserDisabled(t.Context(), caller.Tenant, u, false); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Store.Bump(t.Context(), caller.Tenant, store.Change{Kind: store.ChangedSubject, Key: "user:" + u}); err != nil {
			t.Fatal(err)
		}
	}
	burn := readers("1")
	burn.Question.Action.Name = "burn"
	for _, who := range []string{"ann", "bob", "cyd"} {
		token := "token of " + who
		burn.AccessToken = &token
		if got, _ := h.all(t, caller, burn); !slices.Equal(got, []string{who}) {
			t.Errorf("with the %s: %v", token, got)
		}
	}
}

func TestSubjectsOfAType(t *testing.T) {
	v := View{Snapshot: mustSnapshot(t, "", nil, model.Directory{Subjects: []model.Subject{{Type: "user", ID: "b"}, {Type: "user", ID: "a:x"}, {Type: "users", ID: "c"}}})}
	for typ, want := range map[string][]string{"user": {"a:x", "b"}, "users": {"c"}, "user:a": nil, "use": nil, "": nil} {
		if got := v.people.types[typ].ids(); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typ, got, want)
		}
	}
}

func TestSearchRevision(t *testing.T) {
	h, caller := library(t, 2)
	now, err := h.Store.Tenant(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	sr := books("u0000")
	sr.MinRevision = now.Revision
	if f, err := h.Search(t.Context(), caller, sr); err != nil || f.Revision != now.Revision {
		t.Errorf("%+v, %v", f, err)
	}
	sr.MinRevision++
	if _, err := h.Search(t.Context(), caller, sr); model.CodeOf(err) != model.CodeRevisionBehind {
		t.Errorf("a later revision: %v", err)
	}
	caller.Tenant = "ghost"
	if _, err := h.Search(t.Context(), caller, sr); model.CodeOf(err) != model.CodeTenantUnknown {
		t.Errorf("of no tenant: %v", err)
	}
}

// One entry a page: words the tenant has, and the count, in the leaf; names sealed
// under the key of whom they are about.
func TestSearchIsRecorded(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	records := []model.Resource{{Type: "lead", ID: "lead-one"}, {Type: "lead", ID: "lead-two"}, {Type: "ticket", ID: "ticket-one", Attributes: map[string]any{"lead": "lead-one"}}, {Type: "memo", ID: "memo-one"}}
	caller := h.tenant(t, `
objects:
  lead: {person: true, actions: {read: {}}}
  ticket: {data_subject: lead, actions: {read: {}}}
  memo: {actions: {read: {}, burn: {}}}
  user: {person: true, actions: {read: {}}}
`, "p, *, *, read, all, , allow\n", dir, records)
	ask := func(kind SearchKind, subject, action, typ, id string) SearchRequest {
		return SearchRequest{Kind: kind, Limit: 10, Request: Request{Question: model.Question{
			Subject: model.Entity{Type: "user", ID: subject}, Action: model.Action{Name: action}, Resource: model.Entity{Type: typ, ID: id}}}}
	}
	for _, c := range []struct {
		name                string
		sr                  SearchRequest
		activity            audit.Activity
		object, op          string
		count               int64
		sealed              map[string]map[string]any // by person
		absent, notInTheLog string
	}{
		{"subjects", ask(SearchSubject, "", "read", "memo", "memo-one"), audit.SearchedSubject, "memo", "read", 1,
			map[string]map[string]any{"": {"subject_type": "user", "action": "read", "resources": []any{"memo:memo-one"}}}, "user:ann", "memo-one"},
		{"subjects for a lead", ask(SearchSubject, "", "read", "lead", "lead-one"), audit.SearchedSubject, "lead", "read", 1,
			map[string]map[string]any{"": {"subject_type": "user", "action": "read"}, "lead:lead-one": {"person": "lead:lead-one", "resources": []any{"lead:lead-one"}}}, "user:ann", "lead-one"},
		{"resources", ask(SearchResource, "ann", "read", "memo", ""), audit.SearchedResource, "memo", "read", 1,
			map[string]map[string]any{"user:ann": {"person": "user:ann", "subject": "user:ann", "action": "read", "resource_type": "memo", "resources": []any{"memo:memo-one"}}}, "", "memo-one"},
		{"leads", ask(SearchResource, "ann", "read", "lead", ""), audit.SearchedResource, "lead", "read", 2,
			map[string]map[string]any{"user:ann": {"person": "user:ann", "subject": "user:ann", "action": "read", "resource_type": "lead"},
				"lead:lead-one": {"person": "lead:lead-one", "resources": []any{"lead:lead-one"}}, "lead:lead-two": {"person": "lead:lead-two", "resources": []any{"lead:lead-two"}}}, "", "lead-one"},
		{"tickets", ask(SearchResource, "ann", "read", "ticket", ""), audit.SearchedResource, "ticket", "read", 1,
			map[string]map[string]any{"user:ann": {"person": "user:ann", "subject": "user:ann", "action": "read", "resource_type": "ticket"},
				"lead:lead-one": {"person": "lead:lead-one", "resources": []any{"ticket:ticket-one"}}}, "", "ticket-one"},
		{"actions", ask(SearchAction, "ann", "", "memo", "memo-one"), audit.SearchedAction, "memo", "", 1,
			map[string]map[string]any{"user:ann": {"person": "user:ann", "subject": "user:ann", "actions": []any{"read"}, "resources": []any{"memo:memo-one"}}}, "", "memo-one"},
		{"actions on oneself", ask(SearchAction, "ann", "", "user", "ann"), audit.SearchedAction, "user", "", 1,
			map[string]map[string]any{"user:ann": {"person": "user:ann", "subject": "user:ann", "actions": []any{"read"}, "resources": []any{"user:ann"}}}, "", "ann"},
		{"a stranger's on a lead", ask(SearchAction, "eve", "", "lead", "lead-one"), audit.SearchedAction, "lead", "", 0,
			map[string]map[string]any{"": {"subject": "user:eve", "actions": []any{}, "resources": []any{"lead:lead-one"}}}, "lead:lead-one", "lead-one"},
		{"a stranger's", ask(SearchResource, "call +4915112345", "bob@example.com", "eve@example.com", ""), audit.SearchedResource, "", "", 0,
			map[string]map[string]any{"": {"subject": "user:call +4915112345", "action": "bob@example.com", "resource_type": "eve@example.com"}}, "user:call +4915112345", "@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f Found
			leaf := audittest.One(t, h.Store, func() {
				var err error
				if f, err = h.Search(t.Context(), caller, c.sr); err != nil || int64(len(f.Results)) != c.count {
					t.Fatalf("%+v, %v", f, err)
				}
			})
			if leaf.Activity != c.activity || leaf.Outcome != audit.OutcomeOK || leaf.Class != audit.ClassDecision || leaf.Object != c.object || leaf.Op != c.op ||
				leaf.Count != c.count || leaf.Revision != f.Revision || len(leaf.PolicyHash) == 0 || leaf.Service != "crm" || len(leaf.Segments) != len(c.sealed) {
				t.Errorf("leaf %+v", leaf)
			}
			if strings.Contains(string(leaf.Row.Leaf), c.notInTheLog) {
				t.Errorf("the leaf holds %s: %q", c.notInTheLog, leaf.Row.Leaf)
			}
			for person, want := range c.sealed {
				got, err := audittest.Unseal(t.Context(), h.Log, leaf, person)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%q: %v (-want +got):\n%s", person, err, diff)
				}
			}
			if c.absent != "" {
				if got, err := audittest.Unseal(t.Context(), h.Log, leaf, c.absent); err == nil {
					t.Errorf("%s has a segment: %v", c.absent, got)
				}
			}
		})
	}
}

// Without its record there is no answer.
func TestSearchWithoutALog(t *testing.T) {
	h, caller := library(t, 2)
	h.Store.Close()
	if f, err := h.Search(t.Context(), caller, books("u0000")); err == nil || f.Results != nil {
		t.Errorf("%+v, %v", f, err)
	}
}

// Asking about strangers, one by one or by search, leaves nothing in memory.
func TestStrangersLeaveMemoryFlat(t *testing.T) {
	h, caller := library(t, 2)
	st := h.Store
	h.Store = quiet{st} // the database's caches are not measured
	h.Snapshots = &Snapshots{Store: h.Store, Now: h.Now}
	ask := func(from, to int) {
		var batch []Request
		for i := from; i < to; i++ {
			stranger := fmt.Sprintf("stranger-%d-%s", i, strings.Repeat("x", 100))
			r := books(stranger).Request
			r.Question.Resource.ID = stranger
			if batch = append(batch, r); len(batch) == 200 {
				if _, err := h.EvaluateBatch(t.Context(), caller, batch, ExecuteAll); err != nil {
					t.Fatal(err)
				}
				batch = batch[:0]
			}
			for _, sr := range []SearchRequest{books(stranger), readers(stranger), {Kind: SearchAction, Limit: 10, Request: r}} {
				run := searching{s: h.remembering(), caller: caller, sr: sr}
				var err error
				if run.view, err = h.Snapshots.Current(t.Context(), caller.Tenant); err != nil {
					t.Fatal(err)
				}
				if _, err := run.page(t.Context(), pageBounds); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ask(0, 200)
	before := heap()
	ask(200, 10_200)
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("10,000 strangers cost %d bytes", grown)
	}
}

// quiet knows no record, quickly.
type quiet struct{ store.Store }

func (quiet) Resource(context.Context, string, string, string) (model.Resource, error) {
	return model.Resource{}, store.ErrNotFound
}

// Users and teams are records of the directory's own, registered as such or not:
// to whom may she assign?
func TestSearchOfUsersAndTeams(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Teams: []model.Team{{ID: "north"}, {ID: "south"}}}
	for _, id := range []string{"ann", "bob", "cyd"} {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: id})
	}
	records := []model.Resource{
		{Type: "user", ID: "bob", Attributes: map[string]any{"region": "EU"}}, {Type: "user", ID: "zoe", Attributes: map[string]any{"region": "EU"}},
		{Type: "user", ID: "aaa", Attributes: map[string]any{"region": "EU"}}, {Type: "team", ID: "south"}}
	caller := h.tenant(t, "objects: {user: {actions: {assign: {}, see: {}, greet: {}}}, team: {actions: {assign: {}}}}",
		"p, *, user, assign, all, , allow\np, *, user, see, own, , allow\np, *, user, greet, all, record.region == 'EU', allow\np, *, team, assign, all, , allow\n", dir, records)
	for _, c := range []struct {
		action, typ string
		want        []string
	}{
		{"assign", "user", []string{"aaa", "ann", "bob", "cyd", "zoe"}},
		{"see", "user", []string{"ann"}},
		{"greet", "user", []string{"aaa", "bob", "zoe"}},
		{"assign", "team", []string{"north", "south"}},
	} {
		for limit := 1; limit <= 6; limit++ {
			got, _ := h.all(t, caller, SearchRequest{Kind: SearchResource, Limit: limit, Request: Request{Question: model.Question{
				Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: c.action}, Resource: model.Entity{Type: c.typ}}}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s a %s, %d a page (-want +got):\n%s", c.action, c.typ, limit, diff)
			}
		}
	}
}
