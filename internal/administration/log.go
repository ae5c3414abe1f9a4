package administration

import (
	"context"
	"time"

	"rolegate/internal/audit/search"
	"rolegate/model"
)

// AuditLog is Rolegate's own object that rights over the log are about.
const AuditLog = "rolegate.audit"

// SearchLog gives a page of the tenant's entries. Personal data is not in it, but who
// is looked for is; so it takes what reading an entry takes.
func (o *Officer) SearchLog(ctx context.Context, f search.Filter, order search.Order, limit int, after *search.Cursor) (search.Page, error) {
	r, err := o.reader(ctx)
	if err != nil {
		return search.Page{}, err
	}
	return o.Search.Pages(ctx, r, f, order, limit, after)
}

// CountLog adds up logins and decisions between moments.
func (o *Officer) CountLog(ctx context.Context, moments []time.Time) (search.Counted, error) {
	r, err := o.reader(ctx)
	if err != nil {
		return search.Counted{}, err
	}
	return o.Search.Count(ctx, r, moments)
}

// LogEntry gives one of the tenant's entries, and opens what it seals to holders of
// the office of the log.
func (o *Officer) LogEntry(ctx context.Context, index int64) (search.Entry, []search.Sealed, error) {
	r, err := o.reader(ctx)
	if err != nil {
		return search.Entry{}, nil, err
	}
	if r.Opens, err = o.holds(ctx, model.AuditAdmin); err != nil {
		return search.Entry{}, nil, err
	}
	return o.Search.Read(ctx, r, index)
}

// reader lets on whoever has the right, and has shown a second factor lately: the
// log says of everybody what they did.
func (o *Officer) reader(ctx context.Context) (search.Reader, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return search.Reader{}, err
	}
	if !at.fresh() {
		return search.Reader{}, errStepUp
	}
	t, err := o.Store.TenantHead(ctx, o.tenant)
	return search.Reader{Tenant: t.ID, Ref: t.Ref, Caller: at.caller}, err
}

// holds tells whether the person holds an office now, as it is given: to themselves.
func (o *Officer) holds(ctx context.Context, office string) (bool, error) {
	held, err := o.Store.Assignments(ctx, o.tenant, o.caller.String(), office)
	for _, a := range held {
		if a.ActiveAt(o.Now()) {
			return true, err
		}
	}
	return false, err
}
