package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tokenOf is a token that names a subject; nobody signed it.
func tokenOf(sub string) string {
	payload, _ := json.Marshal(map[string]string{"sub": sub})
	return "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".c2ln"
}

func contact(r *http.Request) (Record, error) {
	switch id := r.PathValue("id"); id {
	case "none":
		return Record{}, fmt.Errorf("contact %s: %w", id, ErrNotFound)
	case "broken":
		return Record{}, errors.New("disk full of secrets")
	default:
		return Record{ID: id, Facts: map[string]any{"owner": "ann"}, Value: "the row"}, nil
	}
}

// serve sends a request through Require; the handler answers what it sees.
func serve(c *Client, path string, headers ...string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := From(r.Context())
		fmt.Fprint(w, p.Subject.ID, " ", p.Record.Value, " ", p.Decision.Allow)
	})
	mux.Handle("GET /contacts/{id}", c.Require("read", "contact", contact)(handler))
	mux.Handle("GET /contacts", c.Require("open", "contact", AnyOf)(handler))
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func TestRequire(t *testing.T) {
	f := newFake(t)
	c := f.client()
	c.Wrote(41)
	c.Wrote(7) // older; the highest counts
	w := serve(c, "/contacts/17", "Authorization", "Bearer "+tokenOf("ann"), "Accept-Language", "zh-CN")
	if w.Code != 200 || w.Body.String() != "ann the row true" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := map[string]any{
		"subject": map[string]any{"type": "user", "id": "ann"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "17", "properties": map[string]any{"owner": "ann"}},
		"context":  map[string]any{"access_token": tokenOf("ann")},
	}
	q := f.questions()[0]
	if diff := cmp.Diff(want, q.body); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"Authorization": "Bearer token-1", "Accept-Language": "zh-CN", "Rolegate-Min-Revision": "41", "Content-Type": "application/json"} {
		if got := q.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	if w := serve(c, "/contacts", "Authorization", "Bearer "+tokenOf("ann")); w.Code != 200 {
		t.Errorf("the module: %d", w.Code)
	}
	if got := f.questions()[1].body["resource"]; !cmp.Equal(got, map[string]any{"type": "contact", "id": "*"}) {
		t.Errorf("the module is %v", got)
	}
}

// What does not go through is answered in a way that frontends understand.
func TestRefusals(t *testing.T) {
	stepUp := `{"decision":false,"context":{"code":"insufficient_user_authentication","acr_values":"2","max_age":300,"reason_user":{"insufficient_user_authentication":"Once more, please."}}}`
	for _, c := range []struct {
		name      string
		answer    http.HandlerFunc
		path      string
		headers   []string
		status    int
		code      string
		challenge string
		detail    string
	}{
		{name: "denied", answer: says(200, `{"decision":false,"context":{"code":"not_granted","reason_user":{"not_granted":"No right."}}}`), status: 403, code: "not_granted", detail: "No right."},
		{name: "denied without a reason", answer: says(200, `{"decision":false}`), status: 403, code: "denied"},
		{name: "step-up", answer: says(200, stepUp), status: 401, code: "insufficient_user_authentication", detail: "Once more, please.",
			challenge: `Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="2", max_age="300"`},
		{name: "session", answer: says(200, `{"decision":false,"context":{"code":"session_invalid"}}`), status: 401, code: "session_invalid", challenge: `Bearer error="invalid_token"`},
		{name: "token", answer: says(200, `{"decision":false,"context":{"code":"token_required"}}`), status: 401, code: "token_required", challenge: "Bearer"},
		{name: "down", answer: says(500, ""), status: 503, code: "access_unavailable"},
		{name: "bad question", answer: says(400, `{"code":"invalid_request","detail":"fields"}`), status: 500, code: "internal"},
		{name: "bad client", answer: says(403, `{"code":"forbidden","detail":"scope"}`), status: 500, code: "internal"},
		{name: "not there", path: "/contacts/none", status: 404, code: "not_found"},
		{name: "not there, and nothing to see", path: "/contacts/none", answer: says(200, `{"decision":false,"context":{"code":"not_granted"}}`), status: 403, code: "not_granted"},
		{name: "any record by its id", path: "/contacts/*", status: 404, code: "not_found"},
		{name: "trouble", path: "/contacts/broken", status: 500, code: "internal"},
		{name: "nobody", headers: []string{}, status: 401, code: "unauthorized", challenge: "Bearer"},
		{name: "two", headers: []string{"Authorization", "Bearer " + tokenOf("ann"), "Authorization", "Bearer " + tokenOf("bob")}, status: 401, code: "unauthorized", challenge: "Bearer"},
		{name: "basic", headers: []string{"Authorization", "Basic " + tokenOf("ann")}, status: 401, code: "unauthorized", challenge: "Bearer"},
		{name: "opaque", headers: []string{"Authorization", "Bearer abc"}, status: 401, code: "unauthorized", challenge: "Bearer"},
		{name: "of no subject", headers: []string{"Authorization", "Bearer " + tokenOf("")}, status: 401, code: "unauthorized", challenge: "Bearer"},
		{name: "subject twice", headers: []string{"Authorization", "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"ann","sub":"bob"}`)) + ".x"}, status: 401, code: "unauthorized", challenge: "Bearer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.will(c.answer)
			headers := c.headers
			if headers == nil {
				headers = []string{"Authorization", "Bearer " + tokenOf("ann")}
			}
			for lang, title := range map[string]func(text) string{"en": func(t text) string { return t.en }, "zh-CN,en;q=0.8": func(t text) string { return t.zh }} {
				w := serve(f.client(), orElse(c.path, "/contacts/17"), append(headers, "Accept-Language", lang)...)
				var p problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
					t.Fatalf("%v: %s", err, w.Body)
				}
				known, ok := titles[c.code]
				if !ok {
					known = titles["denied"]
				}
				if w.Code != c.status || p.Status != c.status || p.Code != c.code || p.Detail != c.detail || p.Title != title(known) || p.Type != "urn:rolegate:problem:"+c.code {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if got := w.Header().Get("WWW-Authenticate"); got != c.challenge {
					t.Errorf("challenge %q, want %q", got, c.challenge)
				}
				if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("type %q", got)
				}
			}
		})
	}
}

