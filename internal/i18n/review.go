package i18n

import (
	"cmp"
	"strconv"
	"strings"

	"rolegate/model"
)

// Findings writes the text of each finding in a language.
func Findings(l Lang, found []model.Finding) {
	for i := range found {
		found[i].Text = reviewer(l).finding(&found[i])
	}
}

// Changes writes the text of each change of a row in a language.
func Changes(l Lang, changes []model.RowChange) {
	of := map[model.ChangeKind]text{model.RowAdded: reviewTexts.added, model.RowRemoved: reviewTexts.removed, model.RowChanged: reviewTexts.changed, model.RowRenamed: reviewTexts.renamed}
	t := reviewer(l)
	for i := range changes {
		c := &changes[i]
		w := Words{}
		if c.Kind != model.RowAdded {
			w["before"] = t.quoted(&c.Before)
		}
		if c.Kind != model.RowRemoved {
			w["after"] = t.quoted(&c.After)
		}
		c.Text = t.say(of[c.Kind], w)
	}
}

// CaseResults writes the text of each result of a case in a language.
func CaseResults(l Lang, results []model.CaseResult) {
	t := reviewer(l)
	for i := range results {
		r := &results[i]
		w := Words{"name": r.Name, "subject": r.Subject, "action": r.Action, "object": r.Object, "record": r.Record, "code": string(r.Code),
			"want_code": string(r.WantCode), "want": verdicts[r.Want].in(l), "got": verdicts[r.Got].in(l)}
		switch {
		case r.Passed:
			r.Text = t.say(reviewTexts.passed, w)
		case r.WantCode != "":
			r.Text = t.say(reviewTexts.failedCode, w)
		default:
			r.Text = t.say(reviewTexts.failed, w)
		}
	}
}

// Simulated writes the texts of a simulation in a language.
func Simulated(l Lang, s *model.Simulated) {
	t := reviewer(l)
	all := [][]model.Shift{s.Shifts}
	left := [][]model.Unseen{s.Left}
	if s.Recorded != nil {
		all, left = append(all, s.Recorded.Shifts), append(left, s.Recorded.Left)
	}
	for _, list := range all {
		t.shifts(list)
	}
	for _, list := range left {
		t.unseen(list)
	}
}

func (t reviewer) shifts(list []model.Shift) {
	shifts := map[model.ShiftKind]text{model.ShiftGains: reviewTexts.gains, model.ShiftLoses: reviewTexts.loses, model.ShiftProof: reviewTexts.proof, model.ShiftMixed: reviewTexts.mixed, model.ShiftReason: reviewTexts.reason}
	for i := range list {
		sh := &list[i]
		w := Words{"subject": sh.Subject, "action": sh.Action, "object": sh.Object, "fields": ""}
		for _, part := range []struct {
			of    text
			names []string
		}{{reviewTexts.opened, sh.Opened}, {reviewTexts.closed, sh.Closed}} {
			if len(part.names) > 0 {
				w["fields"] += t.say(part.of, Words{"fields": strings.Join(part.names, ", ")})
			}
		}
		sh.Text = t.say(shifts[sh.Kind], w)
	}
}

func (t reviewer) unseen(list []model.Unseen) {
	for i := range list {
		u := &list[i]
		said := unseenTexts[u.What]
		switch {
		case u.What == model.UnseenRequests && u.Of == 0 && u.Looked == 0:
			said = reviewTexts.noAsks
		case u.Of == 0 && u.What != model.UnseenSamples:
			said = reviewTexts.more
		}
		u.Text = t.say(said, Words{"of": strconv.Itoa(u.Of), "looked": strconv.Itoa(u.Looked), "what": unseenThings[u.What].in(Lang(t))})
	}
}

// PolicyRow says what a row of a policy means, without a full stop at its end.
func PolicyRow(l Lang, r *model.PolicyRow) string { return reviewer(l).row(r) }

// reviewer writes the sentences of reviews in a language.
type reviewer Lang

func (t reviewer) say(s text, w Words) string {
	return explainer{lang: Lang(t)}.say(s, w)
}

func (t reviewer) finding(f *model.Finding) string {
	w := Words{"row": t.quoted(&f.Row), "object": f.Row.Object, "action": f.Row.Action, "subject": t.holder(f.Row.Subject), "role": t.holder(f.Role), "word": f.Word, "was": "", "is": "", "other_rows": ""}
	if len(f.Others) > 0 {
		w["other"] = t.quoted(&f.Others[0])
		w["was"], w["is"], w["other_rows"] = t.say(reviewTexts.was, w), t.say(reviewTexts.is, w), t.say(reviewTexts.rows, w)
	}
	switch {
	case f.Code == model.FindingLockedOut && f.Word == "":
		w["lacking"] = lockedOut.few.in(Lang(t))
	case f.Code == model.FindingLockedOut:
		var names []string
		for name := range strings.SplitSeq(f.Word, ", ") {
			names = append(names, steps[name].in(Lang(t)))
		}
		w["word"] = strings.Join(names, lockedOut.or.in(Lang(t)))
		w["lacking"] = t.say(lockedOut.nobody, w)
	case f.Code == model.FindingTwoDuties:
		var names []string
		for name := range strings.SplitSeq(f.Word, "+") {
			names = append(names, duties[name].in(Lang(t)))
		}
		w["word"] = strings.Join(names, explained.and.in(Lang(t)))
	case f.Code == model.FindingField && f.Line == 0:
		if f.Word != "" {
			w["is"] += t.say(reviewTexts.unnamed, w)
		}
		return t.say(findings[model.FindingDenial], w)
	}
	return t.say(findings[f.Code], w)
}

// quoted is a row as a part of a sentence: by the name its authors gave it, or
// else by what it means.
func (t reviewer) quoted(r *model.PolicyRow) string {
	w := Words{"row": cmp.Or(r.Name, t.row(r)), "line": strconv.Itoa(r.Line)}
	if r.Line == 0 {
		return t.say(rowTexts.quoted, w)
	}
	return t.say(rowTexts.line, w)
}

func (t reviewer) row(r *model.PolicyRow) string {
	w := Words{"holder": t.holder(r.Subject), "object": r.Object, "action": r.Action, "condition": r.Condition, "field": r.Field, "access": r.Access, "acr": r.ACR, "inherits": r.Inherits, "if": "", "fresh": ""}
	if r.Action == "*" {
		w["action"] = rowTexts.anyAction.in(Lang(t))
	}
	w["reach"] = t.say(cmp.Or(scopes[scopeName(r.Scope)], scopes["all"]), w)
	if strings.Contains(r.Scope, ":") { // subtree:1
		w["reach"] += t.say(rowTexts.bounded, Words{"scope": r.Scope})
	}
	if r.Condition != "" {
		w["if"] = t.say(explained.ifText, w)
	}
	if r.MaxAge != "" {
		w["fresh"] = t.say(explained.fresh, Words{"seconds": r.MaxAge})
	}
	denies := r.Effect == "deny"
	switch {
	case r.Kind == "g":
		return t.say(rowTexts.inherits, w)
	case r.Kind == "p2":
		return t.say(rowTexts.restriction, w)
	case r.Kind == "p3" && denies:
		return t.say(rowTexts.fieldDeny, w)
	case r.Kind == "p3":
		return t.say(rowTexts.fieldAllow, w)
	case r.Kind == "p4":
		return t.say(rowTexts.assurance, w)
	case denies:
		return t.say(rowTexts.deny, w)
	}
	return t.say(rowTexts.allow, w)
}

func (t reviewer) holder(key string) string { return explainer{lang: Lang(t)}.holder(key) }
