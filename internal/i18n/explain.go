package i18n

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rolegate/model"
)

// Explain writes the texts of an explanation, every one, in a language.
func Explain(l Lang, e *model.Explanation) {
	t := explainer{l, e}
	e.Text = t.decision(e.Code, e.Action, allReasons(e))
	for i := range e.Gates {
		e.Gates[i].Text = t.decision(e.Gates[i].Code, e.Action, nil)
	}
	for i := range e.Actions {
		a := &e.Actions[i]
		a.Text = t.action(a)
		for _, rs := range [][]model.Reason{a.Reasons, a.Misses} {
			for j := range rs {
				rs[j].Text = t.reason(a.Action, &rs[j])
			}
		}
	}
}

// action is the sentence of one action by itself: what proof it lacks is not in
// its code, but whoever reads that it may be done does not look for that below.
func (t explainer) action(a *model.ActionReasons) string {
	var together *model.Needed
	for _, r := range a.Reasons {
		if r.Kind != model.ReasonAssurance {
			continue
		}
		together = cmp.Or(together, &model.Needed{})
		together.ACR = max(together.ACR, r.Needed.ACR)
		if age := r.Needed.MaxAge; age > 0 && (together.MaxAge == 0 || age < together.MaxAge) {
			together.MaxAge = age
		}
	}
	if a.Code != model.ReasonAllowed || together == nil {
		return t.decision(a.Code, a.Action, a.Reasons)
	}
	own := *t.Explanation
	own.StepUp = together
	return explainer{t.lang, &own}.decision(model.ReasonStepUp, a.Action, a.Reasons)
}

// allReasons are those of the action asked about.
func allReasons(e *model.Explanation) []model.Reason {
	if len(e.Actions) == 0 {
		return nil
	}
	return e.Actions[0].Reasons
}

type explainer struct {
	lang Lang
	*model.Explanation
}

// decision is the sentence of an answer, as evaluations give it to administrators.
func (t explainer) decision(code model.Code, action string, reasons []model.Reason) string {
	typ, id, _ := strings.Cut(t.Subject, ":")
	q := model.Question{Subject: model.Entity{Type: typ, ID: id}, Action: model.Action{Name: action}, Resource: model.Entity{Type: t.Object, ID: t.Record}}
	d := model.Decision{Code: code, Required: t.Required}
	if t.StepUp != nil {
		d.StepUp = &model.StepUp{ACR: t.StepUp.ACR, MaxAge: time.Duration(t.StepUp.MaxAge) * time.Second}
	}
	for _, r := range reasons {
		switch {
		case r.Code != code:
		case r.Kind == model.ReasonField:
			d.Closed = append(d.Closed, r.Field)
		case r.Rule != nil && d.Rule.IsZero():
			d.Rule = model.Rule{Kind: "p", Name: r.Rule.Name, Text: r.Rule.Row}
		}
	}
	return string(AppendAdminReason(nil, t.lang, Told{Question: &q, Decision: &d}))
}

// reason is the sentence of one reason.
func (t explainer) reason(action string, r *model.Reason) string {
	w := Words{"action": action, "object": t.Object, "subject": t.Subject, "holder": t.holder(r.Holder), "condition": r.Condition}
	w["reach"] = t.say(cmp.Or(scopes[scopeName(r.Scope)], scopes["all"]), w)
	w["if"], w["via"] = "", t.via(r)
	if r.Condition != "" {
		w["if"] = t.say(explained.ifText, w)
	}
	w["why"] = t.why(r, w)
	switch r.Kind {
	case model.ReasonGate:
		return t.decision(r.Code, action, nil)
	case model.ReasonGrant:
		return t.say(explained.grant, w)
	case model.ReasonDenial:
		if w["why"] != "" {
			return t.say(explained.denialUnknown, w)
		}
		return t.say(explained.denial, w)
	case model.ReasonNarrowing:
		return t.say(explained.narrowing, w)
	case model.ReasonRestriction:
		w["when"] = ""
		if r.AsChanged {
			w["when"] = t.say(explained.asChanged, w)
		}
		return t.say(explained.restriction, w)
	case model.ReasonAssurance:
		return t.assurance(r, w)
	case model.ReasonField:
		return t.field(r, w)
	}
	return t.say(explained.miss, w)
}

// say fills a text. Unlike in a template of an answer, a word may be empty here.
func (t explainer) say(s text, w Words) string {
	const nothing = "\x00"
	given := Words{}
	for name, word := range w {
		given[name] = cmp.Or(word, nothing)
	}
	return strings.ReplaceAll(fill(s.in(t.lang), given), nothing, "")
}

