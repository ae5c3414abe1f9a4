package policy

import (
	"strconv"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// entryOf is the record of one decision. Words that only the request vouches for
// stay out of the leaf: anybody could write an address where an action is due. The
// record's id lies under the key of whom the record is about.
func entryOf(caller model.Caller, a answered, now time.Time) audit.Entry {
	item := itemOf(a)
	e := audit.Entry{
		Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: item.Outcome, Code: a.Code,
		Roles: a.Roles, Object: item.Object, Op: item.Op, Rule: item.Rule, PolicyHash: a.PolicyHash,
		Revision: a.Revision, Service: clientOf(caller), Caller: caller, Person: a.person(),
		Level: a.Assurance.Level, Age: ageOf(a.Assurance, now),
	}
	asked, about := a.personal()
	e.Personal = map[string]any{"subject": asked.Subject, "action": asked.Action}
	switch {
	case asked.Resource != "":
		e.Personal["resource"] = asked.Resource
	case about.Person != "":
		e.Others = []audit.Part{{Person: about.Person, Personal: map[string]any{"resource": about.Resource, "person": about.Person}}}
	}
	return e
}

// batchEntry is the one record of a batch: a leaf with its members, and for each
// person in it a segment with what concerns them.
func batchEntry(caller model.Caller, view *View, answers []answered) audit.Entry {
	e := audit.Entry{Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.EvaluatedBatch,
		Outcome: audit.OutcomeOK, Service: clientOf(caller), Caller: caller, Revision: view.Revision(), PolicyHash: view.PolicyHash()}
	e.Items = make([]audit.Item, len(answers))
	var people []string
	members := map[string][]audit.Member{}
	add := func(who string, m audit.Member) {
		if members[who] == nil {
			people = append(people, who)
		}
		members[who] = append(members[who], m)
	}
	for i, a := range answers {
		e.Items[i] = itemOf(a)
		asked, about := a.personal()
		asked.Item, about.Item = i, i
		add(a.person(), asked)
		if about.Person != "" {
			add(about.Person, about)
		}
	}
	for _, who := range people {
		e.Others = append(e.Others, audit.Part{Person: who, Personal: map[string]any{"person": who, "members": members[who]}})
	}
	return e
}

// person is whose key seals the question: the subject's, if it is one of ours.
// Anybody can ask about any number of names; they share one key.
func (a *answered) person() string {
	switch a.Code {
	case model.ReasonSubjectUnknown, model.ReasonItemInvalid, model.ReasonTenantDisabled, model.CodeRevisionBehind:
		return ""
	}
	return a.request.Question.Subject.Type + ":" + a.request.Question.Subject.ID
}

// personal is what is sealed for the subject of the question and, where the
// record is about another person, for that one. Of an action whose audit level is
// minimal neither says which record.
func (a *answered) personal() (asked, about audit.Member) {
	q := &a.request.Question
	// Nothing of the request itself is kept: records may wait in memory.
	asked = audit.Member{Subject: q.Subject.Type + ":" + q.Subject.ID, Action: strings.Clone(q.Action.Name)}
	if a.minimal {
		return asked, about
	}
	resource := q.Resource.Type + ":" + q.Resource.ID
	if who := a.person(); who == "" || a.dataSubject == "" || a.dataSubject == who {
		asked.Resource = resource
		return asked, about
	}
	return asked, audit.Member{Resource: resource, Person: a.dataSubject}
}

func itemOf(a answered) audit.Item {
	item := audit.Item{Outcome: audit.OutcomeDeny, Code: a.Code}
	if a.Allow {
		item.Outcome = audit.OutcomeAllow
	}
	item.Object, item.Op = a.object, a.action
	if !a.Rule.IsZero() {
		item.Rule = a.Rule.Kind + ":" + strconv.Itoa(a.Rule.Line)
	}
	return item
}

func ageOf(a model.Assurance, now time.Time) int64 {
	if a.Level == 0 {
		return -1
	}
	return int64(now.Sub(a.AuthTime) / time.Second)
}
