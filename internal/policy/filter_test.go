package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api/filter"
	"rolegate/internal/testkit/witness"
	"rolegate/model"
)

const listCatalog = `
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
      stage: {type: string}
      amount: {type: number}
      due: {type: time}
      tags: {type: list of string}
  old:
    enabled: false
    actions: {read: {}}
`

// listConditions are of every kind: each node, each type, bound to each side.
var listConditions = append(slices.Clone(specTexts),
	"record.amount > 10", "record.amount >= user.level", "user.level < record.amount", "!(record.amount == 5)", "record.amount != 5.0", "record.amount < record.limit", "record.amount == record.limit",
	"record.due < request.time", "record.due >= request.time - duration('24h')", "record.due != timestamp('2026-03-01T12:00:00Z')", "record.due == record.made", "request.time.getHours('Asia/Shanghai') > 8 && has(record.due)",
	"has(record.due)", "!has(record.tags)", "has(record.tags)", "has(record.region)", "has(record.owner)", "!has(record.assignees)", "has(record.id)",
	"record.id == '1'", "record.id != '1' && record.id.startsWith('u')", "record.region.startsWith('E')", "record.stage.contains('o')", "record.stage.endsWith(user.region)", "record.stage.contains('')",
	"record.region in ['EU', 'US']", "record.region in []", "!(record.region in [])", "record.region in [user.region]", "record.region in [user.level]", "!(record.owner in ['ann', 'bob'])", "record.stage in record.tags",
	"record.owner in record.assignees", "record.owner == record.created_by", "record.owner != record.created_by", "record.owner == ''", "record.owner.startsWith('a')", "record.owner < 'b'", "user.id in record.assignees", "!(user.id in record.assignees)", "user.region in record.tags",
	"record.tags.exists(t, t in ['a', user.region])", "record.tags.all(t, t in ['a', 'EU'])", "record.tags.all(t, t in [])", "!record.tags.exists(t, t in [])", "record.assignees.exists(a, a in [user.id, 'bob'])", "record.assignees.all(a, a in [user.id])", "record.region.exists(x, x in ['EU'])",
	"record.teams.exists(t, t in user.teams)", "!record.teams.exists(t, t in user.teams)", "record.vip", "!record.vip", "record.vip == true", "record.vip != record.region", "record.region == record.stage", "record.limit < record.region", "record.limit < user.vip",
	"below(record.unit, 'co')", "!below(record.unit, user.unit)", "below(record.unit, 'sales') || record.vip", "below(record.region, user.region)", "below(record.unit, '')", "record.unit == user.unit", "record.unit in ['co', 'sales']",
	"inCIDR(request.ip, '10.0.0.0/8')", "!inCIDR(request.ip, '10.0.0.0/8')", "request.auth_age < 60", "request.context.channel == record.region", "action.bulk || record.vip", "user.vip", "!user.vip", "'role:b' in user.roles || record.stage == 'won'", "record.stage == 'won' && !(record.region == 'EU' || record.amount > 10)",
)

func drawListWorld(t *rapid.T, cat *Catalog) world {
	var rows [][]string
	if rapid.IntRange(0, 9).Draw(t, "all") > 7 {
		rows = append(rows, []string{"p", "*", "deal", "*", "all", "", allow})
	}
	for range rapid.IntRange(1, 5).Draw(t, "grants") { // enough to get beyond them
		condition := ""
		if rapid.Bool().Draw(t, "conditioned") {
			condition = pick(t, listConditions...)
		}
		rows = append(rows, []string{"p", pick(t, "*", "*", "role:b", "client:crm"), "deal", pick(t, "*", "*", "read", "update"), pick(t, allScopes[1:]...), condition, allow})
	}
	for range rapid.IntRange(0, 10).Draw(t, "rows") {
		row := drawRow(t)
		switch {
		case row[2] == "*" || row[0] == "p3" && row[1] == "*":
			row[2] = "note"
		case row[0] == "p" && rapid.Bool().Draw(t, "conditioned"):
			row[5] = pick(t, listConditions...)
		case row[0] == "p2":
			row[4] = pick(t, listConditions...)
		}
		rows = append(rows, row)
	}
	rows = append(rows, some(t, []string{"g", "role:a", "role:b"}, []string{"g", "role:b", "role:c"}, []string{"g", "role:a", "role:d"})...)
	return makeWorld(t, rows, drawDirectory(t), cat, rapid.Bool().Draw(t, "strict"))
}

