package checklist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// somebody is a person with all that they were ever handed out.
type somebody struct {
	*testkit.Person
	invite  string
	tickets []string
	bearers []string // what may be tried as an access token
}

// everybody is a person in every state a login can be in.
func everybody(k *testkit.Kit) (all []*somebody) {
	enrolled := func(id string) *somebody {
		setMFA(k, model.MFAEveryone)
		defer byRole(k)
		return &somebody{Person: k.MustEnrol(id, "sales-rep")}
	}
	setMFA(k, model.MFAByRole)
	invited := &somebody{Person: &testkit.Person{ID: "invited"}, invite: k.Invite("invited", "sales-rep")}
	plain := &somebody{Person: accept(k, "plain", "sales-rep")}
	pending := &somebody{Person: accept(k, "pending", "sales-rep")}
	pending.tickets = []string{enrolmentTicket(k, "pending")}
	pending.Secret = k.Post("/v1/login/enrol", "", map[string]any{"ticket": pending.tickets[0]}).Text("secret")
	device := enrolled("device")
	device.tickets = []string{k.Ticket("device")}
	recovered := enrolled("recovered")
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("recovered"), "code": recovered.RecoveryCodes[0]})
	k.Want(a, 200)
	recovered.tickets = []string{a.Text("ticket")}
	recovered.bearers = []string{a.Text("access_token"), a.Text("refresh_token")}
	raised := &somebody{Person: accept(k, "raised", "sales-rep")}
	assign(k, "raised", "lead", true)
	disabled := enrolled("disabled")
	disabled.tickets = []string{k.Ticket("disabled")}
	disable(k, "disabled", true)
	return []*somebody{invited, plain, pending, device, recovered, raised, disabled}
}

// No answer of any route, whatever somebody in any state sends it, carries a token
// of a session that is below what tenant, roles and devices require at that
// moment. The one exception can do nothing but enrol again. Pages are walked by
// TestOneDoorOfPages.
func TestOneDoor(t *testing.T) {
	all := routes(t)
	handed := map[string]int{}
	for name, happens := range map[string]func(k *testkit.Kit){
		"nothing happens":         func(*testkit.Kit) {},
		"a role asks for more":    func(k *testkit.Kit) { eachOf(k, func(id string) { assign(k, id, "lead", true) }) },
		"the tenant asks for it":  func(k *testkit.Kit) { setMFA(k, model.MFAEveryone) },
		"everybody is disabled":   func(k *testkit.Kit) { eachOf(k, func(id string) { disable(k, id, true) }) },
		"the tenant is disabled":  func(k *testkit.Kit) { tenantOff(k, true) },
		"a role asks from now on": func(k *testkit.Kit) { assign(k, "plain", "sales-rep", true) },
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			order := rand.New(rand.NewPCG(seed, 0))
			d := &doorkeeper{Kit: testkit.New(t, "ROLEGATE_MAX_SESSIONS=1000", "ROLEGATE_LOGIN_RATE=1000000"), t: t, all: all, tokens: map[string]int{}}
			d.secret = d.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
			people := everybody(d.Kit)
			happens(d.Kit)
			for _, p := range people {
				d.tries(p, order)
				d.goesThrough(p)
			}
			if disabled := strings.Contains(name, "disabled"); (len(d.tokens) > 0) == disabled {
				t.Errorf("tokens came from %v", d.tokens)
			}
			for door, n := range d.tokens {
				handed[door] += n
			}
		})
	}
	t.Log("tokens came from", handed)
	for _, door := range []string{"/v1/login", "/v1/login/totp", "/v1/login/enrol/confirm", "/v1/login/recovery", "/v1/invite/accept", "/v1/token/refresh",
		"/v1/step-up", "/v1/me/password", "/v1/me/devices/{id}/confirm", "/v1/me/re-enrol/confirm"} {
		if handed["POST "+door] == 0 {
			t.Errorf("POST %s handed out no token: nothing is shown of it", door)
		}
	}
}

