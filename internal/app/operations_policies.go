package app

import (
	"context"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// CasesRequest is a policy document and cases to ask of it, for the people of a
// tenant. nil takes what is in force.
type CasesRequest struct {
	Tenant string
	Text   *string
	Cases  *string
}

func (r CasesRequest) tenant() string { return r.Tenant }

// Tested is what came of cases, and what else speaks against a document.
type Tested struct {
	Results  []model.CaseResult `json:"results"`
	Findings []model.Finding    `json:"findings"` // of those that refuse it, see model.SeverityError
}

// TestPolicy runs cases, and tells whether the people of the tenant could still change
// the policy under the document. Texts are empty: what runs cases without a database
// has the same results.
var TestPolicy = reading("policy-test", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r CasesRequest) (done Tested, err error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return done, err
	}
	view, err := a.Policy.Snapshots.Current(ctx, r.Tenant)
	if err != nil {
		return done, err
	}
	if r.Text != nil {
		now := view
		doc, err := policy.ParseFor(*r.Text, nil, a.Config.Limits())
		if err != nil {
			return done, err
		}
		if view, err = now.Under(doc); err != nil {
			return done, err
		}
		locked, err := a.Change.LockedOut(ctx, r.Tenant, now, view)
		if err != nil {
			return done, err
		}
		if locked != nil {
			done.Findings = append(done.Findings, *locked)
		}
	}
	if r.Cases == nil {
		now, err := a.Change.Current(ctx, r.Tenant)
		if err != nil {
			return done, err
		}
		r.Cases = &now.Cases
	}
	cases, err := review.ParseCases(*r.Cases)
	if err != nil {
		return Tested{}, err
	}
	done.Results = cases.Run(view, a.now())
	return done, nil
})

// ChangeRequest names what to do to a tenant's policy: a draft, or a revision.
type ChangeRequest struct {
	Tenant   string
	Draft    string
	Revision int64
	Limit    int
	Reason   string
}

func (r ChangeRequest) tenant() string { return r.Tenant }

// PolicyRevision is a published policy, without its text.
type PolicyRevision struct {
	Revision   int64     `json:"revision"`
	Author     string    `json:"author"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Reason     string    `json:"reason"`
	CreatedAt  time.Time `json:"created_at"`
}

// ListRevisions lists what was published, newest first.
var ListRevisions = listing("policy-revisions", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) ([]PolicyRevision, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return nil, err
	}
	found, err := a.Change.Revisions(ctx, r.Tenant, 0, r.Limit)
	out := make([]PolicyRevision, len(found))
	for i, p := range found {
		out[i] = PolicyRevision{p.Revision, p.Author, p.ApprovedBy, p.Reason, p.CreatedAt}
	}
	return out, err
})

// ExportRevision gives a document that was in force.
var ExportRevision = reading("policy-revision", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) (PolicyText, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return PolicyText{}, err
	}
	p, err := a.Change.Revision(ctx, r.Tenant, r.Revision)
	return PolicyText{r.Tenant, p.Revision, p.Text}, err
})

// RolledBack is a rollback, and what is noticed about it.
type RolledBack struct {
	policy.Published
	Findings []model.Finding   `json:"findings"`          // with English texts, likewise changes
	Changes  []model.RowChange `json:"changes,omitempty"` // of a rollback that is looked at only
}

// RollBackPolicy puts an earlier revision in force again, by breaking the glass
// where there are administrators.
var RollBackPolicy = Operation[ChangeRequest, RolledBack]{"policy-rollback", func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) (done RolledBack, err error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return done, err
	}
	if looked, err := a.Change.LookBack(ctx, r.Tenant, r.Revision); err == nil { // what cannot be looked at can be rolled back
		done.Findings = append([]model.Finding{}, looked.Findings...)
		i18n.Findings(i18n.English, done.Findings)
	}
	done.Published, err = a.Change.Rollback(ctx, caller, r.Tenant, r.Revision, r.Reason)
	return done, err
}}

// LookBack tells what RollBackPolicy would change, and what is noticed about it.
var LookBack = reading("policy-rollback-look", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) (done RolledBack, err error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return done, err
	}
	looked, err := a.Change.LookBack(ctx, r.Tenant, r.Revision)
	if err == nil {
		err = looked.Bad
	}
	done.Findings, done.Changes = append([]model.Finding{}, looked.Findings...), looked.Changes
	i18n.Findings(i18n.English, done.Findings)
	i18n.Changes(i18n.English, done.Changes)
	return done, err
})

// PolicyDraft is a change of the policy on its way, without its texts.
type PolicyDraft struct {
	ID       string       `json:"id"`
	Title    string       `json:"title"`
	State    change.State `json:"state"`
	Base     int64        `json:"base"`
	Version  int64        `json:"version"`
	EditedBy string       `json:"edited_by"`
	EditedAt time.Time    `json:"edited_at"`
}

// ListDrafts lists the changes on their way, and behind them what became of the last.
var ListDrafts = listing("policy-drafts", audit.PolicyRead, func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) ([]PolicyDraft, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return nil, err
	}
	found, err := a.Change.Drafts(ctx, r.Tenant)
	out := make([]PolicyDraft, len(found))
	for i, d := range found {
		out[i] = PolicyDraft{d.ID, d.Title, d.State, d.Base, d.Version, d.EditedBy, d.EditedAt}
	}
	return out, err
})

// PublishDraft publishes a draft that was approved, as it is now, by breaking the glass
// where there are administrators. The host approves nothing.
var PublishDraft = Operation[ChangeRequest, policy.Published]{"policy-publish", func(ctx context.Context, a *App, caller model.Caller, r ChangeRequest) (policy.Published, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return policy.Published{}, err
	}
	d, err := a.Change.Draft(ctx, r.Tenant, r.Draft)
	if err != nil {
		return policy.Published{}, err
	}
	return a.Change.Publish(ctx, caller, r.Tenant, d.ID, d.Version, r.Reason)
}}
