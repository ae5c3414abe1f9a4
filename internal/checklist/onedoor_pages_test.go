package checklist

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/testkit"
	"rolegate/model"
)

const (
	accessCookie  = "__Host-rolegate-access"
	refreshCookie = "__Host-rolegate-refresh"
)

// pages are the lines of the list of pages that the router is held to.
func pages(t *testing.T) []route { return listed(t, "pages.golden", 100) }

// No page, whatever somebody in any state sends it, and whatever is required of them
// from one moment to the next, hands a browser a session that is below what tenant,
// roles and devices require at that moment; one that can only enrol again is handed to
// whoever entered a recovery code, and opens nothing else.
func TestOneDoorOfPages(t *testing.T) {
	walked := map[string]int{}
	for range 2 {
		seed := rand.Uint64()
		t.Log("seed", seed)
		d := &doorkeeper{Kit: testkit.New(t, "ROLEGATE_MAX_SESSIONS=1000", "ROLEGATE_LOGIN_RATE=1000000"), t: t, all: routes(t), tokens: walked}
		d.secret = d.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		w := &walk{doorkeeper: d, order: rand.New(rand.NewPCG(seed, 0)), pages: pages(t)}
		people := everybody(d.Kit)
		d.Saw = w.look
		for _, p := range people {
			w.opensNothing(p)
			w.walks(p)
		}
		for i := range 8 {
			w.comes(fmt.Sprint("newcomer", i))
		}
	}
	t.Log("tokens came from", walked)
	for _, door := range []string{"POST /login", "POST /login/code", "POST /login/enrol/confirm", "POST /invite", "POST /step-up",
		"POST /account/password", "POST /account/devices/{id}/confirm", "GET /account"} {
		if walked[door] == 0 {
			t.Errorf("%s handed out no token: nothing is shown of it", door)
		}
	}
}

// walk is a walk through all pages, in an order of its own.
type walk struct {
	*doorkeeper
	order *rand.Rand
	pages []route
	// restricted is whether the browser holds a session that can only enrol.
	restricted bool
}

// one draws one of the values.
func one[T any](w *walk, values ...T) T { return values[w.order.IntN(len(values))] }

// walks goes to every page as one person: to one that a login or an account is made of
// with many forms, in browsers that hold a whole session, only what renews it, nothing,
// or what a page takes for neither. In between things happen.
func (w *walk) walks(p *somebody) {
	var tries []route
	for _, r := range w.pages {
		n := 1
		if r.method == http.MethodPost && !strings.HasPrefix(r.permission, "officer") {
			n = 5
		}
		tries = append(tries, slices.Repeat([]route{r}, n)...)
	}
	w.order.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	for i, r := range tries {
		if i%4 == 0 {
			w.happens(p)
		}
		v := w.browser(p)
		path := parameter.ReplaceAllString(r.path, "x")
		if r.method == http.MethodGet {
			v.Get(path)
		} else {
			v.Post(path, w.form(p)...)
		}
		if i%24 == 0 {
			w.asMeant(p, one(w, true, false, false))
		}
	}
	w.allows(p)
	w.asMeant(p, false)
}

// comes has somebody come by an invitation whose password is enough, until it is no
// longer, and who then adds a first device.
func (w *walk) comes(id string) {
	p := &somebody{Person: &testkit.Person{ID: id}, invite: w.Invite(id)}
	w.allows(p)
	v := w.Visitor(w.t)
	v.Get("/invite/" + p.invite)
	w.submits(v, p, "/invite")
	for range 3 {
		w.happens(p)
		w.Advance(11 * time.Minute)
		if r := one(w, w.pages...); r.method == http.MethodGet {
			v.Get(parameter.ReplaceAllString(r.path, "x"))
		}
	}
	w.allows(p)
	w.asMeant(p, false)
}

// happens lets something be required, or forbidden, from now on.
func (w *walk) happens(p *somebody) {
	setMFA(w.Kit, one(w, model.MFAByRole, model.MFAEveryone))
	assign(w.Kit, p.ID, "lead", one(w, true, false))
	w.shuts(p, w.order.IntN(8) == 0, w.order.IntN(12) == 0)
	w.Advance(one(w, 0, 0, 6*time.Minute, 11*time.Minute))
	w.unlock(p)
}

// allows lets the person in, with a password alone if there is no device.
func (w *walk) allows(p *somebody) {
	w.shuts(p, false, false)
	assign(w.Kit, p.ID, "lead", false)
	setMFA(w.Kit, model.MFAByRole)
	w.unlock(p)
}

