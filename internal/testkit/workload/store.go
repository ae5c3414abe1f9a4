package workload

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// Write puts a new tenant into a store, in one transaction: the tenant, its
// catalogue, directory and policy, published as revision 1 at the given time.
func Write(ctx context.Context, st store.Store, t *Tenant, now time.Time) error {
	return st.InTx(ctx, func(tx store.Tx) error {
		ref := sha256.Sum256([]byte(t.ID))
		err := tx.InsertTenant(ctx, model.Tenant{ID: t.ID, Ref: ref[:16], MFA: model.MFAEveryone, Catalog: t.Catalog, CreatedAt: now})
		if err != nil {
			return err
		}
		revision, err := tx.Bump(ctx, t.ID, store.Change{Kind: store.ChangedDirectory})
		if err != nil {
			return err
		}
		if err := t.writeDirectory(ctx, tx); err != nil {
			return err
		}
		return tx.InsertPolicy(ctx, store.PolicyRevision{Tenant: t.ID, Revision: revision, Text: t.Policy, Author: "workload", CreatedAt: now})
	})
}

func (t *Tenant) writeDirectory(ctx context.Context, tx store.Directory) error {
	d := t.Directory
	return errors.Join(
		each(d.Teams, func(v model.Team) error { return tx.PutTeam(ctx, t.ID, v) }),
		each(d.Units, func(v model.Unit) error { return tx.PutUnit(ctx, t.ID, v) }),
		each(d.Territories, func(v model.Territory) error { return tx.PutTerritory(ctx, t.ID, v) }),
		each(d.Subjects, func(v model.Subject) error { return tx.PutSubject(ctx, t.ID, v) }),
		each(d.Roles, func(v model.Role) error { return tx.PutRole(ctx, t.ID, v) }),
		each(d.Assignments, func(v model.Assignment) error { return tx.PutAssignment(ctx, t.ID, v) }),
	)
}

func each[T any](list []T, put func(T) error) error {
	for _, v := range list {
		if err := put(v); err != nil {
			return err
		}
	}
	return nil
}