// hostile are values a column may hold: of no type, of a wrong one, or nearly right.
var hostile = []any{nil, "", "user:", "user:user:ann", "team:", "USER:ann", "ann ", "Ann", "EU", "won", "%", 7.0, -0.5, 9007199254740993.0, 1e300, true, false,
	[]any{}, []any{nil}, []any{"ann", nil}, []any{"a", 1.0}, []any{[]any{"a"}}, []any{"user:ann", "user:"}, map[string]any{}, map[string]any{"to": "*"},
	"2026-03-01T12:00:00Z", "2026-03-01T13:00:00+02:00", "2026-03-01T1:00:00Z", "0001-01-01T00:00:00Z"}

var columnNames = []string{"stage", "amount", "region", "owner", "created_by", "assignees", "teams", "unit", "territory", "account", "contacts", "shares", "due", "made", "tags", "vip", "limit"}

// drawRow of a table in which every column exists.
func drawTableRow(t *rapid.T) map[string]any {
	r := drawRecord(t)
	r["due"] = pick[any](t, nil, "2026-03-01T12:00:00Z", "2026-03-01T14:00:00.5+02:00", "2026-02-27T00:00:00-08:00", "soon")
	r["made"] = pick[any](t, nil, "2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00Z")
	r["tags"] = pick[any](t, nil, []any{}, []any{"a"}, []any{"a", "EU"}, []any{"b", "won"})
	r["vip"] = pick[any](t, nil, true, false)
	r["limit"] = pick[any](t, nil, 5.0, 9007199254740993.0, "x")
	if rapid.IntRange(0, 5).Draw(t, "share") == 5 {
		r["shares"] = []any{props{"to": pick(t, "*", "user:ann", "team:t1", "nobody", "role:"), "actions": pick[any](t, []any{"read", "update"}, []any{"read"}, nil, "read"),
			"until": pick[any](t, nil, "0001-01-01T00:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000000001Z", "2026-03-02T1:00:00Z", "9999-12-31T23:59:59Z", 7.0)}}
	}
	for _, name := range columnNames {
		if rapid.IntRange(0, 11).Draw(t, "hostile") == 0 {
			r[name] = pick(t, hostile...)
		} else if _, there := r[name]; !there {
			r[name] = nil
		}
	}
	return r
}