// shuts disables the person, or the tenant, or enables them where they were disabled:
// to enable anybody else would end their sessions.
func (w *walk) shuts(p *somebody, person, tenant bool) {
	ctx := context.Background()
	t, err := w.App.Store.Tenant(ctx, model.DefaultTenant)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := w.App.Store.User(ctx, t.ID, p.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if t.Disabled != tenant {
		tenantOff(w.Kit, tenant)
	}
	if u.Disabled != person {
		disable(w.Kit, p.ID, person)
	}
}

// browser is one that the person may be at.
func (w *walk) browser(p *somebody) *testkit.Visitor {
	v := w.Visitor(w.t)
	held := one(w, "session", "session", "refresh", "ticket", "")
	if held == "session" || held == "refresh" {
		v.Cookies[refreshCookie] = p.Refresh
	}
	switch held {
	case "session":
		v.Cookies[accessCookie] = p.Access
	case "ticket":
		v.Cookies[accessCookie] = one(w, append(p.tickets, p.invite, p.Refresh)...)
		v.Cookies[refreshCookie] = one(w, append(p.tickets, p.invite, p.Access)...)
	}
	return v
}

// form is all fields that a page could look at, filled in with what the person has.
func (w *walk) form(p *somebody) []string {
	code := one(w, "", "000000", "AAAA-AAAA")
	if p.Secret != "" && w.order.IntN(2) == 0 {
		code = w.NextCode(p.Person)
	}
	if n := len(p.RecoveryCodes); n > 0 && w.order.IntN(4) == 0 {
		code = p.RecoveryCodes[w.order.IntN(n)]
	}
	return []string{
		"username", p.ID, "password", one(w, testkit.Password, "wrong"), "current", testkit.Password, "new", "password123", "code", code,
		"ticket", one(w, append(p.tickets, p.Access, p.Refresh, "")...), "invite", p.invite, "saved", "on", "name", "phone",
		"next", "/account", "_to", one(w, "/account/password", "/login"), "_fields", one(w, "", "name=x&_sent=again"), "_sent", one(w, "", "again"),
	}
}

// asMeant goes through the doors as they are meant to be gone through, as far as they
// let the person: with the forms of the pages, in a browser that keeps its cookies.
func (w *walk) asMeant(p *somebody, invited bool) {
	v := w.Visitor(w.t)
	if invite, ok := w.invites(p); ok && invited {
		p.invite = invite
		v.Get("/invite/" + invite)
		w.submits(v, p, "/invite")
	} else {
		v.Get("/login")
		w.submits(v, p, "/login")
	}
	if len(p.RecoveryCodes) > 0 && w.order.IntN(4) == 0 {
		w.submits(v, p, "/login/recovery")
	}
	w.submits(v, p, "/login/code")
	w.submits(v, p, "/login/enrol/confirm")
	if v.Cookies[refreshCookie] == "" {
		return
	}
	if p.Secret == "" {
		w.addsDevice(v, p)
	}
	w.Advance(11 * time.Minute)
	v.Get("/account") // by a session that is renewed
	v.Get("/step-up")
	w.submits(v, p, "/step-up")
	if w.order.IntN(2) == 0 {
		w.addsDevice(v, p)
	}
	w.keeps(v, p)
	if w.order.IntN(2) == 0 {
		v.Get("/account/password")
		w.submits(v, p, "/account/password")
		w.keeps(v, p)
		w.resets(p)
	}
}

func (w *walk) addsDevice(v *testkit.Visitor, p *somebody) {
	v.Get("/account/devices")
	w.submits(v, p, "/account/devices")
	w.submits(v, p, "/confirm")
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

// submits sends the form of the page whose address ends so, if there is one, filled in as
// the person would.
func (w *walk) submits(v *testkit.Visitor, p *somebody, to string) {
	if m := ticketField.FindStringSubmatch(v.Page.Body); m != nil {
		p.tickets = []string{m[1]}
	}
	form := fmt.Sprintf(`main form[method="post"][action$="%s"]`, to)
	if len(v.Page.All(form)) != 1 {
		return
	}
	fields := map[string]string{"username": p.ID, "password": testkit.Password, "name": "phone", "current": testkit.Password, "new": next}
	switch secret := strings.ReplaceAll(v.Page.Text("code.secret"), " ", ""); {
	case strings.HasSuffix(to, "/confirm"):
		w.Advance(30 * time.Second)
		fields["code"] = w.CodeAt(secret, 0)
		defer func() {
			if codes := strings.Fields(v.Page.Text("ol.codes code")); len(codes) > 0 {
				p.RecoveryCodes = codes
			}
			p.Secret = secret // or, if it was refused, a wrong one
		}()
	case to == "/login/recovery":
		fields["code"] = p.RecoveryCodes[0]
	case p.Secret != "":
		fields["code"] = w.NextCode(p.Person)
	}
	var given []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(v.Page.All(fmt.Sprintf(`%s [name="%s"]:not([type=hidden])`, form, name))) > 0 {
			given = append(given, name, fields[name])
		}
	}
	v.Submit(form, given...)
}

// keeps has the person go on with what the browser holds.
func (w *walk) keeps(v *testkit.Visitor, p *somebody) {
	if v.Cookies[refreshCookie] != "" {
		p.Access, p.Refresh = v.Cookies[accessCookie], v.Cookies[refreshCookie]
	}
}

// look finds the tokens in an answer and holds them against what is required now. Of
// several cookies of a name a browser keeps the last.
func (w *walk) look(req *http.Request, a testkit.Answer) {
	w.t.Helper()
	what := req.Method + " " + w.pattern(req)
	if strings.HasPrefix(req.URL.Path, "/v1/") {
		w.doorkeeper.look(what, what, a)
		return
	}
	if req.URL.Path == "/oauth2/token" { // a client's, with which its questions are asked
		return
	}
	text, forms, set := string(a.Raw), url.Values{}, 0
	held := map[string]string{}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		held[c.Name] = c.Value
		if c.Name == accessCookie && c.Value != "" {
			set++
		}
	}
	access, refresh := held[accessCookie], held[refreshCookie]
	if body, err := req.GetBody(); err == nil {
		b, _ := io.ReadAll(body)
		forms, _ = url.ParseQuery(string(b))
	}
	shown := slices.DeleteFunc(jwtShape.FindAllString(text, -1), func(jwt string) bool { return slices.Contains(forms["ticket"], jwt) }) // which it was sent
	if len(shown) > 0 || len(jwtShape.FindAllString(fmt.Sprint(a.Header), -1)) != set || refresh != "" && strings.Contains(text, refresh) || (access == "") != (refresh == "") {
		w.t.Errorf("%s: %d with tokens elsewhere than in the two cookies", what, a.Status)
	}
	if access == "" {
		return
	}
	w.tokens[what]++
	switch s := w.hold(what, access); {
	case !s.Restricted || w.restricted:
	case what == "POST /login/recovery": // which the browser holds, so that a lost page costs nothing
		w.canOnlyEnrol(what, s.User, access)
	default:
		w.t.Errorf("%s: a browser is handed a session that can only enrol", what)
	}
}

