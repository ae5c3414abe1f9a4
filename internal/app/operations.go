package app

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/directory"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// operations is every operation the local socket serves.
var operations = []served{
	Init, AddTenant, ListTenants, SetTenant,
	AddUser, InviteUser, ListUsers, SetUserDisabled,
	PutRole, DeleteRole, ListRoles, Assign, Unassign,
	AddClient, ListClients, SetClientDisabled, RotateClient,
	ImportDirectory, ImportPolicy, ExportPolicy, ExplainPolicy, Migrate,
}

// InitRequest names the first tenant and who gets which office.
type InitRequest struct {
	Tenant        string
	SystemAdmin   string
	SecurityAdmin string
	AuditAdmin    string
}

func (r InitRequest) tenant() string { return r.Tenant }

// OfficeInvitation is the invitation of one office's first holder.
type OfficeInvitation struct {
	Office string `json:"office"`
	User   string `json:"user"`
	directory.Invitation
}

// InitResult is the tenant and its three invitations.
type InitResult struct {
	Tenant      string             `json:"tenant"`
	Invitations []OfficeInvitation `json:"invitations"`
}

// distinct refuses one name for two offices before anything is made.
func (r InitRequest) distinct() error {
	if r.SystemAdmin == r.SecurityAdmin || r.SystemAdmin == r.AuditAdmin || r.SecurityAdmin == r.AuditAdmin {
		return model.Errorf(model.CodeOfficeConflict, "the three offices need three different people; one account cannot hold two")
	}
	return nil
}

// Init makes the first tenant and one invitation for each of the three offices.
var Init = Operation[InitRequest, InitResult]{"init", func(ctx context.Context, a *App, caller model.Caller, r InitRequest) (InitResult, error) {
	if err := r.distinct(); err != nil {
		return InitResult{}, err
	}
	if err := a.bootstrap(ctx, caller, r.Tenant); err != nil {
		return InitResult{}, err
	}
	_, held, err := a.Directory.Roles(ctx, r.Tenant)
	if err != nil {
		return InitResult{}, err
	}
	for _, as := range held {
		if model.IsOffice(as.Role) {
			return InitResult{}, model.Errorf(model.CodeConflict, "tenant %q is initialised already: %s holds the office %s; `rolegate user invite` makes a new invitation", r.Tenant, as.Member, as.Role)
		}
	}
	res := InitResult{Tenant: r.Tenant}
	for _, o := range []struct{ office, user string }{
		{model.SystemAdmin, r.SystemAdmin}, {model.SecurityAdmin, r.SecurityAdmin}, {model.AuditAdmin, r.AuditAdmin},
	} {
		n, err := newUser(o.user, "", []string{o.office}, 0)
		if err != nil {
			return res, err
		}
		inv, err := a.Directory.AddUser(ctx, caller, r.Tenant, n, "")
		if err != nil {
			return res, err
		}
		res.Invitations = append(res.Invitations, OfficeInvitation{o.office, o.user, inv})
	}
	return res, nil
}}

// TenantRequest is a tenant to add or change; nil and "" leave as it is.
type TenantRequest struct {
	Tenant       string
	MFA          *model.MFAMode
	StrictFields *bool
	Disabled     *bool
	Catalog      *string // the catalogue's text
	Reason       string
}

func (r TenantRequest) tenant() string { return r.Tenant }

// TenantInfo is a tenant as commands show it.
type TenantInfo struct {
	Tenant       string        `json:"tenant"`
	MFA          model.MFAMode `json:"mfa"`
	StrictFields bool          `json:"strict_fields"`
	Disabled     bool          `json:"disabled"`
	OwnCatalog   bool          `json:"own_catalog"`
	Revision     int64         `json:"revision"`
	CreatedAt    time.Time     `json:"created_at"`
}

func tenantInfo(t model.Tenant) TenantInfo {
	return TenantInfo{t.ID, t.MFA, t.StrictFields, t.Disabled, t.Catalog != "", t.Revision, t.CreatedAt}
}

// AddTenant makes a tenant.
var AddTenant = Operation[TenantRequest, TenantInfo]{"tenant-add", func(ctx context.Context, a *App, caller model.Caller, r TenantRequest) (TenantInfo, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return TenantInfo{}, err
	}
	t := model.Tenant{ID: r.Tenant}
	if _, err := checkCatalog(r.Catalog); err != nil {
		return TenantInfo{}, err
	}
	if r.Catalog != nil {
		t.Catalog = *r.Catalog
	}
	if r.MFA != nil {
		t.MFA = *r.MFA
	}
	if r.StrictFields != nil {
		t.StrictFields = *r.StrictFields
	}
	t, err := a.Directory.CreateTenant(ctx, caller, t)
	return tenantInfo(t), err
}}

