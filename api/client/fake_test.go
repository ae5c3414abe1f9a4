package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Rolegate whose answers a test chooses.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	answer http.HandlerFunc // to questions; allows when nil
	token  http.HandlerFunc // of the token endpoint; a token for an hour when nil
	tokens int              // that were asked for
	asked  []request        // questions
}

// request is a question as it came in.
type request struct {
	path   string
	header http.Header
	body   map[string]any
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	handle := f.answer
	if r.URL.Path == "/oauth2/token" {
		f.tokens++
		handle = f.token
		if handle == nil {
			handle = says(200, fmt.Sprintf(`{"access_token":"token-%d","token_type":"Bearer","expires_in":3600,"scope":"decide"}`, f.tokens))
		}
	} else {
		q := request{path: r.URL.Path, header: r.Header.Clone()}
		_ = json.NewDecoder(r.Body).Decode(&q.body)
		f.asked = append(f.asked, q)
		if handle == nil {
			handle = says(200, `{"decision":true,"context":{"code":"allowed"}}`)
		}
	}
	f.mu.Unlock()
	handle(w, r)
}

// will changes what is answered from now on.
func (f *fake) will(answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fake) questions() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *fake) tokenRequests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens
}

// client asks the fake; by itself once, and never paused.
func (f *fake) client(change ...func(*Options)) *Client {
	f.t.Helper()
	o := Options{URL: f.server.URL, ClientID: "crm", ClientSecret: "secret", Timeout: 5 * time.Second, Retries: -1, Failures: 1 << 20}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

// says is an answer in JSON, with further headers as pairs.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// inTurn gives one answer after another, and the last from then on.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[0]
		if len(handlers) > 1 {
			handlers = handlers[1:]
		}
		mu.Unlock()
		h(w, r)
	}
}

// breaksOff promises more than it sends.
func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"decision":true,"context":{"code":"allowed"}}`))
	panic(http.ErrAbortHandler)
}

// hangs answers nothing until the caller has gone.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// ann is a question that a fake allows.
var ann = Question{Subject: Subject{ID: "ann", Token: "a.b.c"}, Action: "read", Object: "contact", ID: "17", Record: map[string]any{"owner": "ann"}}
