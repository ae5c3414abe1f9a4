package policy

import (
	"context"
	"fmt"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// Release is a document that people publish: a draft, or an earlier one again.
type Release struct {
	Activity audit.Activity
	Document string // as Parse keeps it, without member rows: every byte is published
	Cases    string // its test cases
	Reason   string

	Draft      string         // the draft's id, where it is one
	ApprovedBy string         // who approved it; "" for nobody
	Personal   map[string]any // for the entry, beside the reason

	// Settle has the last word, with the tenant's row in hand, about what is in force
	// and the revision that comes next. It names the class of the entry.
	Settle func(ctx context.Context, tx store.Tx, before store.PolicyRevision, revision int64) (audit.Class, error)
}

// Release publishes, as the tenant's next revision, exactly the bytes it is given, or
// nothing.
func (s *Service) Release(ctx context.Context, caller model.Caller, tenant string, r Release) (Published, error) {
	p := publication{activity: r.Activity, reason: r.Reason, personal: r.Personal}
	p.settle = func(ctx context.Context, tx store.Tx, before store.PolicyRevision, next *store.PolicyRevision) (audit.Class, error) {
		if next.Text != r.Document {
			return "", fmt.Errorf("what would be published of %q is not what was to be", r.Draft)
		}
		next.Cases, next.Draft, next.ApprovedBy = r.Cases, r.Draft, r.ApprovedBy
		return r.Settle(ctx, tx, before, next.Revision)
	}
	return s.publishing(ctx, caller, tenant, r.Document, p)
}

// ReadDraft reads a document as Release will: under the tenant's catalogue, with
// every bad row named, and every row that gives a role to somebody.
func (s *Service) ReadDraft(ctx context.Context, tenant, text string) (*Document, error) {
	p, err := s.prepare(ctx, tenant, text)
	if err != nil {
		return nil, err
	}
	return p.doc, p.doc.refuseMembers()
}

// refuseMembers refuses a document that gives roles to people: to edit the policy is
// one office's, to say who holds a role another's.
func (d *Document) refuseMembers() error {
	if len(d.Members) == 0 {
		return nil
	}
	problems := make([]model.Detail, len(d.Members))
	for i, m := range d.Members {
		problems[i] = model.Detail{Line: m.Line, Reason: model.Say("%s would get the role %s here; who has a role is said in the directory", shown(m.Member), shown(m.Role))}
	}
	return invalidDocument(problems, 0)
}
