package administration

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Policies is Rolegate's own object that rights over the policy are about.
const Policies = "rolegate.policy"

// Actions of it, beside Read and Approve.
const (
	Import   = "import" // make a draft, write to it, submit it, withdraw it
	Explain  = "explain"
	Simulate = "simulate"
	Publish  = "publish"
	Rollback = "rollback"
)

// Policy is the policy in force; of revision 0 and empty before the first.
func (o *Officer) Policy(ctx context.Context) (r change.Revision, err error) {
	return reading(ctx, o, func() (change.Revision, int, error) {
		r, err := o.Change.Current(ctx, o.tenant)
		return r, 1, err
	})
}

// Revisions lists the published policies before a revision, or all (0), newest
// first, texts left out.
func (o *Officer) Revisions(ctx context.Context, before int64, limit int) ([]change.Revision, error) {
	return reading(ctx, o, func() ([]change.Revision, int, error) {
		rs, err := o.Change.Revisions(ctx, o.tenant, before, limit)
		return rs, len(rs), err
	})
}

// Revision is one published policy; CodeNotFound for none.
func (o *Officer) Revision(ctx context.Context, revision int64) (change.Revision, error) {
	return reading(ctx, o, func() (change.Revision, int, error) {
		r, err := o.Change.Revision(ctx, o.tenant, revision)
		return r, 1, err
	})
}

// Drafts lists changes on their way, and behind them what became of the last; texts
// left out.
func (o *Officer) Drafts(ctx context.Context) ([]change.Draft, error) {
	return reading(ctx, o, func() ([]change.Draft, int, error) {
		ds, err := o.Change.Drafts(ctx, o.tenant)
		return ds, len(ds), err
	})
}

// Draft is one; CodeNotFound for none.
func (o *Officer) Draft(ctx context.Context, id string) (change.Draft, error) {
	return reading(ctx, o, func() (change.Draft, int, error) {
		d, err := o.Change.Draft(ctx, o.tenant, id)
		return d, 1, err
	})
}

// LookAtDraft is a draft with all that is to be seen of it, without its sentences.
func (o *Officer) LookAtDraft(ctx context.Context, id string) (change.Look, error) {
	return reading(ctx, o, func() (change.Look, int, error) {
		l, err := o.Change.Look(ctx, o.tenant, id)
		return l, 1, err
	})
}

// Compare tells what changes from one published policy to another, see
// change.Service.Compare.
func (o *Officer) Compare(ctx context.Context, from, to int64) ([]model.RowChange, error) {
	return reading(ctx, o, func() ([]model.RowChange, int, error) {
		cs, err := o.Change.Compare(ctx, o.tenant, from, to)
		return cs, len(cs), err
	})
}

// LookBack looks at going back to the policy of a revision, without its sentences.
func (o *Officer) LookBack(ctx context.Context, revision int64) (change.Back, error) {
	return reading(ctx, o, func() (change.Back, int, error) {
		b, err := o.Change.LookBack(ctx, o.tenant, revision)
		return b, 1, err
	})
}

// Conflicts lists what RebaseDraft would find both sides to have changed.
func (o *Officer) Conflicts(ctx context.Context, id string) ([]change.Conflict, error) {
	return reading(ctx, o, func() ([]change.Conflict, int, error) {
		cs, err := o.Change.Conflicts(ctx, o.tenant, id)
		return cs, len(cs), err
	})
}

// Applied tells by which policy decisions are made here now. It is asked again and
// again, and says nothing of what the policy says: no record is made.
func (o *Officer) Applied(ctx context.Context) (change.Applied, error) {
	if _, err := o.right(ctx, model.AnyRecord, ""); err != nil {
		return change.Applied{}, err
	}
	return o.Change.Applied(ctx, o.tenant)
}

// AppliedRevision is Applied for who asks about a revision; CodeNotFound for none.
func (o *Officer) AppliedRevision(ctx context.Context, revision int64) (change.Applied, error) {
	if _, err := o.right(ctx, model.AnyRecord, ""); err != nil {
		return change.Applied{}, err
	}
	return o.Change.AppliedRevision(ctx, o.tenant, revision)
}

