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
	"client secret or holder": {requests: true, why: "also of what is right, as anybody may ask to revoke what is no token"},

	"public":            {why: "the same bytes for everybody, from memory; nothing is looked up, recorded or counted"},
	"public or auditor": {why: "a row or a few of the database each, bounded by a limiter of their own that is wide enough for who has to catch up, see treeReads"},
	"person":            {why: "a live session, which had to get through the login; what it tries is charged to its account. Refusals of what is none are counted past a limit, see audit/flood.go"},
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

// mayCall counts a request, or refuses one whose address has sent too many; of that
// nothing is read. A known device is an address of its own: what a
// neighbour does is not held against it, so a secret that is sent along is looked
// up. back takes the request out of the count again.
func (s *Server) mayCall(ctx context.Context) (back func(), err error) {
	now := time.Now()
	take := func(key string) (wait time.Duration) {
		back = func() { s.requests.Back(key) }
		return s.requests.Take(key, now)
	}
	wait := take("address " + throttle.Address(reqctx.From(ctx).Address))
	if wait == 0 {
		return back, nil
	}
	if id, err := s.Known.KnownDevice(ctx); err == nil && id != "" {
		if wait = take("device " + id); wait == 0 {
			return back, nil
		}
	}
	s.Metrics.Throttled(budgetRequests)
	return nil, throttle.TooMany(wait)
}

// metered is a handler that mayCall lets in, with the device it comes from.
func (s *Server) metered(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		r = fromDevice(r)
		if _, err := s.mayCall(r.Context()); err != nil {
			return err
		}
		return h(w, r)
	}
}

// meteredUnless is metered for what only a client gets right: a backend asks as
// often as people work, all of it from one address.
func (s *Server) meteredUnless(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		back, err := s.mayCall(r.Context())
		if err != nil {
			return err
		}
		if err := h(w, r); err != nil {
			return err
		}
		back()
		return nil
	}
}
