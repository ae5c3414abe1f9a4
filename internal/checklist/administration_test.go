package checklist

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(122, "Every route below /v1/admin, and of the log what is not public, refuses no token, a person without the right, a client without the scope and an expired token of an administrator; each page for officers leads whose session has expired to the login.", adminRoutesAreClosed)
	holds(123, "An administrator changes nothing without a second factor proven in the last five minutes: 401 with what would help, 409 where there is no device yet.", func(t *testing.T) { adminStepsUp(t); pagesStepUp(t) })
	holds(124, "A person can change nothing of their own account that the policy or an administrator decides: there is no such route, and unknown members are refused.", noOwnProfile)
	holds(125, "An administrator neither sets nor sees a password: no route takes one for somebody else, and an invitation leaves it to the user.", noPasswordOfOthers)
	holds(126, "What administrators read of users holds no hash, secret, code or token.", noSecretsShown)
	stands(127, "A reset of second factors takes a requester, an approver and a reason.", "later work: administrators have no reset; a recovery code or the host helps")
	stands(128, "A reset of second factors ends in a one-time enrolment.", "later work, as G127")
	holds(129, "Nobody gives a role to themselves, one that reaches beyond their rights, or an office, by whatever way.", func(t *testing.T) { noRoleAboveOnesOwn(t); waitingInvitations(t) })
	holds(130, "Nobody acts as another: there is no route for it.", noImpersonation)
	holds(131, "The last holder of an office cannot be disabled, deleted or demoted.", lastHolderStays)
	holds(132, "A policy edit is felt at the next decision of every instance; of concurrent edits of one version one wins.", policyEdits)
	holds(133, "Shutting a user out needs a reason, is recorded, and ends all sessions.", lockdown)
	holds(135, "For an administrator of one tenant nothing of another exists.", tenantWall)
}

// offices are a kit with the three offices held, and each holder logged in.
type offices struct {
	*testkit.Kit
	sys, sec, aud *testkit.Person
}

func officesOf(t *testing.T, k *testkit.Kit) offices {
	t.Helper()
	return offices{k, officeHolder(k, "sys", model.SystemAdmin), officeHolder(k, "sec", model.SecurityAdmin), officeHolder(k, "aud", model.AuditAdmin)}
}

// officeHolder enrols somebody and then gives the office: in a tenant that has
// administrators that takes a reason.
func officeHolder(k *testkit.Kit, id, office string) *testkit.Person {
	k.T.Helper()
	p := k.MustEnrol(id)
	_, err := app.Assign.Run(context.Background(), k.App, testkit.Operator,
		app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: "test"})
	if err != nil {
		k.T.Fatal(err)
	}
	return p
}

func request(k *testkit.Kit, method, path, bearer string, body any) *http.Request {
	k.T.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			k.T.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, k.URL+path, bytes.NewReader(text))
	if err != nil {
		k.T.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req
}

func refused(t *testing.T, what string, a testkit.Answer, status int, code model.Code) {
	t.Helper()
	if a.Status != status || a.Code() != string(code) {
		t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Raw, status, code)
	}
}

// routesBelow are the routes of the router's own list that begin so: method, path
// with its parameters filled in, and who may call them.
func routesBelow(t *testing.T, prefix string) (below [][3]string) {
	t.Helper()
	for _, r := range routes(t) {
		if strings.HasPrefix(r.path, prefix) {
			path := strings.NewReplacer("{id}", "ann", "{role}", "sales-rep", "{type}", "user", "{member}", "user:ann", "{revision}", "1").Replace(r.path)
			below = append(below, [3]string{r.method, parameter.ReplaceAllString(path, "x"), r.permission})
		}
	}
	return below
}

func adminRoutesAreClosed(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ann := k.MustEnrol("ann", "sales-rep")
	client := k.ClientToken("crm")
	admin := routesBelow(t, "/v1/admin/")
	log := slices.DeleteFunc(routesBelow(t, "/v1/audit/"), func(r [3]string) bool { return !strings.HasPrefix(r[2], "officer(") })
	if len(admin) < 40 || len(log) != 3 {
		t.Fatalf("%d routes, and of the log %v", len(admin), log)
	}
	try := func(who, token string, routes [][3]string, statuses ...int) {
		for _, r := range routes {
			var body any
			if r[0] == "PUT" || r[0] == "POST" {
				body = map[string]any{}
			}
			a := k.Call(r[0], r[1], token, body)
			if !slices.Contains(statuses, a.Status) {
				t.Errorf("%s %s by %s: %d %s", r[0], r[1], who, a.Status, a.Raw)
			}
		}
	}
	all := append(admin, log...)
	try("nobody", "", all, 401)
	try("a person without the right", ann.Access, all, 401, 403)
	try("a client without the scope", client, all, 401, 403)
	k.Advance(11 * time.Minute)
	for _, p := range []*testkit.Person{o.sys, o.sec, o.aud} {
		try(p.ID+", whose token has expired", p.Access, all, 401)
	}

	// A page is asked for with the access token's cookie alone: with it expired there is no session.
	for _, r := range pages(t) {
		if !strings.HasPrefix(r.permission, "officer(") {
			continue
		}
		path := parameter.ReplaceAllString(r.path, "x")
		for _, token := range []string{"", o.sys.Access, o.sec.Access, o.aud.Access} {
			if res := browse(t, k, r.method, path, "", accessCookie+"="+token); r.method == http.MethodGet && (res.StatusCode != 303 || !strings.HasPrefix(res.Header.Get("Location"), "/login")) ||
				r.method == http.MethodPost && res.StatusCode != 303 && res.StatusCode != 401 {
				t.Errorf("%s %s with an expired token: %d %s", r.method, path, res.StatusCode, res.Header.Get("Location"))
			}
		}
	}
}