// Outlook says what a person could do to a draft as it is, a second factor proven:
// nil, or why not. It decides nothing.
type Outlook struct {
	Write   error // save, submit, withdraw or rebase it
	Approve error
	Reject  error
	Publish error
}

// Outlook tells what to offer of a draft.
func (o *Officer) Outlook(ctx context.Context, d change.Draft) (w Outlook, err error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return w, err
	}
	for _, act := range []struct {
		action string
		why    *error
		rule   func(context.Context, model.Caller, change.Draft) error
	}{
		{Import, &w.Write, o.Change.MayWrite}, {Approve, &w.Approve, o.Change.MayApprove},
		{Approve, &w.Reject, o.Change.MayReject}, {Publish, &w.Publish, o.Change.MayPublish},
	} {
		_, why := at.ask(ctx, Policies, act.action, d.ID, "")
		if why == nil || model.CodeOf(why) == model.CodeStepUp {
			why = act.rule(ctx, at.caller, d)
		}
		switch model.CodeOf(why) {
		case "", model.CodeForbidden, model.CodeConflict, model.CodePrecondition:
			*act.why = why
		default:
			return Outlook{}, why
		}
	}
	return w, nil
}

// reading shows something of the policy to whoever may read it, whatever else they
// came for, and records it.
func reading[T any](ctx context.Context, o *Officer, read func() (found T, count int, err error)) (none T, err error) {
	reader := *o
	reader.action = Read
	return observing(ctx, &reader, read)
}

// observing does what changes nothing by right, and records it.
func observing[T any](ctx context.Context, o *Officer, read func() (found T, count int, err error)) (none T, err error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return none, err
	}
	found, count, err := read()
	if err == nil {
		err = o.read(ctx, at, audit.PolicyRead, "", count)
	}
	if err != nil {
		return none, err
	}
	return found, nil
}

// Notices are for whoever holds an office, whatever the policy lets them do: what
// one person alone is about to change, or has changed of late. For others there are
// none.
func (o *Officer) Notices(ctx context.Context) ([]change.Notice, error) {
	return o.Change.Notices(ctx, o.caller, o.tenant)
}

// CreateDraft makes a draft: a copy of the policy in force.
func (o *Officer) CreateDraft(ctx context.Context, title string) (d change.Draft, err error) {
	err = o.settle(ctx, model.AnyRecord, "", func(at *standing) error {
		d, err = o.Change.Create(ctx, at.caller, o.tenant, title)
		return err
	})
	return d, err
}

// SaveDraft writes to a draft as it was at a version; see change.Moved.
func (o *Officer) SaveDraft(ctx context.Context, id string, version int64, e change.Edit) (d change.Draft, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		d, err = o.Change.Save(ctx, at.caller, o.tenant, id, version, e)
		return err
	})
	return d, err
}

// SubmitDraft hands a draft to somebody else.
func (o *Officer) SubmitDraft(ctx context.Context, id string, version int64) (d change.Draft, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		d, err = o.Change.Submit(ctx, at.caller, o.tenant, id, version)
		return err
	})
	return d, err
}

// WithdrawDraft gives a draft up.
func (o *Officer) WithdrawDraft(ctx context.Context, id string, version int64) (d change.Draft, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		d, err = o.Change.Withdraw(ctx, at.caller, o.tenant, id, version)
		return err
	})
	return d, err
}

// RebaseDraft makes a draft one of the policy that is in force by now.
func (o *Officer) RebaseDraft(ctx context.Context, id string, version int64) (d change.Draft, conflicts []change.Conflict, err error) {
	err = o.settle(ctx, id, "", func(at *standing) error {
		d, conflicts, err = o.Change.Rebase(ctx, at.caller, o.tenant, id, version)
		return err
	})
	return d, conflicts, err
}

