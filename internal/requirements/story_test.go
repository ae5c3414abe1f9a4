package requirements

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
)

// The people and things of the story. What names somebody is spelled so that it
// occurs nowhere by chance.
const (
	annID, annName, annMail = "quimby-ann-7f3", "Ann Quimby-Ferrari", "ann.quimby@fixtures.example"
	benID, benMail          = "zoltan-ben-4c1", "ben.zoltan@fixtures.example"
	strangerMail            = "stray.person@nowhere.example"
	chineseName             = "欧阳雪莹女士"
	phone                   = "+86 138 5555 0199"
	addr4, addr6            = "203.0.113.77", "2001:db8:beef:77::1f"
	agent                   = "QuimbyBrowser/3.1"
	contactID, dealID       = "opal-contact-9f2e", "quartz-deal-7c41"
	teamID, unitID, landID  = "team-of-zoltan", "unit-of-zoltan", "land-of-zoltan"
	because                 = "because " + annName + " asked for it"
)

// story is everything that people, backends, proxies, administrators and operators
// can do with a service, well and badly, and whatever of it is somebody's.
type story struct {
	*testkit.Kit
	t *testing.T

	all        []*personal
	routes     []route
	visited    map[string]int // routes that were answered, and not by a refusal to listen
	operations map[string]int
	headers    []byte // of all answers, but for those that are meant to name somebody
	published  []byte // bodies of what everybody may read of the log
}

// exempt are headers of answers that hold something of somebody, and why that is
// right: they go to whoever it is theirs, or to whoever sent it.
var exempt = map[string]string{
	"Set-Cookie":       "the known device's secret, for the browser it is of",
	"Rolegate-Device":  "likewise, for an app",
	"X-Request-Id":     "the caller's own, sent back",
	"Rolegate-Subject": "tells a proxy that is a client who the person is",
}

func newStory(t *testing.T, k *testkit.Kit) *story {
	s := &story{Kit: k, t: t, routes: routesOf(t), visited: map[string]int{}, operations: map[string]int{}}
	k.T = t
	k.Saw = s.saw
	for what, value := range map[string]string{
		"id of a person": annID, "name of a person": annName, "mail address": annMail, "id of another person": benID, "mail address of another": benMail,
		"mail address of a stranger": strangerMail, "name in Chinese": chineseName, "phone number": phone, "IPv4 address": addr4, "IPv6 address": addr6,
		"network": "203.0.113.", "browser": agent, "record's id": contactID, "record's id of a deal": dealID, "team's id": teamID, "unit's id": unitID,
		"territory's id": landID, "reason": because, "password": testkit.Password,
	} {
		s.keep(what, value)
	}
	return s
}

// keep notes what must not be found, and gives it back.
func (s *story) keep(what, value string) string {
	s.t.Helper()
	if value == "" {
		s.t.Fatalf("the story has no %s", what)
	}
	s.all = append(s.all, &personal{what: what, value: value})
	return value
}

func (s *story) keepCode(what, code string) string {
	s.all = append(s.all, &personal{what: what, value: code, code: true})
	return code
}

// saw notes the route, and the headers, of an answer.
func (s *story) saw(req *http.Request, a testkit.Answer) {
	r, ok := routeOf(s.routes, req.Method, req.URL.EscapedPath())
	decided := a.Header.Get("Rolegate-Code") != "" && a.Status == http.StatusForbidden // for a proxy, a no
	if ok && (a.Status < 300 || decided) {
		s.visited[r.String()]++
		if strings.HasPrefix(r.pattern, "/v1/audit/") && r.who == "public" {
			s.published = append(s.published, a.Raw...)
		}
	}
	for name, values := range a.Header {
		if exempt[name] == "" {
			s.headers = append(s.headers, name+": "+strings.Join(values, "\n")+"\n"...)
		}
	}
}