// SetTenant changes a tenant.
var SetTenant = Operation[TenantRequest, TenantInfo]{"tenant-set", func(ctx context.Context, a *App, caller model.Caller, r TenantRequest) (TenantInfo, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return TenantInfo{}, err
	}
	catalog, err := checkCatalog(r.Catalog)
	if err != nil {
		return TenantInfo{}, err
	}
	if catalog != nil {
		if err := a.Policy.CheckCatalog(ctx, r.Tenant, catalog); err != nil {
			return TenantInfo{}, err
		}
	}
	t, err := a.Directory.UpdateTenant(ctx, caller, r.Tenant,
		directory.TenantChange{MFA: r.MFA, StrictFields: r.StrictFields, Disabled: r.Disabled, Catalog: r.Catalog}, r.Reason)
	return tenantInfo(t), err
}}

// checkCatalog reads a catalogue, if one is given.
func checkCatalog(text *string) (*policy.Catalog, error) {
	if text == nil {
		return nil, nil
	}
	catalog, err := policy.ParseCatalog(*text)
	if err == nil && len(catalog.Objects) == 0 {
		// Most likely a file that was cut off; what it would switch off or hide would open.
		return nil, model.Errorf(model.CodeCatalogInvalid, "the catalogue has no objects")
	}
	return catalog, err
}

// None is the request of an operation that needs none.
type None struct{}

// Change is the result of a write: the tenant's revision it became, which a
// caller may demand of a decision as min_revision. 0 where it concerns no tenant.
type Change struct {
	Revision int64 `json:"revision"`
}

func changed(revision int64, err error) (Change, error) { return Change{revision}, err }

// ListTenants lists all tenants.
var ListTenants = Operation[None, []TenantInfo]{"tenant-list", func(ctx context.Context, a *App, _ model.Caller, _ None) ([]TenantInfo, error) {
	ts, err := a.Directory.ListTenants(ctx)
	out := make([]TenantInfo, len(ts))
	for i, t := range ts {
		out[i] = tenantInfo(t)
	}
	return out, err
}}

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
var ListUsers = Operation[UserRequest, []UserInfo]{"user-list", func(ctx context.Context, a *App, _ model.Caller, r UserRequest) ([]UserInfo, error) {
	us, err := a.Directory.ListUsers(ctx, r.Tenant, r.After, r.Limit)
	out := make([]UserInfo, len(us))
	for i, u := range us {
		out[i] = UserInfo{u.ID, u.Username, u.PasswordHash != "", u.Disabled, u.CreatedAt}
	}
	return out, err
}}

// SetUserDisabled disables or enables a user.
var SetUserDisabled = Operation[UserRequest, Change]{"user-set-disabled", func(ctx context.Context, a *App, caller model.Caller, r UserRequest) (Change, error) {
	return changed(a.Directory.SetUserDisabled(ctx, caller, r.Tenant, r.User, r.Disabled, r.Reason))
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
	return changed(a.Directory.PutRole(ctx, caller, r.Tenant, model.Role{ID: r.Role, RequireMFA: r.RequireMFA}, r.Create))
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
var ListRoles = Operation[RoleRequest, []RoleInfo]{"role-list", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) ([]RoleInfo, error) {
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
}}

// Assign gives a member a role.
var Assign = Operation[RoleRequest, Change]{"role-assign", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	return changed(a.Directory.Assign(ctx, caller, r.Tenant, model.Assignment{Member: r.Member, Role: r.Role, From: r.From, Until: r.Until}, r.Reason))
}}

// Unassign takes a role away.
var Unassign = Operation[RoleRequest, Change]{"role-unassign", func(ctx context.Context, a *App, caller model.Caller, r RoleRequest) (Change, error) {
	return changed(a.Directory.Unassign(ctx, caller, r.Tenant, r.Member, r.Role, r.Reason))
}}

// ClientRequest is a client and what is to be done with it.
type ClientRequest struct {
	Client   model.Client
	Disabled bool
}

func (r ClientRequest) tenant() string { return r.Client.Tenant }

// AddClient makes a client; its secret is shown once.
var AddClient = Operation[ClientRequest, directory.Credentials]{"client-add", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (directory.Credentials, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.Credentials{}, err
	}
	return a.Directory.AddClient(ctx, caller, r.Client)
}}

