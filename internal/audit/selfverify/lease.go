package selfverify

import (
	"context"
	"encoding/hex"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// The rows that replicas share.
const (
	leaseRow = "verify"        // Position is whose, At until when
	endRow   = "verified"      // the last pass: its Position entries, and when it ended
	goodRow  = "verified_good" // the last one that found nothing
)

const (
	// leaseFor is how long a replica that says nothing is still thought to verify.
	leaseFor = 2 * time.Minute
	// skew is how far the clocks of replicas may be apart without their passes
	// getting in each other's way.
	skew = time.Minute
)

// Known is what all replicas know of the log.
type Known struct {
	At     time.Time `json:"at,omitzero"`      // of the last pass
	Size   int64     `json:"entries"`          // that it verified
	GoodAt time.Time `json:"good_at,omitzero"` // of the last pass that found nothing
	Failed bool      `json:"failed"`           // the last one found something
}

// learn reads what is known.
func (v *Verifier) learn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	end, err := v.Store.Job(ctx, endRow)
	if err != nil {
		return err
	}
	good, err := v.Store.Job(ctx, goodRow)
	if err != nil {
		return err
	}
	k := &Known{At: end.At, Size: end.Position, GoodAt: good.At}
	k.Failed = !end.At.IsZero() && !end.At.Equal(good.At)
	if own := v.last.Load(); own != nil && own.Failed() {
		k.Failed = true // until it finds nothing itself, whatever somebody makes of the rows
	}
	v.known.Store(k)
	return nil
}

// claim takes the lease, unless another has it, or no pass is due and nobody
// asks for one. Times that lie further ahead than those of other clocks are those
// of one that was set back.
func (v *Verifier) claim(ctx context.Context, asked bool) (claimed bool, err error) {
	err = v.inTx(ctx, func(ctx context.Context, tx store.Tx) error {
		claimed = false
		lease, err := tx.LockJob(ctx, leaseRow)
		if err != nil {
			return err
		}
		now := v.Now()
		if left := lease.At.Sub(now); !v.Alone && !v.insists && lease.Position != v.owner && left > 0 && left <= leaseFor+skew {
			return nil
		}
		last, err := tx.Job(ctx, endRow)
		if err != nil {
			return err
		}
		if since := now.Sub(last.At); !asked && since >= -skew && since < v.Every {
			return nil
		}
		claimed = true
		return tx.SetJob(ctx, store.Job{Name: leaseRow, Position: v.owner, At: now.Add(leaseFor)})
	})
	return claimed, err
}

// renew keeps the lease while a pass goes on.
func (v *Verifier) renew(ctx context.Context) error {
	return v.inTx(ctx, func(ctx context.Context, tx store.Tx) error {
		lease, err := tx.LockJob(ctx, leaseRow)
		if err != nil {
			return err
		}
		if lease.Position != v.owner && !v.insists {
			return model.Errorf(model.CodeConflict, "another replica verifies the log by now")
		}
		return tx.SetJob(ctx, store.Job{Name: leaseRow, Position: v.owner, At: v.Now().Add(leaseFor)})
	})
}

// release gives the lease back; where that fails it runs out.
func (v *Verifier) release(ctx context.Context) {
	err := v.inTx(ctx, func(ctx context.Context, tx store.Tx) error {
		lease, err := tx.LockJob(ctx, leaseRow)
		if err != nil || lease.Position != v.owner {
			return err
		}
		return tx.SetJob(ctx, store.Job{Name: leaseRow})
	})
	if err != nil {
		v.Logger.Warn("the lease to verify the log could not be given back; it runs out by itself", "error", err)
	}
}

// finish commits the entry of a pass with what the replicas know of it.
func (v *Verifier) finish(ctx context.Context, caller model.Caller, p *Pass) error {
	e := audit.Entry{
		Class: audit.ClassSystem, Activity: audit.LogVerified, Outcome: audit.OutcomeOK, Object: "log", Op: "verify",
		Count: p.Report.Entries, Caller: caller,
		Personal: map[string]any{"result": p.Report.Result, "size": p.Report.Size, "root": hex.EncodeToString(p.Report.Root)},
	}
	if wrong(p.Report) {
		e.Code, e.Personal["findings"] = model.CodeLogAltered, findings(p.Report)
	}
	if p.Failed() {
		e.Outcome = audit.OutcomeError
	}
	p.Ended = v.Now().UTC().Truncate(time.Microsecond)
	return v.inTx(ctx, func(ctx context.Context, tx store.Tx) error {
		end := store.Job{Name: endRow, Position: p.Report.Size, At: p.Ended}
		if err := tx.SetJob(ctx, end); err != nil {
			return err
		}
		if !p.Failed() {
			end.Name = goodRow
			if err := tx.SetJob(ctx, end); err != nil {
				return err
			}
		}
		return v.Log.AppendIn(ctx, tx, e)
	})
}

// recordUnread commits the entry of a pass that could not read the log, which says
// nothing of it and is not what ends the wait for the next. One that others' work
// came in the way of is simply done again.
func (v *Verifier) recordUnread(ctx context.Context, caller model.Caller, cause error) error {
	if model.CodeOf(cause) == model.CodeConflict {
		return nil
	}
	return v.Log.Append(ctx, audit.Entry{
		Class: audit.ClassSystem, Activity: audit.LogVerified, Outcome: audit.OutcomeError, Code: model.CodeOf(cause),
		Object: "log", Op: "verify", Caller: caller,
	})
}

// inTx is a short transaction.
func (v *Verifier) inTx(ctx context.Context, do func(ctx context.Context, tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	return v.Store.InTx(ctx, func(tx store.Tx) error { return do(ctx, tx) })
}
