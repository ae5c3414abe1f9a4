package policy

import (
	"context"
	"errors"
	"fmt"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// Published says what a document became.
type Published struct {
	Revision int64  `json:"revision"`
	Rules    int    `json:"rules"`
	Links    int    `json:"role_links"`
	Members  int    `json:"members"` // g rows handed to the directory as assignments
	Hash     string `json:"hash"`    // SHA-256 of the document, hex

	// Unregistered are members of the document's rows whom the directory does
	// not know yet: they hold their roles from the day they are added.
	Unregistered []string `json:"unregistered,omitempty"`
}

// Rules are the directory's, which a document's member rows must keep.
type Rules struct {
	// Gate decides whether an exceptional act may go on, and under which class it is recorded.
	Gate func(ctx context.Context, tx store.Queries, tenant, reason string) (audit.Class, error)
	// Limit refuses an assignment beyond what a member can hold.
	Limit func(ctx context.Context, tx store.Directory, tenant string, a model.Assignment) error
	// Registered is an error for a member the directory does not know.
	Registered func(ctx context.Context, tx store.Directory, tenant, member string) error
}

// Import publishes a document as the tenant's next revision: whole or not at
// all, with every bad row named. Its member rows become assignments.
func (s *Service) Import(ctx context.Context, caller model.Caller, tenant, text, reason string, rules Rules) (Published, error) {
	doc, err := ParseWithin(text, s.Limits)
	if err != nil {
		return Published{}, err
	}
	if err := refuseOffices(doc); err != nil {
		return Published{}, err
	}
	res := Published{Rules: len(doc.Rules), Links: len(doc.RoleLinks), Members: len(doc.Members), Hash: fmt.Sprintf("%x", doc.Hash)}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		// The revision first: it takes the tenant's row, so what the gate sees stays true.
		if res.Revision, err = tx.Bump(ctx, tenant, true); err != nil {
			return unknownTenant(tenant, err)
		}
		before, err := currentDocument(ctx, tx, tenant)
		if err != nil {
			return err
		}
		class, err := rules.Gate(ctx, tx, tenant, reason)
		if err != nil {
			return err
		}
		err = tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: tenant, Revision: res.Revision, Text: doc.Text,
			Author: caller.String(), Reason: reason, CreatedAt: s.Now()})
		if err != nil {
			return err
		}
		for _, role := range doc.Roles() {
			if err := tx.EnsureRole(ctx, tenant, role); err != nil {
				return err
			}
		}
		res.Unregistered = nil
		for _, m := range doc.Members {
			if err := rules.Limit(ctx, tx, tenant, m.Assignment); err != nil {
				return err
			}
			if rules.Registered(ctx, tx, tenant, m.Member) != nil {
				res.Unregistered = append(res.Unregistered, m.Member)
			}
			if err := tx.PutAssignment(ctx, tenant, m.Assignment); err != nil {
				return err
			}
		}
		return s.Log.AppendIn(ctx, tx, audit.Entry{Tenant: tenant, Class: class, Activity: audit.PolicyImported,
			Outcome: audit.OutcomeOK, Revision: res.Revision, PolicyHash: doc.Hash, PrevPolicy: before.Hash, Caller: caller,
			Personal: map[string]any{"reason": reason}})
	})
	return res, err
}

// refuseOffices keeps the offices out of documents: they are granted to people,
// by the directory's rules, neither inherited by a role nor handed out by a row.
func refuseOffices(doc *Document) error {
	var bad []model.Detail
	for _, l := range doc.RoleLinks {
		if office, _ := roleID(l.Inherits); model.IsOffice(office) {
			bad = append(bad, model.Detail{Line: l.Line, Column: 1, Reason: fmt.Sprintf("%s would inherit the office %s; offices are held by users themselves", l.Role, office)})
		}
	}
	for _, m := range doc.Members {
		if model.IsOffice(m.Role) {
			bad = append(bad, model.Detail{Line: m.Line, Column: 1, Reason: fmt.Sprintf("%s is an office; grant it with `rolegate role assign`", m.Role)})
		}
	}
	if len(bad) == 0 {
		return nil
	}
	e := model.Errorf(model.CodePolicyInvalid, "the policy hands out an office, so nothing was changed")
	e.Details = bad
	return e
}

// Export is the tenant's current document and its revision; empty and 0 before the first.
func (s *Service) Export(ctx context.Context, tenant string) (text string, revision int64, err error) {
	if _, err := s.Snapshots.Current(ctx, tenant); err != nil {
		return "", 0, err
	}
	p, err := s.Store.CurrentPolicy(ctx, tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", 0, err
	}
	return p.Text, p.Revision, nil
}