// pattern is the page that a request came to.
func (w *walk) pattern(req *http.Request) string {
	for _, r := range w.pages {
		spelt := strings.ReplaceAll(regexp.QuoteMeta(parameter.ReplaceAllString(r.path, "\x00")), "\x00", "[^/]+")
		if r.method == req.Method && regexp.MustCompile("^"+spelt+"$").MatchString(req.URL.Path) && (strings.Contains(r.path, "{") || r.path == req.URL.Path) {
			return r.path
		}
	}
	return req.URL.Path
}

// opensNothing holds what a recovery code left to what it may do: no page of a person's
// or an office's takes it, nor one that is renewed.
func (w *walk) opensNothing(p *somebody) {
	w.restricted = true
	defer func() { w.restricted = false }()
	for i := 0; i+1 < len(p.bearers); i += 2 {
		v := w.Visitor(w.t)
		v.Cookies[accessCookie], v.Cookies[refreshCookie] = p.bearers[i], p.bearers[i+1]
		for _, r := range w.pages {
			if r.permission == "open" || r.permission == "public" {
				continue
			}
			path := parameter.ReplaceAllString(r.path, "x")
			if r.method == http.MethodGet {
				v.Get(path)
			} else {
				v.Post(path, w.form(p)...)
			}
			if v.Page.Status/100 == 2 && v.Page.URL.Path != "/login" {
				w.t.Errorf("%s %s takes a session that can only enrol: %d", r.method, r.path, v.Page.Status)
			}
		}
	}
}