// TestFilterIsDecide is the promise of a list filter: over random worlds, a record
// passes exactly if the question about it is allowed; and the filter is never
// exactly where the question without a record is denied, but for shares. With so
// few ids to a list that some do not fit, it is so, or refused.
func TestFilterIsDecide(t *testing.T) {
	cat := mustCatalog(t, listCatalog)
	kinds := map[string]int{}
	compared, passed, refused, tooLarge := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawListWorld(t, cat)
		shares := strings.Contains(w.text, ",shared,") || strings.Contains(w.text, ",everyone,")
		var rows []map[string]any
		for range 24 {
			rows = append(rows, drawTableRow(t))
		}
		for range 48 {
			q, in := drawQuestion(t)
			in.Stored = nil
			q.Resource.ID, q.Resource.Properties = "", nil
			if rapid.IntRange(0, 7).Draw(t, "strange") < 7 { // words that mean something
				q.Subject.ID, q.Action.Name, q.Resource.Type = pick(t, "ann", "ann", "bob", "cyd"), pick(t, "read", "read", "update", "export"), "deal"
				if rapid.IntRange(0, 3).Draw(t, "client") == 0 {
					q.Subject = model.Entity{Type: "client", ID: "crm"}
				}
				if q.Action.Properties["filter_fields"] != nil && rapid.IntRange(0, 7).Draw(t, "fields") < 6 {
					q.Action.Properties = nil
				}
			}
			most := pick(t, 0, 1, 2, 3, 100, 100, 100, 100)
			got, err := w.snap.Filter(&q, &in, most)
			if model.CodeOf(err) == model.CodeFilterTooLarge && most < 100 && cmp.Equal(got, Listed{}) {
				tooLarge++
				continue
			}
			if err != nil {
				if code := model.CodeOf(err); code != model.CodeInexpressible || q.Action.Properties["changes"] == nil {
					t.Fatalf("policy:\n%s\nquestion: %+v\n%s: %v", w.text, q, code, err)
				}
				refused++
				continue
			}
			kinds[string(got.Filter.Kind)]++
			if !got.Allow {
				kinds[string(got.Code)]++
			}
			q.Resource.ID = model.AnyRecord
			any := w.snap.answerTo(q, in)
			never := got.Filter.Kind == filter.Never
			if never == got.Allow || never && any.Allow || !shares && (never == any.Allow || got.Code != any.Code || !cmp.Equal(got.StepUp, any.StepUp) || !cmp.Equal(got.Fields, any.Fields)) {
				t.Fatalf("policy:\n%s\ndirectory: %+v\nquestion: %+v\ninputs: %+v\nfilter: %s\nwithout a record: %+v", w.text, w.spec.dir, q, in, asText(got), any)
			}
			checkExpr(t, got.Filter)
			for _, row := range rows {
				q.Resource.ID = pick(t, "1", "u2", "user:ann")
				row["id"] = q.Resource.ID
				q.Resource.Properties = row
				want := w.snap.answerTo(q, in)
				if passes := witness.Passes(got.Filter, row); passes != want.Allow {
					t.Fatalf("policy:\n%s\ndirectory: %+v\nquestion: %+v\ninputs: %+v\nDecide: %s\nfilter lets it through: %v\n%s", w.text, w.spec.dir, q, in, want.Code, passes, asText(got))
				}
				if passes, err := got.Filter.Passes(column(row)); passes != want.Allow || err != nil {
					t.Fatalf("policy:\n%s\nquestion: %+v\ninputs: %+v\nDecide: %s\npackage filter lets it through: %v, %v\n%s", w.text, q, in, want.Code, passes, err, asText(got))
				}
				compared++
				if want.Allow {
					passed++
				}
			}
		}
	})
	t.Log(compared, "records compared,", passed, "passed;", kinds, refused, "refused,", tooLarge, "too large")
	if testing.Short() {
		return
	}
	if compared < 80_000 || passed < compared/20 || tooLarge == 0 || kinds["never"] == 0 || kinds["always"] == 0 || kinds["conditional"] < (kinds["never"]+kinds["always"])/8 {
		t.Error("the generator is too tame")
	}
}

// column is a record in which every column exists.
func column(row map[string]any) filter.Record {
	return func(field string) (any, bool) { return row[field], true }
}

func asText(l Listed) string {
	text, _ := json.Marshal(l.Filter)
	return fmt.Sprintf("%s %s", l.Code, text)
}

// checkExpr holds an answer to its form: no constants within, no and or or of less
// than two, and lists that JSON does not lose.
func checkExpr(t *rapid.T, f filter.Filter) {
	if (f.Kind == filter.Conditional) != (f.Expr != nil) {
		t.Fatalf("%s with %v", f.Kind, f.Expr)
	}
	if f.Expr == nil {
		return
	}
	var walk func(e *filter.Expr)
	walk = func(e *filter.Expr) {
		switch e.Op {
		case filter.True, filter.False, filter.Unknown:
			t.Fatalf("%s within an expression", e.Op)
		case filter.And, filter.Or:
			if len(e.Args) < 2 {
				t.Fatalf("%s of %d", e.Op, len(e.Args))
			}
		}
		for i := range e.Args {
			walk(&e.Args[i])
		}
	}
	walk(f.Expr)
	text, err := json.Marshal(f)
	var back filter.Filter
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if diff := cmp.Diff(f, back); diff != "" || err != nil {
		t.Fatalf("JSON loses something: %v\n%s", err, diff)
	}
}

// filtered asks for the list of an object, at most 3 ids in a list.
func filtered(t *testing.T, s *Snapshot, who, action, object string, in Inputs) (Listed, error) {
	t.Helper()
	q := ask(who, action, object, "", nil)
	in.Now = noon
	return s.Filter(&q, &in, 3)
}

