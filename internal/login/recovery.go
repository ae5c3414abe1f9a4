package login

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"unicode"

	"rolegate/internal/audit"
	"rolegate/internal/password"
	"rolegate/internal/store"
	"rolegate/internal/throttle"
	"rolegate/model"
)

// Recovery codes look like "7K3M-9QX2-…": a selector that finds the row and an
// 80-bit secret, in Crockford's base32 without the letters people confuse.
const (
	recoveryCount    = 10
	recoverySelector = 4
	recoverySecret   = 16
	recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// recoveryCodes are shown once (plain) and stored as argon2id hashes (rows).
type recoveryCodes struct {
	plain []string
	rows  []store.RecoveryCode
}

// newRecoveryCodes makes codes of a source; nil is a random one.
func (s *Service) newRecoveryCodes(ctx context.Context, tenant, user string, source io.Reader) (recoveryCodes, error) {
	var codes recoveryCodes
	if source == nil {
		source = rand.Reader
	}
	plain := spellCodes(source)
	for _, code := range plain {
		phc, err := s.Hasher.Hash(ctx, code[recoverySelector:])
		if err != nil {
			return recoveryCodes{}, err
		}
		codes.rows = append(codes.rows, store.RecoveryCode{Selector: code[:recoverySelector], Tenant: tenant, User: user, Hash: []byte(phc)})
	}
	codes.plain = hyphenated(plain)
	return codes, nil
}

// spellCodes spells the codes that a source makes; no two have the same selector.
func spellCodes(source io.Reader) (codes []string) {
	seen := map[string]bool{}
	for len(codes) < recoveryCount {
		code := spellCode(source)
		if selector := code[:recoverySelector]; !seen[selector] {
			seen[selector] = true
			codes = append(codes, code)
		}
	}
	return codes
}

// spellCode takes 5 bits of each byte, so every letter is as likely.
func spellCode(source io.Reader) string {
	b := make([]byte, recoverySelector+recoverySecret)
	if _, err := io.ReadFull(source, b); err != nil { // neither source ends
		panic(err)
	}
	for i := range b {
		b[i] = recoveryAlphabet[b[i]&31]
	}
	return string(b)
}

func hyphenated(codes []string) (spelled []string) {
	for _, code := range codes {
		spelled = append(spelled, hyphenate(code))
	}
	return spelled
}

func hyphenate(code string) string {
	var groups []string
	for ; len(code) > 0; code = code[4:] {
		groups = append(groups, code[:4])
	}
	return strings.Join(groups, "-")
}

// parseRecovery reads a code in either case, with hyphens, blanks or nothing between
// its groups; anything else is no code. Of letters only ASCII has a case here: ſ is no S.
func parseRecovery(code string) (selector, secret string, ok bool) {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '-' || unicode.IsSpace(r):
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, code)
	if len(plain) != recoverySelector+recoverySecret || strings.Trim(plain, recoveryAlphabet) != "" {
		return "", "", false
	}
	return plain[:recoverySelector], plain[recoverySelector:], true
}

// VerifyRecovery is the second step with a recovery code. It opens a session
// that can do one thing, enrol a new device, and hands out the ticket for it.
// Attempts share the ticket's budget with one-time codes.
func (s *Service) VerifyRecovery(ctx context.Context, ticket, code string) (Result, error) {
	tk, err := s.tryTicket(ctx, ticket, store.TicketMFA, audit.RecoveryFailed, s.tryRecovery)
	if err != nil {
		return Result{}, err
	}
	selector, secret, _ := parseRecovery(code)
	row, err := s.Store.RecoveryCode(ctx, tk.Tenant, tk.User, selector)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Result{}, err
	}
	ok, _, err := s.Hasher.Verify(password.Ahead(ctx), string(row.Hash), secret)
	if err != nil {
		return Result{}, s.unheard(ctx, err, throttle.Of(s.recoveryLine(tk.Tenant, tk.User)))
	}
	if !ok || row.Selector == "" || !row.UsedAt.IsZero() {
		return Result{}, s.refuse(ctx, failure(tk.Tenant, tk.User, audit.RecoveryFailed, model.CodeCodeInvalid), s.wrongRecovery())
	}
	return s.recover(ctx, tk, selector)
}

