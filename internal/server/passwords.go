package server

import (
	"context"
	"net/http"
	"strconv"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/password"
)

// Passwords is what the server needs to change passwords and to judge new ones.
type Passwords interface {
	// ChangePassword is CodePasswordWrong for a wrong current password and a
	// *password.Rejected for a new one that breaks a rule.
	ChangePassword(ctx context.Context, session login.Session, current, next string) (login.Result, error)
	// InviteStrength is CodeInviteInvalid without a live invitation.
	InviteStrength(ctx context.Context, invite, pass string) (login.Strength, error)
	PasswordStrength(ctx context.Context, session login.Session, pass string) (login.Strength, error)
}

func (s *Server) changePassword(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.PasswordChange](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Passwords.ChangePassword(r.Context(), session, req.Current, req.New)
	return replyLogin(w, res, err)
}

func (s *Server) inviteStrength(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.InviteAcceptance](s, w, r)
	if err != nil {
		return err
	}
	strength, err := s.Passwords.InviteStrength(r.Context(), req.Invite, req.Password)
	return replyStrength(w, r, strength, err)
}

func (s *Server) passwordStrength(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.PasswordQuestion](s, w, r)
	if err != nil {
		return err
	}
	strength, err := s.Passwords.PasswordStrength(r.Context(), session, req.Password)
	return replyStrength(w, r, strength, err)
}

func replyStrength(w http.ResponseWriter, r *http.Request, s login.Strength, err error) error {
	if err != nil {
		return err
	}
	lang := localized(w, r)
	answer := api.PasswordStrength{
		Score: s.Score, GuessesLog10: s.Guesses, Acceptable: len(s.Reasons) == 0,
		Reasons: passwordReasons(lang, s.Reasons, s.Limit), Hints: []api.ProblemDetail{},
	}
	for _, h := range s.Hints {
		answer.Hints = append(answer.Hints, api.ProblemDetail{Code: string(h), Reason: i18n.PasswordHint(lang, string(h))})
	}
	return reply(w, http.StatusOK, answer)
}

// passwordReasons tells reasons in the caller's language; limit is the number a
// reason speaks of.
func passwordReasons(lang i18n.Lang, reasons []password.Reason, limit func(password.Reason) int) []api.ProblemDetail {
	out := []api.ProblemDetail{}
	for _, reason := range reasons {
		out = append(out, api.ProblemDetail{
			Code: string(reason), Reason: i18n.PasswordReason(lang, string(reason), strconv.Itoa(limit(reason))),
		})
	}
	return out
}