// Whoever may not read a record is answered as if it were not there, whatever the
// denial of that record says; whoever may, learns why not.
func TestRequireDoesNotTellWhichRecordsThereAre(t *testing.T) {
	const no = `{"decision":false,"context":{"code":%q}}`
	for _, c := range []struct {
		name                 string
		action               string
		read, any            bool   // allowed of this record, of some record
		record               string // the code of the denial about this record
		status, whereThereIs int
		code                 string
		itsCode              string
	}{
		{name: "reading, others are seen", action: "read", any: true, record: "denied", status: 404, code: "not_found"},
		{name: "reading, none is seen", action: "read", record: "restricted", status: 403, code: "not_granted"},
		{name: "deleting, others may be", action: "delete", any: true, record: "denied", status: 404, code: "not_found"},
		{name: "deleting, none may be", action: "delete", record: "required_action_denied", status: 403, code: "not_granted"},
		{name: "deleting one that is seen", action: "delete", read: true, any: true, record: "denied", status: 404, code: "not_found", whereThereIs: 403, itsCode: "denied"},
		{name: "a step-up", action: "delete", any: true, record: "insufficient_user_authentication", status: 404, code: "not_found", whereThereIs: 401, itsCode: "insufficient_user_authentication"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.will(func(w http.ResponseWriter, r *http.Request) {
				asked := f.questions()
				q := asked[len(asked)-1].body
				id, action := q["resource"].(map[string]any)["id"], q["action"].(map[string]any)["name"]
				switch {
				case id == "*" && !c.any:
					says(200, fmt.Sprintf(no, "not_granted"))(w, r)
				case id == "17" && (action == c.action || !c.read):
					says(200, fmt.Sprintf(no, c.record))(w, r)
				default:
					says(200, `{"decision":true}`)(w, r)
				}
			})
			mux := http.NewServeMux()
			mux.Handle("/contacts/{id}", f.client().Require(c.action, "contact", contact)(http.NotFoundHandler()))
			ask := func(id string) (int, string) {
				r := httptest.NewRequest("POST", "/contacts/"+id, nil)
				r.Header.Set("Authorization", "Bearer "+tokenOf("ann"))
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				return w.Code, w.Body.String()
			}
			status, body := ask("none")
			if status != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) {
				t.Errorf("none: %d %s", status, body)
			}
			itsStatus, itsBody := ask("17")
			if c.itsCode == "" {
				if itsStatus != status || itsBody != body {
					t.Errorf("one that is there: %d %s; one that is not: %d %s", itsStatus, itsBody, status, body)
				}
			} else if itsStatus != c.whereThereIs || !strings.Contains(itsBody, `"code":"`+c.itsCode+`"`) {
				t.Errorf("one that is seen: %d %s", itsStatus, itsBody)
			}
		})
	}
}

