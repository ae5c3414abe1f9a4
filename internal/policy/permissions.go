package policy

import (
	"context"
	"maps"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// PermissionsRequest asks for a subject's permissions, on all objects or on one.
type PermissionsRequest struct {
	Subject     model.Entity
	Object      string  // "" for all
	AccessToken *string // the person's own; nil when it was not sent
}

// maxPermissions bounds the actions and fields of one answer.
const maxPermissions = 20_000

// Permissions gives what a subject may do at all: each permission is the decision
// about a question without a record. It is recorded as one entry. An error means
// there is no answer.
func (s *Service) Permissions(ctx context.Context, caller model.Caller, r PermissionsRequest) (out model.Permissions, err error) {
	err = s.settle(ctx, caller, 0, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		in := Inputs{Now: now, Client: clientOf(caller)}
		var token model.Code
		if in.Assurance, token, err = s.assurance(ctx, caller, view, r.Subject, r.AccessToken, now); err != nil {
			return audit.Entry{}, err
		}
		if out, err = view.Permissions(r.Subject, r.Object, &in, token); err != nil {
			return audit.Entry{}, err
		}
		return permissionsEntry(caller, view, r, out), nil
	})
	if err != nil {
		return model.Permissions{}, err
	}
	return out, nil
}

// Permissions gives what a subject may do at all. token is what was wrong with
// the person's token, as Explain's; "" for nothing.
func (s *Snapshot) Permissions(subject model.Entity, object string, in *Inputs, token model.Code) (model.Permissions, error) {
	p := model.Permissions{Subject: subject.Type + ":" + subject.ID, Code: s.closedTo(subject, token), Objects: map[string]model.ObjectPermissions{}, Revision: s.tenant.Revision}
	if p.Code != model.ReasonAllowed {
		return p, nil
	}
	names := slices.Sorted(maps.Keys(s.rules.objects))
	if object != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name != object })
	}
	left := maxPermissions
	for _, name := range names {
		o := s.rules.objects[name]
		actions := s.rules.actionsOf(o)
		if left -= len(actions) + len(s.rules.fieldTable(o).names); left < 0 {
			return p, model.Errorf(model.CodeLimitExceeded, "there are more than %d actions and fields; name one object in the parameter object", maxPermissions)
		}
		of, err := s.permissionsOn(o, actions, subject, in)
		if err != nil {
			return p, err
		}
		p.Objects[name] = of
	}
	return p, nil
}

// closedTo is the gate that closes everything to a subject, as decisions name it.
func (s *Snapshot) closedTo(subject model.Entity, token model.Code) model.Code {
	m := s.people.find(subject.Type, subject.ID)
	switch {
	case token != "" && m != nil:
		return token
	case token == "" && s.tenant.Disabled:
		return model.ReasonTenantDisabled
	case m == nil:
		return model.ReasonSubjectUnknown
	case m.disabled:
		return model.ReasonSubjectDisabled
	}
	return model.ReasonAllowed
}

// permissionsOn decides about every action on one object, and about its fields.
func (s *Snapshot) permissionsOn(o *object, actions []string, subject model.Entity, in *Inputs) (model.ObjectPermissions, error) {
	out := model.ObjectPermissions{Actions: make(map[string]model.ActionPermission, len(actions))}
	a := asking{Snapshot: s, in: in, engine: index{}, now: in.Now}
	for _, action := range actions {
		p, err := a.permission(&model.Question{Subject: model.Entity{Type: subject.Type, ID: subject.ID},
			Action: model.Action{Name: action}, Resource: model.Entity{Type: o.name, ID: model.AnyRecord}})
		if err != nil {
			return out, err
		}
		out.Actions[action] = p
	}
	a.who = s.people.find(subject.Type, subject.ID)
	a.keys, a.object = s.people.holderAt(a.who, s.rules, in.Now.UnixNano()), o
	out.Fields = a.fieldPermissions()
	return out, nil
}

// permission decides a question without a record; unlike Decide it does not look
// at fields each time. The asking is used for one after another.
func (a *asking) permission(q *model.Question) (model.ActionPermission, error) {
	a.q, a.facts, a.need = q, condition.Facts{}, demand{rule: noRule}
	d := model.Decision{}
	if d.Code = a.admit(); d.Code == model.ReasonAllowed {
		asked := a.at
		out, err := a.answer()
		if err != nil {
			return model.ActionPermission{}, err
		}
		a.conclude(&d, out)
		a.at = asked
	}
	return model.ActionPermission{Kind: a.permissionKind(&d), Code: d.Code, Required: d.Required, StepUp: needed(d.StepUp)}, nil
}

// fieldPermissions lists the fields of the object that the holder may access.
func (a *asking) fieldPermissions() model.FieldPermissions {
	read, _ := a.sees(AccessRead)
	unmask, _ := a.sees(AccessUnmask)
	update, _ := a.sees(AccessUpdate)
	create, _ := a.sees(AccessCreate)
	t := a.sight.table
	p := model.FieldPermissions{Readable: t.permitted(read), Writable: t.permitted(update), Creatable: t.permitted(create), Masked: map[string]string{}}
	for i, name := range t.names {
		if !t.listed && name != everything {
			p.Named = append(p.Named, name)
		}
		if read.has(i) && t.masked.has(i) && !unmask.has(i) {
			p.Masked[name] = t.masks[i]
		}
	}
	return p
}

// permitted is namesIn for a list of what is open: where the catalogue lists the
// fields, nothing that it does not is said to be.
func (t *fieldTable) permitted(set bits) []string {
	names := t.namesIn(set)
	if t.listed {
		names = slices.DeleteFunc(names, func(name string) bool { return name == everything })
	}
	return names
}

// namesIn lists the fields of a set, never nil.
func (t *fieldTable) namesIn(set bits) []string {
	names := []string{}
	for i, name := range t.names {
		if set.has(i) {
			names = append(names, name)
		}
	}
	return names
}

// permissionsEntry is the record of a list of permissions: whose, on what, and how
// many are not never.
func permissionsEntry(caller model.Caller, view *View, r PermissionsRequest, p model.Permissions) audit.Entry {
	e := audit.Entry{
		Tenant: caller.Tenant, Class: audit.ClassDecision, Activity: audit.ShownPermissions, Outcome: audit.OutcomeOK, Code: p.Code,
		PolicyHash: view.PolicyHash(), Revision: view.Revision(), Caller: caller, Service: clientOf(caller),
		Personal: map[string]any{"subject": p.Subject},
	}
	if caller.Kind != model.CallerClient {
		e.Service = "" // the leaf names no person
	}
	if view.knows(r.Subject) {
		e.Person = p.Subject
	}
	if r.Object != "" {
		e.Object, _ = view.rules.literal(r.Object, "")
		e.Personal["resource_type"] = r.Object
	}
	for _, o := range p.Objects {
		for _, a := range o.Actions {
			if a.Kind != model.PermittedNever {
				e.Count++
			}
		}
	}
	return e
}
