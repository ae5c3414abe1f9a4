package policy

import (
	"context"
	"maps"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// Effective is what a subject may do at all, with the roles it has and the rows that
// grant: a permission says that records are reached, Reaches which.
type Effective struct {
	model.Permissions
	Roles   []HeldRole                    // by name
	Reaches map[string]map[string][]Reach // by object and action, of what is not never
}

// HeldRole is a role that a subject has, now or in another window.
type HeldRole struct {
	Role  string // "role:rep"
	Now   bool
	Paths []model.RolePath // shortest first
	More  int              // paths left out
}

// Reach is one way in which an action reaches records.
type Reach struct {
	Scope     string
	Condition string   // as written; "" for none
	Holders   []string // whom the rows name
	Lines     []int    // of the rows, in the document
}

// Effective gives what a subject may do at all, and by which rows. It is recorded as
// Permissions is. An error means there is no answer.
func (s *Service) Effective(ctx context.Context, caller model.Caller, r PermissionsRequest) (out Effective, err error) {
	err = s.settle(ctx, caller, 0, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		in := Inputs{Now: now, Client: clientOf(caller)}
		if out.Permissions, err = view.Permissions(r.Subject, r.Object, &in, ""); err != nil {
			return audit.Entry{}, err
		}
		view.effective(r.Subject, &in, &out)
		return permissionsEntry(caller, view, r, out.Permissions), nil
	})
	if err != nil {
		return Effective{}, err
	}
	return out, nil
}

// effective adds roles and reaches to permissions.
func (s *Snapshot) effective(subject model.Entity, in *Inputs, out *Effective) {
	out.Roles, out.Reaches = []HeldRole{}, map[string]map[string][]Reach{}
	x := explaining{asking: &asking{Snapshot: s, in: in, engine: index{}, now: in.Now, anyRecord: true}}
	x.q = &model.Question{Subject: subject, Resource: model.Entity{ID: model.AnyRecord}}
	if x.who = s.people.find(subject.Type, subject.ID); x.who == nil {
		return
	}
	x.keys = s.people.holderAt(x.who, s.rules, in.Now.UnixNano())
	out.Roles = x.heldRoles()
	for name, of := range out.Objects {
		reaches := map[string][]Reach{}
		for action, p := range of.Actions {
			if p.Kind != model.PermittedNever {
				x.q.Resource.Type, x.q.Action.Name = name, action
				x.at = s.rules.target(name, action)
				x.object, x.record = x.at.object, s.people.newRecord(x.q.Resource, nil)
				reaches[action] = x.reaches()
			}
		}
		out.Reaches[name] = reaches
	}
}

// reaches are the grants of the action at hand, those of the same scope and condition
// as one. What is shared is only known record by record.
func (x *explaining) reaches() (all []Reach) {
	x.denied = x.takenAway()
	for _, e := range x.rows(allowsOf, func(what int32) bool {
		kind := x.rules.grants[what].scope.kind
		return kind == scopeShared || kind == scopeEveryone || x.allows(what)
	}) {
		g, holder, line := x.rules.grants[e.what], x.rules.names[e.subject], x.rules.rule(e.rule).Line
		r := Reach{Scope: g.scope.String()}
		if g.cond != nil {
			r.Condition = g.cond.text
		}
		i := slices.IndexFunc(all, func(o Reach) bool { return o.Scope == r.Scope && o.Condition == r.Condition })
		if i < 0 {
			i, all = len(all), append(all, r)
		}
		if !slices.Contains(all[i].Holders, holder) {
			all[i].Holders = append(all[i].Holders, holder)
		}
		all[i].Lines = append(all[i].Lines, line)
	}
	return all
}

// heldRoles are all roles that assignments lead to.
func (x *explaining) heldRoles() []HeldRole {
	now := map[string]bool{}
	for _, s := range x.sourcesOf() {
		for role := range s.chains {
			now[role] = now[role] || s.active
		}
	}
	roles := make([]HeldRole, 0, len(now))
	for _, role := range slices.Sorted(maps.Keys(now)) {
		h := HeldRole{Role: role, Now: now[role]}
		h.Paths, h.More = x.pathsTo(role, h.Now)
		roles = append(roles, h)
	}
	return roles
}
