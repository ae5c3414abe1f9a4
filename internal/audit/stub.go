package audit

import "context"

type Moved struct {
	Tenant   string
	Revision int64
}

func (m *Moved) Error() string { return "moved" }

func (l *Log) AppendDecision(ctx context.Context, e Entry) error {
	t, err := l.store.Tenant(ctx, e.Tenant)
	if err == nil && t.Revision > e.Revision {
		return &Moved{e.Tenant, t.Revision}
	}
	return l.Append(ctx, e)
}