// call sends a request from an address and a browser, with an id, a referrer and a
// trace that name somebody. headers are pairs of name and value.
func (s *story) call(method, path, bearer string, body any, headers ...string) testkit.Answer {
	s.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		text = b
	default:
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	from := addr4
	if len(s.headers)%2 == 0 {
		from = addr6
	}
	headers = append([]string{
		"X-Forwarded-For", from, "User-Agent", agent, "X-Request-Id", "request of " + annMail, "Referer", "https://crm.example/" + contactID,
		"Tracestate", "vendor=" + annID, "Baggage", "who=" + annMail, "Traceparent", "00-" + annID + "-" + benID + "-01", "From", annMail,
	}, headers...)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return s.send(req)
}

// send is Send; what the contract's library cannot find is not held against it.
func (s *story) send(req *http.Request) testkit.Answer {
	s.t.Helper()
	a, err := testkit.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if req.Method != http.MethodOptions && !strings.HasPrefix(req.URL.Path, forwarded) {
		testkit.CheckContract(s.t, req, a)
	}
	s.saw(req, a)
	return a
}

// forwarded begins the paths of proxies that repeat the request's own.
const forwarded = "/v1/forward-auth/path/"

// want is call that must be answered with a status.
func (s *story) want(status int, method, path, bearer string, body any, headers ...string) testkit.Answer {
	s.t.Helper()
	a := s.call(method, path, bearer, body, headers...)
	if a.Status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.Status, status, a.Raw)
	}
	return a
}

// tokens keeps those of an answer as the person's.
func (s *story) tokens(p *testkit.Person, a testkit.Answer) {
	s.t.Helper()
	p.Access, p.Refresh = s.keep("access token", a.Text("access_token")), s.keep("refresh token", a.Text("refresh_token"))
	claims := testkit.Claims(s.t, p.Access)
	s.keep("session's id", claims["sid"].(string))
	for _, part := range strings.Split(p.Access, ".")[1:] {
		s.keep("part of an access token", part)
	}
}

func (s *story) code(p *testkit.Person) string { return s.keepCode("one-time code", s.NextCode(p)) }

// enrol goes from an invitation to a session with a one-time code.
func (s *story) enrol(id, invite string) *testkit.Person {
	s.t.Helper()
	ticket := s.want(200, "POST", "/v1/invite/accept", "", object{"invite": s.keep("invitation", invite), "password": testkit.Password}).Text("ticket")
	a := s.want(200, "POST", "/v1/login/enrol", "", object{"ticket": s.keep("ticket", ticket)})
	p := &testkit.Person{ID: id, Secret: s.keep("TOTP secret", a.Text("secret"))}
	a = s.want(200, "POST", "/v1/login/enrol/confirm", "", object{"ticket": ticket, "code": s.code(p)})
	for _, c := range a.Body["recovery_codes"].([]any) {
		p.RecoveryCodes = append(p.RecoveryCodes, s.keep("recovery code", c.(string)))
	}
	s.tokens(p, a)
	return p
}

// stepUp proves a code in the person's session.
func (s *story) stepUp(p *testkit.Person) {
	s.t.Helper()
	s.tokens(p, s.want(200, "POST", "/v1/step-up", p.Access, object{"code": s.code(p)}))
}

type object = map[string]any

// operate does what a command of the host does: through the socket of the running
// service.
func operate[Req, Res any](s *story, op app.Operation[Req, Res], r Req) Res {
	s.t.Helper()
	res, err := op.Do(s.t.Context(), s.Config, r)
	if err != nil {
		s.t.Fatalf("%s: %v", op.Name, err)
	}
	s.operations[op.Name]++
	return res
}

// fails is operate that is refused.
func fails[Req, Res any](s *story, op app.Operation[Req, Res], r Req) {
	s.t.Helper()
	if _, err := op.Do(s.t.Context(), s.Config, r); err == nil {
		s.t.Fatalf("%s is not refused", op.Name)
	}
}

// missing are the routes and operations the story has not been to, but for those
// that are named with a reason.
func (s *story) missing(but map[string]string) (all []string) {
	for _, r := range s.routes {
		if s.visited[r.String()] == 0 {
			all = append(all, r.String())
		}
	}
	for _, name := range operationsOf(s.t) {
		if s.operations[name] == 0 {
			all = append(all, "operation "+name)
		}
	}
	for name, why := range but {
		if !slices.Contains(all, name) {
			s.t.Errorf("%s is excepted (%s), and needs it not", name, why)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return but[name] != "" })
}