// looksOnly are the rights with which a POST changes nothing: it works for a while.
var looksOnly = map[string]bool{"rolegate.policy:read)": true, "rolegate.policy:simulate)": true}

// withRight is who has the right that a route asks for.
func (o offices) withRight(permission string) *testkit.Person {
	if strings.HasPrefix(permission, "officer(rolegate.policy:") {
		return o.sec
	}
	return o.sys
}

func adminStepsUp(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	k.MustEnrol("ann", "sales-rep")
	k.Login(o.sys)
	k.Login(o.sec)
	k.Advance(6 * time.Minute)
	k.Want(k.Call("GET", "/v1/admin/users", o.sys.Access, nil), 200)
	for _, r := range routesBelow(t, "/v1/admin/") {
		right, is := strings.CutPrefix(r[2], "officer(")
		if !is || r[0] == "GET" || looksOnly[right] {
			continue
		}
		a := k.Call(r[0], r[1], o.withRight(r[2]).Access, map[string]any{})
		refused(t, r[0]+" "+r[1]+" ("+right, a, 401, model.CodeStepUp)
		if h := a.Header.Get("WWW-Authenticate"); !strings.Contains(h, "insufficient_user_authentication") || !strings.Contains(h, "max_age") {
			t.Errorf("%s %s does not say what would help: %s", r[0], r[1], h)
		}
	}
	k.Login(o.sys)
	k.Want(k.Call("POST", "/v1/admin/users/ann/enable", o.sys.Access, nil), 200)

	// A session of before a second factor was required administers nothing any
	// more, though no row of the policy asks for one.
	addRows(k, "p, role:hr, rolegate.user, *, all, , allow\n")
	byRole(k)
	hans := accept(k, "hans", "hr")
	k.Want(k.Call("GET", "/v1/admin/users/ann", hans.Access, nil), 200)
	for _, act := range []string{"users/ann/disable", "users/ann/enable", "users/ann/invite"} { // a password alone, a moment old
		refused(t, act+" by a password alone", k.Call("POST", "/v1/admin/"+act, hans.Access, map[string]any{"reason": "x"}), 409, model.CodeDeviceRequired)
	}
	for name, required := range map[string]func(){
		"of everybody":   func() { setMFA(k, model.MFAEveryone) },
		"of one's roles": func() { byRole(k); assign(k, "hans", "lead", true) },
	} {
		required()
		refused(t, "read, where it is required "+name, k.Call("GET", "/v1/admin/users/ann", hans.Access, nil), 401, model.CodeStepUp)
		refused(t, "enable, where it is required "+name, k.Call("POST", "/v1/admin/users/ann/enable", hans.Access, nil), 401, model.CodeStepUp)
	}
}

func noOwnProfile(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann", "sales-rep")
	for _, r := range routesBelow(t, "/v1/me") {
		if r[0] == "PATCH" && r[1] != "/v1/me/devices/ann" || r[0] == "PUT" && r[1] == "/v1/me" {
			t.Errorf("%s %s", r[0], r[1])
		}
	}
	for _, path := range []string{"/v1/me", "/v1/me/profile", "/v1/admin/users/ann"} {
		for _, method := range []string{"PATCH", "PUT"} {
			a, err := testkit.Do(request(k, method, path, ann.Access, map[string]any{"role": "sales-manager", "mfa_required": false, "disabled": false, "tenant": "other"}))
			if err != nil || a.Status != 404 && a.Status != 405 {
				t.Errorf("%s %s: %d %s, %v", method, path, a.Status, a.Raw, err)
			}
		}
	}
	for _, member := range []string{"role", "roles", "mfa_required", "disabled", "email_verified"} {
		a := k.Post("/v1/login", "", map[string]any{"username": "ann", "password": testkit.Password, member: "x"})
		refused(t, "a login with "+member, a, 400, model.CodeInvalidRequest)
	}
}

