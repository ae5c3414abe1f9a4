package policy

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/model"
)

const forwardPolicy = `p, role:rep, contact, read, own, , allow
p, role:rep, contact, delete, own, , allow
p, role:boss, contact, *, all, , allow
p4, role:boss, contact, export, 3, 60, deny
`

func forwardHouse(t *testing.T) (*house, model.Caller) {
	h := newHouse(t)
	return h, h.tenant(t, routesCatalog, forwardPolicy, model.Directory{
		Subjects:    []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}},
		Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}, {Member: "user:bob", Role: "boss"}},
	}, []model.Resource{
		{Type: "contact", ID: "17", Attributes: map[string]any{"owner": "ann"}},
		{Type: "contact", ID: "18", Attributes: map[string]any{"owner": "bob"}},
	})
}

func by(user, method, target string) ForwardRequest {
	return ForwardRequest{User: user, AccessToken: "token of " + user, Method: method, Target: target}
}

// A request that passes is an evaluation of its route's question: the same
// answer, and the same record.
func TestForward(t *testing.T) {
	h, caller := forwardHouse(t)
	for _, c := range []struct {
		fr         ForwardRequest
		code       model.Code
		everything bool
	}{
		{by("ann", "GET", "/api/contacts/17"), model.ReasonAllowed, false},
		{by("ann", "GET", "/api/contacts/18"), model.ReasonNotGranted, false},
		{by("ann", "GET", "/api/contacts/19"), model.ReasonNotGranted, false}, // not registered: its owner is unknown
		{by("ann", "DELETE", "/api/contacts/17"), model.ReasonAllowed, false},
		{by("ann", "GET", "/api/contacts"), model.ReasonAllowed, false},
		{by("ann", "GET", "/api/contacts/export"), model.ReasonNotGranted, false},
		{by("bob", "GET", "/api/contacts"), model.ReasonAllowed, true},
		{by("bob", "GET", "/api/contacts/19"), model.ReasonAllowed, false},
		{by("bob", "GET", "/api/contacts/export"), model.ReasonStepUp, false},
		{by("eve", "GET", "/api/contacts"), model.ReasonSubjectUnknown, false},
		{ForwardRequest{User: "ann", AccessToken: "token of bob", Method: "GET", Target: "/api/contacts/17"}, model.ReasonSessionInvalid, false},
	} {
		f, err := h.Forward(t.Context(), caller, c.fr)
		if err != nil {
			t.Fatal(err)
		}
		if f.Code != c.code || f.Allow != (c.code == model.ReasonAllowed) || f.Everything != c.everything {
			t.Errorf("%+v: %s, allowed %v, everything %v; want %s, %v", c.fr, f.Code, f.Allow, f.Everything, c.code, c.everything)
		}
		d, err := h.Evaluate(t.Context(), caller, Request{Question: f.Question, AccessToken: &c.fr.AccessToken})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, f.Decision, cmpopts.EquateComparable()); diff != "" {
			t.Errorf("%+v is not what an evaluation says (-evaluation +forward):\n%s", c.fr, diff)
		}
	}
}

// What asks nothing is denied, and recorded with who tried what.
func TestForwardOfNoQuestion(t *testing.T) {
	h, caller := forwardHouse(t)
	for _, c := range []struct {
		fr               ForwardRequest
		code             model.Code
		person, resource string // as sealed
	}{
		{by("bob", "GET", "/admin?q=secret"), model.ReasonRouteUnknown, "user:bob", "route:/admin"},
		{by("bob", "PROPFIND", "/api/contacts"), model.ReasonRouteUnknown, "user:bob", "route:/api/contacts"},
		{by("bob", "GET", "/api/contacts/%2e%2e/admin"), model.ReasonPathRefused, "user:bob", "route:/api/contacts/%2e%2e/admin"},
		{by("bob", "GET", "/\xff\x00"), model.ReasonPathRefused, "user:bob", "route:/\uFFFD\x00"},
		{by("bob", "GET", "/"+strings.Repeat("a", 1000)), model.ReasonRouteUnknown, "user:bob", "route:/" + strings.Repeat("a", maxID-1)},
		{by("bob", "", ""), model.ReasonPathRefused, "user:bob", "route:"},
		{by("eve", "GET", "/admin"), model.ReasonSubjectUnknown, "", "route:/admin"},
	} {
		var f Forwarded
		leaf := audittest.One(t, h.Store, func() {
			var err error
			if f, err = h.Forward(t.Context(), caller, c.fr); err != nil {
				t.Fatal(err)
			}
		})
		if f.Allow || f.Everything || f.Code != c.code || f.Revision == 0 || len(f.PolicyHash) == 0 {
			t.Errorf("%+v: %+v, want %s", c.fr, f.Decision, c.code)
		}
		if leaf.Activity != audit.Evaluated || leaf.Outcome != audit.OutcomeDeny || leaf.Code != c.code || leaf.Object+leaf.Op != "" || leaf.Service != "crm" {
			t.Errorf("%+v: leaf %+v", c.fr, leaf.Leaf)
		}
		sealed, err := audittest.Unseal(t.Context(), h.Log, leaf, c.person)
		if err != nil || sealed["resource"] != c.resource || sealed["action"] != c.fr.Method || sealed["subject"] != "user:"+c.fr.User {
			t.Errorf("%+v: sealed is %v, %v", c.fr, sealed, err)
		}
	}
}

