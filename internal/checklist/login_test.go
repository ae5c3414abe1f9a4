package checklist

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(1, "A right password, where no second factor is due, gives tokens with `amr` `pwd`, and one record of success.", passwordAlone)
	holds(2, "A right password of somebody with a second factor gives a ticket and the kinds of factors, and nothing else.", passwordThenTicket)
	holds(3, "Where a role asks for a second factor and there is none yet, the ticket can enrol one and nothing else.", passwordThenEnrolment)
	holds(6, "A ticket is no access token, on any route.", ticketIsNoToken)
}

// byRole lets people of the default tenant log in with a password alone, unless
// one of their roles asks for more.
func byRole(k *testkit.Kit) { setMFA(k, model.MFAByRole) }

func setMFA(k *testkit.Kit, mode model.MFAMode) {
	k.T.Helper()
	if _, err := app.SetTenant.Run(context.Background(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &mode, Reason: "a test of it"}); err != nil {
		k.T.Fatal(err)
	}
}

// assign gives a user a role that asks for a second factor, or does not.
func assign(k *testkit.Kit, user, role string, requireMFA bool) {
	k.T.Helper()
	ctx := context.Background()
	if !model.IsOffice(role) {
		r := app.RoleRequest{Tenant: model.DefaultTenant, Role: role, RequireMFA: requireMFA, Reason: "test"}
		_, err := app.PutRole.Run(ctx, k.App, testkit.Operator, r)
		if model.CodeOf(err) == model.CodeRoleUnknown {
			r.Create = true
			_, err = app.PutRole.Run(ctx, k.App, testkit.Operator, r)
		}
		if err != nil {
			k.T.Fatal(err)
		}
	}
	if _, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Role: role, Member: "user:" + user}); err != nil {
		k.T.Fatal(err)
	}
}

func disable(k *testkit.Kit, user string, disabled bool) {
	k.T.Helper()
	r := app.UserRequest{Tenant: model.DefaultTenant, User: user, Disabled: disabled}
	if _, err := app.SetUserDisabled.Run(context.Background(), k.App, testkit.Operator, r); err != nil {
		k.T.Fatal(err)
	}
}

// accept makes a person who has a password and no device; the tenant is by-role.
func accept(k *testkit.Kit, id string, roles ...string) *testkit.Person {
	k.T.Helper()
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite(id, roles...), "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	return &testkit.Person{ID: id, Access: a.Text("access_token"), Refresh: a.Text("refresh_token")}
}

func passwordStep(k *testkit.Kit, id string) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/login", "", map[string]any{"username": id, "password": testkit.Password})
}

// recorded lists the activities of the records that something leaves behind.
func recorded(k *testkit.Kit, something func()) (activities []string) {
	k.T.Helper()
	for _, leaf := range k.Recorded(something) {
		activities = append(activities, string(leaf.Activity)+" "+string(leaf.Outcome))
	}
	return activities
}

func passwordAlone(t *testing.T) {
	k := testkit.New(t)
	byRole(k)
	accept(k, "ann")
	var a testkit.Answer
	records := recorded(k, func() { a = passwordStep(k, "ann") })
	k.Want(a, 200, "status", "ok", "ticket", nil)
	claims := testkit.Claims(t, a.Text("access_token"))
	if amr, _ := claims["amr"].([]any); len(amr) != 1 || amr[0] != "pwd" || claims["acr"] != "1" {
		t.Errorf("amr %v, acr %v", claims["amr"], claims["acr"])
	}
	if len(records) != 1 || records[0] != "authn_login_success ok" {
		t.Errorf("records: %q", records)
	}
}

func passwordThenTicket(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("ann", "sales-rep")
	a := passwordStep(k, "ann")
	k.Want(a, 200, "status", "mfa_required")
	for member := range a.Body {
		if !strings.Contains(" status ticket factors expires_in ", " "+member+" ") {
			t.Errorf("the answer has a member %s: %s", member, a.Raw)
		}
	}
	if len(a.Header.Values("Set-Cookie")) > 0 || bytes.Contains(a.Raw, []byte("eyJ")) {
		t.Errorf("a cookie or a token comes along: %v %s", a.Header, a.Raw)
	}
}

func passwordThenEnrolment(t *testing.T) {
	k := testkit.New(t)
	byRole(k)
	accept(k, "ann")
	assign(k, "ann", "lead", true)
	a := passwordStep(k, "ann")
	k.Want(a, 200, "status", "enrolment_required", "access_token", nil, "refresh_token", nil)
	ticket := a.Text("ticket")
	for _, path := range []string{"/v1/login/totp", "/v1/login/recovery"} {
		k.Want(k.Post(path, "", map[string]any{"ticket": ticket, "code": "123456"}), 401)
	}
	refusedAsToken(t, k, ticket)
	ticket = passwordStep(k, "ann").Text("ticket")
	if p := k.FinishEnrolment("ann", ticket); testkit.Claims(t, p.Access)["acr"] != "2" {
		t.Error("enrolment does not end in a session of level 2")
	}
}

func ticketIsNoToken(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann", "sales-rep")
	refusedAsToken(t, k, k.Ticket("ann"))
	client := k.ClientToken("crm")
	own := map[string]any{"owner": "ann"}
	if a := k.Evaluate(client, "ann", "read", "contact", own, "access_token", k.Ticket("ann")); a.Code() != "session_invalid" {
		t.Errorf("a decision takes a ticket: %s", a.Raw)
	}
	if a := k.Evaluate(client, "ann", "read", "contact", own, "access_token", ann.Access); a.Code() != "allowed" {
		t.Errorf("a decision refuses the person's own token: %s", a.Raw)
	}
}

// refusedAsToken sends something as the access token of every route that takes one.
func refusedAsToken(t *testing.T, k *testkit.Kit, token string) {
	t.Helper()
	for _, r := range routes(t) {
		if r.permission == "public" || r.permission == "public or auditor" || r.permission == "open" {
			continue
		}
		req := r.request(t, k, map[string]any{})
		req.Header.Set("Authorization", "Bearer "+token)
		a := k.Send(req)
		if strings.HasPrefix(r.permission, "client secret") && (a.Status == 400 || a.Status == 415) { // it takes no token at all
			continue
		}
		if a.Status != 401 {
			t.Errorf("%s %s answers %d: %s", r.method, r.path, a.Status, a.Raw)
		}
	}
}

// route is a line of the list of routes that the router is held to.
type route struct{ method, path, permission string }

func routes(t *testing.T) []route { return listed(t, "routes.golden", 40) }

// listed reads such a list, which has so many lines at least.
func listed(t *testing.T, file string, least int) (all []route) {
	t.Helper()
	text, err := os.ReadFile("../server/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		all = append(all, route{f[0], f[1], strings.Join(f[2:], " ")})
	}
	if len(all) < least {
		t.Fatalf("%s has %d lines", file, len(all))
	}
	return all
}

var parameter = regexp.MustCompile(`\{[^}]*\}|\*`)

// request asks the route about something called x.
func (r route) request(t *testing.T, k *testkit.Kit, body any) *http.Request {
	t.Helper()
	req := k.Request(parameter.ReplaceAllString(r.path, "x"), "", body)
	req.Method = r.method
	return req
}

// aMoment is more than a step of a test takes by the service's clock.
const aMoment = 2 * time.Second
