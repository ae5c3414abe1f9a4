package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// The findings of package review are claims about decisions, so they are held to
// decisions here, where random policies are at hand: to Snapshot.Decide and to
// Casbin's own enforcer.

// idle are the findings that say that a row changes no answer.
var idle = []model.FindingCode{model.FindingShadowed, model.FindingOverridden, model.FindingObjectOff, model.FindingUngranted}

func mustParse(t *rapid.T, text string) *policy.Document {
	doc, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func decide(w policy.World, q model.Question, in policy.Inputs) model.Decision {
	return w.View().Decide(&q, &in)
}

// without is the world without the row of a line: its rows stand a line each.
func without(t *rapid.T, w policy.World, line int) policy.World {
	rows := w.Rows()
	return w.With(t, slices.Delete(rows, line-1, line))
}

// TestIdleRowsChangeNothing removes each row that is said to change no answer, and
// asks a hundred questions with and without it.
func TestIdleRowsChangeNothing(t *testing.T) {
	cat := catalog(t)
	met := map[model.FindingCode]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := policy.DrawWorld(t, cat)
		w = w.With(t, append(w.Rows(), closeRows(t)...))
		for _, f := range review.Findings(nil, mustParse(t, w.Text()), cat) {
			if !slices.Contains(idle, f.Code) {
				continue
			}
			met[f.Code]++
			less := without(t, w, f.Line)
			for range 60 {
				q, in := policy.DrawQuestion(t)
				if rapid.IntRange(0, 4).Draw(t, "any record") == 0 {
					q.Resource.ID, q.Resource.Properties, in.Stored = model.AnyRecord, nil, nil
				}
				a, b := decide(w, q, in), decide(less, q, in)
				if a.Allow != b.Allow || !cmp.Equal(a.Fields, b.Fields) || !cmp.Equal(a.StepUp, b.StepUp) || f.Code == model.FindingShadowed && a.Code != b.Code {
					t.Fatalf("policy:\n%s\n%s %s (by %+v)\nquestion: %+v\ninputs: %+v\nwith: %+v\nwithout: %+v", w.Text(), f.Code, f.Row.Text, f.Others, q, in, a, b)
				}
				if f.Code == model.FindingShadowed || f.Code == model.FindingOverridden {
					if x, y := w.Passes(t, q, in), less.Passes(t, q, in); q.Resource.ID != model.AnyRecord && x != y {
						t.Fatalf("policy:\n%s\n%s %s\nquestion: %+v\ninputs: %+v\ncasbin with it: %v, without: %v", w.Text(), f.Code, f.Row.Text, q, in, x, y)
					}
				}
			}
		}
	})
	t.Log(met)
	for _, code := range idle {
		if met[code] == 0 && !testing.Short() {
			t.Errorf("nothing was %s: the generator is too tame", code)
		}
	}
}

// closeRows draws rows that are much alike, so that they get into each other's way.
func closeRows(t *rapid.T) (rows [][]string) {
	pick := func(from ...string) string { return from[rapid.IntRange(0, len(from)-1).Draw(t, "pick")] }
	for range rapid.IntRange(0, 12).Draw(t, "close rows") {
		subject, effect := pick("role:a", "role:b", "role:c", "*", "user:ann"), pick("allow", "allow", "deny")
		object, action := pick("deal", "deal", "*"), pick("read", "export", "publish", "*")
		switch pick("p", "p", "p3", "p4", "p2") {
		case "p":
			rows = append(rows, []string{"p", subject, object, action, pick("all", "own", "team", "subtree", "subtree:1", "assigned", "unit", "unit_tree"), pick("", "", "record.stage == 'won'"), effect})
		case "p2":
			rows = append(rows, []string{"p2", subject, object, action, pick("record.stage == 'won'", "record.stage != 'won'"), "deny"})
		case "p3":
			if subject == "*" {
				effect = "deny"
			}
			rows = append(rows, []string{"p3", subject, object, pick("name", "phone", "margin", "spare", "*"), pick("read", "unmask"), effect})
		case "p4":
			rows = append(rows, []string{"p4", subject, object, action, pick("1", "2", "3"), pick("", "0", "1", "60", "600"), "deny"})
		}
	}
	return rows
}