func eachOf(k *testkit.Kit, do func(id string)) {
	for _, id := range []string{"invited", "plain", "pending", "device", "recovered", "raised"} {
		do(id)
	}
}

type doorkeeper struct {
	*testkit.Kit
	t      *testing.T
	all    []route
	secret string         // of the client crm
	tokens map[string]int // answers that had one, by route or page
}

// tries sends all that a person has to every route, in any order.
func (d *doorkeeper) tries(p *somebody, order *rand.Rand) {
	var code string
	if p.Secret != "" {
		code = d.NextCode(p.Person)
	}
	recovery := "AAAA-AAAA"
	if len(p.RecoveryCodes) > 0 {
		recovery = p.RecoveryCodes[len(p.RecoveryCodes)-1]
	}
	bodies := []map[string]any{
		{}, {"username": p.ID, "password": testkit.Password}, {"refresh_token": p.Refresh}, {"code": code}, {"code": recovery},
		{"invite": p.invite, "password": testkit.Password}, {"password": testkit.Password, "code": code},
	}
	for _, ticket := range append(p.tickets, p.Access, p.Refresh) {
		bodies = append(bodies, map[string]any{"ticket": ticket}, map[string]any{"ticket": ticket, "code": code}, map[string]any{"ticket": ticket, "code": recovery})
	}
	bearers := append([]string{"", p.Access, p.Refresh, p.invite}, append(p.tickets, p.bearers...)...)
	type try struct {
		route
		bearer string
		body   map[string]any
		right  bool // with what the route asks for: see fits
	}
	var tries []try
	for _, r := range d.all {
		switch {
		case r.permission == "open":
			for _, body := range bodies {
				tries = append(tries, try{route: r, body: body})
			}
		case strings.HasPrefix(r.permission, "person"):
			for _, bearer := range bearers {
				for _, body := range []map[string]any{{}, {"code": code}, {"code": recovery}} {
					tries = append(tries, try{route: r, bearer: bearer, body: body})
				}
				if fitted[r.method+" "+r.path] {
					tries = append(tries, try{route: r, bearer: bearer, right: true})
				}
			}
		default:
			for _, bearer := range bearers {
				tries = append(tries, try{route: r, bearer: bearer, body: map[string]any{}})
			}
		}
	}
	order.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	for i, x := range tries {
		if i%4 == 0 { // wrong ones must not lock what the right ones would open
			d.unlock(p)
		}
		door, done := x.method+" "+x.path, func() {}
		if x.right {
			x.path, x.body, done = d.fits(p, door, x.bearer)
		}
		req := x.request(d.t, d.Kit, x.body)
		if x.bearer != "" {
			req.Header.Set("Authorization", "Bearer "+x.bearer)
		}
		a := d.Send(req)
		d.look(fmt.Sprintf("%s: %s %s %v", p.ID, x.method, x.path, x.body), door, a)
		if a.Status == http.StatusOK {
			done()
		}
	}
}

// fitted are the routes for people that take more than a code and can give tokens.
var fitted = map[string]bool{"POST /v1/me/password": true, "POST /v1/me/devices/{id}/confirm": true, "POST /v1/me/re-enrol/confirm": true}

// fits is the path and the body that one of the fitted routes asks for, and what follows when it was done.
func (d *doorkeeper) fits(p *somebody, door, bearer string) (path string, body map[string]any, done func()) {
	_, path, _ = strings.Cut(door, " ")
	body, done = map[string]any{}, func() {}
	switch door {
	case "POST /v1/me/password":
		return path, map[string]any{"current": testkit.Password, "new": next}, func() { d.resets(p) }
	case "POST /v1/me/devices/{id}/confirm", "POST /v1/me/re-enrol/confirm":
		begins := "/v1/me/re-enrol"
		if strings.Contains(door, "{id}") {
			begins = "/v1/me/devices"
		}
		a := d.posts(p, begins, begins, bearer, map[string]any{"name": "phone"})
		if secret := a.Text("secret"); secret != "" {
			d.Advance(30 * time.Second)
			return strings.Replace(path, "{id}", a.Text("device_id"), 1), map[string]any{"code": d.CodeAt(secret, 0)}, func() { p.Secret = secret }
		}
	}
	return path, body, done
}

