package policy

import (
	"encoding/csv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/casbin/casbin/v2"
	casbinmodel "github.com/casbin/casbin/v2/model"
	"github.com/google/go-cmp/cmp"
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

// oracle is Casbin's own enforcer, fed with the rows as they are.
func oracle(t failer, s spec) *casbin.Enforcer {
	t.Helper()
	m, err := casbinmodel.NewModelFromString(model.CasbinModel)
	if err != nil {
		t.Fatal(err)
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		t.Fatal(err)
	}
	e.AddFunction("within", func(args ...any) (any, error) {
		f := args[0].(specFacts)
		reached := min(s.scope(args[1].(string), f.q, f.in, f.q.Action.Name), s.condition(args[2].(string), f.q, f.in))
		if args[3] == "deny" {
			return reached != specNo, nil
		}
		return reached == specYes, nil
	})
	e.AddFunction("holds", func(args ...any) (any, error) {
		f := args[0].(specFacts)
		return s.condition(args[1].(string), f.q, f.in) == specYes, nil
	})
	e.AddFunction("assured", func(args ...any) (any, error) {
		return s.assured(args[0].(specFacts).in, args[1].(string), args[2].(string)), nil
	})
	byKind := map[string][][]string{}
	for _, r := range s.rows {
		byKind[r[0]] = append(byKind[r[0]], r[1:])
	}
	for _, a := range s.dir.Assignments {
		if row := []string{a.Member, "role:" + a.Role}; a.ActiveAt(noon) && !slices.ContainsFunc(byKind["g"], func(r []string) bool { return slices.Equal(r, row) }) {
			byKind["g"] = append(byKind["g"], row)
		}
	}
	for _, x := range s.dir.Subjects {
		for _, team := range x.Teams {
			byKind["g"] = append(byKind["g"], []string{x.Key(), "team:" + team})
		}
	}
	for kind, rows := range byKind {
		add := e.AddNamedPolicies
		if kind == "g" {
			add = e.AddNamedGroupingPolicies
		}
		if ok, err := add(kind, rows); err != nil || !ok {
			t.Fatalf("load %s: %v, %v", kind, ok, err)
		}
	}
	return e
}

type specFacts struct {
	q  model.Question
	in Inputs
}

// TestDecideMeansTheSpec holds Decide to the executable specification, each pass
// of the index, with the row that explains it, to an enforcer built apart, and
// whole decisions to those by the sampler's reference: 100 worlds, 200 questions
// each, nine passes a question. -rapid.checks=1000, as in make long, is the run
// of a million comparisons.
func TestDecideMeansTheSpec(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	codes := map[model.Code]int{}
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		witness := oracle(t, w.spec)
		reference, err := newReference(w.snap, noon)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			q, in := drawQuestion(t)
			want, fields := w.spec.decide(q, in)
			got := w.snap.answerTo(q, in)
			codes[got.Code]++
			if got.Code != want || got.Allow != (want == model.ReasonAllowed) {
				t.Fatalf("policy:\n%s\ndirectory: %+v\nquestion: %+v\ninputs: %+v\nDecide: %+v\nspec: %s", w.text, w.spec.dir, q, in, got, want)
			}
			if diff := cmp.Diff(fields, got.Fields); diff != "" {
				t.Fatalf("policy:\n%s\nquestion: %+v\nfields (-spec +Decide):\n%s", w.text, q, diff)
			}
			if (got.StepUp != nil) != (want == model.ReasonStepUp) {
				t.Fatalf("step-up %v for %s", got.StepUp, want)
			}
			compared += compareWithCasbin(t, w, witness, q, in)
			if i%4 == 0 {
				if rapid.Bool().Draw(t, "any record") {
					q.Resource.ID, q.Resource.Properties, in.Stored = model.AnyRecord, nil, nil
					got = w.snap.answerTo(q, in)
				}
				if diff := cmp.Diff(w.snap.decide(&q, &in, reference), got); diff != "" {
					t.Fatalf("policy:\n%s\ndirectory: %+v\nquestion: %+v\ninputs: %+v\n(-reference +index):\n%s", w.text, w.spec.dir, q, in, diff)
				}
			}
		}
	})
	for _, code := range []model.Code{
		model.ReasonAllowed, model.ReasonSubjectUnknown, model.ReasonObjectUnknown, model.ReasonActionUnknown, model.ReasonObjectDisabled,
		model.ReasonNotGranted, model.ReasonDenied, model.ReasonRestricted, model.ReasonStepUp, model.ReasonFieldsClosed, model.ReasonRequiredAction,
	} {
		if codes[code] == 0 && !testing.Short() {
			t.Errorf("no question was answered %s: the generator is too tame", code)
		}
	}
	if compared < 100_000 && !testing.Short() {
		t.Errorf("only %d passes were compared with Casbin", compared)
	}
	t.Log(compared, "passes compared;", codes)
}

