package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// timed is a page that tells how long it has.
type timed struct {
	slow bool
	has  time.Duration
}

func (*timed) Permission() string                                          { return "person" }
func (*timed) Language(*http.Request) i18n.Lang                            { return i18n.English }
func (*timed) Fail(http.ResponseWriter, *http.Request, api.Problem, error) {}
func (p *timed) Slow() bool                                                { return p.slow }
func (p *timed) Mount(r chi.Router, endpoint func(Page) http.Handler, _ func(context.Context) error) (_ Page) {
	r.Method("GET", "/timed", endpoint(p))
	return p
}

func (p *timed) Serve(_ http.ResponseWriter, r *http.Request, _ *model.Caller) error {
	until, _ := r.Context().Deadline()
	p.has = time.Until(until)
	return nil
}

// TestSlowPages gives a page of an import the time that the API's import has.
func TestSlowPages(t *testing.T) {
	for slow, want := range map[bool]time.Duration{false: requestTimeout, true: importTimeout} {
		h, p := newHarness(t), &timed{slow: slow}
		h.server.Pages = p
		h.server.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/timed", nil)) // which is in no contract
		if p.has > want || p.has < want-5*time.Second {
			t.Errorf("slow: %v: it has %v, not %v", slow, p.has, want)
		}
	}
}