// posts sends the person's and looks at the answer.
func (d *doorkeeper) posts(p *somebody, door, path, bearer string, body map[string]any) testkit.Answer {
	d.t.Helper()
	a := d.Post(path, bearer, body)
	d.look(p.ID+": POST "+path, "POST "+door, a)
	return a
}

// goesThrough has a person go through all doors as they are meant to be gone through, as
// far as they let them, in case all of the tries spoiled one another.
func (d *doorkeeper) goesThrough(p *somebody) {
	d.unlock(p)
	d.resets(p)
	access := d.enters(p)
	if access == "" {
		return
	}
	goes := func(door string) {
		path, body, done := d.fits(p, "POST "+door, access)
		if door == "/v1/step-up" {
			body = map[string]any{"code": d.NextCode(p.Person)}
		}
		a := d.posts(p, door, path, access, body)
		if a.Status != http.StatusOK {
			d.t.Errorf("%s cannot go through %s: %d %s", p.ID, door, a.Status, a.Raw)
			return
		}
		if token := a.Text("access_token"); token != "" {
			access = token
		}
		done()
	}
	if p.Secret == "" {
		goes("/v1/me/devices/{id}/confirm")
	}
	goes("/v1/step-up")
	a := d.posts(p, "/v1/me/recovery-codes", "/v1/me/recovery-codes", access, nil)
	codes, _ := a.Body["recovery_codes"].([]any)
	if len(codes) == 0 {
		d.t.Fatalf("%s has no recovery codes: %s", p.ID, a.Raw)
	}
	goes("/v1/me/password") // and back to the old one
	a = passwordStep(d.Kit, p.ID)
	a = d.posts(p, "/v1/login/recovery", "/v1/login/recovery", "", map[string]any{"ticket": a.Text("ticket"), "code": codes[0]})
	if access = a.Text("access_token"); access == "" {
		d.t.Fatalf("%s has no session by a recovery code: %s", p.ID, a.Raw)
	}
	goes("/v1/me/re-enrol/confirm")
}

// enters logs a person in and renews the session: its access token, "" for who may not.
func (d *doorkeeper) enters(p *somebody) (access string) {
	a := d.posts(p, "/v1/login", "/v1/login", "", map[string]any{"username": p.ID, "password": testkit.Password})
	switch ticket := a.Text("ticket"); a.Text("status") {
	case "ok": // whatever waited for a first code, no device counts
		p.Secret = ""
	case "mfa_required":
		a = d.posts(p, "/v1/login/totp", "/v1/login/totp", "", map[string]any{"ticket": ticket, "code": d.NextCode(p.Person)})
	case "enrolment_required":
		a = d.posts(p, "/v1/login/enrol", "/v1/login/enrol", "", map[string]any{"ticket": ticket})
		secret := a.Text("secret")
		d.Advance(30 * time.Second)
		a = d.posts(p, "/v1/login/enrol/confirm", "/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": d.CodeAt(secret, 0)})
		p.Secret = secret
	}
	if a.Text("access_token") == "" {
		return ""
	}
	return d.posts(p, "/v1/token/refresh", "/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}).Text("access_token")
}

func (d *doorkeeper) unlock(p *somebody) {
	err := d.App.Login.Unlock(context.Background(), testkit.Operator, model.DefaultTenant, p.ID, "")
	if err != nil && model.CodeOf(err) != model.CodeUserUnknown {
		d.t.Fatal(err)
	}
}

// resets gives the person the password back that everybody has here.
func (d *doorkeeper) resets(p *somebody) {
	if invite, ok := d.invites(p); ok {
		a := d.posts(p, "/v1/invite/accept", "/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
		if a.Text("status") == "mfa_required" && p.Secret != "" { // it counts from the code on
			d.posts(p, "/v1/login/totp", "/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": d.NextCode(p.Person)})
		}
	}
}