func compareWithCasbin(t *rapid.T, w world, witness *casbin.Enforcer, q model.Question, in Inputs) (compared int) {
	enforce := func(n, m, e string, args ...any) (bool, []string) {
		ok, row, err := witness.EnforceEx(append([]any{casbin.EnforceContext{RType: "r" + n, PType: "p" + n, EType: e, MType: m}}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return ok, row
	}
	a := &asking{Snapshot: w.snap, q: &q, in: &in, engine: index{}, now: in.Now, need: demand{rule: noRule}}
	if a.admit() != model.ReasonAllowed {
		return 0 // answered before any pass
	}
	facts := specFacts{q, in}
	check := func(pass string, got verdict, err error, want bool, row []string) {
		compared++
		if err != nil || got.allow != want {
			t.Fatalf("policy:\n%s\nquestion: %+v\ninputs: %+v\n%s: %v, %v; casbin: %v", w.text, q, in, pass, got, err, want)
		}
		if rule := w.snap.rules.rule(got.rule); !slices.Equal(row, cellsOf(rule)) {
			t.Fatalf("policy:\n%s\nquestion: %+v\ninputs: %+v\n%s explained by %+v; casbin: %q", w.text, q, in, pass, rule, row)
		}
	}
	v, err := index{}.grants(a)
	want, row := enforce("", "m", "e", key(q), q.Resource.Type, q.Action.Name, facts)
	check("grants", v, err, want, row)
	if granted, denied := w.spec.grants(q, in, q.Action.Name); want != (granted && !denied) {
		t.Fatalf("casbin %v, spec %v and %v", want, granted, denied)
	}
	v, err = index{}.restrictions(a)
	want, row = enforce("2", "m2", "e2", key(q), q.Resource.Type, q.Action.Name, facts)
	check("restrictions", v, err, want, row)
	v, err = index{}.assurance(a)
	want, row = enforce("4", "m4", "e2", key(q), q.Resource.Type, q.Action.Name, facts)
	check("assurance", v, err, want, row)
	for pass, names := range map[FieldPass][2]string{DeniedToAll: {"m5", "e2"}, Opened: {"m3", "e3"}, NotClosed: {"m3", "e2"}} {
		for _, field := range []string{"phone", "*"} {
			v, err := index{}.field(a, pass, field, AccessRead)
			want, row = enforce("3", names[0], names[1], key(q), q.Resource.Type, field, "read")
			check("field", v, err, want, row)
		}
	}
	return compared
}

// cellsOf splits a rule's text as encoding/csv does, without the kind.
func cellsOf(r model.Rule) []string {
	if r.IsZero() {
		return nil
	}
	cells, err := csv.NewReader(strings.NewReader(r.Text)).Read()
	if err != nil {
		return []string{err.Error()}
	}
	return cells[1:]
}

// TestMonotone: an added allow row takes nothing away, an added deny row gives
// nothing, and leaving out what a question could say never opens anything.
func TestMonotone(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	dropped := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		more := drawRow(t)
		after := makeWorld(t, append(slices.Clone(w.spec.rows), more), w.spec.dir, cat, w.spec.strict)
		denies := more[len(more)-1] == deny
		for range 30 {
			q, in := drawQuestion(t)
			q.Resource.Type = "deal" // a row may give an unknown word a meaning
			if q.Action.Name == "dance" {
				continue
			}
			before := w.snap.answerTo(q, in)
			then := after.snap.answerTo(q, in)
			if denies && then.Allow && !before.Allow {
				t.Fatalf("deny row %q gave access\n%s\n%+v", more, w.text, q)
			}
			if !denies && before.Allow && !then.Allow {
				t.Fatalf("allow row %q took access\n%s\n%+v", more, w.text, q)
			}
			if before.Fields != nil && then.Fields != nil {
				open, closed := before.Fields, then.Fields
				if !denies {
					open, closed = closed, open
				}
				if lost := opened(open, closed); lost != "" {
					t.Fatalf("row %q moved %s the wrong way\n%s\n%+v\n%+v\n%+v", more, lost, w.text, q, before.Fields, then.Fields)
				}
			}
			for _, less := range saidLess(w.snap, q, in) {
				got := w.snap.answerTo(less.q, less.in)
				if less.instead == nil && !before.Allow && !(less.part == "token" && punishesProof(w.spec.rows)) {
					dropped[less.part]++
					if got.Allow {
						t.Fatalf("dropping %s gave access\n%s\n%+v\n%+v", less.part, w.text, q, less.q)
					}
				}
				if less.instead != nil {
					dropped["stored "+less.part]++
					if diff := cmp.Diff(w.snap.answerTo(*less.instead, in), got); diff != "" {
						t.Fatalf("dropping %s (-what is stored, sent +not sent):\n%s\n%s\n%+v", less.part, diff, w.text, less.q)
					}
				}
			}
		}
	})
	for _, part := range []string{"context", "resource", "subject", "action", "token", "stored resource", "stored subject"} {
		if dropped[part] == 0 {
			t.Errorf("nothing of %s was ever dropped", part)
		}
	}
}

