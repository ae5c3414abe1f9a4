package app

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

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
		if err := a.Change.StaysChangeable(ctx, r.Tenant, catalog); err != nil {
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

// ListTenants lists all tenants.
var ListTenants = listing("tenant-list", audit.TenantRead, func(ctx context.Context, a *App, _ model.Caller, _ None) ([]TenantInfo, error) {
	ts, err := a.Directory.ListTenants(ctx)
	out := make([]TenantInfo, len(ts))
	for i, t := range ts {
		out[i] = tenantInfo(t)
	}
	return out, err
})

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
	doc, err := policy.ParseFor(text, nil, a.Config.Limits())
	if err != nil {
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
	if _, err = a.Policy.Import(ctx, caller, tenant, text, "the starter policy", a.policyRules()); err != nil {
		return err
	}
	return a.warnOfStarter(doc)
}

// warnOfStarter says at the first start that people could not change what it began
// with: it may be meant, as the host still can, and nobody is locked out yet.
func (a *App) warnOfStarter(doc *policy.Document) error {
	catalog, err := policy.ParseCatalog(model.StarterCatalog)
	if err != nil {
		return err
	}
	can, err := a.Change.OfficesSuffice(doc, catalog)
	if err == nil && !can {
		a.Logger.Warn("under this policy no holders of offices could change the policy: only `rolegate policy import` on the host can (ROLEGATE_POLICY)", "policy", a.Config.Policy)
	}
	return err
}
