package i18n

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"rolegate/model"
)

// constantsOf lists the constants of a type in a file of model, by their text.
func constantsOf(t *testing.T, file, typ string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../model/"+file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == typ {
			s, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			all = append(all, s)
		}
		return true
	})
	if len(all) < 4 {
		t.Fatalf("only %d constants of type %s", len(all), typ)
	}
	return all
}

// Every word of an explanation has its text, and no text is without its word.
func TestEveryWordOfAnExplanationHasItsTexts(t *testing.T) {
	sets := []struct {
		typ  string
		text func(string) (text, bool)
		n    int
	}{
		{"Missed", func(s string) (text, bool) { v, ok := missed[model.Missed(s)]; return v, ok }, len(missed)},
		{"Closed", func(s string) (text, bool) { v, ok := closed[model.Closed(s)]; return v, ok }, len(closed)},
		{"AttributeState", func(s string) (text, bool) { v, ok := states[model.AttributeState(s)]; return v, ok }, len(states)},
	}
	for _, set := range sets {
		all := constantsOf(t, "explanation.go", set.typ)
		for _, word := range all {
			v, ok := set.text(word)
			if !ok {
				t.Errorf("no text for %s %s", set.typ, word)
			}
			checkLanguages(t, word, v)
		}
		if len(all) != set.n {
			t.Errorf("%d texts for %d of %s", set.n, len(all), set.typ)
		}
	}
	for name, v := range scopes {
		checkLanguages(t, name, v)
		if (scopeLooks[name] == "") != (name == "all") {
			t.Errorf("what %s looks at: %q", name, scopeLooks[name])
		}
	}
}

// explanation has a reason of every kind and shape.
func explanation() model.Explanation {
	rule := &model.ExplainedRule{Row: "p, role:rep, contact, read, own, , allow", Name: "Reps read", Line: 3}
	paths := []model.RolePath{{Path: []string{"user:ann", "team:emea", "role:lead", "role:rep"}, From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}}
	e := model.Explanation{Code: model.ReasonNotGranted, Subject: "user:ann", Action: "read", Object: "contact", Record: "101", Required: "export",
		StepUp: &model.Needed{ACR: 2, MaxAge: 300}, Gates: []model.Reason{{Kind: model.ReasonGate, Code: model.ReasonSubjectUnknown}}}
	a := model.ActionReasons{Action: "read", Code: model.ReasonNotGranted}
	for scope := range scopes {
		for _, condition := range []string{"", "record.stage == 'won'"} {
			r := model.Reason{Kind: model.ReasonGrant, Code: model.ReasonAllowed, Rule: rule, Holder: "role:rep", Paths: paths, Scope: scope, Condition: condition}
			for _, name := range strings.Fields(scopeLooks[scope]) {
				r.Looked = append(r.Looked, model.Looked{Name: name, State: model.AttributeNotSent})
			}
			a.Reasons = append(a.Reasons, r)
			r.Kind, r.Code = model.ReasonNarrowing, model.ReasonDenied
			a.Reasons = append(a.Reasons, r)
			r.Kind = model.ReasonDenial
			a.Reasons = append(a.Reasons, r)
		}
	}
	for _, holds := range []string{"false", "unknown"} {
		a.Reasons = append(a.Reasons, model.Reason{Kind: model.ReasonRestriction, Code: model.ReasonRestricted, Rule: rule, Holder: "*", Condition: "record.x > 3", Holds: holds, Absent: []string{"record.x"}, AsChanged: holds == "false"})
	}
	for _, n := range []model.Needed{{ACR: 2}, {ACR: 3, MaxAge: 60}} {
		a.Reasons = append(a.Reasons, model.Reason{Kind: model.ReasonAssurance, Code: model.ReasonStepUp, Rule: rule, Holder: "role:rep", Needed: &n})
	}
	for because := range closed {
		a.Reasons = append(a.Reasons, model.Reason{Kind: model.ReasonField, Code: model.ReasonFieldsClosed, Field: "salary", Access: "read", Because: because, Rule: rule, Holder: "role:rep", Paths: paths})
	}
	for m := range missed {
		for state := range states {
			for _, value := range []any{nil, "bob", []any{"team:a", "b"}} {
				a.Misses = append(a.Misses, model.Reason{Kind: model.ReasonMiss, Code: model.ReasonNotGranted, Rule: rule, Holder: "role:rep", Paths: paths, Scope: "own",
					Condition: "record.x > 3", Holds: "unknown", Absent: []string{"record.x"}, Missed: []model.Missed{m}, Looked: []model.Looked{{Name: "owner", State: state, Value: value}, {Name: "stage", State: state}}})
			}
		}
	}
	e.Actions = []model.ActionReasons{a}
	return e
}

