package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/model"
)

// replayed is what the reasons of an explanation come to.
type replayed struct {
	code     string
	required string // the action of required_action_denied
	acr, age int    // of insufficient_user_authentication
	closed   []string
}

// replay decides from the reasons alone, as docs/api.md says: it reads nothing of
// an explanation but its gates and the kinds of its reasons.
func replay(t failer, text []byte) (out replayed) {
	t.Helper()
	type reason struct {
		Kind, Code, Field string
		Needed            struct {
			ACR    int
			MaxAge int `json:"max_age"`
		}
	}
	var e struct {
		Gates   []reason
		Actions []struct {
			Action  string
			Reasons []reason
		}
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Gates) > 0 {
		return replayed{code: e.Gates[0].Code}
	}
	for i, a := range e.Actions {
		var granted bool
		var shut string // by a gate of the action itself
		var closed []string
		has := map[string]bool{}
		for _, r := range a.Reasons {
			has[r.Kind] = true
			switch r.Kind {
			case "gate":
				shut = r.Code
			case "grant":
				granted = true
			case "field":
				closed = append(closed, r.Field)
			case "assurance":
				out.acr = max(out.acr, r.Needed.ACR)
				if r.Needed.MaxAge > 0 && (out.age == 0 || r.Needed.MaxAge < out.age) {
					out.age = r.Needed.MaxAge
				}
			}
		}
		code := ""
		switch {
		case shut != "":
			code = shut
		case has["denial"]:
			code = "denied"
		case !granted:
			code = "not_granted"
		case has["restriction"]:
			code = "restricted"
		case has["field"]:
			code = "fields_closed"
		default:
			continue
		}
		if i > 0 {
			return replayed{code: "required_action_denied", required: a.Action}
		}
		slices.Sort(closed)
		if code != "fields_closed" {
			closed = nil
		}
		return replayed{code: code, closed: slices.Compact(closed)}
	}
	out.code = "allowed"
	if out.acr > 0 {
		out.code = "insufficient_user_authentication"
	}
	return out
}

// wanted is a decision in the words of a replay.
func wanted(d model.Decision) replayed {
	r := replayed{code: string(d.Code), required: d.Required, closed: d.Closed}
	if d.StepUp != nil {
		r.acr, r.age = d.StepUp.ACR, int(d.StepUp.MaxAge/time.Second)
	}
	return r
}

// explain is Decide with its reasons, for values.
func (s *Snapshot) explain(q model.Question, in Inputs) (model.Explanation, model.Decision) {
	d := s.Decide(&q, &in)
	return s.Explain(&q, &in, &d, ""), d
}

// TestReasonsReplayed: the reasons alone give the decision, and with that the one
// of the executable specification.
func TestReasonsReplayed(t *testing.T) {
	cat := mustCatalog(t, worldCatalog)
	codes := map[model.Code]int{}
	helped, missed := 0, map[model.Missed]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, cat)
		for range 60 {
			q, in := drawQuestion(t)
			specified, _ := w.spec.decide(q, in)
			if rapid.IntRange(0, 4).Draw(t, "any record") == 0 {
				q.Resource.ID, q.Resource.Properties, in.Stored = model.AnyRecord, nil, nil
				specified = ""
			}
			snap := *w.snap
			switch rapid.IntRange(0, 19).Draw(t, "odd") {
			case 0:
				snap.tenant.Disabled, specified = true, ""
			case 1:
				q.Action.Properties, specified = props{"fields": "all"}, ""
			}
			e, d := snap.explain(q, in)
			text, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, text)
			if diff := cmp.Diff(wanted(d), got, cmp.AllowUnexported(replayed{})); diff != "" || specified != "" && got.code != string(specified) {
				t.Fatalf("policy:\n%s\ndirectory: %+v\nquestion: %+v\ninputs: %+v\nspec: %s\n(-decision +replay of the reasons):\n%s\n%s", w.text, w.spec.dir, q, in, specified, diff, text)
			}
			codes[d.Code]++
			for _, a := range e.Actions {
				for _, r := range slices.Concat(a.Reasons, a.Misses) {
					for _, m := range r.Missed {
						missed[m]++
					}
					checkPaths(t, w, q, in, r)
				}
			}
			if specified != "" {
				helped += checkHelp(t, w, q, in, e)
			}
		}
	})
	if testing.Short() {
		return
	}
	for _, code := range []model.Code{model.ReasonAllowed, model.ReasonSubjectUnknown, model.ReasonObjectUnknown, model.ReasonActionUnknown,
		model.ReasonObjectDisabled, model.ReasonNotGranted, model.ReasonDenied, model.ReasonRestricted, model.ReasonStepUp, model.ReasonFieldsClosed, model.ReasonRequiredAction,
		model.ReasonTenantDisabled, model.ReasonItemInvalid} {
		if codes[code] == 0 {
			t.Errorf("no question was answered %s", code)
		}
	}
	for _, m := range []model.Missed{model.MissedRole, model.MissedWindow, model.MissedScope, model.MissedScopeUnknown, model.MissedCondition, model.MissedConditionUnknown} {
		if missed[m] == 0 {
			t.Errorf("no near miss missed by %s", m)
		}
	}
	if helped == 0 {
		t.Error("no role would ever have helped")
	}
	t.Log(codes, missed, helped)
}