func noPasswordOfOthers(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ann := k.MustEnrol("ann", "sales-rep")
	k.Login(o.sys)
	k.Login(o.sec)
	bodies := 0
	for _, r := range routesBelow(t, "/v1/admin/") {
		if strings.Contains(r[1], "password") {
			t.Errorf("%s %s is about passwords", r[0], r[1])
		}
		if r[0] == "GET" || !strings.HasPrefix(r[2], "officer(") {
			continue
		}
		const mine = "a password of my choice"
		req := request(k, r[0], r[1], o.withRight(r[2]).Access, map[string]any{"password": mine, "reason": "test"})
		req.Header.Set("If-Match", `"1"`) // of a draft
		a := k.Send(req)
		if a.Code() == string(model.CodeInvalidRequest) { // a route that reads a body has no such member
			bodies++
		}
		if bytes.Contains(a.Raw, []byte(mine)) || bytes.Contains(a.Raw, []byte("argon2")) {
			t.Errorf("%s %s answers %s", r[0], r[1], a.Raw)
		}
	}
	if bodies != 12 {
		t.Errorf("%d routes read a body and refuse a password in it, want 12", bodies)
	}
	k.Want(k.Call("POST", "/v1/admin/users/ann/enable", o.sys.Access, nil), 200)
	// What an administrator can do is begin: the user chooses, and the second factor stays.
	a := k.Call("POST", "/v1/admin/users/ann/invite", o.sys.Access, nil)
	k.Want(a, 200)
	a = k.Post("/v1/invite/accept", "", map[string]any{"invite": a.Text("invite"), "password": "another battery, another staple"})
	k.Want(a, 200, "status", "mfa_required")
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": k.NextCode(ann)}), 200, "status", "ok")
}

func noSecretsShown(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ann := k.MustEnrol("ann", "sales-rep")
	k.Login(o.sys)
	client := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	list, one, clients := k.Call("GET", "/v1/admin/users", o.sys.Access, nil), k.Call("GET", "/v1/admin/users/ann", o.sys.Access, nil), k.Call("GET", "/v1/admin/clients", o.sys.Access, nil)
	secrets := append([]string{"$argon2", ann.Secret, ann.Access, ann.Refresh, client, testkit.Password, testkit.Claims(t, ann.Access)["sid"].(string)}, ann.RecoveryCodes...)
	for _, a := range []testkit.Answer{list, one, clients} {
		k.Want(a, 200)
		for _, secret := range secrets {
			if bytes.Contains(a.Raw, []byte(secret)) {
				t.Errorf("%q is in %s", secret, a.Raw)
			}
		}
	}
	noSecretsOnPages(t, k, o.sys, secrets)
	if n := len(list.Body["results"].([]any)); n != 4 {
		t.Errorf("%d users listed", n)
	}
	if one.Body["recovery_codes_left"] != 10.0 || len(one.Body["sessions"].([]any)) != 1 || len(one.Body["devices"].([]any)) != 1 {
		t.Errorf("ann is %s", one.Raw)
	}
	k.Want(k.Call("GET", "/v1/admin/users?state=invited&name=AN", o.sys.Access, nil), 200)
	refused(t, "an unknown state", k.Call("GET", "/v1/admin/users?state=x", o.sys.Access, nil), 400, model.CodeInvalidRequest)
}

func noImpersonation(t *testing.T) {
	for _, r := range routesBelow(t, "/") {
		for _, word := range []string{"impersonat", "/as/", "sudo", "act-as", "token-exchange"} {
			if strings.Contains(r[1], word) {
				t.Errorf("%s %s", r[0], r[1])
			}
		}
	}
	// Nor does a route of today take somebody else's name for the caller's.
	k := testkit.New(t)
	ann := k.MustEnrol("ann", "sales-rep")
	k.MustEnrol("sys", model.SystemAdmin)
	req := request(k, "GET", "/v1/admin/users", ann.Access, nil)
	for _, h := range []string{"X-User-Id", "X-Remote-User", "X-Forwarded-User", "Rolegate-Subject", "X-Impersonate-User"} {
		req.Header.Set(h, "sys")
	}
	refused(t, "another's name in a header", k.Send(req), 403, model.CodeForbidden)
	a := k.AskToken("rolegate", "x", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "subject_token="+ann.Access)
	if a.Status == 200 {
		t.Errorf("an exchange of tokens: %s", a.Raw)
	}
}