// ClientInfo is a client as commands show it.
type ClientInfo struct {
	ClientID               string    `json:"client_id"`
	Tenant                 string    `json:"tenant,omitempty"`
	Tenants                []string  `json:"tenants,omitempty"`
	Scopes                 []string  `json:"scopes"`
	TrustSubjectProperties bool      `json:"trust_subject_properties"`
	RequireToken           bool      `json:"require_token"`
	Disabled               bool      `json:"disabled"`
	CreatedAt              time.Time `json:"created_at"`
}

// ListClients lists all clients.
var ListClients = Operation[None, []ClientInfo]{"client-list", func(ctx context.Context, a *App, _ model.Caller, _ None) ([]ClientInfo, error) {
	cs, err := a.Directory.ListClients(ctx)
	out := make([]ClientInfo, len(cs))
	for i, c := range cs {
		out[i] = ClientInfo{c.ID, c.Tenant, c.Tenants, c.Scopes, c.TrustSubjectProperties, c.RequireToken, c.Disabled, c.CreatedAt}
	}
	return out, err
}}

// SetClientDisabled disables or enables a client.
var SetClientDisabled = Operation[ClientRequest, Change]{"client-set-disabled", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (Change, error) {
	return changed(a.Directory.SetClientDisabled(ctx, caller, r.Client.ID, r.Disabled))
}}

// RotateClient replaces a client's secret.
var RotateClient = Operation[ClientRequest, directory.Credentials]{"client-rotate", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (directory.Credentials, error) {
	return a.Directory.RotateClientSecret(ctx, caller, r.Client.ID)
}}

// FileRequest is a file for a tenant.
type FileRequest struct {
	Tenant string
	Text   []byte
	DryRun bool
	Reason string
}

func (r FileRequest) tenant() string { return r.Tenant }

// ImportDirectory applies a directory file.
var ImportDirectory = Operation[FileRequest, directory.ImportResult]{"import", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (directory.ImportResult, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.ImportResult{}, err
	}
	return a.Directory.Import(ctx, caller, r.Tenant, r.Text, r.DryRun, r.Reason)
}}

// ImportPolicy publishes a policy document.
var ImportPolicy = Operation[FileRequest, policy.Published]{"policy-import", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (policy.Published, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return policy.Published{}, err
	}
	return a.Policy.Import(ctx, caller, r.Tenant, string(r.Text), r.Reason, a.policyRules())
}}

// policyRules are the directory's, which a document's member rows must keep.
func (a *App) policyRules() policy.Rules {
	return policy.Rules{Gate: directory.BreakGlass, Limit: a.Directory.WithinRoles, Registered: directory.Registered}
}

// PolicyText is a tenant's current document.
type PolicyText struct {
	Tenant   string `json:"tenant"`
	Revision int64  `json:"revision"`
	Policy   string `json:"policy"`
}

// ExportPolicy gives the tenant's current document.
var ExportPolicy = Operation[FileRequest, PolicyText]{"policy-export", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (PolicyText, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return PolicyText{}, err
	}
	text, revision, err := a.Policy.Export(ctx, r.Tenant)
	return PolicyText{r.Tenant, revision, text}, err
}}

// Schema says which database is open; opening it has migrated it.
type Schema struct {
	Database string `json:"database"`
	Version  int64  `json:"version"`
}

// Migrate brings the database up to date, which opening it has done.
var Migrate = Operation[None, Schema]{"migrate", func(ctx context.Context, a *App, _ model.Caller, _ None) (Schema, error) {
	return a.schema(ctx)
}}

// bootstrap makes the first tenant and publishes the starter policy in it, where
// that was not done yet. A start that was cut off between the two is finished
// by the next.
func (a *App) bootstrap(ctx context.Context, caller model.Caller, tenant string) error {
	ts, err := a.Store.ListTenants(ctx)
	if err != nil || len(ts) > 1 {
		return err
	}
	if len(ts) == 1 {
		tenant = ts[0].ID
		if _, err := a.Store.CurrentPolicy(ctx, tenant); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if tenant == "" {
		tenant = model.DefaultTenant
	}
	text, err := a.starterPolicy()
	if err != nil {
		return err
	}
	if _, err := policy.ParseFor(text, nil, a.Config.Limits()); err != nil {
		return err // before the tenant is made, so nothing is half done
	}
	if len(ts) == 0 {
		_, err = a.Directory.CreateTenant(ctx, caller, model.Tenant{ID: tenant})
		if model.CodeOf(err) == model.CodeConflict {
			return nil // another replica was first
		}
		if err != nil {
			return err
		}
	}
	_, err = a.Policy.Import(ctx, caller, tenant, text, "the starter policy", a.policyRules())
	return err
}
