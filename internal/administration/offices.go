package administration

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// RequestOffice asks for an office for somebody else.
func (o *Officer) RequestOffice(ctx context.Context, member, office, reason string) (done directory.OfficeRequest, err error) {
	err = o.settle(ctx, directory.Bare("role", office), directory.Bare("user", member), func(at *standing) error {
		done, err = o.Directory.RequestOffice(ctx, at.caller, o.tenant, member, office, reason)
		return err
	})
	return done, err
}

// DecideOffice approves a request for an office, or denies it.
func (o *Officer) DecideOffice(ctx context.Context, id string, approve bool) (done directory.OfficeRequest, err error) {
	r, err := o.Store.OfficeRequest(ctx, o.tenant, id)
	if notFound(err) {
		return done, model.Errorf(model.CodeNotFound, "there is no request %q for an office", id)
	}
	if err != nil {
		return done, err
	}
	err = o.settle(ctx, r.Office, directory.Bare("user", r.Member), func(at *standing) error {
		if approve {
			done, err = o.Directory.ApproveOffice(ctx, at.caller, o.tenant, id)
		} else {
			done, err = o.Directory.DenyOffice(ctx, at.caller, o.tenant, id)
		}
		return err
	})
	return done, err
}

// maxRequests bounds the list of requests.
const maxRequests = 200

// OfficeRequests lists the newest requests for offices, newest first.
func (o *Officer) OfficeRequests(ctx context.Context) ([]store.OfficeRequest, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	rs, err := o.Directory.OfficeRequests(ctx, o.tenant, maxRequests)
	if err != nil {
		return nil, err
	}
	return rs, o.read(ctx, at, audit.OfficeRead, "", len(rs))
}