func (t explainer) holder(key string) string {
	if key == "*" {
		return explained.everybody.in(t.lang)
	}
	return key
}

// via is the first path by which the subject is the holder, where it is not the
// holder itself.
func (t explainer) via(r *model.Reason) string {
	if len(r.Paths) == 0 || len(r.Paths[0].Path) < 2 {
		return ""
	}
	return t.say(explained.via, Words{"path": strings.Join(r.Paths[0].Path, " → ") + t.window(r.Paths[0])})
}

func (t explainer) window(p model.RolePath) (s string) {
	if !p.From.IsZero() {
		s += t.say(explained.from, Words{"time": p.From.Format(time.RFC3339)})
	}
	if !p.Until.IsZero() {
		s += t.say(explained.until, Words{"time": p.Until.Format(time.RFC3339)})
	}
	return s
}

func (t explainer) assurance(r *model.Reason, w Words) string {
	w["acr"], w["fresh"] = strconv.Itoa(r.Needed.ACR), ""
	if r.Needed.MaxAge > 0 {
		w["fresh"] = t.say(explained.fresh, Words{"seconds": strconv.Itoa(r.Needed.MaxAge)})
	}
	return t.say(explained.assurance, w)
}

func (t explainer) field(r *model.Reason, w Words) string {
	w["field"], w["access"] = r.Field, r.Access
	if r.Rule != nil {
		w["rule"] = cmp.Or(RowName(t.lang, r.Rule.Name), r.Rule.Row)
	}
	return t.say(closed[r.Because], w)
}

// why says what is in the way of a row: of a near miss what it missed, of a denial
// or restriction that is not sure, what it could not look at.
func (t explainer) why(r *model.Reason, w Words) string {
	var all []string
	if r.Kind != model.ReasonMiss {
		if r.Kind == model.ReasonRestriction && r.Holds == "false" {
			all = append(all, explained.isFalse.in(t.lang))
		}
		if r.Kind == model.ReasonRestriction && r.Holds != "false" {
			all = append(all, explained.isUnknown.in(t.lang))
		}
		return t.join(append(all, t.unknowns(r)...))
	}
	for _, m := range r.Missed {
		switch m {
		case model.MissedScope, model.MissedScopeUnknown:
			facts := t.facts(r, m == model.MissedScopeUnknown)
			if len(facts) == 0 {
				facts = []string{t.say(missed[m], w)}
			}
			all = append(all, facts...)
		case model.MissedWindow:
			for _, p := range r.Paths {
				all = append(all, t.say(missed[m], Words{"subject": t.Subject, "holder": r.Holder, "window": t.window(p)}))
			}
		case model.MissedConditionUnknown:
			all = append(all, t.say(missed[m], Words{"absent": strings.Join(r.Absent, ", ")}))
		default:
			all = append(all, t.say(missed[m], w))
		}
	}
	return t.join(all)
}

func (t explainer) join(all []string) string {
	return strings.Join(all, explained.and.in(t.lang))
}

// unknowns are what a denial or restriction could not look at.
func (t explainer) unknowns(r *model.Reason) (all []string) {
	if r.Scope != "" {
		all = t.facts(r, true)
	}
	if len(r.Absent) > 0 && r.Holds == "unknown" {
		all = append(all, t.say(explained.absent, Words{"absent": strings.Join(r.Absent, ", ")}))
	}
	return all
}

// facts says what is known of the attributes the scope looks at; with unknown,
// only of those that cannot be looked at.
func (t explainer) facts(r *model.Reason, unknown bool) (all []string) {
	for _, a := range r.Looked {
		if !strings.Contains(scopeLooks[scopeName(r.Scope)], a.Name+" ") {
			continue
		}
		state := states[a.State]
		if a.State == model.AttributeKnown && a.Value != nil {
			state = explained.is
		}
		if surely := a.State == model.AttributeKnown || a.State == model.AttributeNone; !unknown || !surely {
			all = append(all, t.say(state, Words{"name": a.Name, "value": shown(a.Name, a.Value)}))
		}
	}
	return all
}

// shown is a value as people read it, ids with the kind of what they name.
func shown(name string, v any) string {
	if list, ok := v.([]any); ok {
		words := make([]string, len(list))
		for i, e := range list {
			words[i] = shown(name, e)
		}
		return strings.Join(words, ", ")
	}
	s := fmt.Sprint(v)
	if kind := kinds[name]; kind != "" && !strings.HasPrefix(s, kind+":") {
		s = kind + ":" + s
	}
	return s
}

// scopeName is a scope without its depth.
func scopeName(scope string) string {
	name, _, _ := strings.Cut(scope, ":")
	return name
}
