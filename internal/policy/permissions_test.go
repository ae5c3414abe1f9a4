package policy

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api/filter"
	"rolegate/model"
)

// whole draws a record all of whose attributes are known, as those of a list's
// columns are.
func whole(t *rapid.T) map[string]any {
	r := drawRecord(t)
	for _, name := range []string{"stage", "amount", "region", "owner", "created_by", "assignees", "teams", "unit", "territory", "account", "contacts", "shares"} {
		switch v := r[name].(type) {
		case string:
		case []any:
			if slices.ContainsFunc(v, func(e any) bool { _, isNumber := e.(float64); return isNumber }) {
				r[name] = nil
			}
		default:
			if name != "amount" {
				r[name] = nil
			}
		}
	}
	if s, ok := r["shares"].([]any); ok && len(s) > 1 { // the malformed one
		r["shares"] = nil
	}
	if _, ok := r["region"].([]any); ok {
		r["region"] = nil
	}
	return r
}

// TestPermissionsMeanDecisions: a permission is what the question without a record
// is answered, always is what no record is refused, and fields are as answers
// about records have them.
func TestPermissionsMeanDecisions(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	kinds := map[model.PermissionKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		for _, who := range []string{"ann", "bob", "crm", "eve"} {
			subject := model.Entity{Type: "user", ID: who}
			if who == "crm" {
				subject.Type = "client"
			}
			in := Inputs{Now: noon, Client: pick(t, "crm", "other"), Assurance: model.Assurance{Level: rapid.IntRange(0, 3).Draw(t, "level"), AuthTime: noon.Add(-30 * time.Second)}}
			p, err := w.snap.Permissions(subject, "", &in, "")
			if err != nil {
				t.Fatal(err)
			}
			if who == "eve" {
				if p.Code != model.ReasonSubjectUnknown || len(p.Objects) > 0 {
					t.Fatalf("%+v", p)
				}
				continue
			}
			if got, want := slices.Sorted(maps.Keys(p.Objects)), slices.Sorted(maps.Keys(w.snap.rules.objects)); !slices.Equal(got, want) {
				t.Fatalf("objects %v, want %v", got, want)
			}
			for object, o := range p.Objects {
				for action, got := range o.Actions {
					q := model.Question{Subject: subject, Action: model.Action{Name: action}, Resource: model.Entity{Type: object, ID: model.AnyRecord}}
					d := w.snap.answerTo(q, in)
					kinds[got.Kind]++
					may := d.Allow || d.Code == model.ReasonStepUp
					if !may && got.Kind == model.PermittedConditionally { // what is shared lives on a record: the list filter finds it
						list, err := w.snap.Filter(&q, &in, 100)
						may = err != nil || list.Filter.Kind == filter.Conditional || list.Code == model.ReasonStepUp
					}
					if got.Code != d.Code || (got.StepUp != nil) != (d.StepUp != nil) || got.Required != d.Required || (got.Kind != model.PermittedNever) != may {
						t.Fatalf("policy:\n%s\n%s may %s %s: %+v, and the decision is %+v", w.text, who, action, object, got, d)
					}
					if d.Fields != nil && d.Allow && action != "update" && action != "create" {
						hidden, masked := d.Fields.Hidden, d.Fields.Masks
						for _, name := range hidden {
							if slices.Contains(o.Fields.Readable, name) {
								t.Fatalf("%s is hidden and readable", name)
							}
							if slices.Contains(o.Fields.Readable, everything) && !slices.Contains(o.Fields.Named, name) {
								t.Fatalf("policy:\n%s\n%s is hidden, and * says that it is readable: %+v", w.text, name, o.Fields)
							}
						}
						if !cmp.Equal(masked, o.Fields.Masked) {
							t.Fatalf("masked %v and %v", masked, o.Fields.Masked)
						}
						for _, name := range d.Fields.ReadOnly {
							if name == "*" && object == "deal" { // whose fields the catalogue lists
								continue
							}
							if slices.Contains(o.Fields.Writable, name) || !slices.Contains(o.Fields.Readable, name) {
								t.Fatalf("%s is read-only and %+v", name, o.Fields)
							}
						}
					}
					for range 8 {
						q.Resource.ID, q.Resource.Properties = "1", whole(t)
						d := w.snap.answerTo(q, in)
						may := d.Allow || d.Code == model.ReasonStepUp
						if got.Kind == model.PermittedAlways && !may {
							t.Fatalf("policy:\n%s\ndirectory: %+v\n%s may always %s %s, but %+v is %s", w.text, w.spec.dir, who, action, object, q.Resource.Properties, d.Code)
						}
					}
				}
			}
			one, err := w.snap.Permissions(subject, "deal", &in, "")
			if err != nil || !cmp.Equal(one.Objects, map[string]model.ObjectPermissions{"deal": p.Objects["deal"]}) {
				t.Fatalf("of deals alone: %+v, %v", one, err)
			}
		}
	})
	for _, k := range []model.PermissionKind{model.PermittedNever, model.PermittedAlways, model.PermittedConditionally} {
		if kinds[k] == 0 {
			t.Errorf("nothing was %s", k)
		}
	}
	t.Log(kinds)
}

