package policy

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/model"
)

// officer asks as a person, not as a client.
func officer(caller model.Caller) model.Caller {
	return model.Caller{Kind: model.CallerUser, ID: "sue", Tenant: caller.Tenant, Level: 2}
}

// TestEffectiveMeansExplanations: where a permission is not never, the ways it reaches
// are the grants that an explanation of the question without a record lists, and
// what is shared; and roles are those the person has.
func TestEffectiveMeansExplanations(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		subject := model.Entity{Type: "user", ID: pick(t, "ann", "bob")}
		in := Inputs{Now: noon}
		var out Effective
		var err error
		if out.Permissions, err = w.snap.Permissions(subject, "", &in, ""); err != nil {
			t.Fatal(err)
		}
		w.snap.effective(subject, &in, &out)
		for object, o := range out.Objects {
			for action, p := range o.Actions {
				var got []string
				for _, r := range out.Reaches[object][action] {
					if r.Scope != "shared" && r.Scope != "everyone" {
						got = append(got, r.Scope+"/"+r.Condition)
					}
				}
				if p.Kind == model.PermittedNever && out.Reaches[object][action] != nil {
					t.Fatalf("%s %s reaches %v, and is never", action, object, got)
				}
				q := model.Question{Subject: subject, Action: model.Action{Name: action}, Resource: model.Entity{Type: object, ID: model.AnyRecord}}
				d := w.snap.Decide(&q, &in)
				e := w.snap.Explain(&q, &in, &d, "")
				if p.Kind == model.PermittedNever || len(e.Actions) == 0 || e.Actions[0].LeftOut > 0 {
					continue
				}
				var want []string
				for _, r := range e.Actions[0].Reasons {
					if r.Kind == model.ReasonGrant && !slices.Contains(want, r.Scope+"/"+r.Condition) {
						want = append(want, r.Scope+"/"+r.Condition)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("policy:\n%s\n%s may %s %s (-explained +effective):\n%s", w.text, subject.ID, action, object, diff)
				}
			}
		}
		for _, of := range out.Reaches {
			for _, reaches := range of {
				for _, holder := range slices.Concat(reachHolders(reaches)...) {
					if _, isRole := roleID(holder); isRole && !slices.ContainsFunc(out.Roles, func(r HeldRole) bool { return r.Role == holder && r.Now && len(r.Paths) > 0 }) {
						t.Fatalf("%s grants, and is not among %+v", holder, out.Roles)
					}
				}
			}
		}
	})
}

// What officers ask is answered as what operators ask, and no leaf names them.
func TestOfficersAsk(t *testing.T) {
	h := newHouse(t)
	w := "p, role:rep, deal, read, own, , allow\np, role:rep, deal, update, shared, , allow\ng, role:lead, role:rep\np, *, deal, create, all, \"request.client == \"\"sue\"\"\", allow\n"
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}, {Type: "user", ID: "sue"}},
		Roles: []model.Role{{ID: "lead"}, {ID: "rep"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "lead"}, {Member: "user:bob", Role: "rep"}}}
	sue := officer(h.tenant(t, worldCatalog, w, dir, []model.Resource{{Type: "deal", ID: "1", Attributes: map[string]any{"owner": "ann"}}, {Type: "deal", ID: "17"}}))
	ctx := context.Background()
	q := model.Question{Subject: model.Entity{Type: "user"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "deal", ID: "1"}}
	found, err := h.WhoCan(ctx, sue, ExplainRequest{Request: Request{Question: q}, Limit: 10})
	if err != nil || !slices.Equal(found.Results, []string{"ann"}) || found.More {
		t.Fatalf("%+v, %v", found, err)
	}
	q.Resource.ID = model.AnyRecord
	if found, err = h.WhoCan(ctx, sue, ExplainRequest{Request: Request{Question: q}, Limit: 1}); err != nil || !found.More {
		t.Fatalf("%+v, %v", found, err)
	}
	if found, err = h.WhoCan(ctx, sue, ExplainRequest{Request: Request{Question: q}, After: found.After, Limit: 1}); err != nil || !slices.Equal(found.Results, []string{"bob"}) {
		t.Fatalf("%+v, %v", found, err)
	}
	p, err := h.Effective(ctx, sue, PermissionsRequest{Subject: model.Entity{Type: "user", ID: "ann"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]Reach{"read": {{Scope: "own", Holders: []string{"role:rep"}, Lines: []int{1}}}, "update": {{Scope: "shared", Holders: []string{"role:rep"}, Lines: []int{2}}}}, p.Reaches["deal"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []HeldRole{{Role: "role:lead", Now: true, Paths: []model.RolePath{{Path: []string{"user:ann", "role:lead"}}}},
		{Role: "role:rep", Now: true, Paths: []model.RolePath{{Path: []string{"user:ann", "role:lead", "role:rep"}}}}}
	if diff := cmp.Diff(want, p.Roles); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	size, err := h.Store.LogSize(ctx)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := h.Store.LeavesFrom(ctx, size-4, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range leaves {
		if l, err := audit.Decode(b); err != nil || l.Service != "" || l.Actor != "user" {
			t.Errorf("a leaf names an officer: %+v, %v", l, err)
		}
	}

	objects, err := h.Objects(ctx, sue.Tenant)
	if i := slices.IndexFunc(objects, func(o KnownObject) bool { return o.Name == "deal" }); err != nil || i < 0 || !slices.Contains(objects[i].Actions, "read") || len(objects[i].Fields) == 0 {
		t.Errorf("%+v, %v", objects, err)
	}
	subjects, err := h.KnownSubjects(ctx, sue.Tenant, "user", "n", 10)
	if err != nil || !slices.Equal(subjects, []string{"ann"}) {
		t.Errorf("%v, %v", subjects, err)
	}
	if subjects, err = h.KnownSubjects(ctx, sue.Tenant, "user", "", 2); err != nil || len(subjects) != 2 {
		t.Errorf("%v, %v", subjects, err)
	}
	for prefix, want := range map[string][]string{"": {"1", "17"}, "1": {"1", "17"}, "17": {"17"}, "2": {}} {
		if records, err := h.KnownRecords(ctx, sue.Tenant, "deal", prefix, 10); err != nil || !slices.Equal(records, want) {
			t.Errorf("%q: %v, %v", prefix, records, err)
		}
	}
}

func reachHolders(reaches []Reach) (all [][]string) {
	for _, r := range reaches {
		all = append(all, r.Holders)
	}
	return all
}
