package policy

import (
	"rolegate/internal/audit"
	"rolegate/model"
)

var searchActivities = map[SearchKind]audit.Activity{
	SearchSubject:  audit.SearchedSubject,
	SearchResource: audit.SearchedResource,
	SearchAction:   audit.SearchedAction,
}

// entry is the one record of a page. Its results are sealed for the subject in
// question, records about another person under that one's key (see entry and
// batchEntry of decisions). Of a search for subjects the record keeps the
// question and the count: policy and revision say who they were. Of an action
// whose audit level is minimal it keeps no record's id.
func (run *searching) entry() audit.Entry {
	q := run.sr.Question
	e := audit.Entry{
		Tenant: run.caller.Tenant, Class: audit.ClassDecision, Activity: searchActivities[run.sr.Kind], Outcome: audit.OutcomeOK,
		PolicyHash: run.view.PolicyHash(), Revision: run.view.Revision(), Count: int64(len(run.hits)),
		Service: clientOf(run.caller), Caller: run.caller,
	}
	e.Object, e.Op = run.view.rules.literal(q.Resource.Type, q.Action.Name)
	subject := q.Subject.Type + ":" + q.Subject.ID
	if run.sr.Kind != SearchSubject && run.view.knows(q.Subject) {
		e.Person = subject
	}
	records := parts{members: map[string][]string{}}
	switch run.sr.Kind {
	case SearchSubject:
		e.Personal = map[string]any{"subject_type": q.Subject.Type, "action": q.Action.Name}
		records.add(run.about(q.Resource, run.stored), q.Resource.Type+":"+q.Resource.ID)
	case SearchResource:
		e.Personal = map[string]any{"subject": subject, "action": q.Action.Name, "resource_type": q.Resource.Type}
		for _, h := range run.hits {
			records.add(h.about, q.Resource.Type+":"+h.name)
		}
	case SearchAction:
		e.Personal = map[string]any{"subject": subject, "actions": run.names()}
		records.add(run.about(q.Resource, run.stored), q.Resource.Type+":"+q.Resource.ID)
	}
	if run.sr.Kind == SearchAction || !run.view.minimal(&q) {
		records.into(&e)
	}
	return e
}

func (run *searching) names() []string {
	names := make([]string, len(run.hits))
	for i, h := range run.hits {
		names[i] = h.name
	}
	return names
}

// about is whose key seals a record's id: another person's than the subject's,
// or "" for the subject's own. What a stranger asks makes no keys.
func (run *searching) about(r model.Entity, stored *model.Resource) string {
	q := run.sr.Question.Subject
	if run.sr.Kind != SearchSubject && !run.view.knows(q) {
		return ""
	}
	if who := run.view.dataSubject(r, stored); run.sr.Kind == SearchSubject || who != q.Type+":"+q.ID {
		return who
	}
	return ""
}

// parts gathers records' ids by whose they are.
type parts struct {
	people  []string
	members map[string][]string
}

func (p *parts) add(who, resource string) {
	if p.members[who] == nil {
		p.people = append(p.people, who)
	}
	p.members[who] = append(p.members[who], resource)
}

func (p *parts) into(e *audit.Entry) {
	for _, who := range p.people {
		if who == "" {
			e.Personal["resources"] = p.members[who]
			continue
		}
		e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who, "resources": p.members[who]}})
	}
}
