package policy

import (
	"context"
	"time"

	"rolegate/model"
)

// Behind says that an answer would be older than was demanded, and how old. It
// is CodeRevisionBehind. A revision that stays out of reach is none the tenant
// ever had.
type Behind struct {
	Revision int64 // what the answer would be of
	Demanded int64
}

func (b *Behind) Error() string { return b.Unwrap().Error() }

// Unwrap gives model.CodeOf its code.
func (b *Behind) Unwrap() error {
	return model.Errorf(model.CodeRevisionBehind, "this answer would be of revision %d, and at least %d was demanded", b.Revision, b.Demanded)
}

// reaches refuses to answer as of an older revision than was demanded.
func (v *View) reaches(revision int64) error {
	if v.Revision() < revision {
		return &Behind{v.Revision(), revision}
	}
	return nil
}

// view is the tenant as of a revision. Where memory has not reached it the row
// is read, and where that has not either its next changes are waited for. When
// until has come the view is the older one: whoever answers asks it whether it
// reaches.
func (s *Service) view(ctx context.Context, tenant string, revision int64, until time.Time) (*View, error) {
	view, err := s.Snapshots.Latest(ctx, tenant)
	if err != nil || view.Revision() >= revision {
		return view, err
	}
	view, err = s.Snapshots.Current(ctx, tenant)
	if err != nil || view.Revision() >= revision || !time.Now().Before(until) {
		return view, err
	}
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if !s.Store.Revisions().Wait(waiting, tenant, revision) {
		return view, ctx.Err() // nil unless it was the caller that gave up
	}
	return s.Snapshots.Latest(ctx, tenant)
}
