package policy

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/model"
)

// Fields that a row for * closes are said to be hidden whether or not the
// catalogue declares any, and those that a row opens by name are said to be open.
func TestOthersAreReported(t *testing.T) {
	const declared = "objects: {deal: {actions: {read: {}}, fields: {name: {type: string}, phone: {type: string, mask: phone}}}}"
	const rows = "p, role:rep, deal, read, all, , allow\n"
	none := map[string]string{}
	for _, c := range []struct {
		name, catalog, rows string
		want                model.Fields
	}{
		{"closed, but for one", declared, "p3, role:rep, deal, name, read, allow\np3, role:rep, deal, *, read, deny",
			model.Fields{Hidden: []string{"*", "phone"}, Open: []string{"name"}, Masks: none}},
		{"closed, but for one, of an object without declared fields", "", "p3, role:rep, deal, name, read, allow\np3, role:rep, deal, *, read, deny",
			model.Fields{Hidden: []string{"*"}, Open: []string{"name"}, Masks: none}},
		{"closed, but for a masked one", declared, "p3, role:rep, deal, phone, read, allow\np3, role:rep, deal, *, read, deny",
			model.Fields{Hidden: []string{"*", "name"}, Masked: []string{"phone"}, Open: []string{"phone"}, Masks: map[string]string{"phone": "phone"}}},
		{"closed whole", declared, "p3, *, deal, *, read, deny",
			model.Fields{Hidden: []string{"*", "name", "phone"}, Masks: none}},
		{"closed on every object", declared, "p3, role:rep, *, *, read, deny",
			model.Fields{Hidden: []string{"*", "name", "phone"}, Masks: none}},
		{"not to be updated, but for one", declared, "p3, role:rep, deal, *, update, deny\np3, role:rep, deal, name, update, allow\np3, role:rep, deal, phone, unmask, allow",
			model.Fields{ReadOnly: []string{"*", "phone"}, Open: []string{"name", "phone"}, Masks: none}},
		{"open", declared, "p3, role:rep, deal, *, unmask, allow", model.Fields{Masks: none}},
	} {
		var cat *Catalog
		if c.catalog != "" {
			cat = mustCatalog(t, c.catalog)
		}
		got := mustSnapshot(t, rows+c.rows, cat, company()).answerTo(ask("ann", "read", "deal", "1", nil), Inputs{Now: noon})
		if diff := cmp.Diff(&c.want, got.Fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What an answer that lists fields says of a name is what a question that names
// it is told, whether or not the catalogue declares it or a row names it.
func TestListsSayWhatNamingSays(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	kept := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		rows := [][]string{{"p", "*", "*", "*", "all", "", allow}}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			effect := pick(t, allow, deny)
			subject := pick(t, rowSubject...)
			if subject == "*" {
				effect = deny
			}
			rows = append(rows, []string{"p3", subject, pick(t, "deal", "note", "*"), pick(t, "name", "phone", "margin", "*", "*"), pick(t, "read", "read", "update", "unmask"), effect})
		}
		rows = append(rows, []string{"p", "*", "note", "read", "all", "", allow}, []string{"g", "role:a", "role:b"})
		w := makeWorld(t, rows, drawDirectory(t), cat, rapid.Bool().Draw(t, "strict"))
		for range 20 {
			q, in := drawQuestion(t)
			q.Action, q.Resource.Type = model.Action{Name: "read"}, pick(t, "deal", "note")
			all := w.snap.answerTo(q, in)
			if !all.Allow {
				continue // somebody unknown
			}
			for _, name := range []string{"name", "phone", "margin", "stage", "internal_note"} {
				q.Action.Properties = map[string]any{"fields": []any{name}}
				want := standingOf(w.snap.answerTo(q, in).Fields, name)
				if got := standingOf(all.Fields, name); got != want {
					t.Fatalf("policy:\n%s\n%s of %s is %s by the lists %+v, and %s when it is named", w.text, name, q.Resource.Type, got, all.Fields, want)
				}
				if name == "internal_note" {
					kept[want]++
				}
			}
		}
	})
	if !testing.Short() && (kept["hidden "] == 0 || kept["open read-only "] == 0 || kept["open "] == 0) {
		t.Errorf("of an undeclared field: %v: the generator is too tame", kept)
	}
}

// standingOf reads the lists as docs/api.md has them read: * is about every name
// in none of them.
func standingOf(f *model.Fields, name string) string {
	if !slices.Contains(slices.Concat(f.Hidden, f.Masked, f.ReadOnly, f.Open), name) {
		name = everything
	}
	said := "open "
	if slices.Contains(f.Hidden, name) {
		return "hidden "
	}
	if slices.Contains(f.Masked, name) {
		said = "masked "
	}
	if slices.Contains(f.ReadOnly, name) {
		said += "read-only "
	}
	return said
}
