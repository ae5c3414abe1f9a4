package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Decide approves what was submitted, or turns it down, for which there must be a
// comment. Whoever decides holds an office; who approves has not had a hand in it.
// What was approved can be turned down until it is published.
func (s *Service) Decide(ctx context.Context, caller model.Caller, tenant, id string, version int64, approve bool, comment string) (Draft, error) {
	if err := directory.CheckNote(comment); err != nil {
		return Draft{}, err
	}
	activity := audit.DraftApproved
	if !approve {
		activity = audit.DraftRejected
		if err := directory.CheckReason(comment); err != nil {
			return Draft{}, err
		}
	}
	return s.step(ctx, caller, tenant, id, version, activity, comment, func(tx store.Tx, d *Draft) error {
		if _, err := s.Directory.OfficeOf(ctx, tx, tenant, caller.String()); err != nil {
			return err
		}
		var err error
		if approve {
			err = mayApprove(ctx, tx, caller, d)
		} else {
			err = turnDown(d)
		}
		d.DecidedBy, d.DecidedAt, d.Comment = caller.String(), s.now(), comment
		return err
	})
}

// mayApprove lets somebody approve exactly what somebody else has submitted.
func mayApprove(ctx context.Context, q store.Policies, caller model.Caller, d *Draft) error {
	who := caller.String()
	switch {
	case !d.State.Open():
		return over(d)
	case d.State != Submitted:
		return model.Errorf(model.CodeConflict, "the draft is not submitted, so there is nothing to approve")
	case who == d.SubmittedBy || slices.Contains(d.Editors, who):
		return model.Errorf(model.CodeForbidden, "whoever wrote or submitted a change does not approve it")
	case digest(d) != d.Digest:
		return fmt.Errorf("draft %s is not what was submitted", d.ID)
	}
	d.State = Approved
	_, err := onBase(ctx, q, d)
	return err
}

// MayWrite is nil if a draft can be written to as it is now, or says why not.
func (s *Service) MayWrite(_ context.Context, _ model.Caller, d Draft) error {
	if !d.State.Open() {
		return over(&d)
	}
	return nil
}

// MayReject is nil if Decide would let somebody turn a draft down as it is now, or
// says why not.
func (s *Service) MayReject(ctx context.Context, caller model.Caller, d Draft) error {
	if _, err := s.Directory.OfficeOf(ctx, s.Store, d.Tenant, caller.String()); err != nil {
		return err
	}
	return turnDown(&d)
}

// MayApprove is nil if Decide would let somebody approve a draft as it is now, or says
// why not. Like MayPublish it decides nothing.
func (s *Service) MayApprove(ctx context.Context, caller model.Caller, d Draft) error {
	if _, err := s.Directory.OfficeOf(ctx, s.Store, d.Tenant, caller.String()); err != nil {
		return err
	}
	return mayApprove(ctx, s.Store, caller, &d)
}

// MayPublish is nil if Publish would let somebody publish a draft as it is now, unless
// a case that passed no longer does; or says why not.
func (s *Service) MayPublish(ctx context.Context, caller model.Caller, d Draft) error {
	if _, err := s.mayPublish(ctx, s.Store, caller, &d); err != nil {
		return err
	}
	_, err := onBase(ctx, s.Store, &d)
	return err
}

func turnDown(d *Draft) error {
	switch {
	case !d.State.Open():
		return over(d)
	case d.State == Open:
		return model.Errorf(model.CodeConflict, "the draft is not submitted, so there is nothing to turn down")
	}
	d.State, d.SubmittedBy, d.SubmittedAt, d.Digest, d.AloneFrom = Open, "", time.Time{}, "", time.Time{}
	return nil
}

