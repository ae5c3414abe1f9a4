package policy

import (
	"encoding/csv"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2"
	casbinmodel "github.com/casbin/casbin/v2/model"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/model"
)

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
	of := func(f *model.Fields, name string) (hidden, masked, readOnly bool) {
		said := standingOf(f, name)
		hidden = said == "hidden "
		return hidden, hidden || strings.Contains(said, "masked"), hidden || strings.Contains(said, "read-only")
	}
	for _, f := range slices.Concat(open.Hidden, open.Masked, open.ReadOnly, closed.Open) {
		h, m, r := of(open, f)
		if ch, cm, cr := of(closed, f); h && !ch || m && !cm || r && !cr {
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