func lastHolderStays(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	hr := k.TokenFor("hr", k.AddClient(model.Client{ID: "hr", Tenant: model.DefaultTenant, Scopes: []string{"directory"}}))
	k.Login(o.sys)
	k.Login(o.sec)
	because := map[string]any{"reason": "test"}
	for _, holder := range []string{"sec", "aud", "sys"} {
		refused(t, "disabling the last "+holder, k.Call("POST", "/v1/admin/users/"+holder+"/disable", o.sys.Access, because), 409, model.CodeLastOfficeHolder)
		refused(t, "deleting the last "+holder, k.Call("DELETE", "/v1/admin/subjects/user/"+holder, hr, nil), 403, model.CodeOfficeReserved)
	}
	refused(t, "demoting", k.Call("DELETE", "/v1/admin/users/sec/roles/security-admin", o.sys.Access, nil), 403, model.CodeOfficeReserved)
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "aud": model.AuditAdmin} {
		_, err := app.Unassign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: "test"})
		if model.CodeOf(err) != model.CodeLastOfficeHolder {
			t.Errorf("taking the office of %s on the host: %v", id, err)
		}
		_, err = app.SetUserDisabled.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Disabled: true})
		if model.CodeOf(err) != model.CodeLastOfficeHolder {
			t.Errorf("disabling %s on the host: %v", id, err)
		}
	}
	// Nobody is a holder before the office begins, or once it has ended.
	now := k.App.Login.Now()
	for id, window := range map[string][2]time.Time{"gone": {{}, now.Add(time.Hour)}, "later": {now.Add(48 * time.Hour), {}}} {
		k.MustEnrol(id)
		_, err := app.Assign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: model.SecurityAdmin,
			From: window[0], Until: window[1], Reason: "test"})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := app.Assign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "sys", Role: model.SystemAdmin, From: now.Add(time.Hour), Reason: "test"})
	if model.CodeOf(err) != model.CodeLastOfficeHolder {
		t.Errorf("putting off the office of its last holder: %v", err)
	}
	_, err = app.Assign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "sys", Role: model.SystemAdmin, Until: now.Add(48 * time.Hour), Reason: "test"})
	if model.CodeOf(err) != model.CodeLastOfficeHolder {
		t.Errorf("an end to the office of its last holder: %v", err)
	}
	k.Advance(2 * time.Hour)
	k.Login(o.sys)
	refused(t, "disabling the last whose office is in force", k.Call("POST", "/v1/admin/users/sec/disable", o.sys.Access, because), 409, model.CodeLastOfficeHolder)
	k.Want(k.Call("POST", "/v1/admin/users/gone/disable", o.sys.Access, because), 200)
	// With a second holder the first can go; of the two nobody else's disabling left one.
	officeHolder(k, "sec2", model.SecurityAdmin)
	k.Want(k.Call("POST", "/v1/admin/users/sec/disable", o.sys.Access, because), 200)
	refused(t, "disabling the one who is left", k.Call("POST", "/v1/admin/users/sec2/disable", o.sys.Access, because), 409, model.CodeLastOfficeHolder)
}

func lockdown(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ann := k.MustEnrol("ann", "sales-rep")
	k.Login(o.sys)
	for _, body := range []map[string]any{{}, {"reason": ""}, {"reason": " \n"}} {
		a := k.Call("POST", "/v1/admin/users/ann/disable", o.sys.Access, body)
		if a.Status != 400 {
			t.Errorf("without a reason: %d %s", a.Status, a.Raw)
		}
		if a := k.Call("POST", "/v1/admin/users/ann/unlock", o.sys.Access, body); a.Status != 400 {
			t.Errorf("unlocking without a reason: %d %s", a.Status, a.Raw)
		}
	}
	crm := k.ClientToken("crm")
	ask := func() testkit.Answer {
		return k.Evaluate(crm, "ann", "read", "account", map[string]any{}, "access_token", ann.Access)
	}
	k.Want(ask(), 200, "decision", true)
	k.Want(k.Call("DELETE", "/v1/admin/users/ann/sessions", o.sys.Access, nil), 200, "ended", 1.0)
	k.Want(ask(), 200, "decision", false)
	k.Login(ann)
	k.Want(k.Call("POST", "/v1/admin/users/ann/disable", o.sys.Access, map[string]any{"reason": "her laptop was stolen"}), 200)
	k.Want(ask(), 200, "decision", false)
	refused(t, "the session", k.Post("/v1/logout", ann.Access, nil), 401, model.CodeUnauthorized)
	refused(t, "its refresh", k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": ann.Refresh}), 401, model.CodeTokenInvalid)
	// Two unlocks at once and one a day, whoever asks: with each more codes can be tried.
	unlock := func() testkit.Answer {
		return k.Call("POST", "/v1/admin/users/ann/unlock", o.sys.Access, map[string]any{"reason": "she called"})
	}
	k.Want(unlock(), 204)
	k.Want(unlock(), 204)
	refused(t, "a third unlock", unlock(), 429, model.CodeTooManyAttempts)
	k.MustEnrol("bob", "sales-rep")
	k.Want(k.Call("POST", "/v1/admin/users/bob/unlock", o.sys.Access, map[string]any{"reason": "he called"}), 204)
	if _, err := app.UnlockUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "ann", Reason: "test"}); err != nil {
		t.Errorf("an unlock on the host: %v", err)
	}
	k.Login(o.sys)
	refused(t, "a fourth, after the host's", unlock(), 429, model.CodeTooManyAttempts)
	k.Advance(24 * time.Hour)
	k.Login(o.sys)
	k.Want(unlock(), 204)
	refused(t, "another one that day", unlock(), 429, model.CodeTooManyAttempts)
	for _, l := range audittest.From(t, k.App.Store, 0) {
		if l.Actor == "user" && l.Class == "admin" && l.Outcome != "deny" && (l.Object != "rolegate.user" || l.Op == "" || !strings.HasPrefix(l.Rule, "p:") || len(l.PolicyHash) == 0) {
			t.Errorf("the entry of %s does not say by what right: %+v", l.Activity, l)
		}
	}
	if n := countEntries(k, "user_disable"); n != 1 {
		t.Errorf("%d entries of the disabling", n)
	}
	if n := countEntries(k, "session_end_all"); n != 1 {
		t.Errorf("%d entries of ending sessions", n)
	}
}

