package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/model"
)

// Sessions is what people may see and end of their own logins.
type Sessions interface {
	// Sessions lists the caller's live sessions, oldest first.
	Sessions(ctx context.Context, caller model.Caller) ([]store.Session, error)
	// EndSession ends one of them, as the revision it returns; CodeNotFound for any other id.
	EndSession(ctx context.Context, caller model.Caller, id string) (revision int64, err error)
	// EndOtherSessions ends all of them but the one the caller is in.
	EndOtherSessions(ctx context.Context, caller model.Caller) (ended int, revision int64, err error)
	// History pages the caller's own login history, newest first.
	History(ctx context.Context, caller model.Caller, before store.EventPlace, limit int) ([]store.Event, error)
}

func (s *Server) listSessions(w http.ResponseWriter, r *http.Request, session login.Session) error {
	live, err := s.Sessions.Sessions(r.Context(), session.Caller)
	if err != nil {
		return err
	}
	a := api.SessionList{Sessions: make([]api.Session, len(live))}
	for i, l := range live {
		a.Sessions[i] = api.Session{
			ID: l.ID, Current: l.ID == session.Caller.Session, ACR: strconv.Itoa(l.ACR), ReEnrolOnly: l.Restricted,
			CreatedAt: onWire(l.CreatedAt), LastSeen: onWire(l.LastSeen), ExpiresAt: onWire(l.ExpiresAt), Network: l.Network, UserAgent: l.Agent,
		}
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request, session login.Session) error {
	revision, err := s.Sessions.EndSession(r.Context(), session.Caller, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	w.Header().Set(revisionHeader, strconv.FormatInt(revision, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request, session login.Session) error {
	ended, revision, err := s.Sessions.EndOtherSessions(r.Context(), session.Caller)
	if err != nil {
		return err
	}
	w.Header().Set(revisionHeader, strconv.FormatInt(revision, 10))
	return reply(w, http.StatusOK, api.SessionsEnded{Ended: ended})
}

// maxEvents bounds a page of a history.
const maxEvents = 100

func (s *Server) history(w http.ResponseWriter, r *http.Request, session login.Session) error {
	values, err := query(r, "limit", "token")
	if err != nil {
		return err
	}
	sealer, err := s.sealerOf(session.Caller, []byte("history"))
	if err != nil {
		return err
	}
	at, err := sealer.readQuery(values, maxEvents)
	if err != nil {
		return err
	}
	events, err := s.Sessions.History(r.Context(), session.Caller, eventPlace(at.after), at.limit+1)
	if err != nil {
		return err
	}
	a := api.LoginHistory{Results: []api.LoginEvent{}}
	if len(events) > at.limit {
		next := place{after: at.after, limit: at.limit} // of no results at all there is the same place again
		if events = events[:at.limit]; at.limit > 0 {
			last := events[at.limit-1]
			next.after = strconv.FormatInt(last.At.UnixMicro(), 10) + " " + last.ID
		}
		a.Page.NextToken = sealer.seal(next)
	}
	a.Page.Count = len(events)
	for _, e := range events {
		a.Results = append(a.Results, api.LoginEvent{
			Time: onWire(e.At), Event: e.Activity, Outcome: e.Outcome, Code: e.Code, ACR: levelText(e.Level),
			Network: e.Network, UserAgent: e.Agent, Times: e.Times,
		})
	}
	return reply(w, http.StatusOK, a)
}

// eventPlace reads the place that a token of ours holds.
func eventPlace(after string) (p store.EventPlace) {
	at, id, there := strings.Cut(after, " ")
	if micros, err := strconv.ParseInt(at, 10, 64); err == nil && there {
		p = store.EventPlace{At: time.UnixMicro(micros).UTC(), ID: id}
	}
	return p
}

// levelText spells a level as acr does, "" for none.
func levelText(level int) string {
	if level == 0 {
		return ""
	}
	return strconv.Itoa(level)
}
