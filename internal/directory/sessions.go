package directory

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// EndSessions ends every session of a user, and every login that is half done,
// at once. The account stays open.
func (s *Service) EndSessions(ctx context.Context, caller model.Caller, tenant, id, reason string) (revision int64, ended int, err error) {
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if revision, err = TakeBy(ctx, tx, caller, tenant); err != nil {
			return err
		}
		u, err := user(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if ended, err = tx.EndSessions(ctx, tenant, u.ID, "", s.Now()); err != nil {
			return err
		}
		if _, err := tx.EndTickets(ctx, tenant, u.ID, s.Now()); err != nil {
			return err
		}
		e := act(caller, tenant, audit.SessionsEnded, reason, nil)
		e.Person, e.Count = "user:"+u.ID, int64(ended)
		return s.Log.AppendIn(ctx, tx, e)
	})
	return revision, ended, err
}