// recover burns the code and opens the re-enrol-only session.
func (s *Service) recover(ctx context.Context, tk store.Ticket, selector string) (Result, error) {
	var res Result
	var refused error
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		res, refused = Result{}, nil
		t, user, err := s.holder(ctx, tx, tk)
		if err == nil {
			err = burn(ctx, tx, tk, selector, s)
		}
		if err != nil {
			refused = err
			return s.recordRefusal(ctx, tx, tk, audit.RecoveryFailed, err)
		}
		if err := endTicket(ctx, tx, tk, s); err != nil {
			return err // rolls back what the code settled; the refusal is recorded with the request
		}
		if err := s.recoveryRight(ctx, tx, tk.Tenant, tk.User); err != nil {
			return err
		}
		if err := s.setChosen(ctx, tx, tk, user); err != nil {
			return err
		}
		p := proof{Methods: append(tk.Methods, "mfa"), At: tk.AuthTime, Level: 1, Recovery: true}
		tokens, err := s.issue(ctx, tx, t, user, p, false)
		if err != nil {
			return err
		}
		if res, err = s.newTicket(ctx, tx, user, store.TicketEnrol, StatusOK, []string{"totp"}, p); err != nil {
			return err
		}
		res.Tokens = &tokens
		left, err := tx.RecoveryCodesLeft(ctx, tk.Tenant, tk.User)
		if err != nil {
			return err
		}
		e := success(user, audit.RecoveryUsed, p)
		e.Personal["codes_left"] = left
		return s.Log.AppendIn(ctx, tx, e)
	})
	return answer(res, err, refused)
}

func burn(ctx context.Context, tx store.Factors, tk store.Ticket, selector string, s *Service) error {
	used, err := tx.UseRecoveryCode(ctx, tk.Tenant, tk.User, selector, s.Now())
	if err != nil || used {
		return err
	}
	return s.wrongRecovery()
}

// RecoveryCodesLeft counts the person's unused recovery codes.
func (s *Service) RecoveryCodesLeft(ctx context.Context, session Session) (int, error) {
	return s.Store.RecoveryCodesLeft(ctx, session.Caller.Tenant, session.Caller.ID)
}

// NewRecoveryCodes makes ten new codes and voids the old ones, with the session and
// the ticket to enrol that one of them may have opened. They are for who has a device: without
// one there is nothing to recover. The same form (NewForm, or "") is shown the same codes
// for a minute, and makes no others: CodeConflict once they are no longer whole.
func (s *Service) NewRecoveryCodes(ctx context.Context, session Session, form string) ([]string, error) {
	caller := session.Caller
	devices, err := s.Store.Devices(ctx, caller.Tenant, caller.ID)
	if err != nil {
		return nil, err
	}
	if len(devices) == 0 {
		return nil, errNeedsDevice
	}
	a, of := s.formOf(session, form, ""), named{caller.Tenant, caller.ID, ""}
	codes, err := s.codesToRenew(ctx, a, of)
	if err != nil {
		return nil, err
	}
	shown := codes.plain
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		shown = codes.plain
		o, err := s.owner(ctx, tx, session)
		if err != nil {
			return err
		}
		if len(o.devices) == 0 { // the last one was removed meanwhile
			return errNeedsDevice
		}
		same, err := s.sameCodes(ctx, tx, a, of)
		if err != nil {
			return err
		}
		if same != nil {
			shown = hyphenated(same)
			return s.Log.AppendIn(ctx, tx, o.did(audit.RecoveryShown))
		}
		if len(codes.rows) == 0 { // none were made, as the form had made some
			return errFormSpent
		}
		if err := s.spendForm(ctx, tx, a, of); err != nil {
			return err
		}
		if err := s.replaceCodes(ctx, tx, o.user, codes.rows); err != nil {
			return err
		}
		e := o.did(audit.RecoveryRenewed)
		e.Personal["codes_left"] = len(codes.rows)
		return s.Log.AppendIn(ctx, tx, e)
	})
	if err != nil {
		return nil, err
	}
	s.sweepSpent(ctx)
	return shown, nil
}

// replaceCodes puts other codes, or none, in the place of a person's, and ends what those
// opened.
func (s *Service) replaceCodes(ctx context.Context, tx store.Tx, u model.User, codes []store.RecoveryCode) error {
	if err := tx.ReplaceRecoveryCodes(ctx, u.Tenant, u.ID, codes); err != nil {
		return err
	}
	if _, err := tx.EndTickets(ctx, u.Tenant, u.ID, s.Now()); err != nil {
		return err
	}
	return s.endRecovered(ctx, tx, u)
}

// codesToRenew makes and hashes codes outside the transaction, where the form has made
// none yet: ten hashes are not for the asking.
func (s *Service) codesToRenew(ctx context.Context, a asked, of named) (recoveryCodes, error) {
	spent, err := s.Store.IsSpent(ctx, spentForm(a.form))
	if err != nil {
		return recoveryCodes{}, err
	}
	if spent { // shown again in the transaction, or refused there
		return recoveryCodes{}, nil
	}
	if err := s.tryRenewal(ctx, of.tenant, of.user); err != nil {
		return recoveryCodes{}, err
	}
	codes, err := s.newRecoveryCodes(ctx, of.tenant, of.user, s.source(a, of, s.Now()))
	if err != nil && ctx.Err() == nil { // otherwise some of them were hashed
		err = s.unheard(ctx, err, throttle.Of(s.renewalLine(of.tenant, of.user)))
	}
	return codes, err
}
