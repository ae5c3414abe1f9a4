package login

import (
	"context"
	"crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// A form whose answer is recovery codes may be sent twice, by a second click on its
// button, and then a browser shows the answer to the second. So the same form is shown
// the same codes for a minute: they are made of a secret that is in the form and nowhere
// else, and of a key of ours. Nothing readable is stored, every replica makes the same
// ones, and nobody else, nor we without the form, can make them (decision 0049).
//
// A form makes codes once, or what was used or replaced since would be good again: one
// that confirms a device since that is confirmed once, one that asks for new codes since
// it is spent in the transaction that stores them.

// againFor is how long codes are shown again, at least; at most it is twice that.
const againFor = time.Minute

// spentForms is how long it is remembered that a form has made its codes. After that it
// makes other ones, as the minute is in what they are made of.
const spentForms = 24 * time.Hour

// formPlace is what the name of a form is sealed to.
var formPlace = keyring.Place{Table: "forms", Row: "name", Column: "recovery codes"}

var (
	errNoCodes   = &model.Error{Code: model.CodeNotFound}
	errFormSpent = model.Errorf(model.CodeConflict, "this page has made its recovery codes, and they were used or replaced since; ask for new ones if you need them")
)

// named is what the name of a form says: whose it is, and the device that it confirms, ""
// where it asks for new codes.
type named struct{ tenant, user, device string }

// NewForm names a form that asks for new recovery codes of the session's person: it goes
// with what is asked, in a hidden field.
func (s *Service) NewForm(session Session) (string, error) {
	return s.newForm(named{session.Caller.Tenant, session.Caller.ID, ""})
}

// newForm seals what a form is for. No two have the same name, as each is sealed with
// randomness of its own.
func (s *Service) newForm(of named) (string, error) {
	plain, err := json.Marshal([3]string{of.tenant, of.user, of.device})
	if err != nil {
		return "", err
	}
	sealed, err := s.KEK.Seal(plain, formPlace)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openForm tells what a form is for. It has one spelling: line ends, which a decoder
// passes over, make it none.
func (s *Service) openForm(form string) (of named, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(form)
	if err != nil || strings.ContainsAny(form, "\r\n") {
		return named{}, false
	}
	plain, err := s.KEK.Open(sealed, formPlace)
	if err != nil {
		return named{}, false
	}
	var says [3]string
	if json.Unmarshal(plain, &says) != nil || says[0] == "" || says[1] == "" {
		return named{}, false
	}
	return named{says[0], says[1], says[2]}, true
}

// asked is a form as it was sent: its name, and the one-time code in it.
type asked struct{ form, code string }

// formOf is the form as its own person sends it: nobody else's is taken for one.
func (s *Service) formOf(session Session, form, code string) asked {
	if of, _ := s.openForm(form); of.tenant != session.Caller.Tenant || of.user != session.Caller.ID {
		return asked{code: code}
	}
	return asked{form, code}
}

// source is what a form's codes are made of at a moment: nil for what is no form, or
// one for something else.
func (s *Service) source(a asked, of named, at time.Time) io.Reader {
	if is, ok := s.openForm(a.form); !ok || is != of {
		return nil
	}
	minute := binary.BigEndian.AppendUint64(nil, uint64(at.Truncate(againFor).Unix()))
	stream := sha3.NewSHAKE256()
	stream.Write(s.KEK.MAC("recovery codes", []byte(of.tenant), []byte(of.user), []byte(a.form), []byte(a.code), minute))
	return stream
}

// sameCodes are those that the same form made a moment ago, if all of them are good
// still; nil where they are not.
func (s *Service) sameCodes(ctx context.Context, q store.Factors, a asked, of named) ([]string, error) {
	now := s.Now()
	for _, at := range []time.Time{now, now.Add(-againFor), now.Add(againFor)} { // the other may have begun later
		source := s.source(a, of, at)
		if source == nil {
			return nil, nil
		}
		codes := spellCodes(source)
		if good, err := s.allGood(ctx, q, of.tenant, of.user, codes); err != nil || good {
			return codes, err
		}
	}
	return nil, nil
}

// allGood tells whether the codes are the person's and none was used. Ten selectors have
// 200 bits: the codes are those, or the form did not make them.
func (s *Service) allGood(ctx context.Context, q store.Factors, tenant, user string, codes []string) (bool, error) {
	for _, code := range codes {
		row, err := q.RecoveryCode(ctx, tenant, user, code[:recoverySelector])
		if err != nil {
			return false, ignore(err, store.ErrNotFound)
		}
		if !row.UsedAt.IsZero() {
			return false, nil
		}
	}
	return true, nil
}

// spentForm is what is spent of a form that asks for new codes; see usedAssertion.
func spentForm(form string) []byte { return token.Hash("f" + form) }

// spendForm lets a form make codes: once. What is no form makes them as often as it likes,
// as those are random.
func (s *Service) spendForm(ctx context.Context, tx store.Spent, a asked, of named) error {
	if is, ok := s.openForm(a.form); !ok || is != of {
		return nil
	}
	if first, err := tx.Spend(ctx, spentForm(a.form), s.Now().Add(spentForms)); err != nil || !first {
		return cmpErr(err, errFormSpent)
	}
	return nil
}

// CodesAgain shows the codes that the form made which confirmed a person's first device a
// moment ago, to the same form with the same one-time code. It asks for no session, as the
// first answer may have ended the one that the form came with; so each try is charged as
// one of a one-time code is, and taken back where it was right: a used code earns nothing.
//
// CodeNotFound where no device was confirmed so, CodeCodeInvalid where the code is another,
// or the codes are no longer whole. A form that asks for new codes is none for this:
// whoever sends that has a session, and has to prove a factor.
func (s *Service) CodesAgain(ctx context.Context, form, code string) (codes []string, err error) {
	of, ok := s.openForm(form)
	if !ok || of.device == "" || code == "" {
		return nil, errNoCodes
	}
	if just, err := s.justConfirmed(ctx, of); err != nil || !just {
		return nil, cmpErr(err, errNoCodes)
	}
	try, err := s.charge(ctx, s.codeLine(of.tenant, of.user))
	if err != nil {
		return nil, err
	}
	var refused error
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		refused = nil
		_, u, err := s.holder(ctx, tx, store.Ticket{Tenant: of.tenant, User: of.user})
		if err != nil {
			return err
		}
		if codes, err = s.sameCodes(ctx, tx, asked{form, code}, of); err != nil {
			return err
		}
		if codes == nil {
			refused = s.wrong()
			return s.recordFailure(ctx, tx, failure(of.tenant, of.user, audit.EnrolFailed, model.CodeCodeInvalid), refused)
		}
		return s.Log.AppendIn(ctx, tx, success(u, audit.RecoveryShown, proof{}))
	})
	if codes, err = answer(codes, err, refused); err != nil {
		return nil, err
	}
	s.ledger.Undo(ctx, s.Store, s.Now, try)
	return hyphenated(codes), nil
}

// justConfirmed tells whether the form's device is its person's only one, and was
// confirmed within the time that codes are shown again.
func (s *Service) justConfirmed(ctx context.Context, of named) (bool, error) {
	devices, err := s.Store.Devices(ctx, of.tenant, of.user)
	if err != nil || len(devices) != 1 {
		return false, err
	}
	return devices[0].ID == of.device && s.Now().Sub(devices[0].ConfirmedAt).Abs() < 2*againFor, nil
}

// twice does what a form asks, or, where the same form has done it, shows its codes again;
// also where that came between.
func (s *Service) twice(ctx context.Context, a asked, do func() error) (again []string, err error) {
	if again, err = s.CodesAgain(ctx, a.form, a.code); model.CodeOf(err) != model.CodeNotFound {
		return again, err
	}
	if err = do(); err == nil {
		return nil, nil
	}
	if again, failed := s.CodesAgain(ctx, a.form, a.code); failed == nil {
		return again, nil
	}
	return nil, err
}