// Publish puts a draft in force, over the policy it was made from: exactly the bytes
// that were approved, while they have no bad row and their cases pass. Without a
// reason its title is the reason.
func (s *Service) Publish(ctx context.Context, caller model.Caller, tenant, id string, version int64, reason string) (policy.Published, error) {
	if err := directory.CheckNote(reason); err != nil {
		return policy.Published{}, err
	}
	d, err := seen(ctx, s.Store, tenant, id, version)
	if err == nil {
		_, err = s.mayPublish(ctx, s.Store, caller, &d)
	}
	if err == nil {
		err = s.ready(ctx, d)
	}
	if err != nil {
		return policy.Published{}, err
	}
	r := policy.Release{Activity: audit.PolicyPublished, Document: d.Document, Cases: d.Cases, Reason: reason, Draft: d.ID, ApprovedBy: d.DecidedBy,
		Personal: map[string]any{"draft": d.ID, "version": d.Version, "title": d.Title, "digest": d.Digest, "approved_by": d.DecidedBy}}
	if r.Reason == "" {
		r.Reason = d.Title
	}
	r.Settle = func(ctx context.Context, tx store.Tx, before store.PolicyRevision, revision int64) (audit.Class, error) {
		if err := directory.Stands(caller, tenant, revision); err != nil {
			return "", err
		}
		d, err := seen(ctx, tx, tenant, id, version)
		if err != nil {
			return "", err
		}
		alone, err := s.mayPublish(ctx, tx, caller, &d)
		switch {
		case err != nil:
			return "", err
		case before.Revision != d.Base:
			return "", &Outdated{Base: d.Base, InForce: before.Revision}
		}
		d.Document, d.Cases = r.Document, r.Cases // what is put in force, whatever the draft says by now
		if digest(&d) != d.Digest {
			return "", fmt.Errorf("draft %s is not what was submitted", d.ID)
		}
		d.State, d.Published, d.PublishedAt = Published, revision, s.now()
		if err := write(ctx, tx, &d); err != nil {
			return "", err
		}
		if !alone {
			return s.class(ctx, tx, caller, tenant, reason)
		}
		return audit.ClassBreakGlass, s.announce(ctx, tx, caller, &d)
	}
	return s.Policy.Release(ctx, caller, tenant, r)
}

// mayPublish lets somebody publish what another has approved, or, where one person
// may, what has waited; alone tells the latter. An approval counts while who gave it
// holds an office.
func (s *Service) mayPublish(ctx context.Context, tx store.Queries, caller model.Caller, d *Draft) (alone bool, err error) {
	switch {
	case !d.State.Open():
		return false, over(d)
	case d.State == Approved && d.DecidedBy == caller.String():
		return false, model.Errorf(model.CodeForbidden, "whoever approved a change does not publish it")
	case d.State == Approved:
		_, err := s.Directory.OfficeOf(ctx, tx, d.Tenant, d.DecidedBy)
		if model.CodeOf(err) == model.CodeForbidden {
			err = model.Errorf(model.CodeConflict, "the change was approved by %s, who holds no office any more; save it and submit it anew", d.DecidedBy)
		}
		return false, err
	case d.State == Submitted && s.Single && !d.AloneFrom.IsZero():
		if s.Now().Before(d.AloneFrom) {
			return false, model.Errorf(model.CodeConflict, "nobody has approved the change, so it may be published from %s on", d.AloneFrom.Format(time.RFC3339))
		}
		return true, nil
	}
	return false, model.Errorf(model.CodeConflict, "the change has not been approved")
}

// Rollback puts the policy of an earlier revision in force again, cases and all: as a
// new revision, since history is never rewritten. It waits for nobody. Only on the host
// can it be one after which nobody could change the policy again.
func (s *Service) Rollback(ctx context.Context, caller model.Caller, tenant string, revision int64, reason string) (policy.Published, error) {
	return s.RollbackFrom(ctx, caller, tenant, 0, revision, reason)
}

// RollbackFrom is Rollback for who has seen what it undoes: the policy of revision
// from is in force, 0 for whichever. Where another one is, it is Outdated.
func (s *Service) RollbackFrom(ctx context.Context, caller model.Caller, tenant string, from, revision int64, reason string) (policy.Published, error) {
	if err := directory.CheckReason(reason); err != nil {
		return policy.Published{}, err
	}
	old, err := s.Revision(ctx, tenant, revision)
	if err != nil {
		return policy.Published{}, err
	}
	if caller.Kind == model.CallerUser { // the host can always go on
		if _, err := s.lasting(ctx, tenant, old.Text); err != nil {
			return policy.Published{}, err
		}
	}
	r := policy.Release{Activity: audit.PolicyRolledBack, Document: old.Text, Cases: old.Cases, Reason: reason,
		Personal: map[string]any{"rolled_back_to": revision}}
	r.Settle = func(ctx context.Context, tx store.Tx, before store.PolicyRevision, next int64) (audit.Class, error) {
		if err := directory.Stands(caller, tenant, next); err != nil {
			return "", err
		}
		if from != 0 && before.Revision != from {
			return "", &Outdated{Base: from, InForce: before.Revision}
		}
		if before.Text == old.Text && before.Cases == old.Cases {
			return "", model.Errorf(model.CodeConflict, "the policy of revision %d is in force already", revision)
		}
		return s.class(ctx, tx, caller, tenant, reason)
	}
	return s.Policy.Release(ctx, caller, tenant, r)
}

// class is that of what a person does by right; on the host it is break-glass.
func (s *Service) class(ctx context.Context, tx store.Tx, caller model.Caller, tenant, reason string) (audit.Class, error) {
	if caller.Kind == model.CallerUser {
		return audit.ClassAdmin, nil
	}
	return directory.BreakGlass(ctx, tx, tenant, reason)
}