// opened finds a field that the more closed of two views shows and the more open
// one does not: hidden, masked though not hidden there, or not to be updated.
func opened(open, closed *model.Fields) string {
	for _, f := range open.Hidden {
		if !slices.Contains(closed.Hidden, f) {
			return f
		}
	}
	for _, f := range open.Masked {
		if !slices.Contains(closed.Masked, f) && !slices.Contains(closed.Hidden, f) {
			return f
		}
	}
	for _, f := range open.ReadOnly {
		if !slices.Contains(closed.ReadOnly, f) && !slices.Contains(closed.Hidden, f) {
			return f
		}
	}
	return ""
}

// lesser is a question that says one thing less. Where something is stored of
// what it is about, it means the question that says what is stored instead, or
// that nothing is; what is sent may have been worse, and then less opens more.
type lesser struct {
	part    string
	q       model.Question
	in      Inputs
	instead *model.Question
}

// asksMore are the action's properties that say what is asked, not what is known:
// without one less is asked, and what is allowed then is that.
var asksMore = []string{"fields", "return_fields", "filter_fields", "sort_fields", "aggregate_fields", "strict_fields", "changes"}

// saidLess drops each attribute of a question, and the person's token.
func saidLess(s *Snapshot, q model.Question, in Inputs) (out []lesser) {
	// each drops the attributes of one part of the question; where stored gives
	// what is stored instead.
	each := func(part string, of func(q *model.Question) *map[string]any, stored func(name string) any) {
		for name := range *of(&q) {
			less := lesser{part: part, q: q, in: in}
			*of(&less.q) = maps.Clone(*of(&q))
			delete(*of(&less.q), name)
			if stored != nil {
				instead := q
				*of(&instead) = maps.Clone(*of(&q))
				(*of(&instead))[name] = stored(name)
				less.instead = &instead
			}
			if part != "action" || !slices.Contains(asksMore, name) {
				out = append(out, less)
			}
		}
	}
	var ofRecord, ofSubject func(string) any
	if in.Stored != nil {
		ofRecord = func(name string) any { return in.Stored.Attributes[name] }
	}
	if who := s.people.find(q.Subject.Type, q.Subject.ID); who != nil && in.TrustSubjectProperties {
		ofSubject = func(name string) any { v, _ := who.Attribute(name); return v }
	}
	each("context", func(q *model.Question) *map[string]any { return &q.Context }, nil)
	each("action", func(q *model.Question) *map[string]any { return &q.Action.Properties }, nil)
	each("resource", func(q *model.Question) *map[string]any { return &q.Resource.Properties }, ofRecord)
	each("subject", func(q *model.Question) *map[string]any { return &q.Subject.Properties }, ofSubject)
	token := lesser{part: "token", q: q, in: in}
	token.in.Assurance = model.Assurance{}
	return append(out, token)
}

