package change

import (
	"context"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// noticed is how long office holders are shown what one person has published alone.
const noticed = 30 * 24 * time.Hour

// Notice tells office holders of a change that one person makes alone.
type Notice struct {
	Draft Draft // without its texts; that it was published its State says
	// From is when it may be published though nobody approved.
	From time.Time
}

// Notices are what a person who holds an office is shown; none for who holds none.
func (s *Service) Notices(ctx context.Context, caller model.Caller, tenant string) ([]Notice, error) {
	_, err := s.Directory.OfficeOf(ctx, s.Store, tenant, caller.String())
	if model.CodeOf(err) == model.CodeForbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	drafts, err := s.Drafts(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var notices []Notice
	for _, d := range drafts {
		waits := d.State == Submitted
		lately := d.State == Published && d.DecidedBy == "" && s.Now().Sub(d.PublishedAt) < noticed
		if !d.AloneFrom.IsZero() && (waits || lately) {
			notices = append(notices, Notice{d, d.AloneFrom})
		}
	}
	return notices, nil
}

// announce tells every office holder, in an entry that is each one's own.
func (s *Service) announce(ctx context.Context, tx store.Tx, caller model.Caller, d *Draft) error {
	e := entryOf(caller, *d, audit.PolicyAnnounced, "")
	e.Class = audit.ClassBreakGlass
	for _, office := range model.Offices {
		holders, err := tx.Assignments(ctx, d.Tenant, "", office)
		if err != nil {
			return err
		}
		for _, h := range holders {
			if h.ActiveAt(s.Now()) {
				e.Others = append(e.Others, audit.Part{Person: h.Member, Personal: map[string]any{
					"draft": d.ID, "title": d.Title, "by": caller.String(), "from": d.AloneFrom.Format(time.RFC3339), "published": d.Published}})
			}
		}
	}
	return s.Log.AppendIn(ctx, tx, e)
}
