package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// Invitation is the one-time link by which a user chooses a password. The
// secret is shown once and stored as a digest.
type Invitation struct {
	Invite    string    `json:"invite"`
	URL       string    `json:"invite_url"`
	ExpiresAt time.Time `json:"expires_at"`
	Revision  int64     `json:"revision"` // the tenant's, with the user in it
}

// NewUser is what a user is made of.
type NewUser struct {
	ID          string // becomes `sub`; immutable
	Username    string // "" takes the id
	UsernameKey string // folded by login.UsernameKey
	Roles       []string
	InviteTTL   time.Duration // 0 takes InviteTTL
}

// AddUser makes a user, gives it roles and invites it, all or nothing. An
// imported subject of the same id becomes able to log in.
func (s *Service) AddUser(ctx context.Context, caller model.Caller, tenant string, n NewUser, reason string) (Invitation, error) {
	if err := CheckUser(n.ID); err != nil {
		return Invitation{}, err
	}
	for _, role := range n.Roles {
		if err := notByPerson(caller, Bare("role", role)); err != nil {
			return Invitation{}, err
		}
	}
	var inv Invitation
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		revision, err := TakeBy(ctx, tx, caller, tenant, subjectChange("user:"+n.ID), memberChange("user:"+n.ID))
		if err != nil {
			return err
		}
		err = tx.InsertUser(ctx, model.User{Tenant: tenant, ID: n.ID, Username: n.Username, UsernameKey: n.UsernameKey, CreatedAt: s.Now()})
		if err != nil {
			return exists(err, "a user with the id %q or the name %q is already there", n.ID, n.Username)
		}
		if err := ensureSubject(ctx, tx, tenant, n.ID); err != nil {
			return err
		}
		class := audit.ClassAdmin
		in := new(inherited)
		for _, role := range n.Roles {
			c, err := s.assign(ctx, tx, tenant, model.Assignment{Member: "user:" + n.ID, Role: Bare("role", role)}, reason, in)
			if err != nil {
				return err
			}
			if c == audit.ClassBreakGlass {
				class = c
			}
		}
		if inv, err = s.invite(ctx, tx, caller, tenant, n.ID, n.InviteTTL); err != nil {
			return err
		}
		inv.Revision = revision
		e := act(caller, tenant, audit.UserCreated, reason, map[string]any{"username": n.Username, "roles": n.Roles})
		e.Class, e.Person = class, "user:"+n.ID
		return s.Log.AppendIn(ctx, tx, e)
	})
	return inv, err
}

// CheckUser refuses what cannot be the id of somebody who logs in.
func CheckUser(id string) error {
	if err := checkID(model.Say("user's id"), id); err != nil {
		return err
	}
	if strings.Contains(id, ":") {
		return model.Errorf(model.CodeInvalidRequest, "a user's id has no colon, and %q has one: type and id are written type:id", id)
	}
	return nil
}

func ensureSubject(ctx context.Context, tx store.Directory, tenant, id string) error {
	_, err := tx.Subject(ctx, tenant, "user", id)
	if errors.Is(err, store.ErrNotFound) {
		return tx.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: id})
	}
	return err
}

// InviteUser makes a new invitation and ends the older ones. Whoever accepts it
// chooses a new password, so for the holder of an office it is break-glass. A
// user who was imported is given an account, which by itself decides nothing.
func (s *Service) InviteUser(ctx context.Context, caller model.Caller, tenant, id string, ttl time.Duration, reason string) (Invitation, error) {
	var inv Invitation
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		revision, err := TakeBy(ctx, tx, caller, tenant)
		if err != nil {
			return err
		}
		u, err := s.account(ctx, tx, caller, tenant, id, reason)
		if err != nil {
			return err
		}
		e := act(caller, tenant, audit.UserInvited, reason, nil)
		e.Person = "user:" + u.ID
		held, err := tx.Assignments(ctx, tenant, "user:"+u.ID, "")
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(held, func(a model.Assignment) bool { return model.IsOffice(a.Role) }); i >= 0 {
			if err := notByPerson(caller, held[i].Role); err != nil {
				return err
			}
			if e.Class, err = BreakGlass(ctx, tx, tenant, reason); err != nil {
				return err
			}
		}
		if inv, err = s.invite(ctx, tx, caller, tenant, u.ID, ttl); err != nil {
			return err
		}
		inv.Revision = revision
		return s.Log.AppendIn(ctx, tx, e)
	})
	return inv, err
}