// checkPaths holds the paths of a reason to what the specification knows of
// members, teams and roles: every step is there, and at that time.
func checkPaths(t *rapid.T, w world, q model.Question, in Inputs, r model.Reason) {
	for _, p := range r.Paths {
		active := (p.From.IsZero() || !in.Now.Before(p.From)) && (p.Until.IsZero() || in.Now.Before(p.Until))
		if p.Path[0] != key(q) || active == slices.Contains(r.Missed, model.MissedWindow) {
			t.Fatalf("path %+v of %s", p, key(q))
		}
		if last := p.Path[len(p.Path)-1]; r.Holder != "*" && last != r.Holder {
			t.Fatalf("path %v leads to %s, not %s", p.Path, last, r.Holder)
		}
		for i, step := range p.Path[1:] {
			from := p.Path[i]
			var ok bool
			switch {
			case strings.HasPrefix(step, "team:"):
				ok = slices.ContainsFunc(w.spec.dir.Subjects, func(s model.Subject) bool { return s.Key() == from && slices.Contains(s.Teams, step[len("team:"):]) })
			case strings.HasPrefix(from, "role:"):
				ok = slices.ContainsFunc(w.spec.rows, func(row []string) bool { return slices.Equal(row, []string{"g", from, step}) })
			default:
				ok = slices.ContainsFunc(w.spec.dir.Assignments, func(a model.Assignment) bool {
					return a.Member == from && "role:"+a.Role == step && a.From.Equal(p.From) && a.Until.Equal(p.Until)
				})
			}
			if !ok {
				t.Fatalf("the step from %s to %s of %+v does not exist\n%s\n%+v", from, step, p, w.text, w.spec.dir)
			}
		}
	}
	held := r.Kind != model.ReasonMiss || !slices.Contains(r.Missed, model.MissedRole)
	if r.Holder != "" && held && len(r.Paths) == 0 {
		t.Fatalf("no path to %s: %+v", r.Holder, r)
	}
}

// checkHelp gives the subject each role that the document names, and holds the
// roles that would help to what the specification then says.
func checkHelp(t *rapid.T, w world, q model.Question, in Inputs, e model.Explanation) (helped int) {
	if e.Allow || e.Code == model.ReasonStepUp || len(e.Gates) > 0 {
		if len(e.WouldHelp) > 0 {
			t.Fatalf("%v would help where the answer is %s", e.WouldHelp, e.Code)
		}
		return 0
	}
	held := w.spec.keys(key(q), in.Now)
	for _, role := range []string{"a", "b", "c", "d"} {
		if held["role:"+role] || !strings.Contains(w.text, "role:"+role) && !slices.Contains(e.WouldHelp, "role:"+role) {
			continue
		}
		with := w.spec
		with.dir.Assignments = append(slices.Clone(with.dir.Assignments), model.Assignment{Member: key(q), Role: role})
		code, _ := with.decide(q, in)
		want := code == model.ReasonAllowed || code == model.ReasonStepUp
		if got := slices.Contains(e.WouldHelp, "role:"+role); got != want {
			t.Fatalf("policy:\n%s\nquestion: %+v\ninputs: %+v\nwith role:%s the answer is %s, and %v would help", w.text, q, in, role, code, e.WouldHelp)
		}
		if want {
			helped++
		}
	}
	return helped
}
