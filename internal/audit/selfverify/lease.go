package selfverify

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// leaseRow is the row that replicas share: Position is whose, At until when.
const leaseRow = "verify"

// verifiedName is the row of the keystore's meta that has what is Known: whoever has the
// log's database alone makes no finding of it disappear, and no pass seem to have been.
const verifiedName = "log_verified"

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
	k, err := v.read(ctx)
	if err != nil {
		return err
	}
	if own := v.last.Load(); own != nil && own.Failed() {
		k.Failed = true // until it finds nothing itself
	}
	v.known.Store(&k)
	return nil
}

// read is what the keystore has: nothing where no pass has ended, or what there is
// cannot be read, so that the next one is due.
func (v *Verifier) read(ctx context.Context) (k Known, err error) {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	text, err := v.Keys.MetaValue(ctx, verifiedName)
	if errors.Is(err, store.ErrNotFound) {
		return k, nil
	}
	if err != nil || json.Unmarshal(text, &k) != nil {
		return Known{}, err
	}
	return k, nil
}

// keep has all replicas know of a pass.
func (v *Verifier) keep(ctx context.Context, p *Pass) error {
	k, err := v.read(ctx)
	if err != nil {
		return err
	}
	k.At, k.Size, k.Failed = p.Ended, p.Report.Size, p.Failed()
	if !k.Failed {
		k.GoodAt = k.At
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	return v.Keys.SetMeta(ctx, verifiedName, text)
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
		last, err := v.read(ctx)
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

// finish commits the entry of a pass and then has the replicas know of it: cut off in
// between it is done again. What it found they know, also where the log is such that
// it takes no entry.
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
	err := v.Log.Append(ctx, e)
	if err != nil && !p.Failed() {
		return err
	}
	return errors.Join(err, v.keep(ctx, p))
}

// recordUnread commits the entry of a pass that ended early, since the log could not be
// read, or others' work came in the way, or the process stops: how far it had come. It
// says nothing of the log and is not what ends the wait for the next.
func (v *Verifier) recordUnread(ctx context.Context, caller model.Caller, cause model.Code) error {
	return v.Log.Append(ctx, audit.Entry{
		Class: audit.ClassSystem, Activity: audit.LogVerified, Outcome: audit.OutcomeError, Code: cause,
		Object: "log", Op: "verify", Count: v.reached.at.Load(), Caller: caller,
	})
}

// inTx is a short transaction.
func (v *Verifier) inTx(ctx context.Context, do func(ctx context.Context, tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	return v.Store.InTx(ctx, func(tx store.Tx) error { return do(ctx, tx) })
}
