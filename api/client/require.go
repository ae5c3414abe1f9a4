package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Record is what a request is about.
type Record struct {
	ID    string
	Facts map[string]any // as in Question.Record
	Value any            // for the handler, which then need not load it again; not sent

	any bool // no record in particular
}

// RecordFunc finds the record that a request is about: by chi.URLParam(r, "id"),
// r.PathValue("id") or whatever the router has. Where there is none it returns
// ErrNotFound. It is called before Rolegate was asked, so it only looks.
type RecordFunc func(*http.Request) (Record, error)

// ErrNotFound is for a RecordFunc to return, wrapped or not.
var ErrNotFound = errors.New("no such record")

// AnyOf is the RecordFunc of routes that are about no record in particular, such
// as the page of a module.
func AnyOf(*http.Request) (Record, error) { return Record{any: true}, nil }

// Require is middleware for net/http and chi: the handler is called only if the
// person behind the request may do the action to the record. Else the request is
// answered by WriteError. The handler finds the decision and the record with From.
//
// Somebody who may not read the record is answered as if it were not there; see
// Conceal.
func (c *Client) Require(action, object string, record RecordFunc) func(http.Handler) http.Handler {
	if record == nil {
		panic("rolegate: Require without a RecordFunc")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passed, err := c.pass(r, action, object, record)
			if err != nil {
				WriteError(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passedKey{}, passed)))
		})
	}
}

func (c *Client) pass(r *http.Request, action, object string, record RecordFunc) (Passed, error) {
	q, err := c.Ask(r, action, object)
	if err != nil {
		return Passed{}, err
	}
	rec, err := record(r)
	if err == nil && !rec.any && rec.ID == anyRecord {
		err = ErrNotFound
	}
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = c.Conceal(r.Context(), q, err)
		}
		return Passed{}, err
	}
	q.ID, q.Record, q.AnyRecord = rec.ID, rec.Facts, rec.any
	d, err := c.Check(r.Context(), q)
	if err != nil {
		return Passed{}, c.Conceal(r.Context(), q, err)
	}
	return Passed{Decision: d, Subject: q.Subject, Record: rec}, nil
}

// Conceal is what to answer with where a question about a record was not allowed,
// err, or was not asked, as there is no such record, ErrNotFound: err itself to
// whoever may read the record, and to anybody else the same in both cases, so that
// nobody learns which ids there are. It is ErrNotFound for whoever might do the action
// to another record, and else their denial for any record. What they can do something
// about, such as a step-up, and what is no denial stays as it is. Where a question it asks
// itself gets no answer, that question's error is the answer.
func (c *Client) Conceal(ctx context.Context, q Question, err error) error {
	var denied *DeniedError
	switch {
	case errors.Is(err, ErrNotFound):
	case q.AnyRecord || !errors.As(err, &denied):
		return err
	case q.Action != "read":
		read := Question{Subject: q.Subject, Action: "read", Object: q.Object, ID: q.ID, Record: q.Record, Context: q.Context, Language: q.Language}
		switch _, unseen := c.Check(ctx, read); {
		case unseen == nil:
			return err
		case !isNo(unseen):
			return unseen // nobody has said whether they may read it
		}
	}
	other := Question{Subject: q.Subject, Action: q.Action, Object: q.Object, AnyRecord: true, Context: q.Context, Language: q.Language}
	if _, err := c.Check(ctx, other); err != nil {
		return err
	}
	return ErrNotFound
}

// isNo tells whether Rolegate said no, of an error of Check: others say nothing about rights.
func isNo(err error) bool {
	var denied *DeniedError
	var stepUp *StepUpError
	return errors.As(err, &denied) || errors.As(err, &stepUp)
}

// Ask begins a question about the person behind a request, to be completed and
// given to Check, CheckAll or Filter.
func (c *Client) Ask(r *http.Request, action, object string) (Question, error) {
	s, err := c.subject(r)
	if err != nil {
		return Question{}, err
	}
	return Question{Subject: s, Action: action, Object: object, Language: r.Header.Get("Accept-Language")}, nil
}

// Passed is what Require let through.
type Passed struct {
	Decision Decision
	Subject  Subject
	Record   Record
}

type passedKey struct{}

// From is what Require let through for this handler; the zero value, whose
// Decision is a denial and shows nothing, where there was no Require.
func From(ctx context.Context) Passed {
	p, _ := ctx.Value(passedKey{}).(Passed)
	return p
}

// ErrNoToken says that a request comes from nobody: without an access token, with
// two, or with something that is none.
var ErrNoToken = errors.New("rolegate: no access token")

// Bearer is the subject that the access token in the Authorization header names.
// The token is not verified here: it goes along with every question, and Rolegate
// denies all of them unless it issued that token, to that subject, and the
// session lives. So the subject is worth nothing to a handler that has not asked.
func Bearer(r *http.Request) (Subject, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return Subject{}, ErrNoToken
	}
	scheme, raw, _ := strings.Cut(headers[0], " ")
	parts := strings.Split(raw, ".")
	if !strings.EqualFold(scheme, "Bearer") || !isToken(raw) || len(parts) != 3 {
		return Subject{}, ErrNoToken
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Subject{}, ErrNoToken
	}
	claims, err := object(payload)
	if err != nil {
		return Subject{}, ErrNoToken
	}
	var sub string
	if err := json.Unmarshal(claims["sub"], &sub); err != nil || sub == "" {
		return Subject{}, ErrNoToken
	}
	return Subject{Type: "user", ID: sub, Token: raw}, nil
}