// What filters look like.
func TestFilters(t *testing.T) {
	const restricted = "p2, *, deal, read, record.stage != 'secret', deny\n"
	for _, c := range []struct{ rows, who, want string }{
		{"p, role:rep, deal, read, all, , allow", "ann", `{"kind":"always"}`},
		{"p, role:boss, deal, read, all, , allow", "ann", `{"kind":"never"}`},
		{"p, role:rep, deal, read, all, , allow\np, *, deal, read, subtree, , allow\np, *, deal, read, shared, , allow", "dan", `{"kind":"always"}`}, // whatever else is granted
		{"p, role:rep, deal, read, own, , allow", "ann", `{"kind":"conditional","filter":{"op":"in","field":"owner","type":"string","value":["ann","user:ann"]}}`},
		{"p, role:rep, deal, read, own, , allow\np, *, deal, read, subtree:1, , allow", "bob", `{"kind":"conditional","filter":{"op":"or","args":[{"op":"in","field":"owner","type":"string","value":["bob","user:bob","ann","user:ann"]},` +
			`{"op":"any","field":"assignees","type":"string","value":["ann","user:ann","bob","user:bob"]}]}}`},
		{"p, role:rep, deal, read, territory, , allow", "ann", `{"kind":"conditional","filter":{"op":"in","field":"territory","type":"string","value":["north","territory:north","world","territory:world"]}}`},
		{"p, role:rep, deal, read, unit_head, , allow", "bob", `{"kind":"conditional","filter":{"op":"in","field":"unit","type":"string","value":["east","unit:east","sales","unit:sales"]}}`},
		{"p, role:rep, deal, read, unassigned, , allow", "ann", `{"kind":"conditional","filter":{"op":"or","args":[{"op":"not","args":[{"op":"present","field":"owner"}]},{"op":"eq","field":"owner","type":"string","value":""}]}}`},
		{"p, role:rep, deal, read, shared, , allow", "ann", `{"kind":"conditional","filter":{"op":"shared","field":"shares","share":{"to":["user:ann","role:rep","team:emea"],"action":"read","at":"2026-03-01T12:00:00Z"}}}`},
		{"p, role:rep, deal, read, all, , allow\np, *, deal, read, own, , deny", "ann", `{"kind":"conditional","filter":{"op":"not","args":[{"op":"and","args":[{"op":"present","field":"owner"},{"op":"in","field":"owner","type":"string","value":["ann","user:ann"]}]}]}}`},
		{"p, role:rep, deal, read, all, , allow\n" + restricted, "ann", `{"kind":"conditional","filter":{"op":"ne","field":"stage","type":"string","value":"secret"}}`},
		{"p, role:rep, deal, read, own, record.amount < 10, allow\n" + restricted, "ann", `{"kind":"conditional","filter":{"op":"and","args":[{"op":"in","field":"owner","type":"string","value":["ann","user:ann"]},` +
			`{"op":"lt","field":"amount","type":"number","value":10},{"op":"ne","field":"stage","type":"string","value":"secret"}]}}`},

		// A grant that a denial takes away wholly, or whose condition nothing meets, is none.
		{"p, *, deal, read, own, , allow\np, *, deal, read, team, , deny", "ann", `{"kind":"never"}`},
		{"p, *, deal, read, shared, record.stage in [], allow", "ann", `{"kind":"never"}`},
		{"p, *, deal, read, everyone, user.none, allow", "ann", `{"kind":"never"}`},
		{"p, *, deal, read, own, , allow", "crm", `{"kind":"never"}`},
	} {
		got, err := filtered(t, mustSnapshot(t, c.rows+"\n", nil, company()), c.who, "read", "deal", Inputs{})
		text, _ := json.Marshal(got.Filter)
		if string(text) != c.want || err != nil || got.Allow != (got.Filter.Kind != filter.Never) {
			t.Errorf("%s: %v %s\n got %s\nwant %s", c.rows, err, got.Code, text, c.want)
		}
	}
}

