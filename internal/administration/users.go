package administration

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// User is an account as administrators see it: nothing one could log in with.
type User struct {
	ID        string
	Username  string
	State     store.UserState
	CreatedAt time.Time
}

func userOf(u model.User) User { return User{u.ID, u.Username, store.StateOf(u), u.CreatedAt} }

// UserDetails is a user with what they hold and how they are logged in.
type UserDetails struct {
	User
	Subject       model.Subject // where the user is, and reports to whom
	Roles         []model.Assignment
	Devices       []Device
	RecoveryCodes int // left
	Sessions      []Session
	Revision      int64
}

// Device is a second factor, without its secret.
type Device struct {
	Name        string
	ConfirmedAt time.Time
}

// Session is one that is alive, without what would name it to anybody.
type Session struct {
	CreatedAt  time.Time
	LastSeen   time.Time
	ExpiresAt  time.Time
	ACR        int
	Restricted bool
}

// UserPage is part of a list of users by id. More tells that others follow After.
type UserPage struct {
	Users    []User
	After    string
	More     bool
	Revision int64
}

// pageRows is how many rows are read at a time, and maxReads how often for one page:
// who may read few of many gets them over several pages, some of which are empty.
const (
	pageRows = 200
	maxReads = 50
)

// Users lists those users whom the person may read.
func (o *Officer) Users(ctx context.Context, q store.UserQuery) (UserPage, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return UserPage{}, err
	}
	if q.Name != "" {
		if q.Name, err = o.Directory.UsernameKey(q.Name); err != nil {
			return UserPage{}, err
		}
	}
	p := UserPage{Users: []User{}, After: q.After, Revision: at.caller.Grounds.Revision}
	if err := at.fill(ctx, &p, q); err != nil {
		return UserPage{}, err
	}
	return p, o.read(ctx, at, audit.UserRead, "", len(p.Users))
}

// fill reads rows until there are enough that the person may read, and one more to
// see whether there are more.
func (at *standing) fill(ctx context.Context, p *UserPage, q store.UserQuery) error {
	limit, last := q.Limit, q.After
	for range maxReads {
		q.After, q.Limit = last, pageRows
		rows, err := at.Store.PageUsers(ctx, at.tenant, q)
		if err != nil {
			return err
		}
		for _, u := range rows {
			last = u.ID
			switch _, err := at.ask(ctx, Users, Read, u.ID, u.ID); {
			case errors.Is(err, errForbidden):
				continue
			case err != nil:
				return err
			case len(p.Users) >= limit:
				p.More = true
				return nil
			}
			p.Users, p.After = append(p.Users, userOf(u)), u.ID
		}
		if len(rows) < pageRows {
			return nil
		}
	}
	p.After, p.More = last, true
	return nil
}

// User is one user.
func (o *Officer) User(ctx context.Context, id string) (UserDetails, error) {
	at, err := o.right(ctx, id, id)
	if err != nil {
		return UserDetails{}, err
	}
	d, err := at.details(ctx, id)
	if notFound(err) {
		err = model.Errorf(model.CodeUserUnknown, "tenant %q has no user %q who can log in", o.tenant, id)
	}
	if err != nil {
		return UserDetails{}, err
	}
	return d, o.read(ctx, at, audit.UserRead, "user:"+id, 0)
}

func (at *standing) details(ctx context.Context, id string) (d UserDetails, err error) {
	u, err := at.Store.User(ctx, at.tenant, id)
	if err != nil {
		return d, err
	}
	d = UserDetails{User: userOf(u), Devices: []Device{}, Sessions: []Session{}, Revision: at.caller.Grounds.Revision}
	if d.Subject, err = at.Store.Subject(ctx, at.tenant, "user", id); err != nil && !notFound(err) {
		return d, err
	}
	if d.Roles, err = at.Store.Assignments(ctx, at.tenant, "user:"+id, ""); err != nil {
		return d, err
	}
	devices, err := at.Store.Devices(ctx, at.tenant, id)
	if err != nil {
		return d, err
	}
	for _, v := range devices {
		d.Devices = append(d.Devices, Device{v.Name, v.ConfirmedAt})
	}
	if d.RecoveryCodes, err = at.Store.RecoveryCodesLeft(ctx, at.tenant, id); err != nil {
		return d, err
	}
	sessions, err := at.Store.LiveSessions(ctx, at.tenant, id, at.Now(), at.Now().Add(-at.SessionIdle))
	for _, v := range sessions {
		d.Sessions = append(d.Sessions, Session{v.CreatedAt, v.LastSeen, v.ExpiresAt, v.ACR, v.Restricted})
	}
	return d, err
}

