package server

import (
	"context"
	"net/http"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/internal/throttle"
)

// limited tells, for each kind of permission, what bounds how often somebody may
// call: requests is the limiter of this file, and where it does not stand, why
// not. A test walks the routes, and floods those that it should stop.
var limited = map[string]struct {
	requests bool
	why      string
}{
	"open":                    {requests: true, why: "and what is tried has budgets of its own, see login/throttle.go"},
	"client secret":           {requests: true, why: "for whatever is wrong about it; a client that proves to be one is bounded by what its token lets it do"},
	"client secret or holder": {requests: true, why: "likewise; a token is proof of itself, and no guess finds one"},

	"public":            {why: "the same bytes for everybody, from memory; nothing is looked up, recorded or counted"},
	"public or auditor": {why: "a row or a few of the database each, bounded by a limiter of their own that is wide enough for who has to catch up, see treeReads"},
	"person":            {why: "a live session, which had to get through the login; what it tries is charged to its account. Refusals of what is none are recorded without a limit, see docs/threat-model.md"},
	"person(fresh)":     {why: "likewise"},
	"person(any)":       {why: "likewise"},
	"officer":           {why: "likewise, of an administrator's; each act is recorded"},
	"client":            {why: "a CRM's backend, which asks as often as people work; bodies, batches and answers are bounded by model.Limits"},
	"proxy":             {why: "a proxy in front of a CRM, which asks for each request; without its secret nothing is decided"},
}

// DefaultLoginRate stands for a LoginRate of zero.
const DefaultLoginRate = 30

// requestsFor is how many requests an address may send at once, and for each of
// them how soon another, for a rate of failed logins: a login is two or three
// requests, and an office of hundreds of people behind one address begins its day
// at nine.
func requestsFor(rate int) throttle.Bucket {
	if rate <= 0 {
		rate = DefaultLoginRate
	}
	return throttle.Bucket{Size: 20 * int64(rate), Every: time.Minute / time.Duration(10*rate)}
}

// budgetRequests names the limiter in the metric.
const budgetRequests = "requests"

// mayCall refuses a request whose address has sent too many; nothing of it is
// read or recorded. A known device is an address of its own: what a neighbour does
// is not held against it, so a secret that is sent along is looked up.
func (s *Server) mayCall(ctx context.Context) error {
	now := time.Now()
	wait := s.requests.Take("address "+throttle.Address(reqctx.From(ctx).Address), now)
	if wait == 0 {
		return nil
	}
	if id, err := s.Known.KnownDevice(ctx); err == nil && id != "" {
		if wait = s.requests.Take("device "+id, now); wait == 0 {
			return nil
		}
	}
	s.Metrics.Throttled(budgetRequests)
	return throttle.TooMany(wait)
}

// metered is a handler that mayCall lets in, with the device it comes from.
func (s *Server) metered(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		r = fromDevice(r)
		if err := s.mayCall(r.Context()); err != nil {
			return err
		}
		return h(w, r)
	}
}
