package policy

import (
	"cmp"
	"slices"
	"time"

	"rolegate/model"
)

// An explanation is gathered by the tests the index decides by (allows, denies,
// restricts, assured, eachRefused), over the same rows: where the index stops at
// the first row that decides, an explanation goes on. So there is nothing here
// that could mean something else, but for the order of the gates, which a
// property test replays.

// Bounds of an explanation: more rows of one kind are counted, not listed.
const (
	maxReasons = 100
	maxMisses  = 20
)

// Explain gives the reasons of a decision that was made on the snapshot, from the
// same question and inputs. token is what was wrong with the person's token,
// ReasonSessionInvalid, ReasonTokenRequired or ReasonStepUp; "" for nothing. The texts are left
// for i18n.
func (s *Snapshot) Explain(q *model.Question, in *Inputs, d *model.Decision, token model.Code) model.Explanation {
	x := explaining{asking: &asking{Snapshot: s, q: q, in: in, engine: index{}, now: in.Now}}
	x.need.rule = noRule
	x.out = model.Explanation{
		Allow: d.Allow, Code: d.Code, Required: d.Required, StepUp: needed(d.StepUp), Revision: d.Revision,
		Subject: q.Subject.Type + ":" + q.Subject.ID, Action: q.Action.Name, Object: q.Resource.Type, Record: q.Resource.ID,
		Gates: []model.Reason{}, Actions: []model.ActionReasons{}, WouldHelp: []string{},
	}
	if x.passGates(token) {
		x.askActions()
		if len(x.out.Gates) == 0 && !d.Allow && d.Code != model.ReasonStepUp {
			x.out.WouldHelp = x.wouldHelp()
		}
	}
	return x.out
}

// explaining is one explanation in the course of being gathered.
type explaining struct {
	*asking
	out     model.Explanation
	sources []source // once gathered
}

// passGates notes the gates that are closed, in the order decisions look at them,
// and tells whether it can be said what rows say.
func (x *explaining) passGates(token model.Code) bool {
	shut := func(code model.Code) {
		if !slices.ContainsFunc(x.out.Gates, func(g model.Reason) bool { return g.Code == code }) {
			x.out.Gates = append(x.out.Gates, model.Reason{Kind: model.ReasonGate, Code: code})
		}
	}
	x.who = x.people.find(x.q.Subject.Type, x.q.Subject.ID)
	if token != "" { // whoever asks about strangers does not learn that a token is theirs
		if x.who == nil {
			shut(model.ReasonSubjectUnknown)
		}
		shut(token)
	}
	if x.tenant.Disabled {
		shut(model.ReasonTenantDisabled)
	}
	var bad *Malformed
	if x.ask, bad = readFieldAsk(x.q.Action.Properties); bad != nil || !complete(x.q) || checkWords(x.q) != nil {
		shut(model.ReasonItemInvalid)
		return false
	}
	if x.who == nil {
		shut(model.ReasonSubjectUnknown)
	} else {
		x.keys = x.people.holderAt(x.who, x.rules, x.now.UnixNano())
		if x.who.disabled {
			shut(model.ReasonSubjectDisabled)
		}
	}
	x.at = x.rules.target(x.q.Resource.Type, x.q.Action.Name)
	if x.object = x.at.object; x.object == nil {
		shut(model.ReasonObjectUnknown)
	}
	if x.who == nil || x.object == nil {
		return false
	}
	x.anyRecord = x.q.Resource.ID == model.AnyRecord
	x.record = x.people.newRecord(x.q.Resource, x.in.Stored)
	return true
}

// askActions explains the action, and then all it requires.
func (x *explaining) askActions() {
	asked := x.at
	met := []string{asked.action}
	x.askOne("")
	for _, required := range asked.requires() {
		by := slices.IndexFunc(met, func(action string) bool {
			return slices.Contains(x.object.entry.Actions[action].Requires, required)
		})
		x.at = x.rules.target(x.object.name, required)
		x.askOne(met[max(by, 0)])
		met = append(met, required)
	}
	x.at = asked
}

// askOne explains the action at hand by itself.
func (x *explaining) askOne(requiredBy string) {
	r := model.ActionReasons{Action: x.at.action, RequiredBy: requiredBy, Code: model.CodeInternal, Reasons: []model.Reason{}, Misses: []model.Reason{}}
	if out, err := x.askAction(); err == nil {
		r.Code = out.code
	}
	switch {
	case !x.at.known:
		r.Reasons = append(r.Reasons, model.Reason{Kind: model.ReasonGate, Code: model.ReasonActionUnknown})
		x.out.Actions = append(x.out.Actions, r)
		return
	case !x.object.enabled():
		r.Reasons = append(r.Reasons, model.Reason{Kind: model.ReasonGate, Code: model.ReasonObjectDisabled})
	}
	if x.anyRecord {
		x.denied = x.takenAway()
	}
	x.addDenials(&r)
	if x.addGrants(&r) == 0 {
		x.addMisses(&r)
	}
	x.addRestrictions(&r)
	x.addFields(&r)
	x.addAssurance(&r)
	x.out.Actions = append(x.out.Actions, r)
}

// rows are those of lists of the action whose subject the holder is and that pass
// a test, in document order.
func (x *explaining) rows(list func(*rules) rowList, test func(what int32) bool) (found []rowRef) {
	for _, r := range x.at.from {
		if r == nil {
			continue
		}
		list(r).each(x.keys, func(e *rowRef) {
			if test(e.what) {
				found = append(found, *e)
			}
		})
	}
	slices.SortFunc(found, byRule)
	return found
}

func byRule(a, b rowRef) int { return cmp.Compare(a.rule, b.rule) }

