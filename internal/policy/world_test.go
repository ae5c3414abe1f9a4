package policy

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rolegate/model"
)

// noon is now, in every test.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// failer is what testing.T and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a random little company with a random little policy.
type world struct {
	text string
	spec spec
	snap *Snapshot
}

const worldCatalog = `
objects:
  deal:
    actions:
      read: {}
      update: {}
      export: {requires: [read]}
      publish: {requires: [export, update]}
    fields:
      name: {type: string}
      phone: {type: string, class: personal, mask: phone}
      margin: {type: number, secured: true}
      pin: {type: string, class: sensitive, secured: true}
      stage: {type: string}
      amount: {type: number}
  old:
    enabled: false
    actions: {read: {}}
`

var (
	people     = []string{"ann", "bob", "cyd", "dan"}
	allScopes  = []string{"all", "own", "created", "assigned", "unassigned", "team", "subtree", "subtree:1", "subtree:2", "unit", "unit_tree", "unit_head", "territory", "account", "contact", "shared", "everyone"}
	rowSubject = []string{"role:a", "role:b", "role:c", "role:d", "user:ann", "team:t1", "client:crm", "*"}
)

func pick[T any](t *rapid.T, from ...T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(t, "pick")]
}

// some draws a subset.
func some[T any](t *rapid.T, from ...T) (out []T) {
	mask := rapid.IntRange(0, 1<<len(from)-1).Draw(t, "some")
	for i, v := range from {
		if mask&(1<<i) != 0 {
			out = append(out, v)
		}
	}
	return out
}

func drawRow(t *rapid.T) []string {
	object := pick(t, "deal", "deal", "note", "old", "*")
	action := pick(t, "read", "read", "update", "export", "*")
	effect := pick(t, allow, allow, deny)
	subject := pick(t, rowSubject...)
	switch pick(t, "p", "p", "p", "p2", "p3", "p3", "p4") {
	case "p":
		return []string{"p", subject, object, action, pick(t, allScopes...), pick(t, append(specTexts, "", "", "", "")...), effect}
	case "p2":
		return []string{"p2", subject, object, action, pick(t, specTexts...), deny}
	case "p3":
		if subject == "*" {
			effect = deny
		}
		return []string{"p3", subject, object, pick(t, "name", "phone", "margin", "pin", "*"), pick(t, "read", "update", "unmask"), effect}
	default:
		return []string{"p4", subject, object, action, pick(t, "1", "2", "3"), pick(t, "", "60", "600"), deny}
	}
}

func drawDirectory(t *rapid.T) model.Directory {
	dir := model.Directory{
		Teams: []model.Team{{ID: "t1"}, {ID: "t2"}},
		Units: []model.Unit{
			{ID: "co", Heads: some(t, "ann", "bob")},
			{ID: "sales", Parent: pick(t, "co", "", "ghost"), Heads: some(t, "bob", "cyd")},
			{ID: "east", Parent: pick(t, "sales", "co")},
		},
		Territories: []model.Territory{{ID: "world"}, {ID: "north", Parent: "world"}, {ID: "arctic", Parent: pick(t, "north", "ghost")}, {ID: "south"}},
	}
	for _, id := range people {
		dir.Subjects = append(dir.Subjects, model.Subject{
			Type: "user", ID: id, Teams: some(t, "t1", "t2"), Unit: pick(t, "", "co", "sales", "east"),
			Manager:     pick(t, "", "ann", "bob", "cyd", "dan", "ghost"), // cycles included
			Attributes:  pick(t, nil, map[string]any{"region": "EU"}, map[string]any{"region": "US", "level": 3.0}),
			Territories: some(t, "world", "north", "arctic", "south"), Accounts: some(t, "acme"), Contact: pick(t, "", "c1"),
		})
	}
	dir.Subjects = append(dir.Subjects, model.Subject{Type: "client", ID: "crm", Teams: some(t, "t1")})
	for range rapid.IntRange(0, 5).Draw(t, "assignments") {
		dir.Assignments = append(dir.Assignments, model.Assignment{
			Member: pick(t, "user:ann", "user:bob", "user:cyd", "team:t1", "team:t2", "client:crm"), Role: pick(t, "a", "b", "c", "d"),
			From: pick(t, time.Time{}, noon, noon.Add(1)), Until: pick(t, time.Time{}, time.Time{}, noon, noon.Add(1)),
		})
	}
	return dir
}

func drawWorld(t *rapid.T, cat *Catalog) world {
	rows := some(t, []string{"p", "*", "deal", "*", "all", "", allow}) // lets half the worlds get beyond the grants
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		rows = append(rows, drawRow(t))
	}
	rows = append(rows, some(t, []string{"g", "role:a", "role:b"}, []string{"g", "role:b", "role:c"}, []string{"g", "role:a", "role:d"})...)
	return makeWorld(t, rows, drawDirectory(t), cat, rapid.Bool().Draw(t, "strict"))
}

