package policy

import (
	"context"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// ForwardRequest is a request to the CRM as the proxy in front of it received
// it, with whose token it came.
type ForwardRequest struct {
	User        string // the bare id in AccessToken
	AccessToken string // the person's own, live when it was looked at
	Method      string
	Target      string // path and query, undecoded: "/api/contacts/17?tab=notes"
	MinRevision int64  // an older answer is CodeRevisionBehind
}

// Forwarded is the answer to a ForwardRequest.
type Forwarded struct {
	model.Decision
	Question model.Question // what the request asked, as far as it was understood

	// Everything tells that the answer, given without a record, holds for every
	// record of its kind. It is false where that is not sure.
	Everything bool
}

// Forward answers whether a request may pass to the CRM. Route and decision are
// of one revision of the tenant; recorded is the decision, also where no route
// is meant. An error means that there is no answer: nothing may pass.
func (s *Service) Forward(ctx context.Context, caller model.Caller, fr ForwardRequest) (Forwarded, error) {
	var a answered
	var everything bool
	r := Request{AccessToken: &fr.AccessToken, MinRevision: fr.MinRevision}
	err := s.settle(ctx, caller, fr.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		err := view.reaches(fr.MinRevision)
		if err != nil {
			return audit.Entry{}, err
		}
		everything = false
		var refused model.Code
		if r.Question, refused = view.rules.routes.question(fr.User, fr.Method, fr.Target); refused != "" {
			a = view.refuse(&r, &fr, refused)
		} else if a, err = s.decide(ctx, caller, view, &r, now); err != nil {
			return audit.Entry{}, err
		} else if a.Allow && a.AnyRecord {
			in, denied, err := s.inputs(ctx, caller, view, &r, nil, now)
			if err != nil {
				return audit.Entry{}, err
			}
			everything = denied == "" && view.always(&r.Question, &in)
		}
		return entryOf(caller, a, now), nil
	})
	if err != nil {
		return Forwarded{}, err
	}
	return Forwarded{Decision: a.Decision, Question: r.Question, Everything: everything}, nil
}

// refuse is the denial of a request that asks nothing. The record tells what was
// tried, as a request for a route: nothing of it is taken for a word of ours.
func (v *View) refuse(r *Request, fr *ForwardRequest, code model.Code) answered {
	r.Question = model.Question{Subject: r.Question.Subject}
	asked := *r
	path, _, _ := strings.Cut(fr.Target, "?")
	asked.Question.Action.Name = upTo(fr.Method, 16)
	asked.Question.Resource = model.Entity{Type: "route", ID: upTo(path, maxID)}
	if !v.knows(asked.Question.Subject) {
		code = model.ReasonSubjectUnknown
	}
	return answered{Decision: model.Decision{Code: code, Revision: v.Revision(), PolicyHash: v.PolicyHash()}, request: &asked}
}

// upTo is what of s fits into n bytes, as the log can hold it. It keeps nothing
// of the request alive.
func upTo(s string, n int) string {
	return strings.ToValidUTF8(strings.Clone(s[:min(len(s), n)]), "\uFFFD")
}