func allowsOf(r *rules) rowList  { return r.allows }
func denialsOf(r *rules) rowList { return r.denials }

// addGrants lists the grants that reach, and gives their number.
func (x *explaining) addGrants(r *model.ActionReasons) int {
	found := x.rows(allowsOf, x.allows)
	for _, e := range listed(r, found) {
		r.Reasons = append(r.Reasons, x.granting(model.ReasonGrant, model.ReasonAllowed, e))
	}
	return len(found)
}

// addDenials lists the denials that take everything away and, without a record,
// those that take away some of it.
func (x *explaining) addDenials(r *model.ActionReasons) {
	for _, e := range listed(r, x.rows(denialsOf, x.denies)) {
		r.Reasons = append(r.Reasons, x.granting(model.ReasonDenial, model.ReasonDenied, e))
	}
	if !x.anyRecord {
		return
	}
	narrows := func(what int32) bool {
		g := x.rules.grants[what]
		return !x.denies(what) && g.coversWholly(x.asking) && g.scope.ways(x.asking) != 0
	}
	for _, e := range listed(r, x.rows(denialsOf, narrows)) {
		r.Reasons = append(r.Reasons, x.granting(model.ReasonNarrowing, model.ReasonDenied, e))
	}
}

// addRestrictions lists the restrictions that do not hold of the record as it is,
// and those that would not of what an update makes of it.
func (x *explaining) addRestrictions(r *model.ActionReasons) {
	asIs := x.rows((*rules).limits, x.restricts)
	for _, e := range listed(r, asIs) {
		r.Reasons = append(r.Reasons, x.granting(model.ReasonRestriction, model.ReasonRestricted, e))
	}
	if x.at.action != "update" || len(x.ask.changes) == 0 {
		return
	}
	x.asChanged(true)
	then := x.rows((*rules).limits, x.restricts)
	then = slices.DeleteFunc(then, func(e rowRef) bool { _, before := slices.BinarySearchFunc(asIs, e, byRule); return before })
	for _, e := range listed(r, then) {
		reason := x.granting(model.ReasonRestriction, model.ReasonRestricted, e)
		reason.AsChanged = true
		r.Reasons = append(r.Reasons, reason)
	}
	x.asChanged(false)
}

// addAssurance lists the rows that ask for more proof. Beyond the bound only
// those are listed that ask for more than those before: what must be proven can
// always be read from the list.
func (x *explaining) addAssurance(r *model.ActionReasons) {
	var together demand
	for i, e := range x.rows((*rules).proofs, func(what int32) bool { return !x.assured(x.rules.proofs[what]) }) {
		var own demand
		own.add(x.rules.proofs[e.what])
		before := together.stepUp
		together.add(x.rules.proofs[e.what])
		if i >= maxReasons && before == together.stepUp {
			r.LeftOut++
			continue
		}
		reason := x.row(model.ReasonAssurance, model.ReasonStepUp, e)
		reason.Needed = needed(&own.stepUp)
		r.Reasons = append(r.Reasons, reason)
	}
}

// addFields lists the closed fields that the question names, each access once.
func (x *explaining) addFields(r *model.ActionReasons) {
	met := map[fieldKey]bool{}
	_ = x.eachRefused(x.at.action, func(name string, access Access, masked bool) error { // the index has no errors
		if key := (fieldKey{name, access}); met[key] {
			return nil
		} else {
			met[key] = true
		}
		reason := model.Reason{Kind: model.ReasonField, Code: model.ReasonFieldsClosed, Field: name, Access: string(access), Because: model.ClosedMasked}
		if !masked {
			v, _ := x.may(name, access)
			reason.Because = model.ClosedSecured
			if v.rule != noRule {
				x.close(&reason, v.rule)
			}
		}
		r.Reasons = append(r.Reasons, reason)
		return nil
	})
}

// close names the row that closes a field.
func (x *explaining) close(r *model.Reason, id ruleID) {
	r.Because = model.ClosedByRule
	r.Rule = x.rule(id)
	cells, bad := splitCells(nil, r.Rule.Row)
	if bad != nil {
		return
	}
	r.Holder = cells[1+colSubject].text
	if r.Holder == everything {
		r.Because = model.ClosedToAll
	}
	r.Paths, r.More = x.paths(r.Holder)
}

// listed cuts rows at the bound and counts what is cut.
func listed(r *model.ActionReasons, rows []rowRef) []rowRef {
	if n := len(rows) - maxReasons; n > 0 {
		r.LeftOut += n
		return rows[:maxReasons]
	}
	return rows
}

// row is a reason that is a row.
func (x *explaining) row(kind model.ReasonKind, code model.Code, e rowRef) model.Reason {
	r := model.Reason{Kind: kind, Code: code, Rule: x.rule(e.rule), Holder: x.rules.names[e.subject]}
	r.Paths, r.More = x.paths(r.Holder)
	return r
}

func (x *explaining) rule(id ruleID) *model.ExplainedRule {
	rule := x.rules.rule(id)
	return &model.ExplainedRule{Row: rule.Text, Name: rule.Name, Line: rule.Line}
}

// granting is a reason that is a row with a scope and a condition.
func (x *explaining) granting(kind model.ReasonKind, code model.Code, e rowRef) model.Reason {
	r, g := x.row(kind, code, e), x.rules.grants[e.what]
	if kind != model.ReasonRestriction {
		r.Scope = g.scope.String()
	}
	x.look(&r, g)
	return r
}

func needed(s *model.StepUp) *model.Needed {
	if s == nil {
		return nil
	}
	return &model.Needed{ACR: s.ACR, MaxAge: int((s.MaxAge + time.Second - 1) / time.Second)}
}
