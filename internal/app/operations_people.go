package app

import (
	"context"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/login"
	"rolegate/model"
)

// UserRequest names a user and what is to be done with it.
type UserRequest struct {
	Tenant   string
	User     string
	Username string
	Roles    []string
	TTL      time.Duration
	Disabled bool
	Reason   string
	After    string
	Limit    int
}

func (r UserRequest) tenant() string { return r.Tenant }

func newUser(id, username string, roles []string, ttl time.Duration) (directory.NewUser, error) {
	id = directory.Bare("user", id)
	if username == "" {
		username = id
	}
	key, err := login.UsernameKey(username)
	return directory.NewUser{ID: id, Username: username, UsernameKey: key, Roles: roles, InviteTTL: ttl}, err
}

// AddUser makes a user with roles and an invitation.
var AddUser = Operation[UserRequest, directory.Invitation]{"user-add", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (directory.Invitation, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.Invitation{}, err
	}
	n, err := newUser(r.User, r.Username, r.Roles, r.TTL)
	if err != nil {
		return directory.Invitation{}, err
	}
	return a.Directory.AddUser(ctx, caller, r.Tenant, n, r.Reason)
}}

// InviteUser makes a new invitation for a user.
var InviteUser = Operation[UserRequest, directory.Invitation]{"user-invite", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (directory.Invitation, error) {
	return a.Directory.InviteUser(ctx, caller, r.Tenant, r.User, r.TTL, r.Reason)
}}

// UserInfo is a user as commands show it: no hash, no secret.
type UserInfo struct {
	User      string    `json:"user"`
	Username  string    `json:"username"`
	Password  bool      `json:"password_set"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
}

// ListUsers pages through a tenant's users by id.
var ListUsers = listing("user-list", audit.UserRead, func(ctx context.Context, a *App, _ model.Caller, r UserRequest) ([]UserInfo, error) {
	us, err := a.Directory.ListUsers(ctx, r.Tenant, r.After, r.Limit)
	out := make([]UserInfo, len(us))
	for i, u := range us {
		out[i] = UserInfo{u.ID, u.Username, u.PasswordHash != "", u.Disabled, u.CreatedAt}
	}
	return out, err
})

// SetUserDisabled disables or enables a user.
var SetUserDisabled = Operation[UserRequest, Change]{"user-set-disabled", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (Change, error) {
	return changed(a.Directory.SetUserDisabled(ctx, caller, r.Tenant, r.User, r.Disabled, r.Reason))
}}

// EndedSessions says how many sessions of a user were ended.
type EndedSessions struct {
	Ended    int   `json:"ended"`
	Revision int64 `json:"revision"`
}

// EndSessions ends every session of a user.
var EndSessions = Operation[UserRequest, EndedSessions]{"user-end-sessions", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (EndedSessions, error) {
	revision, ended, err := a.Directory.EndSessions(ctx, caller, r.Tenant, r.User, r.Reason)
	return EndedSessions{ended, revision}, err
}}

// UnlockUser forgets what was tried in vain at a user's account.
var UnlockUser = Operation[UserRequest, Change]{"user-unlock", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (Change, error) {
	return Change{}, a.Login.Unlock(ctx, caller, r.Tenant, directory.Bare("user", r.User), r.Reason)
}}

// RoleRequest is a role, or an assignment of it.
type RoleRequest struct {
	Tenant     string
	Role       string
	RequireMFA bool
	Create     bool
	Member     string
	From       time.Time
	Until      time.Time
	Reason     string
}

func (r RoleRequest) tenant() string { return r.Tenant }

// PutRole adds or changes a role.
var PutRole = Operation[RoleRequest, Change]{"role-put", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return Change{}, err
	}
	return changed(a.Directory.PutRole(ctx, caller, r.Tenant, model.Role{ID: r.Role, RequireMFA: r.RequireMFA}, r.Create, r.Reason))
}}

// DeleteRole removes a role nobody holds.
var DeleteRole = Operation[RoleRequest, Change]{"role-delete", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	return changed(a.Directory.DeleteRole(ctx, caller, r.Tenant, r.Role))
}}

// RoleInfo is a role and who holds it.
type RoleInfo struct {
	model.Role
	Members []model.Assignment `json:"members"`
}

// ListRoles lists a tenant's roles and their members.
var ListRoles = listing("role-list", audit.DirectoryRead, func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) ([]RoleInfo, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return nil, err
	}
	roles, held, err := a.Directory.Roles(ctx, r.Tenant)
	out := make([]RoleInfo, len(roles))
	for i, role := range roles {
		out[i] = RoleInfo{Role: role, Members: []model.Assignment{}}
		for _, as := range held {
			if as.Role == role.ID {
				out[i].Members = append(out[i].Members, as)
			}
		}
	}
	return out, err
})

// Assign gives a member a role.
var Assign = Operation[RoleRequest, Change]{"role-assign", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	return changed(a.Directory.Assign(ctx, caller, r.Tenant, model.Assignment{Member: r.Member, Role: r.Role, From: r.From, Until: r.Until}, r.Reason))
}}

// Unassign takes a role away.
var Unassign = Operation[RoleRequest, Change]{"role-unassign", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	return changed(a.Directory.Unassign(ctx, caller, r.Tenant, r.Member, r.Role, r.Reason))
}}
