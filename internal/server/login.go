package server

import (
	"net/http"
	"strconv"
	"time"

	"rolegate/api"
	"rolegate/internal/login"
	"rolegate/model"
)

func (s *Server) acceptInvite(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.InviteAcceptance](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.AcceptInvite(r.Context(), req.Invite, req.Password)
	return replyPassed(w, r, res, err)
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.LoginRequest](s, w, r)
	if err != nil {
		return err
	}
	if req.Tenant == "" {
		req.Tenant = model.DefaultTenant
	}
	res, err := s.Login.Login(r.Context(), req.Tenant, req.Username, req.Password)
	return replyPassed(w, r, res, err)
}

func (s *Server) verifyTOTP(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.CodeRequest](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.VerifyTOTP(r.Context(), req.Ticket, req.Code)
	return replyPassed(w, r, res, err)
}

func (s *Server) verifyRecovery(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.CodeRequest](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.VerifyRecovery(r.Context(), req.Ticket, req.Code)
	return replyLogin(w, res, err)
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.TicketRequest](s, w, r)
	if err != nil {
		return err
	}
	e, err := s.Login.Enrol(r.Context(), req.Ticket)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, enrolmentOf(e))
}

func (s *Server) confirmEnrolment(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.CodeRequest](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.ConfirmEnrolment(r.Context(), req.Ticket, req.Code, "")
	return replyPassed(w, r, res, err)
}

// reEnrol and confirmReEnrolment are enrol and confirmEnrolment by the session that a
// recovery code opened.
func (s *Server) reEnrol(w http.ResponseWriter, r *http.Request, session login.Session) error {
	e, err := s.Login.ReEnrol(r.Context(), session)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, enrolmentOf(e))
}

func (s *Server) confirmReEnrolment(w http.ResponseWriter, r *http.Request, session login.Session) error {
	req, err := decode[api.OneTimeCode](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.ConfirmReEnrolment(r.Context(), session, req.Code, "")
	return replyPassed(w, r, res, err)
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) error {
	req, err := decode[api.RefreshRequest](s, w, r)
	if err != nil {
		return err
	}
	res, err := s.Login.Refresh(r.Context(), req.RefreshToken)
	return replyLogin(w, res, err)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, session login.Session) error {
	revision, err := s.Login.Logout(r.Context(), session.Caller)
	if err != nil {
		return err
	}
	w.Header().Set(revisionHeader, strconv.FormatInt(revision, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// replyLogin answers a login step: tokens, or a ticket and nothing else. Tokens
// with a ticket come after a recovery code only.
func replyLogin(w http.ResponseWriter, res login.Result, err error) error {
	if err != nil {
		return err
	}
	answer := api.LoginAnswer{Status: api.LoginAnswerStatus(res.Status), Ticket: res.Ticket, ExpiresIn: seconds(res.ExpiresIn)}
	if res.Status != login.StatusOK {
		for _, f := range res.Factors {
			answer.Factors = append(answer.Factors, api.LoginAnswerFactors(f))
		}
		return reply(w, http.StatusOK, answer)
	}
	answer.AccessToken = res.Tokens.AccessToken
	answer.TokenType = api.LoginAnswerTokenTypeBearer
	answer.TicketExpiresIn = seconds(res.ExpiresIn)
	answer.ExpiresIn = seconds(res.Tokens.ExpiresIn)
	answer.RefreshToken = res.Tokens.RefreshToken
	answer.RecoveryCodes = res.RecoveryCodes
	return reply(w, http.StatusOK, answer)
}

func seconds(d time.Duration) int { return int(d / time.Second) }