// AddUser makes a user with roles and an invitation. One who was imported gets an
// account, and so whoever makes it must be able to give what that subject holds.
func (o *Officer) AddUser(ctx context.Context, n directory.NewUser, reason string) (inv directory.Invitation, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return inv, err
	}
	if err := directory.CheckUser(n.ID); err != nil {
		return inv, err
	}
	if n.Username == "" {
		n.Username = n.ID
	}
	if n.UsernameKey, err = o.Directory.UsernameKey(n.Username); err != nil {
		return inv, err
	}
	err = o.settle(ctx, n.ID, n.ID, func(at *standing) error {
		if err := at.mayInvite(ctx, n.ID); err != nil {
			return err
		}
		for _, role := range n.Roles {
			if err := at.mayAssign(ctx, model.Assignment{Member: "user:" + n.ID, Role: role}); err != nil {
				return err
			}
		}
		inv, err = o.Directory.AddUser(ctx, at.caller, o.tenant, n, reason)
		return err
	})
	return inv, err
}

// Invite makes a new invitation, which ends the older ones: the only way in which
// somebody else brings about a new password. Second factors stay as they are.
func (o *Officer) Invite(ctx context.Context, id, reason string) (inv directory.Invitation, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return inv, err
	}
	err = o.settle(ctx, id, id, func(at *standing) error {
		if err := at.mayInvite(ctx, id); err != nil {
			return err
		}
		inv, err = o.Directory.InviteUser(ctx, at.caller, o.tenant, id, 0, reason)
		return err
	})
	return inv, err
}

// SetDisabled shuts a user out, or lets them in again, for a reason. Every session
// ends at once.
func (o *Officer) SetDisabled(ctx context.Context, id string, disabled bool, reason string) (revision int64, err error) {
	check, may := directory.CheckNote, (*standing).mayEnable
	if disabled {
		check, may = directory.CheckReason, (*standing).notAbove
	}
	if err := check(reason); err != nil {
		return 0, err
	}
	err = o.settle(ctx, id, id, func(at *standing) error {
		if err := may(at, ctx, id); err != nil {
			return err
		}
		revision, err = o.Directory.SetUserDisabled(ctx, at.caller, o.tenant, id, disabled, reason)
		return err
	})
	return revision, err
}

// Unlock lifts the locks of a user's account, for a reason.
func (o *Officer) Unlock(ctx context.Context, id, reason string) error {
	if err := directory.CheckReason(reason); err != nil {
		return err
	}
	if o.Unlocker == nil {
		return model.Errorf(model.CodeNotFound, "nothing locks accounts here, so there is no lock to lift")
	}
	return o.settle(ctx, id, id, func(at *standing) error {
		if _, err := o.Store.User(ctx, o.tenant, id); notFound(err) {
			return model.Errorf(model.CodeUserUnknown, "tenant %q has no user %q who can log in", o.tenant, id)
		}
		// Whoever sits at somebody's open session may be guessing codes.
		if err := at.notSelf(id); err != nil {
			return err
		}
		if err := at.notAbove(ctx, id); err != nil {
			return err
		}
		return o.Unlocker.Unlock(ctx, at.caller, o.tenant, id, reason)
	})
}

// EndSessions ends every session of a user at once.
func (o *Officer) EndSessions(ctx context.Context, id, reason string) (revision int64, ended int, err error) {
	if err := directory.CheckNote(reason); err != nil {
		return 0, 0, err
	}
	err = o.settle(ctx, id, id, func(at *standing) error {
		if err := at.notAbove(ctx, id); err != nil {
			return err
		}
		revision, ended, err = o.Directory.EndSessions(ctx, at.caller, o.tenant, id, reason)
		return err
	})
	return revision, ended, err
}

func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