// Nobody learns from an invitation whether an account exists: only who may list
// users invites, and is told plainly. It is the administrators' part of item 139.
func TestInvitationsTellNobody(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	ann := k.MustEnrol("ann", "sales-rep")
	for _, who := range []string{"", ann.Access} {
		there := k.Call("POST", "/v1/admin/users", who, map[string]any{"id": "ann"})
		not := k.Call("POST", "/v1/admin/users", who, map[string]any{"id": "nobody"})
		if there.Status != not.Status || there.Code() != not.Code() || there.Status < 400 {
			t.Errorf("a stranger is told %d %s and %d %s", there.Status, there.Code(), not.Status, not.Code())
		}
	}
	k.Login(o.sys)
	refused(t, "an administrator", k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "ann"}), 409, model.CodeConflict)
	refused(t, "an id that can be none", k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "user:x"}), 400, model.CodeInvalidRequest)
	refused(t, "by the name, spelled otherwise", k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "ann2", "username": "ANN"}), 409, model.CodeConflict)
	k.Want(k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "bea", "roles": []string{"sales-rep"}}), 201)
}

// countEntries counts the entries of an activity.
func countEntries(k *testkit.Kit, activity audit.Activity) int {
	k.T.Helper()
	return audittest.Count(k.T, k.App.Store, activity)
}

// delegated is a policy in which team leads hand on what they have to those below
// them, hr hands on one role beyond its own, and a helper administers users.
const delegated = `
p, role:lead, contact, read, all, , allow
p, role:lead, rolegate.user, read, subtree, , allow
p, role:lead, rolegate.user, create, all, , allow
p, role:lead, rolegate.user, invite, subtree, , allow
p, role:lead, rolegate.role, assign, subtree, , allow
p, role:rep, contact, read, own, , allow
p, role:boss, contact, delete, all, , allow
g, role:chief, role:boss
p, role:hr, rolegate.user, *, all, , allow
p, role:hr, rolegate.role, assign, all, , allow
p, role:hr, rolegate.role, assign_beyond, all, record.id == 'rep', allow
p, role:auditor, rolegate.audit, read, all, , allow
p, role:god, *, *, all, , allow
p, user:nat, contact, delete, all, , allow
p, team:emea2, rolegate.audit, read, all, , allow
p, *, contact, delete, all, 'role:named' in user.roles, allow
`

// addRows publishes rows beside those in force.
func addRows(k *testkit.Kit, rows string) {
	k.T.Helper()
	ctx := context.Background()
	now, err := app.ExportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	if err != nil {
		k.T.Fatal(err)
	}
	_, err = app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + rows), Reason: "test"})
	if err != nil {
		k.T.Fatal(err)
	}
}

