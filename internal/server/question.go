package server

import (
	"maps"
	"strings"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// question is one evaluation as sent, before anything is checked: the members
// of the request, each with where it stands.
type question struct {
	subject, action, resource, context member
}

// asked is one evaluation as understood.
type asked struct {
	policy.Request
}

// questionOf is the single question of a request.
func questionOf(o map[string]any) question {
	return question{get(o, "", "subject"), get(o, "", "action"), get(o, "", "resource"), get(o, "", "context")}
}

// merge is the item's question: each of its members replaces the default whole,
// and nothing inside them is merged (AuthZEN section 7.1.1). A member that is
// there replaces the default even when it is null.
func (q question) merge(item map[string]any, path string) question {
	pick := func(own string, def member) member {
		if _, there := item[own]; there {
			return get(item, path, own)
		}
		return def
	}
	return question{pick("subject", q.subject), pick("action", q.action), pick("resource", q.resource), pick("context", q.context)}
}

// read checks the question and puts it into our words.
func (q question) read() (asked, error) {
	var a asked
	var err error
	if a.Question.Subject, err = readEntity(q.subject); err != nil {
		return a, err
	}
	if a.Question.Action, err = readAction(q.action); err != nil {
		return a, err
	}
	if a.Question.Resource, err = readEntity(q.resource); err != nil {
		return a, err
	}
	if err = a.readContext(q.context); err != nil {
		return a, err
	}
	return a, q.check(&a.Question)
}

// check finds what is sent in the right shape and still cannot be answered.
func (q question) check(read *model.Question) error {
	bad := policy.CheckQuestion(read)
	if bad == nil {
		return nil
	}
	name, rest, _ := strings.Cut(bad.Member, ".")
	path := map[string]member{"subject": q.subject, "action": q.action, "resource": q.resource}[name].path
	if rest != "" {
		path += "." + rest
	}
	if bad.Want == policy.WantFewerFields {
		return over(model.CodeInvalidRequest, i18n.TooManyFields, path, int64(bad.Limit))
	}
	return invalid(wanted[bad.Want], path)
}

// wanted are the sentences about what a member has to be.
var wanted = map[policy.Want]i18n.Input{
	policy.WantFieldNames:   i18n.WantFieldNames,
	policy.WantObject:       i18n.WantObject,
	policy.WantBool:         i18n.WantBool,
	policy.WantOneName:      i18n.WantOneName,
	policy.WantNoProperties: i18n.AnyRecordProps,
}

func readEntity(m member) (e model.Entity, err error) {
	o, err := m.object()
	if err != nil {
		return e, err
	}
	if e.Type, err = get(o, m.path, "type").name(); err != nil {
		return e, err
	}
	if e.ID, err = get(o, m.path, "id").name(); err != nil {
		return e, err
	}
	e.Properties, err = get(o, m.path, "properties").optionalObject()
	return e, err
}

func readAction(m member) (a model.Action, err error) {
	o, err := m.object()
	if err != nil {
		return a, err
	}
	if a.Name, err = get(o, m.path, "name").name(); err != nil {
		return a, err
	}
	a.Properties, err = get(o, m.path, "properties").optionalObject()
	return a, err
}

const (
	accessToken = "access_token"
	minRevision = "min_revision"
)

// readContext takes out what is meant for us; conditions and the log never see
// it. The context may be shared by all items of a batch, so it is copied.
func (a *asked) readContext(m member) error {
	o, err := m.optionalObject()
	if err != nil || o == nil {
		return err
	}
	if v := get(o, m.path, accessToken); v.value != nil {
		token, ok := v.value.(string)
		if !ok {
			return invalid(i18n.WantString, v.path)
		}
		a.AccessToken = &token
	}
	if v := get(o, m.path, minRevision); v.value != nil {
		n, err := v.count()
		if err == nil && n > maxRevision {
			err = over(model.CodeInvalidRequest, i18n.TooMuch, v.path, maxRevision)
		}
		if err != nil {
			return err
		}
		a.MinRevision = int64(n)
	}
	a.Question.Context = maps.Clone(o)
	delete(a.Question.Context, accessToken)
	delete(a.Question.Context, minRevision)
	return nil
}