// TestWhatWidensIsFound changes a random policy at random, and asks of each
// question that gains access for a finding that it is gained by.
func TestWhatWidensIsFound(t *testing.T) {
	cat := catalog(t)
	gained := map[string]int{}
	widen := func(t *rapid.T) {
		was := policy.DrawWorld(t, cat)
		was = was.With(t, append(was.Rows(), closeRows(t)...))
		rows := was.Rows()
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, len(rows)).Draw(t, "place")
			switch {
			case i == len(rows):
				rows = append(rows, policy.DrawRow(t))
			case rapid.Bool().Draw(t, "remove"):
				rows = slices.Delete(rows, i, i+1)
			case rows[i][0] != "g":
				rows[i] = policy.DrawRow(t)
			default:
				rows = append(rows, []string{"g", "role:d", "role:c"})
			}
		}
		now := was.With(t, rows)
		var widening []model.Finding
		for _, f := range review.Findings(mustParse(t, was.Text()), mustParse(t, now.Text()), cat) {
			if strings.HasPrefix(string(f.Code), "widens_") {
				widening = append(widening, f)
			}
		}
		for range 100 {
			q, in := policy.DrawQuestion(t)
			if rapid.IntRange(0, 4).Draw(t, "any record") == 0 {
				q.Resource.ID, q.Resource.Properties, in.Stored = model.AnyRecord, nil, nil
			}
			a, b := decide(was, q, in), decide(now, q, in)
			what := gain(a, b)
			if what == "" {
				continue
			}
			gained[what]++
			if !slices.ContainsFunc(widening, func(f model.Finding) bool { return explains(f, q, cat) }) {
				t.Fatalf("before:\n%s\nafter:\n%s\nquestion: %+v\ninputs: %+v\nbefore: %+v\nafter: %+v\n%s is explained by none of %+v", was.Text(), now.Text(), q, in, a, b, what, widening)
			}
		}
	}
	rapid.Check(t, widen)
	each := func() bool { return gained["access"] > 0 && gained["fields"] > 0 && gained["proof"] > 0 }
	for range 9 { // one in six checks meets one of them nowhere
		if !each() && !testing.Short() {
			rapid.Check(t, widen)
		}
	}
	t.Log(gained)
	if !each() && !testing.Short() {
		t.Errorf("gained %v: the generator is too tame", gained)
	}
}

// gain says what the second of two answers gives that the first does not.
func gain(a, b model.Decision) string {
	switch {
	case b.Allow && a.Code == model.ReasonStepUp:
		return "proof"
	case b.Allow && !a.Allow:
		return "access"
	case a.StepUp != nil && b.StepUp != nil && (b.StepUp.ACR < a.StepUp.ACR || b.StepUp.MaxAge > a.StepUp.MaxAge && a.StepUp.MaxAge > 0):
		return "proof"
	case b.Code == model.ReasonStepUp && !a.Allow && a.Code != model.ReasonStepUp:
		return "access"
	case a.Allow && b.Allow && a.Fields != nil && b.Fields != nil:
		for _, name := range slices.Concat(listed(a.Fields), listed(b.Fields)) {
			if bounds(b.Fields, name) < bounds(a.Fields, name) {
				return "fields"
			}
		}
	}
	return ""
}

func listed(f *model.Fields) []string {
	return slices.Concat(f.Hidden, f.Masked, f.ReadOnly, f.Open)
}

// bounds says how much of a field an answer keeps back.
func bounds(f *model.Fields, name string) (n int) {
	if !slices.Contains(listed(f), name) {
		name = "*"
	}
	switch {
	case slices.Contains(f.Hidden, name):
		return 10
	case slices.Contains(f.Masked, name):
		n = 2
	}
	if slices.Contains(f.ReadOnly, name) {
		n++
	}
	return n
}

// explains tells whether a finding is about what was asked, as far as rows say
// that: the object and the action, or one it requires.
func explains(f model.Finding, q model.Question, cat *policy.Catalog) bool {
	object := f.Row.Object == "*" || f.Row.Object == q.Resource.Type
	switch {
	case f.Row.Kind == "g", f.Code == model.FindingWord && f.Word == q.Resource.Type:
		return true
	case f.Row.Kind == "p3":
		return object
	case f.Row.Action == "*" || f.Row.Action == q.Action.Name:
		return object
	}
	return object && slices.Contains(requires(cat, q.Resource.Type, q.Action.Name), f.Row.Action)
}

func requires(cat *policy.Catalog, object, action string) (all []string) {
	o := cat.Objects[object]
	if o == nil {
		return nil
	}
	for _, r := range o.Actions[action].Requires {
		all = append(append(all, r), requires(cat, object, r)...)
	}
	return all
}

func catalog(t *testing.T) *policy.Catalog {
	cat, err := policy.ParseCatalog(policy.WorldCatalog)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// TestUnderIsTheSameCompany: a view under another document decides as one that was
// made of it.
func TestUnderIsTheSameCompany(t *testing.T) {
	cat := catalog(t)
	rapid.Check(t, func(t *rapid.T) {
		was := policy.DrawWorld(t, cat)
		now := was.With(t, append(closeRows(t), was.Rows()...))
		under, err := was.View().Under(mustParse(t, now.Text()))
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			q, in := policy.DrawQuestion(t)
			if diff := cmp.Diff(decide(now, q, in), under.Decide(&q, &in)); diff != "" {
				t.Fatalf("before:\n%s\nafter:\n%s\nquestion: %+v\n(-made +under)\n%s", was.Text(), now.Text(), q, diff)
			}
		}
	})
}