// The route is of the revision the decision is of: a catalogue that takes it
// away is felt by the next request.
func TestForwardFollowsTheCatalogue(t *testing.T) {
	h, caller := forwardHouse(t)
	ask := func() Forwarded {
		f, err := h.Forward(t.Context(), caller, by("bob", "GET", "/api/contacts/17"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := ask()
	h.write(t, caller.Tenant, changed(store.ChangedTenant, ""), func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateTenant(ctx, model.Tenant{ID: caller.Tenant, MFA: model.MFAEveryone, Catalog: "objects: {contact: {actions: {read: {}}}}"})
	})
	after := ask()
	if !before.Allow || after.Code != model.ReasonRouteUnknown || after.Revision <= before.Revision {
		t.Errorf("%+v, then %+v", before.Decision, after.Decision)
	}
	fr := by("bob", "GET", "/")
	fr.MinRevision = after.Revision + 1
	if _, err := h.Forward(t.Context(), caller, fr); model.CodeOf(err) != model.CodeRevisionBehind {
		t.Errorf("a revision to come: %v", err)
	}
}

// TestEverythingIsEverything: where a question without a record is said to hold
// for every record, it does, whatever the record.
func TestEverythingIsEverything(t *testing.T) {
	said := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, mustCatalogOf(t, worldCatalog))
		q, in := drawQuestion(t)
		q.Resource.ID, q.Resource.Properties, in.Stored = model.AnyRecord, nil, nil
		if !w.snap.answerTo(q, in).Allow || !w.snap.always(&q, &in) {
			return
		}
		said++
		for range 20 {
			q.Resource.ID, q.Resource.Properties = "1", drawRecord(t)
			if d := w.snap.answerTo(q, in); !d.Allow {
				t.Fatalf("%s\nallows %+v for every record, but %v is %s", w.text, q, q.Resource.Properties, d.Code)
			}
		}
	})
	if said == 0 {
		t.Error("nobody was ever granted everything")
	}
}

// Every kind of row that could matter keeps "everything" from being said.
func TestEverythingIsSaidOnlyWhenSure(t *testing.T) {
	const catalog = "objects: {deal: {actions: {read: {}, export: {requires: [read]}}}}"
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}}}
	for _, c := range []struct {
		action, rows string
		want         bool
	}{
		{"read", "p, role:rep, deal, read, all, , allow", true},
		{"read", "p, role:rep, deal, read, own, , allow\np, *, *, *, all, , allow", true},
		{"read", "p, role:rep, deal, read, all, , allow\np, role:other, deal, read, own, , deny\np2, role:other, deal, read, record.amount < 5, deny", true},
		{"read", "p, role:rep, deal, read, own, , allow", false},
		{"read", "p, role:rep, deal, read, all, record.amount < 5, allow", false},
		{"read", "p, role:rep, deal, read, all, , allow\np, *, deal, read, own, , deny", false},
		{"read", "p, role:rep, deal, read, all, , allow\np, role:rep, *, *, all, record.amount > 5, deny", false},
		{"read", "p, role:rep, deal, read, all, , allow\np2, role:rep, deal, read, record.amount < 5, deny", false},
		{"read", "p, role:rep, deal, read, all, , allow\np2, *, *, *, record.amount < 5, deny", false},
		{"export", "p, role:rep, deal, *, all, , allow", true},
		{"export", "p, role:rep, deal, export, all, , allow\np, role:rep, deal, read, own, , allow", false},
		{"export", "p, role:rep, deal, export, own, , allow\np, role:rep, deal, read, all, , allow", false},
	} {
		caller := h.tenant(t, catalog, c.rows+"\n", dir, nil)
		view, err := h.Snapshots.Latest(t.Context(), caller.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		q := model.Question{Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: c.action}, Resource: model.Entity{Type: "deal", ID: model.AnyRecord}}
		if !view.answerTo(q, Inputs{Now: noon}).Allow {
			t.Fatalf("%s of\n%s\nis denied", c.action, c.rows)
		}
		if got := view.always(&q, &Inputs{Now: noon}); got != c.want {
			t.Errorf("%s of\n%s\neverything: %v", c.action, c.rows, got)
		}
	}
}