func (d *doorkeeper) invites(p *somebody) (invite string, ok bool) {
	inv, err := app.InviteUser.Run(context.Background(), d.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: p.ID})
	return inv.Invite, err == nil
}

var jwtShape = regexp.MustCompile(`eyJ[\w-]*\.[\w-]+\.[\w-]+`)

// look finds the tokens in an answer of a door and holds them against what is required now.
func (d *doorkeeper) look(what, door string, a testkit.Answer) {
	d.t.Helper()
	text := string(a.Raw) + fmt.Sprint(a.Header)
	found := jwtShape.FindAllString(text, -1)
	switch {
	case len(found) == 0 && a.Text("refresh_token") == "" && a.Text("access_token") == "":
		return
	case a.Status/100 != 2 || len(found) != 1 || a.Text("access_token") != found[0]:
		d.t.Errorf("%s: %d with tokens where there may be none: %s", what, a.Status, a.Raw)
		return
	}
	d.tokens[door]++
	if s := d.hold(what, found[0]); s.Restricted {
		d.canOnlyEnrol(what, s.User, found[0])
	}
}

// hold holds an access token that was just handed out, and its session, against what
// is required now.
func (d *doorkeeper) hold(what, access string) store.Session {
	d.t.Helper()
	claims := testkit.Claims(d.t, access)
	sid, _ := claims["sid"].(string)
	s, err := d.App.Store.Session(context.Background(), sid)
	if err != nil {
		d.t.Errorf("%s: a token of no session: %v", what, err)
		return s
	}
	switch need := d.needs(s.User); {
	case !s.EndedAt.IsZero():
		d.t.Errorf("%s: a token of a session that has ended", what)
	case claims["acr"] != strconv.Itoa(s.ACR):
		d.t.Errorf("%s: the token says %v, and the session has %d", what, claims["acr"], s.ACR)
	case !s.Restricted && s.ACR < need:
		d.t.Errorf("%s: a token of level %d, and %d is required", what, s.ACR, need)
	}
	return s
}

// needs is the level required of a user now; nobody has the one of those who may
// not log in.
func (d *doorkeeper) needs(id string) int {
	ctx := context.Background()
	tenant, err := d.App.Store.Tenant(ctx, model.DefaultTenant)
	if err != nil {
		d.t.Fatal(err)
	}
	user, err := d.App.Store.User(ctx, tenant.ID, id)
	if err != nil {
		d.t.Fatal(err)
	}
	devices, err := d.App.Store.Devices(ctx, tenant.ID, id)
	if err != nil {
		d.t.Fatal(err)
	}
	due, err := d.App.Policy.RequiresMFA(ctx, tenant.ID, "user:"+id)
	if err != nil {
		d.t.Fatal(err)
	}
	switch {
	case tenant.Disabled || user.Disabled:
		return 99
	case tenant.MFA != model.MFAByRole || due || len(devices) > 0:
		return 2
	}
	return 1
}

// canOnlyEnrol holds a session after a recovery code to what it may do: enrol and log out.
func (d *doorkeeper) canOnlyEnrol(what, user, access string) {
	d.t.Helper()
	for _, r := range d.all {
		if r.permission == "person(any)" || r.permission == "open" || strings.HasPrefix(r.permission, "public") {
			continue
		}
		req := r.request(d.t, d.Kit, map[string]any{})
		req.Header.Set("Authorization", "Bearer "+access)
		if a := d.Send(req); !slices.Contains([]int{400, 401, 403, 415}, a.Status) {
			d.t.Errorf("%s: %s %s takes a session that can only enrol: %d", what, r.method, r.path, a.Status)
		}
	}
	a := d.Evaluate(d.TokenFor("crm", d.secret), user, "read", "contact", map[string]any{"owner": user}, "access_token", access)
	if a.Code() != "session_invalid" {
		d.t.Errorf("%s: a decision takes a session that can only enrol: %s", what, a.Raw)
	}
}
