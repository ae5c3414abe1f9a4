// Package administration is what people do to others' accounts, roles, clients and
// offices, by the rights that the policy gives them over Rolegate's own objects.
//
//	token ─▶ session ─▶ tenant's revision ─▶ decision of the same engine ─▶ act of package directory
//	                          │                                                    │
//	                          └──── the same when the act takes the tenant's row ──┘   else once more
//
// Deny is the default. Beyond the rows stand rules no policy lifts:
//
//   - Nobody gives anything to themselves, also not by bringing others below them.
//   - Nobody shuts out, moves, or gives or takes a role of, somebody who administers
//     Rolegate in ways they cannot; but for holders of an office, who watch one another.
//   - To enable an account is to give what it holds; to take a role, or its mark, is to
//     give what it withholds. Nothing is given for longer than the giver's own right lasts.
//   - Nobody gives what administers Rolegate in ways they cannot. What reaches
//     records that their own rights do not reach takes the action assign_beyond.
//   - Who has no second factor yet is invited only by somebody who may give every
//     role they hold: whoever has the link could use it. It is asked again when it is used.
//   - No single person gives or takes an office.
//   - Nobody sees or sets another's password, and nobody acts as another.
//
// Each act leaves one entry, with the row that allowed it; of the first about a
// subject that was imported, a second one says that the account was made. To lift a
// lock gives nobody a right, so it alone does not take the tenant's row.
package administration

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Service is the administration by people. All fields but Unlocker are required;
// safe for concurrent use.
type Service struct {
	Store     store.Store
	Directory *directory.Service
	Policy    Policy
	Change    *change.Service // of the policy
	Log       *audit.Log
	Now       func() time.Time
	// SessionIdle is how long a session lives without being refreshed.
	SessionIdle time.Duration

	// Search reads the log.
	Search *search.Search
	// Unlocker lifts locks; nil where nothing is ever locked.
	Unlocker Unlocker

	imports int32 // that are going on; atomic
}

// Policy is what is asked of the policy.
type Policy interface {
	Administers(ctx context.Context, tenant string, revision int64, person string, proven model.Assurance, a policy.Act) (model.Decision, error)
	Giver(ctx context.Context, tenant string, revision int64, person string, held time.Time) (*policy.Giver, error)
	Explain(ctx context.Context, caller model.Caller, r policy.ExplainRequest) (policy.Explained, error)
	Permissions(ctx context.Context, caller model.Caller, r policy.PermissionsRequest) (model.Permissions, error)
	Questions
}

// Unlocker lifts what wrong codes or passwords have locked of a user, and records it.
type Unlocker interface {
	Unlock(ctx context.Context, caller model.Caller, tenant, user, reason string) error
}

// Actions of Rolegate's own objects, as the catalogue has them.
const (
	Read         = "read"
	Create       = "create"
	Invite       = "invite"
	Disable      = "disable"
	Enable       = "enable"
	Unlock       = "unlock"
	EndSessions  = "end_sessions"
	Assign       = "assign"
	AssignBeyond = "assign_beyond"
	RotateSecret = "rotate_secret"
	Request      = "request"
	Approve      = "approve"

	Users   = "rolegate.user"
	Roles   = "rolegate.role"
	Clients = "rolegate.client"
	Offices = "rolegate.office"
)

// Officer is a person in the course of one administrative act.
type Officer struct {
	*Service
	object, action string
	tenant         string
	caller         model.Caller
	authenticate   func(context.Context) (login.Session, error)
}

// Officer lets a person go on who may do an act to some record at all; to which,
// each method decides. authenticate looks at the person's token and session as
// they are when it is called.
func (s *Service) Officer(ctx context.Context, authenticate func(context.Context) (login.Session, error), tenant, object, action string) (*Officer, error) {
	o := &Officer{Service: s, object: object, action: action, tenant: tenant, authenticate: authenticate}
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	o.caller = at.session.Caller
	return o, nil
}

// Caller is the person, without grounds for anything.
func (o *Officer) Caller() model.Caller { return o.caller }

// plain refuses any spelling of a user but the id: package directory takes "user:ann"
// for ann, and what is asked about one must not be done to the other.
func plain(user string) error {
	if strings.Contains(user, ":") {
		return model.Errorf(model.CodeUserUnknown, "%q is no user: an id has no colon", user)
	}
	return nil
}

