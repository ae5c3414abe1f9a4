package login

import (
	"context"
	"crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/model"
)

// A form whose answer is recovery codes may be sent twice, by a second click on its
// button, and then a browser shows the answer to the second. So the same form is shown
// the same codes for a minute: they are made of a secret that is in the form and nowhere
// else, and of a key of ours. Nothing readable is stored, every replica makes the same
// ones, and nobody else, nor we without the form, can make them (decision 0049).

// againFor is how long codes are shown again, at least; at most it is twice that.
const againFor = time.Minute

// formPlace is what the name of a form is sealed to.
var formPlace = keyring.Place{Table: "forms", Row: "name", Column: "recovery codes"}

// NewForm names a form that asks for recovery codes of the session's person: it goes
// with what is asked, in a hidden field.
func (s *Service) NewForm(session Session) (string, error) {
	return s.newForm(session.Caller.Tenant, session.Caller.ID)
}

// newForm seals whose form it is. No two have the same name, as each is sealed with
// randomness of its own.
func (s *Service) newForm(tenant, user string) (string, error) {
	plain, err := json.Marshal([2]string{tenant, user})
	if err != nil {
		return "", err
	}
	sealed, err := s.KEK.Seal(plain, formPlace)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openForm tells whose form it is.
func (s *Service) openForm(form string) (tenant, user string, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(form)
	if err != nil {
		return "", "", false
	}
	plain, err := s.KEK.Open(sealed, formPlace)
	if err != nil {
		return "", "", false
	}
	var of [2]string
	return of[0], of[1], json.Unmarshal(plain, &of) == nil && of[0] != "" && of[1] != ""
}

// asked is a form as it was sent: its name, and the one-time code in it.
type asked struct{ form, code string }

// formOf is the form as its own person sends it: nobody else's is taken for one.
func (s *Service) formOf(session Session, form, code string) asked {
	if tenant, user, _ := s.openForm(form); tenant != session.Caller.Tenant || user != session.Caller.ID {
		return asked{code: code}
	}
	return asked{form, code}
}

// source is what a form's codes are made of at a moment: nil for what is no form, or
// another person's.
func (s *Service) source(a asked, tenant, user string, at time.Time) io.Reader {
	if t, u, ok := s.openForm(a.form); !ok || t != tenant || u != user {
		return nil
	}
	minute := binary.BigEndian.AppendUint64(nil, uint64(at.Truncate(againFor).Unix()))
	stream := sha3.NewSHAKE256()
	stream.Write(s.KEK.MAC("recovery codes", []byte(tenant), []byte(user), []byte(a.form), []byte(a.code), minute))
	return stream
}

// sameCodes are those that the same form made a moment ago, if all of them are good
// still; nil where they are not.
func (s *Service) sameCodes(ctx context.Context, q store.Factors, a asked, tenant, user string) ([]string, error) {
	now := s.Now()
	for _, at := range []time.Time{now, now.Add(-againFor), now.Add(againFor)} { // the other may have begun later
		source := s.source(a, tenant, user, at)
		if source == nil {
			return nil, nil
		}
		codes := spellCodes(source)
		if good, err := s.allGood(ctx, q, tenant, user, codes); err != nil || good {
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

// CodesAgain shows the codes that the same form made a moment ago: CodeNotFound where it
// made none, they are no longer good, or the moment is over. It asks for no session, as
// the first answer may have ended the one that the form came with.
func (s *Service) CodesAgain(ctx context.Context, form, code string) (codes []string, err error) {
	none := &model.Error{Code: model.CodeNotFound}
	tenant, user, ok := s.openForm(form)
	if !ok {
		return nil, none
	}
	a := asked{form, code}
	if codes, err = s.sameCodes(ctx, s.Store, a, tenant, user); err != nil || codes == nil {
		return nil, cmpErr(err, none)
	}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		u, err := tx.User(ctx, tenant, user)
		if err != nil {
			return notFound(err, none)
		}
		if codes, err = s.sameCodes(ctx, tx, a, tenant, user); err != nil || codes == nil || u.Disabled {
			return cmpErr(err, none)
		}
		return s.Log.AppendIn(ctx, tx, success(u, audit.RecoveryShown, proof{}))
	})
	if err != nil {
		return nil, err
	}
	return hyphenated(codes), nil
}

// twice does what a form asks, or, where the same form has done it, shows its codes again;
// also where that came between.
func (s *Service) twice(ctx context.Context, a asked, do func() error) (again []string, err error) {
	if again, err = s.CodesAgain(ctx, a.form, a.code); err == nil {
		return again, nil
	}
	if err = do(); err == nil {
		return nil, nil
	}
	if again, failed := s.CodesAgain(ctx, a.form, a.code); failed == nil {
		return again, nil
	}
	return nil, err
}