func TestExplanationsAreSentences(t *testing.T) {
	for _, l := range Langs {
		e := explanation()
		Explain(l, &e)
		texts := []string{e.Text, e.Gates[0].Text, e.Actions[0].Text}
		for _, r := range e.Actions[0].Reasons {
			texts = append(texts, r.Text)
		}
		for _, r := range e.Actions[0].Misses {
			texts = append(texts, r.Text)
		}
		for _, s := range texts {
			han := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if s == "" || strings.ContainsAny(s, "{}\x00") || strings.Contains(s, missing) || strings.Contains(s, "  ") || han != (l == Chinese) {
				t.Errorf("%s: %q", l, s)
			}
			if end := map[Lang]string{English: ".", Chinese: "。"}[l]; !strings.HasSuffix(s, end) || strings.HasSuffix(s, ";"+end) {
				t.Errorf("%s: %q is no sentence", l, s)
			}
		}
	}
}

func TestExplainSays(t *testing.T) {
	for _, c := range []struct {
		r      model.Reason
		en, zh string
	}{
		{model.Reason{Kind: model.ReasonMiss, Holder: "role:rep", Scope: "own", Missed: []model.Missed{model.MissedScope}, Looked: []model.Looked{{Name: "owner", State: model.AttributeKnown, Value: "bob"}}},
			"role:rep may read contact records it owns; owner is user:bob.", "role:rep 可以对其拥有的 contact 记录执行 read；owner 为 user:bob。"},
		{model.Reason{Kind: model.ReasonMiss, Holder: "role:legal", Scope: "all", Missed: []model.Missed{model.MissedRole}},
			"role:legal may read every contact record; user:ann is not role:legal.", "role:legal 可以对所有 contact 记录执行 read；user:ann 不属于 role:legal。"},
		{model.Reason{Kind: model.ReasonGrant, Holder: "role:rep", Scope: "all", Paths: []model.RolePath{{Path: []string{"user:ann", "role:lead", "role:rep"}}}},
			"role:rep may read every contact record (user:ann → role:lead → role:rep).", "role:rep 可以对所有 contact 记录执行 read（user:ann → role:lead → role:rep）。"},
		{model.Reason{Kind: model.ReasonDenial, Holder: "*", Scope: "team", Looked: []model.Looked{{Name: "owner", State: model.AttributeNotSent}, {Name: "teams", State: model.AttributeNone}}},
			"everybody may not read contact records it owns or its teams are on; what is not known counts as denied: owner was not sent.",
			"所有人 不得对其拥有或其团队参与的 contact 记录执行 read；未知一律视为禁止：未提供 owner。"},
	} {
		for l, want := range map[Lang]string{English: c.en, Chinese: c.zh} {
			e := model.Explanation{Subject: "user:ann", Action: "read", Object: "contact", Record: "101", Actions: []model.ActionReasons{{Action: "read", Code: model.ReasonNotGranted, Reasons: []model.Reason{c.r}}}}
			Explain(l, &e)
			if got := e.Actions[0].Reasons[0].Text; got != want {
				text, _ := json.Marshal(c.r)
				t.Errorf("%s:\n%q, want\n%q\n%s", l, got, want, fmt.Sprint(string(text)))
			}
		}
	}
}

// An action that only lacks a proof may not be done, and is not said to be.
func TestActionThatLacksAProof(t *testing.T) {
	assurance := func(acr, age int) model.Reason {
		return model.Reason{Kind: model.ReasonAssurance, Code: model.ReasonStepUp, Rule: &model.ExplainedRule{Row: "p4, *, deal, export, 2, 300, deny"}, Holder: "*", Needed: &model.Needed{ACR: acr, MaxAge: age}}
	}
	for _, c := range []struct {
		lang Lang
		want string
	}{
		{English, `To export deal "1", user:ann needs authentication of level 3, proven at most 300 s ago, and the question came with no access token that proves it.`},
		{Chinese, "user:ann 对 deal“1” 执行 export，需要身份验证达到 3 级且在 300 秒内完成，而请求中没有能够证明这一点的访问令牌。"},
	} {
		e := model.Explanation{Code: model.ReasonRequiredAction, Required: "read", Subject: "user:ann", Action: "export", Object: "deal", Record: "1",
			Actions: []model.ActionReasons{{Action: "export", Code: model.ReasonAllowed, Reasons: []model.Reason{assurance(2, 300), assurance(3, 0), assurance(2, 900)}}}}
		Explain(c.lang, &e)
		if got := e.Actions[0].Text; got != c.want {
			t.Errorf("%s", got)
		}
	}
}
