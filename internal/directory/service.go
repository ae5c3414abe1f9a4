// Package directory keeps tenants, people, clients, teams, trees, roles and who
// holds them. Every change bumps the tenant's revision and is recorded, in one
// transaction. The command line, the API and the pages all come through here.
package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"regexp"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// InviteTTL is how long an invitation waits, and MaxInviteTTL how long it may: it lies in
// somebody's mail, and opens an account.
const (
	InviteTTL    = 72 * time.Hour
	MaxInviteTTL = 30 * 24 * time.Hour
)

// Service is the directory. All fields are required; safe for concurrent use.
type Service struct {
	Store  store.Store
	Log    *audit.Log
	Issuer string // the only source of invitation links

	// UsernameKey folds a login name, or says why it is none.
	UsernameKey func(name string) (string, error)

	// Inheritance counts the roles that roles inherit together under the policy
	// in force.
	Inheritance func(ctx context.Context, q store.Policies, tenant string) (func(roles []string) int, error)

	Now    func() time.Time
	Limits model.Limits
}

var tenantName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CreateTenant makes a tenant with an empty policy, which denies everything.
func (s *Service) CreateTenant(ctx context.Context, caller model.Caller, t model.Tenant) (model.Tenant, error) {
	if !tenantName.MatchString(t.ID) {
		return t, model.Errorf(model.CodeInvalidRequest, "a tenant's name is 1 to 63 lower-case letters, digits and hyphens, and %q is not", t.ID)
	}
	if t.MFA == "" {
		t.MFA = model.MFAEveryone
	}
	if err := checkMFA(t.MFA); err != nil {
		return t, err
	}
	t.Ref = make([]byte, 16)
	rand.Read(t.Ref)
	t.CreatedAt = s.Now()
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		if err := tx.InsertTenant(ctx, t); err != nil {
			return exists(err, "the tenant %q is already there", t.ID)
		}
		for _, office := range model.Offices {
			if err := tx.PutRole(ctx, t.ID, model.Role{ID: office, RequireMFA: true}); err != nil {
				return err
			}
		}
		if _, err := tx.Bump(ctx, t.ID, store.Change{Kind: store.ChangedTenant}, store.Change{Kind: store.ChangedDirectory}); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, act(caller, t.ID, audit.TenantCreated, "", nil))
	})
	if err != nil {
		return t, err
	}
	return s.Store.Tenant(ctx, t.ID)
}

// TenantChange is what may change of a tenant; nil leaves as it is.
type TenantChange struct {
	MFA          *model.MFAMode
	StrictFields *bool
	Disabled     *bool
	Catalog      *string // checked by the caller
}

// UpdateTenant changes a tenant. To replace the catalogue of a tenant that has
// administrators, or to ask fewer for a second factor, is break-glass and needs a reason;
// so is the latter by PutRole.
func (s *Service) UpdateTenant(ctx context.Context, caller model.Caller, id string, c TenantChange, reason string) (model.Tenant, error) {
	if c.MFA != nil {
		if err := checkMFA(*c.MFA); err != nil {
			return model.Tenant{}, err
		}
	}
	_, err := s.commit(ctx, func(tx store.Tx) (revision int64, e audit.Entry, err error) {
		if revision, err = Take(ctx, tx, id, store.Change{Kind: store.ChangedTenant}); err != nil {
			return 0, e, err
		}
		was, err := tx.Tenant(ctx, id)
		if err != nil {
			return 0, e, err
		}
		t := was
		set(&t.Catalog, c.Catalog)
		set(&t.MFA, c.MFA)
		set(&t.StrictFields, c.StrictFields)
		set(&t.Disabled, c.Disabled)
		e = act(caller, id, audit.TenantChanged, reason, nil)
		if c.Catalog != nil || t.MFA == model.MFAByRole && was.MFA != t.MFA {
			if e.Class, err = BreakGlass(ctx, tx, id, reason); err != nil {
				return 0, e, err
			}
		}
		if reflect.DeepEqual(t, was) {
			return revision, e, errNothing
		}
		return revision, e, tx.UpdateTenant(ctx, t)
	})
	if err != nil {
		return model.Tenant{}, err
	}
	return s.Store.Tenant(ctx, id)
}

// ListTenants lists them all by name.
func (s *Service) ListTenants(ctx context.Context) ([]model.Tenant, error) {
	return s.Store.ListTenants(ctx)
}

// Tenant finds a tenant or says that there is none of that name.
func Tenant(ctx context.Context, q store.Tenants, id string) (model.Tenant, error) {
	t, err := q.Tenant(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return t, model.Errorf(model.CodeTenantUnknown, "there is no tenant %q; `rolegate tenant list` shows them", id)
	}
	return t, err
}

// Tenant finds a tenant. A name that no tenant can have is CodeTenantUnknown too.
func (s *Service) Tenant(ctx context.Context, id string) (model.Tenant, error) {
	if !tenantName.MatchString(id) {
		return model.Tenant{}, model.Errorf(model.CodeTenantUnknown, "%q is no tenant's name", id)
	}
	return Tenant(ctx, s.Store, id)
}

