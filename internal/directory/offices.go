package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// OfficeRequestTTL is how long a request for an office waits for its approval.
const OfficeRequestTTL = 72 * time.Hour

// maxReason bounds what people write as a reason, in bytes.
const maxReason = 1_000

// OfficeRequest is a request and, once it was approved, the revision in which the
// office is held.
type OfficeRequest struct {
	store.OfficeRequest
	Revision int64
}

// RequestOffice asks for an office for somebody, as the holder of one. It changes
// nothing until the holder of another office approves it.
func (s *Service) RequestOffice(ctx context.Context, caller model.Caller, tenant, member, office, reason string) (OfficeRequest, error) {
	r := store.OfficeRequest{ID: rand.Text(), Tenant: tenant, Member: "user:" + bareUser(member), Office: Bare("role", office), Reason: reason,
		RequestedBy: caller.String(), State: store.RequestPending}
	switch {
	case !model.IsOffice(r.Office):
		return OfficeRequest{}, model.Errorf(model.CodeInvalidRequest, "%q is no office; there are %s", r.Office, strings.Join(model.Offices, ", "))
	case r.Member == r.RequestedBy:
		return OfficeRequest{}, model.Errorf(model.CodeForbidden, "nobody asks for an office for themselves")
	}
	if err := CheckReason(reason); err != nil {
		return OfficeRequest{}, err
	}
	var revision int64
	err := s.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if revision, err = TakeBy(ctx, tx, caller, tenant); err != nil {
			return err
		}
		now := s.Now()
		r.CreatedAt, r.ExpiresAt = now, now.Add(OfficeRequestTTL)
		if _, err := s.lastingOffice(ctx, tx, tenant, r.RequestedBy); err != nil {
			return err
		}
		if err := s.mayTake(ctx, tx, r); err != nil {
			return err
		}
		pending, err := tx.OfficePending(ctx, tenant, r.Member, r.Office, now)
		if err != nil {
			return err
		}
		if pending {
			return model.Errorf(model.CodeConflict, "for the account %s the office %s was asked for already, and nobody has decided yet", bareUser(member), r.Office)
		}
		if err := tx.InsertOfficeRequest(ctx, r); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, officeEntry(caller, r, audit.OfficeRequested))
	})
	return OfficeRequest{r, revision}, err
}

// mayTake refuses an office to whom it could not be given anyway, or has it, and to an
// account without a second factor: whoever enrols the first one would hold the office.
func (s *Service) mayTake(ctx context.Context, tx store.Queries, r store.OfficeRequest) error {
	u, err := user(ctx, tx, r.Tenant, r.Member)
	if err != nil {
		return err
	}
	devices, err := tx.Devices(ctx, r.Tenant, u.ID)
	if err != nil {
		return err
	}
	if len(devices) == 0 {
		return model.Errorf(model.CodeDeviceRequired, "the account %s has no second factor yet; an office is for whoever has one", u.ID)
	}
	held, err := tx.Assignments(ctx, r.Tenant, r.Member, r.Office)
	if err != nil {
		return err
	}
	if len(held) > 0 && !held[0].EndedAt(s.Now()) {
		return model.Errorf(model.CodeConflict, "the office %s is held by %s already", r.Office, r.Member)
	}
	return oneOffice(ctx, tx, r.Tenant, model.Assignment{Member: r.Member, Role: r.Office})
}

// ApproveOffice gives the office that was asked for. Three people take part: who
// asked, who approves, and who gets it; the first two hold two different offices
// now, whatever they held then.
func (s *Service) ApproveOffice(ctx context.Context, caller model.Caller, tenant, id string) (OfficeRequest, error) {
	return s.decideOffice(ctx, caller, tenant, id, store.RequestApproved, func(tx store.Tx, r store.OfficeRequest) error {
		approver := caller.String()
		if approver == r.RequestedBy || approver == r.Member {
			return model.Errorf(model.CodeForbidden, "who asked for the office, who approves it and who gets it are three people")
		}
		asked, err := s.lastingOffice(ctx, tx, tenant, r.RequestedBy)
		if err != nil {
			return err
		}
		approves, err := s.lastingOffice(ctx, tx, tenant, approver)
		if err != nil {
			return err
		}
		if asked == approves {
			return model.Errorf(model.CodeForbidden, "an approval is by the holder of another office: %s and %s both hold %s", r.RequestedBy, approver, asked)
		}
		if err := s.mayTake(ctx, tx, r); err != nil {
			return err
		}
		return s.give(ctx, tx, tenant, model.Assignment{Member: r.Member, Role: r.Office}, new(inherited))
	})
}