func makeWorld(t failer, rows [][]string, dir model.Directory, cat *Catalog, strict bool) world {
	t.Helper()
	var text strings.Builder
	w := csv.NewWriter(&text)
	seen := map[string]bool{}
	s := spec{dir: dir, cat: cat, strict: strict}
	for _, row := range rows {
		if k := strings.Join(row, ","); !seen[k] {
			seen[k] = true
			s.rows = append(s.rows, row)
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Flush()
	doc, err := Parse(text.String())
	if err != nil {
		t.Fatalf("Parse(%s): %v", text.String(), err)
	}
	snap, err := NewSnapshot(model.Tenant{ID: "t", StrictFields: strict}, doc, cat, dir)
	if err != nil {
		t.Fatal(err)
	}
	return world{text: text.String(), spec: s, snap: snap}
}

func drawQuestion(t *rapid.T) (model.Question, Inputs) {
	q := model.Question{
		Subject:  model.Entity{Type: "user", ID: pick(t, "ann", "ann", "ann", "bob", "bob", "cyd", "dan", "eve")},
		Action:   model.Action{Name: pick(t, "read", "read", "read", "update", "update", "export", "export", "publish", "dance")},
		Resource: model.Entity{Type: pick(t, "deal", "deal", "deal", "deal", "deal", "deal", "note", "note", "old", "ghost"), ID: "1", Properties: drawRecord(t)},
	}
	if rapid.IntRange(0, 9).Draw(t, "client") == 0 {
		q.Subject = model.Entity{Type: "client", ID: "crm"}
	}
	q.Context = pick(t, nil, props{"ip": "10.1.2.3"}, props{"ip": "192.0.2.1", "channel": "web"}, props{"ip": 7.0, "channel": nil})
	q.Action.Properties = pick(t, nil, props{"bulk": true}, props{"bulk": "yes", "changes": props{"stage": "won", "amount": 5.0}}, props{"changes": props{"owner": "bob", "stage": nil}})
	q.Subject.Properties = pick(t, nil, props{"region": "EU", "roles": []any{"role:b"}, "unit": "co", "id": "bob"})
	if rapid.Bool().Draw(t, "fields") {
		list := func() []any { return some[any](t, "name", "phone", "margin", "pin", "other") }
		q.Action.Properties = map[string]any{"fields": list(), "return_fields": list(), "filter_fields": some[any](t, "phone", "margin"), "strict_fields": rapid.Bool().Draw(t, "strict")}
	}
	in := Inputs{Now: noon, Client: pick(t, "crm", "other"), TrustSubjectProperties: rapid.Bool().Draw(t, "trust"), Assurance: model.Assurance{Level: rapid.IntRange(0, 3).Draw(t, "level"), AuthTime: noon.Add(time.Duration(-pick(t, 30, 300, 3000)) * time.Second)}}
	if rapid.IntRange(0, 3).Draw(t, "stored") == 0 {
		in.Stored = &model.Resource{Type: q.Resource.Type, ID: "1", Attributes: drawRecord(t)}
	}
	return q, in
}

func drawRecord(t *rapid.T) map[string]any {
	r := map[string]any{}
	put := func(name string, values ...any) {
		values = append(values, nil, nil, 7.0)
		// the last place is for "not sent"
		if i := rapid.IntRange(0, len(values)).Draw(t, name); i < len(values) {
			r[name] = values[i]
		}
	}
	put("stage", "won", "lost", "")
	put("amount", 5.0, 50.0, "5")
	put("region", "EU", "US", []any{"EU"})
	put("owner", "ann", "user:ann", "bob", "cyd", "", "ghost")
	put("created_by", "ann", "user:bob")
	put("assignees", []any{"ann"}, []any{"user:bob", "cyd"}, []any{}, []any{"ann", 7.0})
	put("teams", []any{"t1"}, []any{"team:t2"}, []any{})
	put("unit", "co", "sales", "unit:east", "nowhere")
	put("territory", "world", "north", "arctic", "south")
	put("account", "acme", "other")
	put("contacts", []any{"c1"}, []any{"c2"})
	share := func(to, until string, actions ...any) map[string]any {
		m := map[string]any{"to": to, "actions": actions}
		if until != "" {
			m["until"] = until
		}
		return m
	}
	put("shares", []any{share("user:ann", "", "read")}, []any{share("role:b", "2026-03-01T12:00:01Z", "read", "update")},
		[]any{share("team:t1", "2026-03-01T13:00:00+02:00", "read")}, []any{share("*", "", "read"), share("*", "soon", "read")}, []any{share("*", "", "read")})
	return r
}

func mustCatalog(t testing.TB, text string) *Catalog {
	t.Helper()
	c, err := ParseCatalog(text)
	if err != nil {
		t.Fatalf("ParseCatalog: %v %v", err, err.(*model.Error).Details)
	}
	return c
}