// Where nobody answers whether they may read the record, that is no sign that they may not.
func TestConcealPassesAnOutageOn(t *testing.T) {
	for action, status := range map[string]int{"delete": 503, "read": 404} { // to a reader it is not asked
		f := newFake(t)
		f.will(func(w http.ResponseWriter, r *http.Request) {
			asked := f.questions()
			q := asked[len(asked)-1].body
			id, about := q["resource"].(map[string]any)["id"], q["action"].(map[string]any)["name"]
			switch {
			case id == "17" && about == action:
				says(200, `{"decision":false,"context":{"code":"denied"}}`)(w, r)
			case id == "17":
				says(503, `{"code":"busy"}`)(w, r)
			default:
				says(200, `{"decision":true}`)(w, r)
			}
		})
		mux := http.NewServeMux()
		mux.Handle("/contacts/{id}", f.client().Require(action, "contact", contact)(http.NotFoundHandler()))
		r := httptest.NewRequest("POST", "/contacts/17", nil)
		r.Header.Set("Authorization", "Bearer "+tokenOf("ann"))
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%s: %d %s, want %d", action, w.Code, w.Body, status)
		}
	}
}

func TestErrors(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.will(says(200, `{"decision":false,"context":{"code":"insufficient_user_authentication","acr_values":"2\" x=\"","max_age":300}}`))
	var stepUp *StepUpError
	if _, err := c.Check(t.Context(), ann); !errors.As(err, &stepUp) || stepUp.MaxAge != 300 {
		t.Errorf("%v", err)
	}
	if got := stepUp.Challenge(); got != `Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="2 x=", max_age="300"` {
		t.Errorf("a challenge that somebody else wrote: %s", got)
	}
	f.will(says(400, `{"code":"invalid_request","detail":"no","trace_id":"t1"}`))
	var refused *RefusedError
	if _, err := c.Check(t.Context(), ann); !errors.As(err, &refused) || *refused != (RefusedError{400, "invalid_request", "no", "t1"}) {
		t.Errorf("%v", err)
	}
	for _, id := range []string{"", "*"} {
		q := ann
		q.ID = id
		if _, err := c.Check(t.Context(), q); !errors.As(err, &refused) || refused.Status != 0 {
			t.Errorf("id %q: %v", id, err)
		}
		if _, err := c.CheckAll(t.Context(), ann, q); !errors.As(err, &refused) || refused.Status != 0 {
			t.Errorf("id %q among others: %v", id, err)
		}
	}
	if n := len(f.questions()); n != 2 {
		t.Errorf("%d questions, want 2", n)
	}
}

func TestNew(t *testing.T) {
	good := Options{URL: "https://gate.example.com/", ClientID: "crm", ClientSecret: "s"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no address":        func(o *Options) { o.URL = "" },
		"no host":           func(o *Options) { o.URL = "https://" },
		"no scheme":         func(o *Options) { o.URL = "gate.example.com" },
		"another scheme":    func(o *Options) { o.URL = "ftp://gate.example.com" },
		"a query":           func(o *Options) { o.URL += "?x=1" },
		"a user":            func(o *Options) { o.URL = "https://a:b@gate.example.com" },
		"plain, far away":   func(o *Options) { o.URL = "http://gate.example.com" },
		"no client":         func(o *Options) { o.ClientID = "" },
		"no secret":         func(o *Options) { o.ClientSecret = "" },
		"negative timeout":  func(o *Options) { o.Timeout = -1 },
		"negative failures": func(o *Options) { o.Failures = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, address := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080/gate"} {
		if _, err := New(Options{URL: address, ClientID: "crm", ClientSecret: "s"}); err != nil {
			t.Error(err)
		}
	}
	if _, err := New(Options{URL: "http://rolegate:8080", AllowPlainHTTP: true, ClientID: "crm", ClientSecret: "s"}); err != nil {
		t.Error(err)
	}
}
