package app

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/model"
)

// FileRequest is a file for a tenant.
type FileRequest struct {
	Tenant string
	Text   []byte
	DryRun bool
	Reason string

	IfRevision int64 // of the policy this one was made from; 0 asks nothing
}

func (r FileRequest) tenant() string { return r.Tenant }

// ImportDirectory applies a directory file.
var ImportDirectory = Operation[FileRequest, directory.ImportResult]{"import", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (directory.ImportResult, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.ImportResult{}, err
	}
	return a.Directory.Import(ctx, caller, r.Tenant, r.Text, r.DryRun, r.Reason)
}}

// ImportUsers makes users of a file with the hashes of their passwords.
var ImportUsers = Operation[FileRequest, directory.ImportedUsers]{"user-import", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (directory.ImportedUsers, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.ImportedUsers{}, err
	}
	return a.Directory.ImportUsers(ctx, caller, r.Tenant, r.Text, r.DryRun, r.Reason)
}}

// ImportPolicy publishes a policy document.
var ImportPolicy = Operation[FileRequest, policy.Published]{"policy-import", func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (policy.Published, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return policy.Published{}, err
	}
	rules := a.policyRules()
	rules.IfRevision = r.IfRevision
	return a.Policy.Import(ctx, caller, r.Tenant, string(r.Text), r.Reason, rules)
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
var ExportPolicy = reading("policy-export", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r FileRequest) (PolicyText, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return PolicyText{}, err
	}
	text, revision, err := a.Policy.Export(ctx, r.Tenant)
	return PolicyText{r.Tenant, revision, text}, err
})
