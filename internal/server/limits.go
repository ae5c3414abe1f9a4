package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"rolegate/internal/login"
	"rolegate/internal/reqctx"
	"rolegate/internal/throttle"
	"rolegate/model"
)

// limited tells, for each kind of permission, what bounds how often somebody may
// call: requests is the limiter of this file, and where it does not stand, why
// not. A test walks the routes, and floods those that it should stop.
var limited = map[string]struct {
	requests bool
	why      string
}{
	"open":                    {requests: true, why: "and what is tried has budgets of its own, see login/throttle.go"},
	"client secret":           {requests: true, why: "for whatever is wrong about it; who proves to be a client is heard past it, and bounded by what its token lets it do"},
	"client secret or holder": {requests: true, why: "likewise, and of what is right as well, as anybody may ask to revoke what is no token"},

	"public":            {why: "the same bytes for everybody, from memory; nothing is looked up, recorded or counted"},
	"public or auditor": {why: "a row or a few of the database each, bounded by a limiter of their own that is wide enough for who has to catch up, see treeReads"},
	"person":            {why: "a live session, which had to get through the login; what it tries is charged to its account. A page's renewal of one is limited as an open route is. Refusals of what is none are counted past a limit, see audit/flood.go"},
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
// up, in turn.
func (s *Server) mayCall(ctx context.Context) error {
	now := time.Now()
	wait := s.takeRequest(ctx, now)
	if wait == 0 {
		return nil
	}
	if id := s.knownDevice(ctx); id != "" {
		if wait = s.requests.Take("device "+id, now); wait == 0 {
			return nil
		}
	}
	return s.tooMany(wait)
}

// takeRequest counts a request of an address and of the site that is of, or tells how long
// it will be until it would; of what one of them refuses neither is charged.
func (s *Server) takeRequest(ctx context.Context, now time.Time) (wait time.Duration) {
	address, site := sender(ctx)
	if wait = s.requests.Take(address, now); wait > 0 || site == "" {
		return wait
	}
	if wait = s.siteRequests.Take(site, now); wait > 0 {
		s.requests.Back(address)
	}
	return wait
}

// requestBack takes one back that takeRequest counted.
func (s *Server) requestBack(ctx context.Context) {
	address, site := sender(ctx)
	s.requests.Back(address)
	if site != "" {
		s.siteRequests.Back(site)
	}
}

func sender(ctx context.Context) (address, site string) {
	from := reqctx.From(ctx).Address
	return "address " + throttle.Address(from), throttle.Site(from)
}

// knownDevice is the id of the known device that a request comes from, "" for none.
func (s *Server) knownDevice(ctx context.Context) (id string) {
	if !login.ClaimsDevice(ctx) {
		return ""
	}
	s.inTurn(ctx, func() {
		if known, err := s.Known.KnownDevice(ctx); err == nil {
			id = known
		}
	})
	return id
}

func (s *Server) tooMany(wait time.Duration) error {
	s.Metrics.Throttled(budgetRequests)
	return throttle.TooMany(wait)
}

// Who has shown nothing yet and whose address has sent too many is still heard
// where it has a secret to show: few at a time, so that whoever sends made-up ones
// takes a part of the database that others do not miss, and each soon.
const (
	turns    = 4
	turnWait = 2 * time.Second
)

// inTurn runs f when it is its turn, or not at all, and tells which.
func (s *Server) inTurn(ctx context.Context, f func()) bool {
	soon, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
	case <-soon.Done():
		return false
	}
	defer func() { <-s.turns }()
	f()
	return true
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

// heard is metered for where clients show secrets that nobody guesses, so that no
// neighbour keeps a backend out: what its address has sent too many of is what was
// wrong. Past the limit only who shows something is looked at, in turn, and
// whatever is wrong is refused alike. free says that what is right does not count: a
// backend asks as often as people work, all of it from one address.
func (s *Server) heard(free bool, h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		wait := s.takeRequest(r.Context(), time.Now())
		if wait == 0 {
			err := h(w, r)
			if err == nil && free {
				s.requestBack(r.Context())
			}
			return err
		}
		// Read before it is anybody's turn, as whoever likes sends slowly.
		body, err := readBody(nil, r, model.CodeUnsupportedMedia, ownBody)
		if err != nil || !showsClient(r, body) {
			return s.tooMany(wait)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !s.inTurn(r.Context(), func() { err = h(w, r) }) || err != nil && !s.toldToClients(r, err) {
			return s.tooMany(wait)
		}
		return err
	}
}

// showsClient tells whether a request has what only a client has, right or wrong.
func showsClient(r *http.Request, body []byte) bool {
	if r.Header["Authorization"] != nil {
		return true
	}
	form, err := url.ParseQuery(string(body))
	return err == nil && (form.Get("client_secret") != "" || form.Get("client_assertion") != "")
}

// toldToClients tells the errors that only who was found to be a client gets, or
// that are a fault of ours.
func (s *Server) toldToClients(r *http.Request, err error) bool {
	switch code := codeOf(r, err); code {
	case model.CodeInvalidScope, model.CodeClientTenantNeeded, model.CodeForbidden:
		return true
	default:
		return outcomes[code].status >= http.StatusInternalServerError
	}
}
