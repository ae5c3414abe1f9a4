package checklist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

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
			d := &doorkeeper{Kit: testkit.New(t, "ROLEGATE_MAX_SESSIONS=1000", "ROLEGATE_LOGIN_RATE=1000000"), t: t, all: all}
			d.secret = d.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
			people := everybody(d.Kit)
			happens(d.Kit)
			for _, p := range people {
				d.tries(p, order)
			}
			if disabled := strings.Contains(name, "disabled"); (d.tokens > 0) == disabled {
				t.Errorf("%d answers had tokens", d.tokens)
			}
		})
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
	secret string // of the client crm
	tokens int    // answers that had one
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
	}
	var tries []try
	for _, r := range d.all {
		switch {
		case r.permission == "open":
			for _, body := range bodies {
				tries = append(tries, try{r, "", body})
			}
		case strings.HasPrefix(r.permission, "person"):
			for _, bearer := range bearers {
				for _, body := range []map[string]any{{}, {"code": code}, {"code": recovery}} {
					tries = append(tries, try{r, bearer, body})
				}
			}
		default:
			for _, bearer := range bearers {
				tries = append(tries, try{r, bearer, map[string]any{}})
			}
		}
	}
	order.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	for i, x := range tries {
		if i%4 == 0 { // wrong ones must not lock what the right ones would open
			if err := d.App.Login.Unlock(context.Background(), testkit.Operator, model.DefaultTenant, p.ID, ""); err != nil && model.CodeOf(err) != model.CodeUserUnknown {
				d.t.Fatal(err)
			}
		}
		req := x.request(d.t, d.Kit, x.body)
		if x.bearer != "" {
			req.Header.Set("Authorization", "Bearer "+x.bearer)
		}
		d.look(fmt.Sprintf("%s: %s %s %v", p.ID, x.method, x.path, x.body), d.Send(req))
	}
	d.logsIn(p)
}

// logsIn does it as it is meant, in case all of the tries spoiled one another.
func (d *doorkeeper) logsIn(p *somebody) {
	if p.Secret == "" {
		return
	}
	if err := d.App.Login.Unlock(context.Background(), testkit.Operator, model.DefaultTenant, p.ID, ""); err != nil {
		d.t.Fatal(err)
	}
	a := passwordStep(d.Kit, p.ID)
	d.look(p.ID+": a password", a)
	d.look(p.ID+": a code", d.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": d.NextCode(p.Person)}))
}

var jwtShape = regexp.MustCompile(`eyJ[\w-]*\.[\w-]+\.[\w-]+`)

// look finds the tokens in an answer and holds them against what is required now.
func (d *doorkeeper) look(what string, a testkit.Answer) {
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
	d.tokens++
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