func noRoleAboveOnesOwn(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		o := officesOf(t, k)
		addRows(k, delegated)
		lea, hr := k.MustEnrol("lea", "lead"), k.MustEnrol("hans", "hr")
		k.MustEnrol("max", "rep")
		file := `{"subjects": [{"type": "user", "id": "ron", "manager": "lea"}, {"type": "user", "id": "nat", "manager": "lea"}, {"type": "user", "id": "tim", "manager": "lea", "teams": ["emea2"]}, {"type": "user", "id": "boss", "manager": "lea"}, {"type": "user", "id": "lea", "teams": ["emea"]}],
			"teams": [{"id": "emea"}, {"id": "emea2"}], "roles": ["named"], "assignments": [{"member": "boss", "role": "boss"}]}`
		if _, err := app.ImportDirectory.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(file)}); err != nil {
			t.Fatal(err)
		}
		k.Login(o.sys)
		k.Login(lea)
		k.Login(hr)
		assign := func(who *testkit.Person, user, role string) testkit.Answer {
			t.Helper()
			return k.Call("PUT", "/v1/admin/users/"+user+"/roles/"+role, who.Access, map[string]any{"reason": "test"})
		}
		forbidden := model.CodeForbidden
		for _, c := range []struct {
			what       string
			who        *testkit.Person
			user, role string
			code       model.Code // "" for done
		}{
			{"what she has, to somebody below her", lea, "ron", "rep", ""},
			{"to herself", lea, "lea", "rep", forbidden},
			{"her own role to herself", lea, "lea", "lead", forbidden},
			{"to somebody who is not below her", lea, "max", "rep", forbidden},
			{"a right she lacks", lea, "ron", "boss", forbidden},
			{"a right she lacks, inherited", lea, "ron", "chief", forbidden},
			{"an administrative right she lacks", lea, "ron", "hr", forbidden},
			{"everything", lea, "ron", "god", forbidden},
			{"what only its name opens", lea, "ron", "named", forbidden},
			{"an office", lea, "ron", model.AuditAdmin, model.CodeOfficeReserved},
			{"her own role: nothing beyond it", lea, "ron", "lead", ""},
			{"the one role beyond their rights", hr, "max", "rep", ""},
			{"another one", hr, "max", "boss", forbidden},
			{"by the office, beyond its rights", o.sys, "max", "boss", ""},
			{"by the office, to itself", o.sys, "sys", "rep", forbidden},
			{"by the office, what is another office's", o.sys, "max", "auditor", forbidden},
			{"by the office, everything", o.sys, "max", "god", forbidden},
			{"by the office, an office", o.sys, "max", model.SystemAdmin, model.CodeOfficeReserved},
			{"a role that is not there", o.sys, "max", "none", model.CodeRoleUnknown},
		} {
			before := logSize(t, k)
			a := assign(c.who, c.user, c.role)
			switch {
			case c.code == "" && a.Status != 200:
				t.Errorf("%s: %d %s", c.what, a.Status, a.Raw)
			case c.code != "" && (a.Status < 400 || a.Code() != string(c.code)):
				t.Errorf("%s: %d %s, want %s", c.what, a.Status, a.Raw, c.code)
			}
			if n := logSize(t, k) - before; n != 1 {
				t.Errorf("%s: %d entries", c.what, n)
			}
		}
		last := audittest.From(t, k.App.Store, 0)
		given := last[slices.IndexFunc(last, func(e audittest.Entry) bool { return e.Activity == audit.RoleAssigned && e.Actor == "user" })]
		if given.Object != "rolegate.role" || given.Op != "assign" || !strings.HasPrefix(given.Rule, "p:") || len(given.PolicyHash) == 0 {
			t.Errorf("the entry does not say by what right: %+v", given)
		}

		// No other spelling of a role or a user gets past what is asked about it.
		for _, spelled := range []string{"role:god", "role:role:god", "role:role:role:god"} {
			if a := assign(o.sys, "max", spelled); a.Status < 400 {
				t.Errorf("given as %s: %d %s", spelled, a.Status, a.Raw)
			}
			a := k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "spelled", "roles": []string{spelled}})
			if a.Status < 400 {
				t.Errorf("made with %s: %d %s", spelled, a.Status, a.Raw)
			}
		}
		for _, spelled := range []string{"user:hans", "user:user:hans", "user:boss", "user:user:boss"} {
			if a := k.Call("POST", "/v1/admin/users/"+spelled+"/invite", hr.Access, nil); a.Status < 400 {
				t.Errorf("invited as %s: %d %s", spelled, a.Status, a.Raw)
			}
			if a := assign(hr, spelled, "rep"); a.Status < 400 && strings.HasSuffix(spelled, "hans") {
				t.Errorf("given to oneself as %s: %d %s", spelled, a.Status, a.Raw)
			}
		}

		officeHolder(k, "sec2", model.SecurityAdmin)
		refused(t, "shutting out who watches", k.Call("POST", "/v1/admin/users/sec/disable", hr.Access, map[string]any{"reason": "test"}), 403, model.CodeOfficeReserved)
		refused(t, "ending the sessions of who watches", k.Call("DELETE", "/v1/admin/users/sec/sessions", hr.Access, nil), 403, model.CodeOfficeReserved)
		refused(t, "unlocking who watches", k.Call("POST", "/v1/admin/users/sec/unlock", hr.Access, map[string]any{"reason": "test"}), 403, model.CodeOfficeReserved)
		k.Want(k.Call("DELETE", "/v1/admin/users/sec2/sessions", o.sys.Access, nil), 200)
		k.Want(k.Call("POST", "/v1/admin/users/sec2/disable", o.sys.Access, map[string]any{"reason": "test"}), 200)
		refused(t, "letting in again whom an office has shut out", k.Call("POST", "/v1/admin/users/sec2/enable", hr.Access, nil), 403, model.CodeOfficeReserved)
		k.Want(k.Call("POST", "/v1/admin/users/sec2/enable", o.sys.Access, nil), 200)

		// Taking is as giving.
		refused(t, "taking what she could not give", k.Call("DELETE", "/v1/admin/users/boss/roles/boss", lea.Access, nil), 403, forbidden)
		k.Want(k.Call("DELETE", "/v1/admin/users/ron/roles/rep", lea.Access, nil), 200)

		// An invitation opens an account that has no second factor.
		refused(t, "inviting who holds more", k.Call("POST", "/v1/admin/users/boss/invite", lea.Access, nil), 403, forbidden)
		refused(t, "an account for who holds more", k.Call("POST", "/v1/admin/users", lea.Access, map[string]any{"id": "boss"}), 403, forbidden)
		refused(t, "inviting whom a row names", k.Call("POST", "/v1/admin/users/nat/invite", lea.Access, nil), 403, forbidden)
		refused(t, "inviting whose team a row names", k.Call("POST", "/v1/admin/users/tim/invite", o.sys.Access, nil), 403, forbidden)
		refused(t, "an account for whom a row names", k.Call("POST", "/v1/admin/users", lea.Access, map[string]any{"id": "nat"}), 403, forbidden)
		k.Want(k.Call("POST", "/v1/admin/users/nat/invite", o.sys.Access, nil), 200)
		refused(t, "a new user with more", k.Call("POST", "/v1/admin/users", hr.Access, map[string]any{"id": "eve", "roles": []string{"boss"}}), 403, forbidden)
		refused(t, "a new user with an office", k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "eve", "roles": []string{model.AuditAdmin}}), 403, model.CodeOfficeReserved)
		refused(t, "inviting an office", k.Call("POST", "/v1/admin/users/sec/invite", o.sys.Access, nil), 403, model.CodeOfficeReserved)
		refused(t, "inviting oneself", k.Call("POST", "/v1/admin/users/hans/invite", hr.Access, nil), 403, forbidden)
		k.Want(k.Call("POST", "/v1/admin/users/ron/invite", lea.Access, nil), 200)

		// A client that keeps the directory can give roles: its secret is for the host.
		for _, scope := range []string{"directory", "audit"} {
			refused(t, "a client for "+scope, k.Call("POST", "/v1/admin/clients", o.sys.Access, map[string]any{"client_id": "own", "scopes": []string{"decide", scope}}), 403, forbidden)
		}
		k.AddClient(model.Client{ID: "keeper", Tenant: model.DefaultTenant, Scopes: []string{"directory"}})
		refused(t, "its secret", k.Call("POST", "/v1/admin/clients/keeper/rotate-secret", o.sys.Access, nil), 403, forbidden)
		a := k.Call("POST", "/v1/admin/clients", o.sys.Access, map[string]any{"client_id": "asks", "scopes": []string{"decide"}})
		k.Want(a, 201)
		k.Want(k.Call("POST", "/v1/admin/clients/asks/disable", o.sys.Access, nil), 200)
		if a := k.AskToken("asks", a.Text("client_secret")); a.Status != 401 {
			t.Errorf("a disabled client: %d %s", a.Status, a.Raw)
		}
	})
}