// With the person's token, and for a client that must send it, permissions are
// still what evaluations answer.
func TestPermissionsAndTokens(t *testing.T) {
	h := newHouse(t)
	caller := h.tenant(t, "objects: {deal: {actions: {read: {}}}}", "p, *, deal, read, all, , allow\np4, *, deal, read, 2, , deny\n", model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}, nil)
	good, bad := "token of ann", "token of bob"
	for _, c := range []struct {
		name  string
		token *string
		must  bool
		top   model.Code
		read  model.Code
	}{
		{"without a token", nil, false, model.ReasonAllowed, model.ReasonStepUp},
		{"with hers", &good, true, model.ReasonAllowed, model.ReasonAllowed},
		{"with another's", &bad, false, model.ReasonSessionInvalid, model.ReasonSessionInvalid},
		{"without the token that is needed", nil, true, model.ReasonTokenRequired, model.ReasonTokenRequired},
	} {
		caller.Client.RequireToken = c.must
		q := ask("ann", "read", "deal", model.AnyRecord, nil)
		d, err := h.Evaluate(t.Context(), caller, Request{Question: q, AccessToken: c.token})
		if err != nil || d.Code != c.read {
			t.Fatalf("%s: %s, %v", c.name, d.Code, err)
		}
		p, err := h.Permissions(t.Context(), caller, PermissionsRequest{Subject: q.Subject, AccessToken: c.token})
		if err != nil || p.Code != c.top || p.Revision != d.Revision {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		if c.top == model.ReasonAllowed && (p.Objects["deal"].Actions["read"].Code != c.read || p.Objects["deal"].Actions["read"].Kind != model.PermittedAlways) {
			t.Errorf("%s: %+v", c.name, p.Objects)
		}
	}
}

func TestPermissionKinds(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	const all = "p, *, deal, read, all, , allow\n"
	for text, want := range map[string]model.PermissionKind{
		"":                                       model.PermittedNever,
		all:                                      model.PermittedAlways,
		"p, *, deal, read, own, , allow\n":       model.PermittedConditionally,
		"p, *, deal, read, territory, , allow\n": model.PermittedNever,
		"p, *, deal, read, shared, , allow\n":    model.PermittedConditionally,
		"p, *, deal, read, all, record.x == 1, allow\n":                     model.PermittedConditionally,
		"p, *, deal, read, all, user.id == 'ann', allow\n":                  model.PermittedAlways,
		"p, *, deal, read, all, user.id == 'bob', allow\n":                  model.PermittedNever,
		all + "p, *, deal, read, own, , deny\n":                             model.PermittedConditionally,
		all + "p, *, deal, read, shared, , deny\n":                          model.PermittedConditionally,
		all + "p, *, deal, read, everyone, , deny\n":                        model.PermittedConditionally,
		all + "p, *, deal, read, territory, , deny\n":                       model.PermittedConditionally, // a territory that is no text
		all + "p, *, deal, read, all, user.id == 'bob', deny\n":             model.PermittedAlways,
		all + "p, *, deal, read, all, record.x == 1, deny\n":                model.PermittedConditionally,
		all + "p, *, deal, read, all, , deny\n":                             model.PermittedNever,
		all + "p2, *, deal, read, record.x == 1, deny\n":                    model.PermittedConditionally,
		all + "p2, *, deal, read, user.id == 'ann', deny\n":                 model.PermittedAlways,
		all + "p2, *, deal, read, user.id == 'bob', deny\n":                 model.PermittedNever,
		all + "p4, *, deal, read, 2, , deny\n":                              model.PermittedAlways,
		"p, role:a, deal, read, all, , allow\n":                             model.PermittedNever,
		"p, *, *, read, all, , allow\n":                                     model.PermittedAlways,
		"p, *, deal, read, own, , allow\np, *, deal, read, team, , deny\n":  model.PermittedNever,
		"p, *, deal, *, unassigned, , allow\np, *, *, *, all, , allow\n":    model.PermittedAlways,
		"p, *, deal, read, own, , allow\np, *, deal, read, team, , allow\n": model.PermittedConditionally,
	} {
		doc, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		snap, err := NewSnapshot(model.Tenant{ID: "t"}, doc, mustCatalog(t, "objects: {deal: {actions: {read: {}, export: {requires: [read]}}}}"), dir)
		if err != nil {
			t.Fatal(err)
		}
		p, err := snap.Permissions(model.Entity{Type: "user", ID: "ann"}, "", &Inputs{Now: noon}, "")
		if got := p.Objects["deal"].Actions["read"].Kind; err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
		exported := "p, *, deal, export, all, , allow\n" + text
		if doc, err = Parse(exported); err != nil {
			t.Fatal(err)
		}
		if snap, err = NewSnapshot(model.Tenant{ID: "t"}, doc, mustCatalog(t, "objects: {deal: {actions: {read: {}, export: {requires: [read]}}}}"), dir); err != nil {
			t.Fatal(err)
		}
		if p, err = snap.Permissions(model.Entity{Type: "user", ID: "ann"}, "", &Inputs{Now: noon}, ""); err != nil {
			t.Fatal(err)
		}
		if got := p.Objects["deal"].Actions["export"].Kind; got != want {
			t.Errorf("export that requires read of %q: %s, want %s", text, got, want)
		}
	}
}