// invite makes the invitation. It says which person made it, if one did: when it is
// used, it is held against what that person may do then.
func (s *Service) invite(ctx context.Context, tx store.Invites, caller model.Caller, tenant, id string, ttl time.Duration) (Invitation, error) {
	if ttl == 0 {
		ttl = InviteTTL
	}
	switch {
	case ttl < 0:
		return Invitation{}, model.Errorf(model.CodeInvalidRequest, "an invitation cannot expire before it is made")
	case ttl > MaxInviteTTL:
		return Invitation{}, model.Errorf(model.CodeInvalidRequest, "an invitation waits %d days at the most", MaxInviteTTL/(24*time.Hour))
	}
	secret, hash := token.NewSecret()
	now := s.Now()
	expires := now.Add(ttl).UTC().Truncate(time.Second)
	i := store.Invite{Hash: hash, Tenant: tenant, User: id, CreatedAt: now, ExpiresAt: expires}
	if caller.Kind == model.CallerUser {
		i.MadeBy = caller.ID
	}
	if err := tx.InsertInvite(ctx, i); err != nil {
		return Invitation{}, err
	}
	return Invitation{Invite: secret, URL: s.Issuer + "/invite/" + secret, ExpiresAt: expires}, nil
}

// SetUserDisabled disables or enables a user. Disabling ends every session at once,
// and invitations with them. A user who was imported can be disabled too: the account
// made for it is what is disabled.
func (s *Service) SetUserDisabled(ctx context.Context, caller model.Caller, tenant, id string, disabled bool, reason string) (int64, error) {
	return s.commit(ctx, func(tx store.Tx) (revision int64, e audit.Entry, err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant, subjectChange("user:"+bareUser(id))); err != nil {
			return 0, e, err
		}
		var u model.User
		activity := audit.UserEnabled
		if disabled {
			u, err = s.account(ctx, tx, caller, tenant, id, reason)
		} else {
			u, err = user(ctx, tx, tenant, id)
		}
		if err != nil {
			return 0, e, err
		}
		if disabled {
			activity = audit.UserDisabled
		}
		e = act(caller, tenant, activity, reason, nil)
		e.Person = "user:" + u.ID
		if u.Disabled == disabled {
			return revision, e, errNothing
		}
		if disabled {
			if err := s.keepsOffices(ctx, tx, tenant, "user:"+u.ID, "", nil); err != nil {
				return 0, e, err
			}
		}
		// Enabling ends them too: a login that overlapped the disabling may have
		// left one, and nobody comes back to a session from before.
		if err := s.endAll(ctx, tx, tenant, u.ID); err != nil {
			return 0, e, err
		}
		if _, err := tx.SetUserDisabled(ctx, tenant, u.ID, disabled); err != nil {
			return 0, e, err
		}
		return revision, e, nil
	})
}

// ListUsers pages through a tenant's users by id.
func (s *Service) ListUsers(ctx context.Context, tenant, after string, limit int) ([]model.User, error) {
	if _, err := Tenant(ctx, s.Store, tenant); err != nil {
		return nil, err
	}
	return s.Store.ListUsers(ctx, tenant, after, limit)
}

// account finds a user who can log in, or makes one of a subject that was
// imported, with its id as user name and no password yet.
func (s *Service) account(ctx context.Context, tx store.Tx, caller model.Caller, tenant, id, reason string) (model.User, error) {
	id = bareUser(id)
	u, unknown := user(ctx, tx, tenant, id)
	if model.CodeOf(unknown) != model.CodeUserUnknown {
		return u, unknown
	}
	_, err := tx.Subject(ctx, tenant, "user", id)
	if errors.Is(err, store.ErrNotFound) {
		return u, unknown
	}
	if err == nil {
		err = CheckUser(id)
	}
	if err != nil {
		return u, err
	}
	u = model.User{Tenant: tenant, ID: id, Username: id, CreatedAt: s.Now()}
	if u.UsernameKey, err = s.UsernameKey(id); err != nil {
		return u, model.Errorf(model.CodeInvalidRequest, "%q has no account yet and its id is no user name; `rolegate user add` with --username gives it one", id).Because(err)
	}
	if err := tx.InsertUser(ctx, u); err != nil {
		return u, exists(err, "%q has no account yet and somebody else has the user name %q; `rolegate user add` with --username gives it another one", id, id)
	}
	e := act(caller, tenant, audit.UserCreated, reason, map[string]any{"username": id})
	e.Person = "user:" + id
	return u, s.Log.AppendIn(ctx, tx, e)
}

func user(ctx context.Context, tx store.Users, tenant, id string) (model.User, error) {
	u, err := tx.User(ctx, tenant, bareUser(id))
	if errors.Is(err, store.ErrNotFound) {
		return u, model.Errorf(model.CodeUserUnknown, "tenant %q has no user %q who can log in", tenant, bareUser(id))
	}
	return u, err
}

func subjectChange(key string) store.Change {
	return store.Change{Kind: store.ChangedSubject, Key: key}
}