// What an administrator is told of an act is told in their language, and not beside
// it in English.
func TestAdministratorsAreToldInTheirLanguage(t *testing.T) {
	k := testkit.New(t)
	o := officesOf(t, k)
	k.Login(o.sys)
	for lang, want := range map[string]string{"en": "Nobody asks for an office for themselves.", "zh-CN": "不能为自己申请三员职责。"} {
		req := k.Request("/v1/admin/offices/requests", o.sys.Access, map[string]any{"member": "sys", "office": model.AuditAdmin, "reason": "test"})
		req.Header.Set("Accept-Language", lang)
		a := k.Send(req)
		k.Want(a, 403, "code", "forbidden", "detail", want)
		if a.Body["errors"] != nil {
			t.Errorf("%s: %s", lang, a.Raw)
		}
	}
}

// Offices are given by two holders of two different offices.
func TestOfficesByTwoHolders(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		o := officesOf(t, k)
		ann, dan := k.MustEnrol("ann", "sales-rep"), k.MustEnrol("dan")
		sys2 := officeHolder(k, "sys2", model.SystemAdmin)
		for _, p := range []*testkit.Person{o.sys, o.sec, o.aud, sys2, ann, dan} {
			k.Login(p)
		}
		ask := func(who *testkit.Person, member, office string) testkit.Answer {
			t.Helper()
			return k.Call("POST", "/v1/admin/offices/requests", who.Access, map[string]any{"member": member, "office": office, "reason": "aud retires"})
		}
		decide := func(who *testkit.Person, id, what string) testkit.Answer {
			t.Helper()
			return k.Call("POST", "/v1/admin/offices/requests/"+id+"/"+what, who.Access, nil)
		}
		refused(t, "by nobody of them", ask(ann, "dan", model.AuditAdmin), 403, model.CodeForbidden)
		refused(t, "for oneself", ask(o.sys, "sys", model.AuditAdmin), 403, model.CodeForbidden)
		refused(t, "for who holds another", ask(o.sys, "sec", model.AuditAdmin), 409, model.CodeOfficeConflict)
		refused(t, "for nobody", ask(o.sys, "nobody", model.AuditAdmin), 404, model.CodeUserUnknown)
		refused(t, "what is no office", ask(o.sys, "dan", "sales-rep"), 400, model.CodeInvalidRequest)
		a := k.Call("POST", "/v1/admin/offices/requests", o.sys.Access, map[string]any{"member": "dan", "office": model.AuditAdmin})
		refused(t, "without a reason", a, 400, model.CodeReasonRequired)

		k.Invite("new")
		a = ask(o.sys, "new", model.AuditAdmin)
		refused(t, "for who has no second factor", a, 409, model.CodeDeviceRequired)
		if detail := a.Text("detail"); !strings.HasPrefix(detail, "The account new has no second factor") {
			t.Errorf("for who has no second factor: %s", detail)
		}

		a = ask(o.sys, "dan", model.AuditAdmin)
		k.Want(a, 201, "state", "pending")
		id := a.Text("id")
		refused(t, "asked for already", ask(o.sys, "dan", model.AuditAdmin), 409, model.CodeConflict)
		refused(t, "approved by who asked", decide(o.sys, id, "approve"), 403, model.CodeForbidden)
		refused(t, "approved by the same office", decide(sys2, id, "approve"), 403, model.CodeForbidden)
		refused(t, "approved by who gets it", decide(dan, id, "approve"), 403, model.CodeForbidden)
		refused(t, "approved by nobody of them", decide(ann, id, "approve"), 403, model.CodeForbidden)
		refused(t, "one that is not there", decide(o.sec, "none", "approve"), 404, model.CodeNotFound)
		refused(t, "no office yet", k.Call("GET", "/v1/admin/offices/requests", dan.Access, nil), 403, model.CodeForbidden)
		before := logSize(t, k)
		a = decide(o.sec, id, "approve")
		k.Want(a, 200, "state", "approved", "decided_by", "user:sec")
		if n := logSize(t, k) - before; n != 1 {
			t.Errorf("%d entries of an approval", n)
		}
		refused(t, "approved again", decide(o.aud, id, "approve"), 409, model.CodeConflict)
		k.Want(k.Call("GET", "/v1/admin/offices/requests", dan.Access, nil), 200)

		k.MustEnrol("eve")
		a = ask(o.aud, "eve", model.SecurityAdmin)
		k.Want(a, 201)
		k.Want(decide(o.sys, a.Text("id"), "deny"), 200, "state", "denied")
		refused(t, "approved after a denial", decide(o.sys, a.Text("id"), "approve"), 409, model.CodeConflict)

		a = ask(o.aud, "eve", model.SecurityAdmin)
		k.Want(a, 201)
		k.Advance(73 * time.Hour)
		k.Login(o.sys)
		refused(t, "approved too late", decide(o.sys, a.Text("id"), "approve"), 409, model.CodeConflict)
		list := k.Call("GET", "/v1/admin/offices/requests", o.sys.Access, nil)
		k.Want(list, 200)
		if first := list.Body["results"].([]any)[0].(map[string]any); first["state"] != "expired" {
			t.Errorf("an old request is %v", first)
		}
	})
}

