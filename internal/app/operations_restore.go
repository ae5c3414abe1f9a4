package app

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// Ended is how much Restored ended.
type Ended = store.Ended

// Restored ends what a restored backup has brought back to life: sessions that
// were ended since, tickets, invitations and recovery codes that were used, time
// steps, known devices that were forgotten, requests for offices that were decided,
// signing keys that were revoked. It cannot tell those from others, so it ends all
// of them. People log in again; who has no device needs an invitation.
var Restored = Operation[None, store.Ended]{"restored", func(ctx context.Context, a *App, caller model.Caller, _ None) (store.Ended, error) {
	if err := a.Checkpoints.Restore(ctx); err != nil {
		return store.Ended{}, err
	}
	keys, err := a.Login.Keys.List(ctx)
	if err != nil {
		return store.Ended{}, err
	}
	for _, k := range keys {
		if k.State == login.KeyRevoked {
			continue
		}
		if _, err := a.Login.Keys.Revoke(ctx, caller, k.ID); err != nil {
			return store.Ended{}, err
		}
	}
	tenants, err := a.Store.ListTenants(ctx)
	if err != nil {
		return store.Ended{}, err
	}
	var ended store.Ended
	err = a.Store.InTx(ctx, func(tx store.Tx) (err error) {
		for _, t := range tenants { // in the order of their ids, as everybody takes several
			if _, err := tx.Bump(ctx, t.ID); err != nil {
				return err
			}
		}
		if ended, err = tx.EndAll(ctx, a.now()); err != nil {
			return err
		}
		return a.Log.AppendIn(ctx, tx, audit.Entry{Class: audit.ClassSystem, Activity: audit.Restored, Outcome: audit.OutcomeOK,
			Count: int64(ended.Sessions), Caller: caller})
	})
	return ended, err
}}