// DenyOffice turns a request down, or takes it back.
func (s *Service) DenyOffice(ctx context.Context, caller model.Caller, tenant, id string) (OfficeRequest, error) {
	return s.decideOffice(ctx, caller, tenant, id, store.RequestDenied, func(tx store.Tx, _ store.OfficeRequest) error {
		_, err := s.OfficeOf(ctx, tx, tenant, caller.String())
		return err
	})
}

// decideOffice settles a pending request, if settle has nothing against it.
func (s *Service) decideOffice(ctx context.Context, caller model.Caller, tenant, id string, state store.RequestState,
	settle func(store.Tx, store.OfficeRequest) error) (done OfficeRequest, err error) {
	activity := audit.OfficeDenied
	if state == store.RequestApproved {
		activity = audit.OfficeApproved
	}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		r, err := tx.OfficeRequest(ctx, tenant, id)
		if errors.Is(err, store.ErrNotFound) {
			return unknownRequest(id)
		}
		if err != nil {
			return err
		}
		if done.Revision, err = TakeBy(ctx, tx, caller, tenant, memberChange(r.Member)); err != nil {
			return err
		}
		// First of all, so that of two approvals one gives the office.
		took, err := tx.DecideOfficeRequest(ctx, tenant, id, state, caller.String(), s.Now())
		switch {
		case err != nil:
			return err
		case !took && r.State == store.RequestPending && !s.Now().Before(r.ExpiresAt):
			return model.Errorf(model.CodeConflict, "the request has expired; ask anew")
		case !took:
			return model.Errorf(model.CodeConflict, "the request has been decided already")
		}
		if err := settle(tx, r); err != nil {
			return err
		}
		if done.OfficeRequest, err = tx.OfficeRequest(ctx, tenant, id); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, officeEntry(caller, r, activity))
	})
	if err != nil {
		return OfficeRequest{}, err
	}
	return done, nil
}

// OfficeRequests lists the newest requests, newest first.
func (s *Service) OfficeRequests(ctx context.Context, tenant string, limit int) ([]store.OfficeRequest, error) {
	return s.Store.OfficeRequests(ctx, tenant, limit)
}

// OfficeOf is the office that somebody who can log in holds now. Without one
// nobody asks for, or decides about, an office, whatever the policy says.
func (s *Service) OfficeOf(ctx context.Context, tx store.Queries, tenant, member string) (string, error) {
	held, err := s.officeOf(ctx, tx, tenant, member)
	return held.Role, err
}

// lastingOffice is OfficeOf for who gives an office, which has no end: no longer than they
// hold their own.
func (s *Service) lastingOffice(ctx context.Context, tx store.Queries, tenant, member string) (string, error) {
	held, err := s.officeOf(ctx, tx, tenant, member)
	if err == nil && !held.Until.IsZero() {
		err = model.Errorf(model.CodeForbidden, "an office is given by who holds one without an end, and %s holds %s for a time", member, held.Role)
	}
	return held.Role, err
}

func (s *Service) officeOf(ctx context.Context, tx store.Queries, tenant, member string) (model.Assignment, error) {
	can, err := CanLogIn(ctx, tx, tenant, member)
	if err != nil {
		return model.Assignment{}, err
	}
	held, err := tx.Assignments(ctx, tenant, member, "")
	if err != nil {
		return model.Assignment{}, err
	}
	now := s.Now()
	for _, h := range held {
		if can && model.IsOffice(h.Role) && h.ActiveAt(now) {
			return h, nil
		}
	}
	return model.Assignment{}, model.Errorf(model.CodeForbidden, "no office is held by %s", member)
}

// CheckReason refuses an act without a reason, where one is due.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return model.Errorf(model.CodeReasonRequired, "say why; the reason is recorded")
	}
	return CheckNote(reason)
}

// CheckNote refuses a reason, where none is due, that nobody would read, or that shows
// otherwise than it is written.
func CheckNote(reason string) error {
	switch {
	case len(reason) > maxReason:
		return model.Errorf(model.CodeInvalidRequest, "the reason is longer than %d bytes", maxReason)
	case !PlainText(reason):
		return model.Errorf(model.CodeInvalidRequest, "the reason has a character in it that cannot be seen")
	}
	return nil
}

// PlainText tells text of one or several lines from what moves a terminal's cursor or
// turns the letters behind it round.
func PlainText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) || unicode.Is(unicode.Bidi_Control, r)
	})
}

func officeEntry(caller model.Caller, r store.OfficeRequest, a audit.Activity) audit.Entry {
	e := act(caller, r.Tenant, a, r.Reason, map[string]any{"request": r.ID, "requested_by": r.RequestedBy})
	e.Roles, e.Person = []string{model.RolePrefix + r.Office}, r.Member
	return e
}

func unknownRequest(id string) error {
	return model.Errorf(model.CodeNotFound, "there is no request %q for an office", id)
}