func policyEdits(t *testing.T) {
	kits := testkit.StartReplicas(t, 2)
	k := kits[0]
	k.MustEnrol("ann", "sales-rep")
	crm := k.ClientToken("crm")
	export := func() app.PolicyText {
		p, err := app.ExportPolicy.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	publish := func(on *testkit.Kit, text string, made int64) error {
		_, err := app.ImportPolicy.Run(t.Context(), on.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(text), IfRevision: made})
		return err
	}
	for _, on := range kits {
		on.Want(on.Evaluate(crm, "ann", "read", "account", map[string]any{}), 200, "decision", true)
	}
	was := export()
	without := strings.ReplaceAll(was.Policy, "p, role:sales-rep, account, read, all, , allow\n", "")
	if err := publish(kits[1], without, was.Revision); err != nil {
		t.Fatal(err)
	}
	for _, on := range kits { // at the next decision, wherever it was published
		on.Want(on.Evaluate(crm, "ann", "read", "account", map[string]any{}), 200, "decision", false)
	}
	// Two who read the same version: the second is told, and nothing of the first is lost.
	if err := publish(k, was.Policy, was.Revision); model.CodeOf(err) != model.CodePrecondition {
		t.Errorf("an edit of what is not in force any more: %v", err)
	}
	if now := export(); now.Policy != without || now.Revision <= was.Revision {
		t.Errorf("revision %d after %d", now.Revision, was.Revision)
	}
}
