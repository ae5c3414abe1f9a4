package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"

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
	// IfRevision is the revision of the document that the new one was made from: of
	// several edits of one document one is published, and the others are told
	// (CodePrecondition). 0 asks nothing.
	IfRevision int64
}

// prepared is a document ready to be published under one catalogue.
type prepared struct {
	doc     *Document
	rules   *ruleset
	catalog string
	heavy   bool // somebody's roles may inherit too many together
}

// prepare reads and compiles a document under the tenant's catalogue. It takes
// its time, and so is done before the transaction that publishes.
func (s *Service) prepare(ctx context.Context, tenant, text string) (prepared, error) {
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return prepared{}, unknownTenant(tenant, err)
	}
	catalog, err := ParseCatalog(catalogText(t))
	if err != nil {
		return prepared{}, err
	}
	doc, err := ParseFor(text, catalog, s.Limits)
	if err != nil {
		return prepared{}, err
	}
	rules, err := compile(doc, catalog, toPublish)
	if err != nil {
		return prepared{}, err
	}
	return prepared{doc, rules, catalog.Text, inheritance(rules.inherits).mayExceed(s.Limits)}, nil
}

// errCatalogChanged ends a transaction whose document was read under another
// catalogue.
var errCatalogChanged = errors.New("the catalogue changed")

// publication is what a prepared document is published as.
type publication struct {
	activity audit.Activity
	reason   string
	personal map[string]any // for the entry, beside the reason
	rules    Rules          // of member rows

	// settle has the last word, with the tenant's row in hand: it sees what is in
	// force, adds what is kept with the next one, and names the class of the entry.
	settle func(ctx context.Context, tx store.Tx, before store.PolicyRevision, next *store.PolicyRevision) (audit.Class, error)
}

// Import publishes a document as the tenant's next revision: whole or not at
// all, with every bad row named. Its member rows become assignments. The test cases
// of the policy before it stay.
func (s *Service) Import(ctx context.Context, caller model.Caller, tenant, text, reason string, rules Rules) (Published, error) {
	p := publication{activity: audit.PolicyImported, reason: reason, rules: rules}
	p.settle = func(ctx context.Context, tx store.Tx, before store.PolicyRevision, next *store.PolicyRevision) (audit.Class, error) {
		if err := stillAt(before, rules.IfRevision); err != nil {
			return "", err
		}
		next.Cases = before.Cases
		return rules.Gate(ctx, tx, tenant, reason)
	}
	return s.publishing(ctx, caller, tenant, text, p)
}

// publishing prepares a document and publishes it, once more where the catalogue
// changed meanwhile.
func (s *Service) publishing(ctx context.Context, caller model.Caller, tenant, text string, as publication) (Published, error) {
	for {
		p, err := s.prepare(ctx, tenant, text)
		if err != nil {
			return Published{}, err
		}
		res, err := s.publish(ctx, caller, tenant, p, as)
		if errors.Is(err, errCatalogChanged) {
			continue
		}
		return res, err
	}
}

func (s *Service) publish(ctx context.Context, caller model.Caller, tenant string, p prepared, as publication) (Published, error) {
	doc := p.doc
	res := Published{Rules: len(doc.Rows), Links: len(doc.RoleLinks), Members: len(doc.Members), Hash: fmt.Sprintf("%x", doc.Hash)}
	err := s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		// The revision first: it takes the tenant's row, so what the gate sees stays true.
		if res.Revision, err = tx.Bump(ctx, tenant, doc.changes()...); err != nil {
			return unknownTenant(tenant, err)
		}
		t, err := tx.Tenant(ctx, tenant)
		if err != nil {
			return err
		}
		if catalogText(t) != p.catalog {
			return errCatalogChanged
		}
		before, err := currentPolicy(ctx, tx, tenant)
		if err != nil {
			return err
		}
		next := store.PolicyRevision{Tenant: tenant, Revision: res.Revision, Text: doc.Text, Author: caller.String(), Reason: as.reason, CreatedAt: s.Now()}
		class, err := as.settle(ctx, tx, before, &next)
		if err != nil {
			return err
		}
		if err := tx.InsertPolicy(ctx, next); err != nil {
			return err
		}
		for _, role := range doc.Roles() {
			if err := tx.EnsureRole(ctx, tenant, role); err != nil {
				return err
			}
		}
		res.Unregistered = nil
		for _, m := range doc.Members {
			if err := as.rules.Limit(ctx, tx, tenant, m.Assignment); err != nil {
				return err
			}
			if as.rules.Registered(ctx, tx, tenant, m.Member) != nil {
				res.Unregistered = append(res.Unregistered, m.Member)
			}
			if err := tx.PutAssignment(ctx, tenant, m.Assignment); err != nil {
				return err
			}
		}
		if p.heavy {
			if err := s.checkHeld(ctx, tx, tenant, inheritance(p.rules.inherits)); err != nil {
				return err
			}
		}
		if err := s.Log.AppendIn(ctx, tx, as.entry(caller, class, next, before)); err != nil {
			return err
		}
		s.Snapshots.offer(tenant, &offer{res.Revision, p.catalog, p.rules, doc.Text})
		return nil
	})
	return res, err
}

// entry is the record of it. A person's act names the row that allowed it; the hash
// is of the policy that is in force from here on.
func (as publication) entry(caller model.Caller, class audit.Class, next, before store.PolicyRevision) audit.Entry {
	e := audit.Entry{Tenant: next.Tenant, Class: class, Activity: as.activity, Outcome: audit.OutcomeOK, Revision: next.Revision,
		PolicyHash: hashOf(next.Text), PrevPolicy: hashOf(before.Text), Caller: caller, Personal: map[string]any{"reason": as.reason}}
	maps.Copy(e.Personal, as.personal)
	if g := caller.Grounds; g != nil {
		e.Object, e.Op, e.Rule = g.Object, g.Action, g.Rule
	}
	return e
}

// stillAt refuses to replace another document than the one of a revision; 0 asks
// nothing.
func stillAt(now store.PolicyRevision, revision int64) error {
	if revision != 0 && now.Revision != revision {
		return model.Errorf(model.CodePrecondition, "the policy in force is of revision %d, and this one was made from revision %d; export it again and repeat the edit", now.Revision, revision)
	}
	return nil
}

// CheckCatalog tells which rows of the tenant's policy do not suit a catalogue
// that is about to take the place of its own.
func (s *Service) CheckCatalog(ctx context.Context, tenant string, catalog *Catalog) error {
	doc, err := currentDocument(ctx, s.Store, tenant)
	if err != nil {
		return err
	}
	_, err = compile(doc, catalog, toPublish)
	var bad *model.Error
	if errors.As(err, &bad) && bad.Code == model.CodePolicyInvalid {
		e := model.Errorf(model.CodeCatalogInvalid, "the types of this catalogue do not suit %s of the policy in force", unsuited(len(bad.Details)))
		e.Details = bad.Details
		return e
	}
	return err
}

func unsuited(n int) model.Phrase {
	if n == 1 {
		return model.Say("1 row")
	}
	return model.Say("%d rows", n)
}

// changes is what publishing the document changes: itself, the roles it may be
// the first to name, and what its members hold.
func (d *Document) changes() []store.Change {
	changes := []store.Change{{Kind: store.ChangedPolicy}}
	for _, role := range d.Roles() {
		changes = append(changes, store.Change{Kind: store.ChangedRole, Key: role})
	}
	for _, m := range d.Members {
		changes = append(changes, store.Change{Kind: store.ChangedMember, Key: m.Member})
	}
	return changes
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
