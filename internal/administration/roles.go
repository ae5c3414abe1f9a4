package administration

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// RolePage is part of a list of roles by id. More tells that others follow After.
type RolePage struct {
	Roles []model.Role
	After string
	More  bool
}

// Roles lists the tenant's roles behind one ("" for all) that the person may read.
func (o *Officer) Roles(ctx context.Context, after string, limit int) (p RolePage, err error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return p, err
	}
	rows, err := o.Store.PageRoles(ctx, o.tenant, store.Key{after}, limit+1)
	if err != nil {
		return p, err
	}
	if p.More = len(rows) > limit; p.More {
		rows = rows[:limit]
	}
	for _, r := range rows {
		p.After = r.ID
		if _, err := at.ask(ctx, o.object, o.action, r.ID, ""); err == nil {
			p.Roles = append(p.Roles, r)
		}
	}
	return p, o.read(ctx, at, audit.DirectoryRead, "", len(p.Roles))
}

// HolderPage is part of a list of who holds a role, by member.
type HolderPage struct {
	Role    model.Role
	Holders []model.Assignment
	More    bool // others follow the last
}

// Holders lists who holds a role, behind a member ("" for all), whatever the windows.
func (o *Officer) Holders(ctx context.Context, role, after string, limit int) (p HolderPage, err error) {
	at, err := o.right(ctx, role, "")
	if err != nil {
		return p, err
	}
	if p.Role, err = o.Store.Role(ctx, o.tenant, role); notFound(err) || role == "" {
		return p, model.Errorf(model.CodeRoleUnknown, "there is no role %q", role)
	}
	if err != nil {
		return p, err
	}
	rows, err := o.Store.PageAssignments(ctx, o.tenant, "", role, store.Key{after, role}, limit+1)
	if err != nil {
		return p, err
	}
	if p.More = len(rows) > limit; p.More {
		rows = rows[:limit]
	}
	p.Holders = rows
	return p, o.read(ctx, at, audit.DirectoryRead, "", len(rows))
}

// PutRole makes a role, or changes whether it asks for a second factor. What a role may
// do is in the policy. Without the mark its holders can do all they may without a second
// factor, so taking it off is giving them that.
func (o *Officer) PutRole(ctx context.Context, r model.Role, create bool) (revision int64, err error) {
	if err := bareRole(r.ID); err != nil {
		return 0, err
	}
	err = o.settle(ctx, r.ID, "", func(at *standing) error {
		was, err := o.Store.Role(ctx, o.tenant, r.ID)
		if err != nil && !notFound(err) {
			return err
		}
		if was.RequireMFA && !r.RequireMFA {
			err := at.mayFree(ctx, "", r.Key(), r.ID, "", func(at *standing) error {
				_, err := at.ask(ctx, o.object, o.action, r.ID, "")
				return err
			})
			if err != nil {
				return err
			}
		}
		revision, err = o.Directory.PutRole(ctx, at.caller, o.tenant, r, create, "")
		return err
	})
	return revision, err
}

// OfficeHolders lists who holds the three offices: a few.
func (o *Officer) OfficeHolders(ctx context.Context) (held []model.Assignment, err error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	for _, office := range model.Offices {
		of, err := o.Store.Assignments(ctx, o.tenant, "", office)
		if err != nil {
			return nil, err
		}
		held = append(held, of...)
	}
	return held, o.read(ctx, at, audit.OfficeRead, "", len(held))
}
