package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rolegate/internal/login"
	"rolegate/model"
)

// flooded is a harness whose clients' address has sent all it may.
func flooded(t *testing.T) *harness {
	h := newHarness(t)
	h.server.LoginRate = 1
	for h.post("/v1/login", goodLogin).StatusCode != http.StatusTooManyRequests {
	}
	return h
}

// A neighbour who logs in wrongly as often as anybody lets it keeps no backend out:
// a right secret is heard, and a wrong one refused.
func TestClientIsHeardAmongItsNeighbours(t *testing.T) {
	h := flooded(t)
	const grant = "grant_type=client_credentials"
	for range 50 {
		h.want(h.token(grant, basic("crm", "wrong")), http.StatusTooManyRequests, "")
		h.want(h.token(grant, basic("crm", "right")), 200, "")
	}
	h.want(h.token(grant+"&client_id=crm&client_secret=right"), 200, "")
	h.want(h.token(grant+"&client_id=crm&client_assertion=a.b.c&client_assertion_type="+assertionType), 200, "")
	h.want(h.form("/oauth2/introspect", "token=t", basic("crm", "right")), 200, "")
	h.want(h.form("/oauth2/revoke", "token=t", basic("crm", "right")), 200, "")

	a := h.token(grant + "&client_id=crm&client_secret=wrong")
	h.want(a, http.StatusTooManyRequests, "")
	if a.json(t)["error"] != "temporarily_unavailable" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v", a.body, a.Header)
	}
	h.want(h.form("/oauth2/revoke", "token=t&client_id="+login.FirstPartyClient), http.StatusTooManyRequests, "")
	h.want(h.token(grant), http.StatusTooManyRequests, "")
	h.want(h.token("grant_type=password", basic("crm", "right")), http.StatusTooManyRequests, "")

	// What only a client is told, and what is our fault, is told as ever.
	h.login.err = &model.Error{Code: model.CodeInvalidScope}
	h.want(h.token(grant, basic("crm", "right")), 400, "")
	h.login.err = &model.Error{Code: model.CodeStoreUnavailable}
	h.want(h.token(grant, basic("crm", "right")), 503, "")
}

// However many come at once with something to show whose address has sent too
// many, a few at a time are looked at.
func TestWhoIsHeardPastTheLimitWaitsInTurn(t *testing.T) {
	for name, ask := range map[string]func(*harness) answer{
		"a device": func(h *harness) answer { return h.post("/v1/login", goodLogin, header(deviceHeader, "made-up")) },
		"a client": func(h *harness) answer {
			return h.token("grant_type=client_credentials", basic("crm", "wrong"))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := flooded(t)
			h.free = true
			looking := held{until: make(chan struct{})}
			h.server.Known = &slowKnown{fakeKnown: &fakeKnown{}, slow: &looking}
			h.server.Login = &slowClients{fakeLogin: h.login, slow: &looking}
			h.handler = h.server.Handler()
			for h.post("/v1/login", goodLogin).StatusCode != http.StatusTooManyRequests {
			}
			done := make(chan int, 50)
			for range cap(done) {
				go func() { done <- ask(h).StatusCode }()
			}
			synctest.Wait()
			if n := looking.now.Load(); n != turns {
				t.Errorf("%s: %d are looked at at once", name, n)
			}
			began := time.Now()
			for range cap(done) - turns { // while the others are looked at for ever
				if status := <-done; status != http.StatusTooManyRequests {
					t.Errorf("%s: %d", name, status)
				}
			}
			if waited := time.Since(began); waited != 2*time.Second {
				t.Errorf("%s: those whose turn does not come wait %v", name, waited)
			}
			close(looking.until)
			for range turns {
				if status := <-done; status != http.StatusTooManyRequests {
					t.Errorf("%s: %d", name, status)
				}
			}
		})
	}
}

// held holds whoever looks something up.
type held struct {
	now   atomic.Int64
	until chan struct{}
}

func (s *held) look() {
	s.now.Add(1)
	<-s.until
}

type slowKnown struct {
	*fakeKnown
	slow *held
}

func (f *slowKnown) KnownDevice(context.Context) (string, error) { f.slow.look(); return "", nil }

type slowClients struct {
	*fakeLogin
	slow *held
}

func (f *slowClients) ClientToken(ctx context.Context, cc login.ClientCredentials) (login.Tokens, error) {
	f.slow.look()
	return login.Tokens{}, &model.Error{Code: model.CodeInvalidClient}
}