// Take opens a change of a tenant: it takes the next revision and, with it, the
// tenant's row, so changes of one tenant come one after the other and what the
// change checks stays true until it commits. changes say what decisions have to
// know of it.
func Take(ctx context.Context, tx store.Tenants, id string, changes ...store.Change) (revision int64, err error) {
	if _, err := Tenant(ctx, tx, id); err != nil {
		return 0, err
	}
	return tx.Bump(ctx, id, changes...)
}

// BreakGlass is the class an exceptional act on the host is recorded under. Where the tenant
// has administrators it must come with a reason: they would otherwise decide.
func BreakGlass(ctx context.Context, tx store.Queries, tenant, reason string) (audit.Class, error) {
	has, err := HasAdministrators(ctx, tx, tenant)
	if err != nil {
		return "", err
	}
	if !has {
		return audit.ClassAdmin, nil
	}
	if reason == "" {
		return "", model.Errorf(model.CodeReasonRequired, "tenant %q has administrators, so this is a break-glass act: say why with --reason; it is recorded", tenant)
	}
	return audit.ClassBreakGlass, nil
}

// HasAdministrators tells whether someone who can log in holds an office: an
// invitation nobody has accepted does not make an administrator.
func HasAdministrators(ctx context.Context, q store.Queries, tenant string) (bool, error) {
	for _, office := range model.Offices {
		holders, err := q.Assignments(ctx, tenant, "", office)
		if err != nil {
			return false, err
		}
		for _, h := range holders {
			if can, err := CanLogIn(ctx, q, tenant, h.Member); err != nil || can {
				return can, err
			}
		}
	}
	return false, nil
}

// CanLogIn tells whether a member is a user with a password who is not disabled.
func CanLogIn(ctx context.Context, q store.Users, tenant, member string) (bool, error) {
	u, err := q.User(ctx, tenant, bareUser(member))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && MayLogIn(&u), err
}

// MayLogIn is CanLogIn of an account that was read.
func MayLogIn(u *model.User) bool { return !u.Disabled && u.PasswordHash != "" }

func checkMFA(m model.MFAMode) error {
	if m != model.MFAEveryone && m != model.MFAByRole {
		return model.Errorf(model.CodeInvalidRequest, "mfa is %q or %q, not %q", model.MFAEveryone, model.MFAByRole, m)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// ErrMoved ends an act of a person whose right was decided from an older state of
// the tenant. Nothing was changed: decide again, and try again.
var ErrMoved = errors.New("the tenant changed since the right to this act was decided")

// TakeBy is Take for whoever acts. A person's right was decided before; with the
// tenant's row in hand it is settled that nothing of the tenant, neither policy nor
// roles nor the session, has changed since.
func TakeBy(ctx context.Context, tx store.Tenants, caller model.Caller, id string, changes ...store.Change) (revision int64, err error) {
	if revision, err = Take(ctx, tx, id, changes...); err != nil {
		return 0, err
	}
	return revision, Stands(caller, id, revision)
}

// Stands tells whether the grounds of a person are those of the tenant as it was
// before this revision of it was taken.
func Stands(caller model.Caller, tenant string, revision int64) error {
	switch {
	case caller.Kind != model.CallerUser:
		return nil
	case caller.Grounds == nil, caller.Tenant != tenant:
		return model.Errorf(model.CodeForbidden, "nobody has decided that this person may do this")
	case caller.Grounds.Revision != revision-1:
		return ErrMoved
	}
	return nil
}

// commit does an act in a transaction and records it there. One that finds all as it
// should be (errNothing) is undone, and its revision with it, and is recorded all the same.
func (s *Service) commit(ctx context.Context, act func(store.Tx) (revision int64, e audit.Entry, err error)) (revision int64, err error) {
	var e audit.Entry
	err = s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if revision, e, err = act(tx); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, e)
	})
	if err == errNothing {
		return revision - 1, s.Log.Append(ctx, e)
	}
	return revision, err
}

// act is the entry of an administrative act; what it names is sealed under the
// actor. Of a person's act it holds the decision that allowed it.
func act(caller model.Caller, tenant string, a audit.Activity, reason string, personal map[string]any) audit.Entry {
	if personal == nil {
		personal = map[string]any{}
	}
	if reason != "" {
		personal["reason"] = reason
	}
	e := audit.Entry{Tenant: tenant, Class: audit.ClassAdmin, Activity: a, Outcome: audit.OutcomeOK, Caller: caller, Personal: personal}
	byRight(&e, caller)
	return e
}

// byRight adds to an entry the decision that allowed a person's act.
func byRight(e *audit.Entry, caller model.Caller) {
	if g := caller.Grounds; g != nil {
		e.Object, e.Op, e.Rule, e.PolicyHash = g.Object, g.Action, g.Rule, g.PolicyHash
	}
}

// exists turns "already there" into a conflict with a sentence.
func exists(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrExists) {
		return model.Errorf(model.CodeConflict, format, args...)
	}
	return err
}