// standing is a person with the right to an act, at a revision of the tenant.
type standing struct {
	*Officer
	session login.Session
	caller  model.Caller
	held    time.Time     // when the roles that count are held; zero is now
	gives   *policy.Giver // once asked for

	subjects    map[string]model.Subject // and read: at one revision it stays so
	units       map[string]model.Unit
	territories map[string]model.Territory
	roles       map[string][]model.Assignment // by member
}

func newStanding(o *Officer, session login.Session) *standing {
	return &standing{Officer: o, session: session, caller: session.Caller,
		subjects: map[string]model.Subject{}, units: map[string]model.Unit{}, territories: map[string]model.Territory{}, roles: map[string][]model.Assignment{}}
}

// right decides whether the person may do the act to a record.
func (o *Officer) right(ctx context.Context, id, of string) (at *standing, err error) {
	err = o.settle(ctx, id, of, func(by *standing) error {
		at = by
		return nil
	})
	return at, err
}

// rightAt is right at the tenant's revision, read before all else: as long as the
// tenant is at it, everything that is read later holds.
func (o *Officer) rightAt(ctx context.Context, t model.Tenant, id, of string) (*standing, error) {
	session, err := o.authenticate(ctx)
	if err != nil {
		return nil, err
	}
	if session.Caller.Tenant != t.ID {
		return nil, errForbidden
	}
	at := newStanding(o, session)
	at.caller.Grounds = &model.Grounds{Revision: t.Revision}
	d, err := at.ask(ctx, o.object, o.action, id, of)
	if err != nil {
		return nil, err
	}
	at.caller.Grounds = &model.Grounds{Object: o.object, Action: o.action, Rule: ruleOf(d), PolicyHash: d.PolicyHash, Revision: t.Revision}
	return at, nil
}

// ask is nil, and the decision, if the person may do something to a record.
func (at *standing) ask(ctx context.Context, object, action, id, of string) (model.Decision, error) {
	return at.decide(ctx, policy.Act{Object: object, Action: action, ID: id, Of: of})
}

func (at *standing) decide(ctx context.Context, a policy.Act) (model.Decision, error) {
	a.Held = at.held
	d, err := at.Service.Policy.Administers(ctx, at.tenant, at.caller.Grounds.Revision, at.caller.ID, at.session.Assurance, a)
	switch {
	case err != nil:
		return d, err
	case d.Allow:
		return d, nil
	case d.Code == model.ReasonStepUp:
		return d, errStepUp
	}
	return d, errForbidden
}

var (
	errForbidden = model.Errorf(model.CodeForbidden, "your roles do not give you the right to do this")
	errStepUp    = model.Errorf(model.CodeStepUp, "this needs a second factor")
)

// tries bounds how often an act is tried because the tenant changed meanwhile.
const tries = 20

// settle does an act to a record by right. Where the tenant changed between the
// decision and the act, nothing was done, and it is decided again; so is a refusal,
// whose reasons may be of two revisions.
func (o *Officer) settle(ctx context.Context, id, of string, act func(at *standing) error) error {
	if err := plain(of); err != nil {
		return err
	}
	for range tries {
		t, err := o.Store.TenantHead(ctx, o.tenant)
		if err != nil {
			return err
		}
		at, err := o.rightAt(ctx, t, id, of)
		if err == nil {
			err = act(at)
		}
		if !errors.Is(err, directory.ErrMoved) && (!refusal(err) || !o.moved(ctx, t)) {
			return err
		}
	}
	return model.Errorf(model.CodeBusy, "tenant %q changes faster than this can be done", o.tenant)
}

// moved tells whether the tenant is no longer at a revision.
func (o *Officer) moved(ctx context.Context, t model.Tenant) bool {
	now, err := o.Store.TenantHead(ctx, o.tenant)
	return err == nil && now.Revision != t.Revision
}

// read does what changes nothing, and records it: of whom, or how many.
func (o *Officer) read(ctx context.Context, at *standing, a audit.Activity, person string, count int) error {
	g := at.caller.Grounds
	return o.Log.Append(ctx, audit.Entry{Tenant: o.tenant, Class: audit.ClassAdmin, Activity: a, Outcome: audit.OutcomeOK, Caller: at.caller,
		Object: g.Object, Op: g.Action, Rule: g.Rule, PolicyHash: g.PolicyHash, Person: person, Count: int64(count)})
}

func ruleOf(d model.Decision) string {
	if d.Rule.IsZero() {
		return ""
	}
	return d.Rule.Kind + ":" + strconv.Itoa(d.Rule.Line)
}