// DecideDraft approves what was submitted, or turns it down with a comment, by who
// has proven a second factor lately.
func (o *Officer) DecideDraft(ctx context.Context, id string, version int64, approve bool, comment string) (d change.Draft, err error) {
	err = o.settleFresh(ctx, id, func(at *standing) error {
		d, err = o.Change.Decide(ctx, at.caller, o.tenant, id, version, approve, comment)
		return err
	})
	return d, err
}

// PublishDraft puts what was approved in force, by who has proven a second factor
// lately. Without a reason its title is the reason.
func (o *Officer) PublishDraft(ctx context.Context, id string, version int64, reason string) (p policy.Published, err error) {
	err = o.settleFresh(ctx, id, func(at *standing) error {
		p, err = o.Change.Publish(ctx, at.caller, o.tenant, id, version, reason)
		return err
	})
	return p, err
}

// Rollback puts the policy of an earlier revision in force again, as a new one, by
// who has proven a second factor lately.
func (o *Officer) Rollback(ctx context.Context, revision int64, reason string) (p policy.Published, err error) {
	err = o.settleFresh(ctx, model.AnyRecord, func(at *standing) error {
		p, err = o.Change.Rollback(ctx, at.caller, o.tenant, revision, reason)
		return err
	})
	return p, err
}

// RollbackFrom is Rollback for who has seen which policy it replaces.
func (o *Officer) RollbackFrom(ctx context.Context, from, revision int64, reason string) (p policy.Published, err error) {
	err = o.settleFresh(ctx, model.AnyRecord, func(at *standing) error {
		p, err = o.Change.RollbackFrom(ctx, at.caller, o.tenant, from, revision, reason)
		return err
	})
	return p, err
}

// settleFresh is settle for what nobody does who has not proven a second factor
// lately, whatever the rows of the policy ask.
func (o *Officer) settleFresh(ctx context.Context, id string, act func(at *standing) error) error {
	return o.settle(ctx, id, "", func(at *standing) error {
		if !at.fresh() {
			return errStepUp
		}
		return act(at)
	})
}

// fresh tells whether the person has proven a second factor lately.
func (at *standing) fresh() bool {
	a := at.session.Assurance
	return !at.session.Restricted && a.Level >= 2 && at.Now().Sub(a.AuthTime) <= login.FreshFor
}

// CheckDraft lists what is noticed about a draft and what it changes of the policy in
// force, without their sentences.
func (o *Officer) CheckDraft(ctx context.Context, id string) ([]model.Finding, error) {
	return reading(ctx, o, func() ([]model.Finding, int, error) {
		fs, err := o.Change.Check(ctx, o.tenant, id)
		return fs, len(fs), err
	})
}

// DiffDraft tells what a draft changes of the policy in force, row by row.
func (o *Officer) DiffDraft(ctx context.Context, id string) ([]model.RowChange, error) {
	return reading(ctx, o, func() ([]model.RowChange, int, error) {
		cs, err := o.Change.Diff(ctx, o.tenant, id)
		return cs, len(cs), err
	})
}

// TestDraft asks a draft's cases of the people there are.
func (o *Officer) TestDraft(ctx context.Context, id string) ([]model.CaseResult, error) {
	return reading(ctx, o, func() ([]model.CaseResult, int, error) {
		rs, err := o.Change.Test(ctx, o.tenant, id)
		return rs, len(rs), err
	})
}

// Explain gives every reason of a decision about somebody else's question. It is
// recorded as the explanation it is.
func (o *Officer) Explain(ctx context.Context, r policy.ExplainRequest) (policy.Explained, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return policy.Explained{}, err
	}
	return o.Service.Policy.Explain(ctx, at.caller, r)
}

// Permissions gives what a subject may do at all.
func (o *Officer) Permissions(ctx context.Context, r policy.PermissionsRequest) (model.Permissions, error) {
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return model.Permissions{}, err
	}
	return o.Service.Policy.Permissions(ctx, at.caller, r)
}