// TestSimulateTellsWhatDecisionsDo counts anew, from the decisions about the same
// samples under both documents, who gains and who loses.
func TestSimulateTellsWhatDecisionsDo(t *testing.T) {
	cat := catalog(t)
	met := map[model.ShiftKind]int{}
	told := func(t *rapid.T) {
		was := policy.DrawWorld(t, cat)
		was = was.With(t, append(was.Rows(), closeRows(t)...))
		now := was.With(t, append(was.Rows()[rapid.IntRange(0, len(was.Rows())).Draw(t, "gone"):], policy.DrawRow(t)))
		if rapid.Bool().Draw(t, "back") {
			was, now = now, was
		}
		before, after := was.View(), now.View()
		var samples []review.Sample
		for range 60 {
			q, in := policy.DrawQuestion(t)
			samples = append(samples, review.Sample{Question: q, Inputs: in})
		}
		got, err := review.Simulate(t.Context(), before, after, review.Samples{Each: func(yield func(review.Sample, error) bool) {
			for _, s := range samples {
				if !yield(s, nil) {
					return
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[model.ShiftKind]int{}
		same := 0
		for _, s := range samples {
			a, b := before.Decide(&s.Question, &s.Inputs), after.Decide(&s.Question, &s.Inputs)
			there, back := gain(a, b), gain(b, a)
			may := func(d model.Decision) bool { return d.Allow || d.Code == model.ReasonStepUp }
			switch {
			case !may(a) && may(b):
				counts[model.ShiftGains]++
			case may(a) && !may(b):
				counts[model.ShiftLoses]++
			case !may(a) && a.Code != b.Code:
				counts[model.ShiftReason]++
			case there == "proof" || back == "proof" || !cmp.Equal(a.StepUp, b.StepUp):
				counts[model.ShiftProof]++
			case there == "fields" && back == "fields":
				counts[model.ShiftMixed]++
			case there == "fields":
				counts[model.ShiftGains]++
			case back == "fields":
				counts[model.ShiftLoses]++
			default:
				same++
			}
		}
		shifted := map[model.ShiftKind]int{}
		for _, s := range got.Shifts {
			shifted[s.Kind] += s.Samples
			met[s.Kind]++
		}
		if diff := cmp.Diff(counts, shifted); diff != "" || got.Same != same || got.Compared != len(samples) {
			t.Fatalf("before:\n%s\nafter:\n%s\nsame %d, told %d (-decided +told)\n%s", was.Text(), now.Text(), same, got.Same, diff)
		}
	}
	rapid.Check(t, told)
	each := func() bool {
		return met[model.ShiftGains] > 0 && met[model.ShiftLoses] > 0 && met[model.ShiftProof] > 0
	}
	for range 9 { // one in four checks meets one of them nowhere
		if !each() && !testing.Short() {
			rapid.Check(t, told)
		}
	}
	t.Log(met)
	if !each() && !testing.Short() {
		t.Errorf("met %v: the generator is too tame", met)
	}
}

// TestScopesCover holds which scope is said to cover which to the decisions about
// records: what the narrower reaches the wider does, and what the narrower denies
// so does the wider.
func TestScopesCover(t *testing.T) {
	cat := catalog(t)
	scopes := []string{"all", "own", "created", "assigned", "unassigned", "team", "subtree", "subtree:1", "subtree:2", "unit", "unit_tree", "unit_head", "territory", "account", "contact", "shared", "everyone"}
	met := map[[2]string]int{}
	for _, wide := range scopes {
		for _, narrow := range scopes {
			if policy.ScopeCovers(wide, narrow) {
				met[[2]string{wide, narrow}] = 0
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		w := policy.DrawWorld(t, cat)
		by := map[string][2]policy.World{}
		for _, s := range scopes {
			by[s] = [2]policy.World{
				w.With(t, [][]string{{"p", "*", "deal", "*", s, "", "allow"}}),
				w.With(t, [][]string{{"p", "*", "deal", "*", "all", "", "allow"}, {"p", "*", "deal", "*", s, "", "deny"}}),
			}
		}
		for range 10 {
			q, in := policy.DrawQuestion(t)
			for pair := range met {
				wide, narrow := by[pair[0]], by[pair[1]]
				granted := decide(narrow[0], q, in).Code != model.ReasonNotGranted
				if granted {
					met[pair]++
				}
				if granted && decide(wide[0], q, in).Code == model.ReasonNotGranted {
					t.Fatalf("%v: the narrower reaches more: %+v", pair, q)
				}
				if decide(narrow[1], q, in).Code == model.ReasonDenied && decide(wide[1], q, in).Code != model.ReasonDenied {
					t.Fatalf("%v: the narrower denies more: %+v", pair, q)
				}
			}
		}
	})
	if len(met) < 40 {
		t.Errorf("only %d pairs", len(met))
	}
	for pair, n := range met {
		if n == 0 && !testing.Short() {
			t.Errorf("%v never granted", pair)
		}
	}
}
