package administration

import (
	"context"
	"slices"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/model"
)

// Clients lists the tenant's own clients that the person may read, by name.
func (o *Officer) Clients(ctx context.Context) ([]model.Client, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	all, err := o.Directory.TenantClients(ctx, o.tenant)
	if err != nil {
		return nil, err
	}
	seen := []model.Client{}
	for _, c := range all {
		if _, err := at.ask(ctx, Clients, Read, c.ID, ""); err == nil {
			seen = append(seen, c)
		}
	}
	return seen, o.read(ctx, at, audit.ClientRead, "", len(seen))
}

// mayHold tells whether the person may hold a client's secret: what an explanation tells
// of the policy, the person may be told.
func (at *standing) mayHold(ctx context.Context, c model.Client) error {
	if !slices.Contains(c.Scopes, Explain) {
		return nil
	}
	_, err := at.ask(ctx, Policies, Explain, model.AnyRecord, "")
	return err
}

// mayHoldOf is mayHold of a client that is there; of one that is not, package directory
// says so.
func (at *standing) mayHoldOf(ctx context.Context, id string) error {
	c, err := at.Store.Client(ctx, id)
	if err != nil {
		return ignoring(err, notFound)
	}
	if c.Tenant != at.tenant { // nor is one of another tenant there
		return nil
	}
	return at.mayHold(ctx, c)
}

// AddClient makes a client of the tenant that asks questions; its secret is shown
// once.
func (o *Officer) AddClient(ctx context.Context, c model.Client) (done directory.Credentials, err error) {
	c.Tenant, c.Tenants = o.tenant, nil
	err = o.settle(ctx, c.ID, "", func(at *standing) error {
		if err := at.mayHold(ctx, c); err != nil {
			return err
		}
		done, err = o.Directory.AddClient(ctx, at.caller, c)
		return err
	})
	return done, err
}

// RotateSecret replaces a client's secret; the new one is shown once.
func (o *Officer) RotateSecret(ctx context.Context, id string) (done directory.Credentials, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		if err := at.mayHoldOf(ctx, id); err != nil {
			return err
		}
		done, err = o.Directory.RotateClient(ctx, at.caller, id, "")
		return err
	})
	return done, err
}

// SetClientDisabled shuts a client out, or lets it in again.
func (o *Officer) SetClientDisabled(ctx context.Context, id string, disabled bool) (revision int64, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		if !disabled {
			if err := at.mayHoldOf(ctx, id); err != nil {
				return err
			}
		}
		revision, err = o.Directory.SetClientDisabled(ctx, at.caller, id, disabled)
		return err
	})
	return revision, err
}