// What an action requires is required of each record.
func TestFilterOfRequiredActions(t *testing.T) {
	cat := mustCatalog(t, "objects: {deal: {actions: {read: {}, export: {requires: [read]}}}}")
	s := mustSnapshot(t, "p, *, deal, export, all, record.amount < 10, allow\np, role:rep, deal, read, own, , allow\np2, *, deal, read, record.amount < 10, deny\n", cat, company())
	got, err := filtered(t, s, "ann", "export", "deal", Inputs{})
	const want = `{"kind":"conditional","filter":{"op":"and","args":[{"op":"lt","field":"amount","type":"number","value":10},{"op":"in","field":"owner","type":"string","value":["ann","user:ann"]}]}}`
	if text, _ := json.Marshal(got.Filter); string(text) != want || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	if got, err := filtered(t, s, "crm", "export", "deal", Inputs{}); got.Filter.Kind != filter.Never || got.Code != model.ReasonRequiredAction || got.Required != "read" || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// While a step-up is due there is nothing to see, and the answer says what would
// help; then there is.
func TestFilterStepUp(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, own, , allow\np4, *, deal, read, 2, 300, deny\n", nil, company())
	got, err := filtered(t, s, "ann", "read", "deal", Inputs{})
	if got.Filter.Kind != filter.Never || got.Allow || got.Code != model.ReasonStepUp || got.StepUp == nil || got.StepUp.ACR != 2 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = filtered(t, s, "ann", "read", "deal", Inputs{Assurance: model.Assurance{Level: 2, AuthTime: noon}}); got.Filter.Kind != filter.Conditional || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// A role counts while it is held.
func TestFilterOfAWindow(t *testing.T) {
	dir := company()
	dir.Assignments = []model.Assignment{{Member: "user:ann", Role: "rep", From: noon, Until: noon.Add(time.Hour)}}
	s := mustSnapshot(t, "p, role:rep, deal, read, all, , allow\n", nil, dir)
	q := ask("ann", "read", "deal", "", nil)
	for at, want := range map[time.Duration]filter.Kind{-1: filter.Never, 0: filter.Always, time.Hour - 1: filter.Always, time.Hour: filter.Never} {
		if got, err := s.Filter(&q, &Inputs{Now: noon.Add(at)}, 3); got.Filter.Kind != want || err != nil {
			t.Errorf("%v: %s, %v", at, got.Filter.Kind, err)
		}
	}
}

// What a filter cannot say is refused by name, and never answered by a wider one.
func TestFilterRefuses(t *testing.T) {
	for _, c := range []struct {
		rows, object string
		want         model.Code
		message      string
	}{
		{"p, *, user, assign, team, , allow", "user", model.CodeInexpressible, `the row "p, *, user, assign, team, , allow" in line 1 cannot be a list filter: the directory itself says what owner of a user is, not a column; search for resources instead`},
		{"p, *, user, assign, all, !(record.unit == 'ops'), allow", "user", model.CodeInexpressible, `the row "p, *, user, assign, all, !(record.unit == 'ops'), allow" in line 1 cannot be a list filter: the directory itself says what unit of a user is, not a column; search for resources instead`},
		{"p, *, user, assign, all, record.boss in record.teams, allow", "user", model.CodeInexpressible, `the row "p, *, user, assign, all, record.boss in record.teams, allow" in line 1 cannot be a list filter: the directory itself says what teams of a user is, not a column; search for resources instead`},
		{"p, *, *, assign, all, , allow\np, *, team, *, team, , deny", "team", model.CodeInexpressible, `the row "p, *, team, *, team, , deny" in line 2 cannot be a list filter: the directory itself says what teams of a team is, not a column; search for resources instead`},
		{"p, *, *, assign, all, , allow\np2, *, deal, *, record.due < timestamp('9999-12-31T23:59:59-23:00'), deny", "deal", model.CodeInexpressible,
			`the row "p2, *, deal, *, record.due < timestamp('9999-12-31T23:59:59-23:00'), deny" in line 2 cannot be a list filter: a time in the year 10000 cannot be written down`},
		{"p, *, deal, assign, unit_tree, , allow", "deal", model.CodeFilterTooLarge, `the filter would compare unit with a list of more ids than that; ROLEGATE_MAX_FILTER_IDS is 3`},
		{"p, *, deal, assign, all, \"below(record.unit, 'co')\", allow", "deal", model.CodeFilterTooLarge, `the filter would compare unit with a list of more ids than that; ROLEGATE_MAX_FILTER_IDS is 3`},
		{"p, *, deal, assign, all, \"record.x in ['a', 'b', 'c', 'd']\", allow", "deal", model.CodeFilterTooLarge, `the filter would compare x with a list of more ids than that; ROLEGATE_MAX_FILTER_IDS is 3`},
		{"p, *, deal, assign, all, \"record.n in [1, 2] || record.n in [3, 4]\", allow", "deal", model.CodeFilterTooLarge, `the filter would compare n with a list of more ids than that; ROLEGATE_MAX_FILTER_IDS is 3`},

		{"p, *, user, assign, all, record.name == 'x', allow", "user", "", ""},
		{"p, *, user, assign, own, , allow\np, *, *, assign, all, , allow", "user", "", ""}, // all of them, whoever's they are
		{"p, *, team, assign, own, , allow", "team", "", ""},                                // a team's owner is a column
		{"p, *, deal, assign, subtree, , allow", "deal", "", ""},
		{"p, *, deal, assign, unit_tree, , allow\np, *, deal, assign, all, , allow", "deal", "", ""}, // the list is not needed
		{"p, *, deal, assign, all, \"record.owner in ['a', 'b', 'c']\", allow", "deal", "", ""},      // in six spellings
	} {
		s := mustSnapshot(t, c.rows+"\n", nil, company())
		got, err := filtered(t, s, "dan", "assign", c.object, Inputs{})
		if model.CodeOf(err) != c.want {
			t.Errorf("%s: %v, %+v", c.rows, err, got)
		}
		if err == nil {
			continue
		}
		var e *model.Error
		if !errors.As(err, &e) || e.Message != c.message || !cmp.Equal(got, Listed{}) {
			t.Errorf("%s: %+v and %q, want %q", c.rows, got, e.Message, c.message)
		}
	}
}

// A filter of an update that says what it changes lets through what that may be
// done to: restrictions bind the record as it is and as it would be.
func TestFilterOfChanges(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, update, all, , allow\np2, *, deal, update, record.stage != 'closed' && record.amount < record.limit, deny\np, *, user, update, all, , allow\np2, *, user, update, record.owner == 'x', deny\n", nil, company())
	for _, c := range []struct {
		object  string
		changes props
		want    string
	}{
		{"deal", props{"name": "x"}, `{"kind":"conditional","filter":{"op":"and","args":[{"op":"ne","field":"stage","type":"string","value":"closed"},{"op":"lt","field":"amount","other":"limit"}]}}`},
		{"deal", props{"stage": "closed"}, `{"kind":"never"}`},
		{"deal", props{"stage": nil}, `{"kind":"never"}`},
		{"deal", props{"limit": 10.0}, `{"kind":"conditional","filter":{"op":"and","args":[{"op":"ne","field":"stage","type":"string","value":"closed"},{"op":"lt","field":"amount","other":"limit"},` +
			`{"op":"or","args":[{"op":"and","args":[{"op":"eq","field":"amount","other":"amount","type":"number"},{"op":"lt","field":"amount","type":"number","value":10}]},{"op":"ne","field":"amount","other":"amount","type":"number"}]}]}}`},
		{"user", props{"owner": "x"}, "filter_inexpressible"}, // what the directory says is not changed by saying so
	} {
		q := ask("ann", "update", c.object, "", nil)
		q.Action.Properties = props{"changes": c.changes}
		got, err := s.Filter(&q, &Inputs{Now: noon}, 3)
		text, _ := json.Marshal(got.Filter)
		if err != nil {
			text = []byte(model.CodeOf(err))
		}
		if string(text) != c.want {
			t.Errorf("%v: got %s\nwant %s", c.changes, text, c.want)
		}
	}
	q := ask("ann", "update", "user", model.AnyRecord, nil)
	q.Action.Properties = props{"changes": props{"owner": "y"}}
	if got := s.answerTo(q, Inputs{Now: noon}); !got.Allow {
		t.Errorf("a user's owner is whose the directory says, and the answer is %s", got.Code)
	}
}

// What no expression can hold is refused, whatever was bound.
func TestFilterOfTooMuch(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, all, record.vip == true && (record.x in user.ids || record.y in user.ids), allow\n", nil, company())
	q := ask("ann", "read", "deal", "", nil)
	many := make([]any, filter.MaxValues/2+1)
	for i := range many {
		many[i] = float64(i)
	}
	for _, c := range []struct {
		ids     any
		want    model.Code
		message string
	}{
		{many, model.CodeFilterTooLarge, "the filter would hold more than 200000 values in all its lists together"},
		{list("\xff"), model.CodeInexpressible, `the policy makes no list filter of this question: filter: in "x": a string that is not UTF-8`},
		{many[1:], "", ""},
	} {
		q.Subject.Properties = props{"ids": c.ids}
		got, err := s.Filter(&q, &Inputs{Now: noon, TrustSubjectProperties: true}, filter.MaxValues)
		var e *model.Error
		if errors.As(err, &e); model.CodeOf(err) != c.want || err != nil && (e.Message != c.message || got.Filter.Kind != "") {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

// A list that was cut short is refused, whatever is thrown out of it afterwards: one
// territory of two roots, and ids that look like two spellings of one.
func TestFilterOfListsCutShort(t *testing.T) {
	dir := company()
	dir.Subjects[0].Territories = []string{"a", "b", "c"}
	dir.Territories = []model.Territory{{ID: "a"}, {ID: "b", Parent: "a"}, {ID: "c"}}
	dir.Units = []model.Unit{{ID: "a", Heads: []string{"bob"}}, {ID: "a:a", Parent: "a", Heads: []string{"bob"}}, {ID: "b", Parent: "a"}, {ID: "c", Heads: []string{"bob"}}}
	dir.Subjects[0].Unit, dir.Subjects[1].Unit, dir.Subjects[2].Unit, dir.Subjects[3].Unit = "a", "a", "a", "a"
	for _, c := range []struct {
		scope, condition, who string
		record                props
		ids                   int
	}{
		{"territory", "", "ann", props{"territory": "c"}, 3},
		{"unit_head", "", "bob", props{"unit": "c"}, 4},
		{"all", "below(record.department, user.unit)", "ann", props{"department": "b"}, 3},
		{"all", "below(record.unit, user.unit)", "ann", props{"unit": "b"}, 3},
	} {
		s := mustSnapshot(t, "p, *, deal, read, all, , allow\np, *, deal, read, "+c.scope+", \""+c.condition+"\", deny\n", nil, dir)
		q := ask(c.who, "read", "deal", "1", c.record)
		if d := s.Decide(&q, &Inputs{Now: noon}); d.Code != model.ReasonDenied {
			t.Fatalf("%s %s: %s", c.scope, c.condition, d.Code)
		}
		for most := range c.ids + 1 {
			got, err := s.Filter(&q, &Inputs{Now: noon}, most)
			if most < c.ids {
				if model.CodeOf(err) != model.CodeFilterTooLarge || !cmp.Equal(got, Listed{}) {
					t.Errorf("%s %s, at most %d: %v, %s", c.scope, c.condition, most, err, asText(got))
				}
				continue
			}
			if passes, evalErr := got.Filter.Passes(column(c.record)); err != nil || evalErr != nil || passes {
				t.Errorf("%s %s, at most %d: %v, %v, %s", c.scope, c.condition, most, err, evalErr, asText(got))
			}
		}
	}
}

// Whatever lies below whatever, and however few ids a list may have: a filter means
// what Decide does for every name, or is refused.
func TestFilterIsDecideAtTheLimit(t *testing.T) {
	names := []string{"a", "a:a", "b", "b:b", "c", "d"}
	kept, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var dir model.Directory
		ann := model.Subject{Type: "user", ID: "ann", Unit: pick(t, names...), Territories: rapid.Permutation(some(t, names...)).Draw(t, "territories")}
		dir.Subjects = append(dir.Subjects, ann)
		for i, name := range names { // below one before it, so that there are no circles
			above := append([]string{""}, names[:i]...)
			dir.Units = append(dir.Units, model.Unit{ID: name, Parent: pick(t, above...), Heads: some(t, "ann")})
			dir.Territories = append(dir.Territories, model.Territory{ID: name, Parent: pick(t, above...)})
			dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: name, Manager: pick(t, append(names[:i:i], "", "ann")...)})
		}
		scope, condition := pick(t, "territory", "unit_head", "unit_tree", "subtree", "subtree:1", "all", "all"), ""
		if scope == "all" {
			condition = pick(t, "below(record.department, user.unit)", "!below(record.department, user.unit)", "below(record.unit, user.unit)", "!below(record.unit, 'a') || below(record.department, 'b')")
		}
		s := makeWorld(t, [][]string{{"p", "*", "deal", "read", "all", "", allow}, {"p", "*", "deal", "read", scope, condition, deny}, {"p", "*", "deal", "update", scope, condition, allow}}, dir, &Catalog{}, false).snap
		for _, action := range []string{"read", "update"} {
			for most := range len(names) + 2 {
				q := ask("ann", action, "deal", "1", nil)
				got, err := s.Filter(&q, &Inputs{Now: noon}, most)
				if err != nil {
					if model.CodeOf(err) != model.CodeFilterTooLarge || most > len(names) {
						t.Fatalf("%s %s, at most %d: %v", scope, condition, most, err)
					}
					refused++
					continue
				}
				kept++
				for _, name := range append(names, "nobody") {
					row := props{"territory": name, "unit": name, "department": name, "owner": name, "assignees": []any{name}}
					q.Resource.Properties = row
					d := s.Decide(&q, &Inputs{Now: noon})
					if passes, err := got.Filter.Passes(column(row)); passes != d.Allow || err != nil {
						t.Fatalf("%s %s %s of %s, at most %d, in %+v: Decide says %s, the filter %v, %v: %s", action, scope, condition, name, most, dir, d.Code, passes, err, asText(got))
					}
				}
			}
		}
	})
	if kept < refused/10 || refused < kept/10 {
		t.Errorf("%d filters and %d refusals: the generator is too tame", kept, refused)
	}
}

// under lists what within finds, in order, or says that it is more than wanted; so
// does underAny, for several roots.
func TestForestUnder(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	rapid.Check(t, func(t *rapid.T) {
		parent := map[string]string{}
		for _, name := range names {
			if up := pick(t, append(names, "", "ghost")...); rapid.Bool().Draw(t, "placed") {
				parent[name] = up
			}
		}
		f := newForest(parent)
		for _, root := range append(names, "", "ghost", "nobody") {
			for depth := range 4 {
				var want []string
				for _, name := range append(names, "ghost", "nobody") {
					if f.within(name, root, depth) {
						want = append(want, name)
					}
				}
				slices.Sort(want)
				if got, cut := f.under(root, depth, 100); !slices.Equal(got, want) || cut {
					t.Fatalf("%v: below %q at most %d deep are %v, want %v", parent, root, depth, got, want)
				}
				for most := range 4 {
					if got, cut := f.under(root, depth, most); cut != (len(want) > most) || cut && got != nil || !cut && !slices.Equal(got, want) {
						t.Fatalf("%v of at most %d, cut: %v; want %v", got, most, cut, want)
					}
				}
			}
		}
		roots := some(t, append(names, "", "ghost", "nobody")...)
		roots = rapid.Permutation(roots).Draw(t, "roots")
		var want []string
		for _, root := range roots {
			below, _ := f.under(root, 0, 100)
			want = append(want, below...)
		}
		slices.Sort(want)
		want = slices.Compact(want)
		for _, most := range []int{0, 1, 2, 3, max(len(want)-1, 0), len(want), 100} {
			if got, cut := f.underAny(roots, most); cut != (len(want) > most) || cut && got != nil || !cut && !slices.Equal(got, want) {
				t.Fatalf("%v: below %v are %v of at most %d, cut: %v; want %v", parent, roots, got, most, cut, want)
			}
		}
	})
}

// A manager with as many reports as may be has a filter, one with more is told
// so, at the limit of an installation that sets none.
func TestFilterOfSixtyThousandReports(t *testing.T) {
	for reports, want := range map[int]model.Code{49_999: "", 60_000: model.CodeFilterTooLarge} {
		dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "boss"}}}
		for i := range reports {
			dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: fmt.Sprintf("u%05d", i), Manager: "boss"})
		}
		s := mustSnapshot(t, "p, *, deal, read, subtree, , allow\n", nil, dir)
		q := ask("boss", "read", "deal", "", nil)
		got, err := s.Filter(&q, &Inputs{Now: noon}, model.DefaultLimits().FilterIDs)
		if model.CodeOf(err) != want || err == nil && got.Filter.Kind != filter.Conditional || err != nil && !cmp.Equal(got, Listed{}) {
			t.Errorf("%d reports: %s, %v", reports, got.Filter.Kind, err)
		}
		q = ask("boss", "read", "deal", "1", props{"owner": "u49998", "assignees": nil})
		if d := s.Decide(&q, &Inputs{Now: noon}); !d.Allow {
			t.Errorf("%d reports: one record is %s", reports, d.Code)
		}
	}
}