// punishesProof tells whether a row denies whom a token proves something of:
// then request.acr, which is 0 without one, is better left at that.
func punishesProof(rows [][]string) bool {
	return slices.ContainsFunc(rows, func(row []string) bool {
		return row[0] == "p" && row[len(row)-1] == deny && strings.Contains(row[5], "request.acr >=")
	})
}

// TestAnyRecordIsNotNarrower: where some record can be reached, the question
// without a record is allowed too. Candidates are records connected with the
// subject in one way each, which is all a denial can leave.
func TestAnyRecordIsNotNarrower(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	stranger := map[string]any{"owner": "stranger", "created_by": "stranger", "assignees": nil, "teams": nil, "unit": nil,
		"territory": nil, "account": nil, "contacts": nil, "shares": nil}
	ways := []map[string]any{{}, {"owner": nil}, {"owner": "ann"}, {"owner": "bob"}, {"owner": "cyd"}, {"owner": "dan"}, {"created_by": "ann"},
		{"assignees": []any{"ann"}}, {"assignees": []any{"bob"}}, {"assignees": []any{"cyd"}}, {"teams": []any{"t1"}}, {"teams": []any{"t2"}},
		{"unit": "co"}, {"unit": "sales"}, {"unit": "east"}, {"territory": "world"}, {"territory": "arctic"}, {"account": "acme"}, {"contacts": []any{"c1"}}}
	allowedBoth := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		for _, action := range []string{"read", "update"} {
			q := model.Question{Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: action}, Resource: model.Entity{Type: "deal", ID: "1"}}
			in := Inputs{Now: noon, Client: pick(t, "crm", "other"), TrustSubjectProperties: rapid.Bool().Draw(t, "trust"), Assurance: model.Assurance{Level: 3, AuthTime: noon}}
			q.Resource.ID = model.AnyRecord
			got := w.snap.answerTo(q, in)
			q.Resource.ID = "1"
			if !got.AnyRecord {
				t.Fatal("the answer does not say that it is about no record")
			}
			for _, way := range ways {
				record := map[string]any{}
				for k, v := range stranger {
					record[k] = v
				}
				for k, v := range way {
					record[k] = v
				}
				q.Resource.Properties = record
				if w.snap.answerTo(q, in).Allow {
					allowedBoth++
					if !got.Allow {
						t.Fatalf("%v may be reached, but any record is %s\n%s\n%+v", way, got.Code, w.text, w.spec.dir)
					}
				}
			}
		}
	})
	if allowedBoth == 0 {
		t.Error("nothing was ever allowed")
	}
}

func mustCatalog(t testing.TB, text string) *Catalog {
	t.Helper()
	c, err := ParseCatalog(text)
	if err != nil {
		t.Fatalf("ParseCatalog: %v %v", err, err.(*model.Error).Details)
	}
	return c
}
