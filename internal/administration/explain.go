package administration

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Questions are what officers ask of the policy about others, beside Explain. What
// tells of somebody is recorded as the question it is, with the person who asked;
// suggestions by the officer.
type Questions interface {
	WhoCan(ctx context.Context, caller model.Caller, r policy.ExplainRequest) (policy.Found, error)
	Effective(ctx context.Context, caller model.Caller, r policy.PermissionsRequest) (policy.Effective, error)

	Objects(ctx context.Context, tenant string) ([]policy.KnownObject, error)
	KnownSubjects(ctx context.Context, tenant, typ, part string, limit int) ([]string, error)
	KnownRecords(ctx context.Context, tenant, typ, prefix string, limit int) ([]string, error)
}

// WhoCan gives a page of those who may do something to a record, proof of identity
// aside; of the question's subject only the type is heeded.
func (o *Officer) WhoCan(ctx context.Context, r policy.ExplainRequest) (policy.Found, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return policy.Found{}, err
	}
	return o.Service.Policy.WhoCan(ctx, at.caller, r)
}

// Effective gives what somebody may do at all, and by which roles and rows.
func (o *Officer) Effective(ctx context.Context, r policy.PermissionsRequest) (policy.Effective, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return policy.Effective{}, err
	}
	return o.Service.Policy.Effective(ctx, at.caller, r)
}

// Objects lists what questions may name.
func (o *Officer) Objects(ctx context.Context) ([]policy.KnownObject, error) {
	if _, err := o.right(ctx, model.AnyRecord, ""); err != nil {
		return nil, err
	}
	return o.Service.Policy.Objects(ctx, o.tenant)
}

// maxSuggested bounds what is suggested at once.
const maxSuggested = 20

// KnownSubjects suggests ids of a type that contain a text.
func (o *Officer) KnownSubjects(ctx context.Context, typ, part string) ([]string, error) {
	return o.suggest(ctx, func() ([]string, error) {
		return o.Service.Policy.KnownSubjects(ctx, o.tenant, typ, part, maxSuggested)
	})
}

// KnownRecords suggests ids of registered records that begin with a text.
func (o *Officer) KnownRecords(ctx context.Context, typ, prefix string) ([]string, error) {
	return o.suggest(ctx, func() ([]string, error) {
		return o.Service.Policy.KnownRecords(ctx, o.tenant, typ, prefix, maxSuggested)
	})
}

// suggest reads names of the directory, which is recorded.
func (o *Officer) suggest(ctx context.Context, read func() ([]string, error)) ([]string, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	return found, o.read(ctx, at, audit.DirectoryRead, "", len(found))
}
