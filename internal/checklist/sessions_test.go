package checklist

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(98, "After a logout the access token is refused on the next call, on every replica, and the refresh token with it; a page that logs out has the browser forget both; the cookies of a page's session are no more than these tokens, and the API takes neither.", logoutAtOnce)
	holds(99, "A user who is disabled has no session any more at the next decision, on every replica, also after being enabled again.", disableAtOnce)
	holds(100, "A role that was taken away is gone at the next decision, on every replica, and no token lists roles.", roleAtOnce)
	holds(101, "A person sees their own live sessions and nobody else's: network, browser, times, which is this one; ids open nothing.", ownSessions)
	holds(102, "A person can end one of their sessions or all others; somebody else's id is answered as an unknown one.", endSessions)
	holds(103, "What a login step is known by before it is never what the session is known by after; more proof makes a new session.", freshIDs)
	holds(104, "Of more live sessions than ROLEGATE_MAX_SESSIONS the oldest ends, with a record of its own.", oldestEnds)
}

// replicas are two services on one database, a person of both and a client token.
func replicas(t *testing.T, settings ...string) (ks []*testkit.Kit, ann *testkit.Person, client string) {
	t.Helper()
	ks = testkit.StartReplicas(t, 2, settings...)
	ann = ks[0].MustEnrol("ann", "sales-rep")
	client = ks[0].ClientToken("crm")
	for _, k := range ks { // both remember the token
		if !lives(k, client, ann) {
			t.Fatal("the session is dead from the start")
		}
	}
	return ks, ann, client
}

func logoutAtOnce(t *testing.T) {
	ks, ann, client := replicas(t)
	visitors := make([]*testkit.Visitor, len(ks))
	for i, k := range ks {
		visitors[i] = k.VisitorAs(t, ann)
		visitors[i].Get("/account").Want(t, 200, "/account")
		req := k.Request("/v1/logout", "", nil)
		for name, value := range visitors[i].Cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		k.Want(k.Send(req), 401)
	}
	a := ks[0].Post("/v1/logout", ann.Access, nil)
	ks[0].Want(a, 204)
	for i, k := range ks {
		if lives(k, client, ann) {
			t.Errorf("replica %d takes the token", i)
		}
		k.Want(refresh(k, ann.Refresh), 401)
		visitors[i].Get("/account").Want(t, 200, "/login")
	}
	if cookies := a.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("cookies: %q", cookies)
	}

	// By a page, which has the browser forget both.
	ks[0].Login(ann)
	v := ks[0].VisitorAs(t, ann)
	v.Get("/account").Want(t, 200, "/account")
	forgotten := map[string]bool{}
	ks[0].Saw = func(req *http.Request, a testkit.Answer) {
		for _, text := range a.Header.Values("Set-Cookie") {
			if c, err := http.ParseSetCookie(text); err == nil && req.URL.Path == "/logout" && c.MaxAge < 0 && c.Value == "" && c.Path == "/" {
				forgotten[c.Name] = true
			}
		}
	}
	v.Submit("form.logout").Want(t, 200, "/login")
	if !forgotten[accessCookie] || !forgotten[refreshCookie] || v.Cookies[accessCookie] != "" || v.Cookies[refreshCookie] != "" {
		t.Errorf("forgotten %v, kept %v", forgotten, v.Cookies)
	}
	for i, k := range ks {
		if lives(k, client, ann) {
			t.Errorf("replica %d takes the token of whom a page logged out", i)
		}
		k.Want(refresh(k, ann.Refresh), 401)
		k.VisitorAs(t, ann).Get("/account").Want(t, 200, "/login")
	}
}

func disableAtOnce(t *testing.T) {
	ks, ann, client := replicas(t)
	ks[0].Login(ann)
	disable(ks[0], "ann", true)
	for i, k := range ks {
		d := k.Evaluate(client, "ann", "read", "contact", map[string]any{"owner": "ann"}, "access_token", ann.Access)
		if d.Body["decision"] != false {
			t.Errorf("replica %d: %s", i, d.Raw)
		}
		k.Want(k.Call("GET", "/v1/me/sessions", ann.Access, nil), 401)
		k.Want(refresh(k, ann.Refresh), 401)
	}
	disable(ks[1], "ann", false)
	for i, k := range ks {
		if lives(k, client, ann) {
			t.Errorf("replica %d: enabled again, the old session lives", i)
		}
	}
}

func roleAtOnce(t *testing.T) {
	ks, ann, client := replicas(t)
	unassign(ks[0], "ann", "sales-rep")
	for i, k := range ks {
		d := k.Evaluate(client, "ann", "read", "contact", map[string]any{"owner": "ann"}, "access_token", ann.Access)
		if d.Code() != "not_granted" {
			t.Errorf("replica %d: %s", i, d.Raw)
		}
	}
	for claim := range testkit.Claims(t, ann.Access) {
		if strings.Contains(claim, "role") || strings.Contains(claim, "perm") {
			t.Errorf("the token lists %s", claim)
		}
	}

	// A role that asks for a second factor is felt as soon.
	setMFA(ks[0], model.MFAByRole)
	bob := accept(ks[0], "bob", "sales-rep")
	for _, k := range ks {
		if !lives(k, client, bob) {
			t.Fatal("a password is not enough where nothing else is asked for")
		}
	}
	assign(ks[1], "bob", "lead", true)
	for i, k := range ks {
		d := k.Evaluate(client, "bob", "read", "contact", map[string]any{"owner": "bob"}, "access_token", bob.Access)
		if context, _ := d.Body["context"].(map[string]any); d.Code() != "insufficient_user_authentication" || context["acr_values"] != "2" {
			t.Errorf("replica %d: %s", i, d.Raw)
		}
		if d := k.Evaluate(client, "bob", "read", "contact", map[string]any{"owner": "bob"}); d.Code() != "allowed" {
			t.Errorf("replica %d, without a token: %s", i, d.Raw)
		}
	}
}

// sessionsOf lists sessions as the API shows them.
func sessionsOf(k *testkit.Kit, access string) (list []map[string]any) {
	k.T.Helper()
	a := k.Call("GET", "/v1/me/sessions", access, nil)
	k.Want(a, 200)
	all, _ := a.Body["sessions"].([]any)
	for _, s := range all {
		list = append(list, s.(map[string]any))
	}
	return list
}

func ownSessions(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_TRUSTED_PROXIES=127.0.0.0/8")
	ann := k.MustEnrol("ann", "sales-rep")
	bob := k.MustEnrol("bob", "sales-rep")
	req := k.Request("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("ann"), "code": k.NextCode(ann)})
	req.Header.Set("X-Forwarded-For", "198.51.100.77")
	req.Header.Set("User-Agent", "Firefox \xff火狐")
	second := k.Send(req)
	k.Want(second, 200)

	list := sessionsOf(k, second.Text("access_token"))
	if len(list) != 2 || list[0]["current"] != false || list[1]["current"] != true {
		t.Fatalf("sessions: %v", list)
	}
	own := list[1]
	if own["network"] != "198.51.100.0/24" || own["user_agent"] != "Firefox 火狐" || own["acr"] != "2" || own["id"] != testkit.Claims(t, second.Text("access_token"))["sid"] {
		t.Errorf("the session is shown as %v", own)
	}
	for _, member := range []string{"created_at", "last_seen", "expires_at"} {
		at, err := time.Parse(time.RFC3339Nano, own[member].(string))
		if age := k.Now().Sub(at); err != nil || member != "expires_at" && (age < 0 || age > time.Minute) {
			t.Errorf("%s is %v", member, own[member])
		}
	}
	bobs := sessionsOf(k, bob.Access)
	if len(bobs) != 1 || bobs[0]["id"] == list[0]["id"] || bobs[0]["id"] == own["id"] {
		t.Errorf("bob sees %v", bobs)
	}
	refusedAsToken(t, k, own["id"].(string))
	k.Want(refresh(k, own["id"].(string)), 401)

	// What has ended, or was left lying, is not among them.
	k.Want(k.Post("/v1/logout", ann.Access, nil), 204)
	if list := sessionsOf(k, second.Text("access_token")); len(list) != 1 {
		t.Errorf("after a logout: %v", list)
	}
	k.Advance(61 * time.Minute)
	k.Login(ann)
	if list := sessionsOf(k, ann.Access); len(list) != 1 {
		t.Errorf("after an hour idle: %v", list)
	}
}

func endSessions(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann", "sales-rep")
		bob := k.MustEnrol("bob", "sales-rep")
		client := k.ClientToken("crm")
		first := *ann
		k.Login(ann)
		second := *ann
		k.Login(ann)
		id := func(p *testkit.Person) string { return testkit.Claims(t, p.Access)["sid"].(string) }

		var answers []testkit.Answer
		for _, unknown := range []string{id(bob), "NOSUCHSESSION", strings.Repeat("x", 200), "..%2f" + id(&first), ann.Refresh} {
			a := k.Call("DELETE", "/v1/me/sessions/"+unknown, ann.Access, nil)
			k.Want(a, 404, "code", "not_found")
			answers = append(answers, a)
		}
		if answers[0].Text("detail") != answers[1].Text("detail") || len(answers[0].Header) != len(answers[1].Header) {
			t.Errorf("somebody else's id is told from an unknown one: %s, %s", answers[0].Raw, answers[1].Raw)
		}
		if !lives(k, client, bob) {
			t.Error("bob's session has ended")
		}

		records := recorded(k, func() { k.Want(k.Call("DELETE", "/v1/me/sessions/"+id(&first), ann.Access, nil), 204) })
		if !slices.Equal(records, []string{"session_revoke ok"}) {
			t.Errorf("records: %q", records)
		}
		if lives(k, client, &first) || !lives(k, client, &second) || !lives(k, client, ann) {
			t.Error("not that one session has ended")
		}
		k.Want(refresh(k, first.Refresh), 401)
		k.Want(k.Call("DELETE", "/v1/me/sessions/"+id(&first), ann.Access, nil), 404)

		k.Login(&first)
		client = k.TokenFor("later", k.AddClient(model.Client{ID: "later", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}))
		if !lives(k, client, &first) || !lives(k, client, &second) { // and so both are remembered
			t.Fatal("dead before")
		}
		records = recorded(k, func() { k.Want(k.Post("/v1/me/end-other-sessions", ann.Access, nil), 200, "ended", 2.0) })
		if !slices.Equal(records, []string{"session_revoke_others ok"}) {
			t.Errorf("records: %q", records)
		}
		if lives(k, client, &first) || lives(k, client, &second) || !lives(k, client, ann) || !lives(k, client, bob) {
			t.Error("not the others have ended")
		}
		k.Want(k.Call("DELETE", "/v1/me/sessions/"+id(ann), ann.Access, nil), 204)
		if lives(k, client, ann) {
			t.Error("the current session lives")
		}
		for _, path := range []string{"/v1/me/sessions", "/v1/me/history"} {
			k.Want(k.Call("GET", path, "", nil), 401)
			k.Want(k.Call("GET", path, client, nil), 401)
		}
	})
}

func freshIDs(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann", "sales-rep")
	client := k.ClientToken("crm")
	before := *ann
	ticket := k.Ticket("ann")
	a := k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": ann.RecoveryCodes[0]})
	k.Want(a, 200)
	low, enrol := testkit.Claims(t, a.Text("access_token"))["sid"], a.Text("ticket")
	k.Want(k.Call("GET", "/v1/me/sessions", a.Text("access_token"), nil), 403, "code", "re_enrol_only")
	after := k.FinishEnrolment("ann", enrol)
	high := testkit.Claims(t, after.Access)["sid"]
	if low == high || low == ticket || high == enrol || high == testkit.Claims(t, before.Access)["sid"] {
		t.Errorf("ids: ticket %s, re-enrol-only %v, then %v", ticket, low, high)
	}
	k.Want(k.Post("/v1/logout", a.Text("access_token"), nil), 401) // the lower one has ended
	if lives(k, client, &before) || !lives(k, client, after) {
		t.Error("not only the session with the new device lives")
	}
	ids := map[any]bool{}
	for range 3 {
		k.Login(after)
		ids[testkit.Claims(t, after.Access)["sid"]] = true
	}
	if len(ids) != 3 {
		t.Errorf("three logins have %d sessions", len(ids))
	}
}

func oldestEnds(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) { moreSessions(t, k) })
}

func moreSessions(t *testing.T, k *testkit.Kit) {
	k.App.Login.Limits.Live = 3
	ann := k.MustEnrol("ann", "sales-rep")
	bob := k.MustEnrol("bob", "sales-rep")
	client := k.ClientToken("crm")
	all := []testkit.Person{*ann}
	var records []string
	for range 3 {
		records = recorded(k, func() { k.Login(ann) })
		all = append(all, *ann)
	}
	if want := []string{"authn_password_success ok", "session_limit ok", "authn_login_success ok"}; !slices.Equal(records, want) {
		t.Errorf("records: %q", records)
	}
	for i := range all {
		if got := lives(k, client, &all[i]); got != (i > 0) {
			t.Errorf("session %d lives: %v", i, got)
		}
	}
	k.Want(refresh(k, all[0].Refresh), 401)
	if !lives(k, client, bob) {
		t.Error("bob's session has ended")
	}
}

// The number is a setting.
func TestMaxSessionsIsASetting(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_MAX_SESSIONS=1")
	ann := k.MustEnrol("ann")
	first := *ann
	k.Login(ann)
	k.Want(k.Call("GET", "/v1/me/sessions", first.Access, nil), 401)
	k.Want(k.Call("GET", "/v1/me/sessions", ann.Access, nil), 200)
}

// A session below what is required by now has to step up on its own routes, too,
// where there is a device; without one it can go and enrol. It may always end.
func TestOwnRoutesAskForWhatIsRequired(t *testing.T) {
	k := testkit.New(t)
	byRole(k)
	ann := accept(k, "ann", "sales-rep")
	assign(k, "ann", "lead", true)
	k.Want(k.Call("GET", "/v1/me/sessions", ann.Access, nil), 200) // no device yet
	bob := accept(k, "bob", "sales-rep")
	k.Exec(`INSERT INTO totp_devices (id, tenant, user_id, name, secret, algorithm, digits, period, last_step, created_at, confirmed_at)
		VALUES ('d', 'default', 'bob', 'TOTP', x'00', 'SHA1', 6, 30, 0, 1, 1)`)
	k.Want(k.Call("GET", "/v1/me/sessions", bob.Access, nil), 200) // nobody asks for it
	assign(k, "bob", "lead", true)
	for _, r := range routes(t) {
		if r.permission != "person" && r.permission != "person(fresh)" || r.path == "/v1/step-up" {
			continue
		}
		req := r.request(t, k, map[string]any{})
		req.Header.Set("Authorization", "Bearer "+bob.Access)
		a := k.Send(req)
		if a.Status != 401 || a.Code() != "insufficient_user_authentication" || !strings.Contains(a.Header.Get("WWW-Authenticate"), `acr_values="2"`) {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.Status, a.Raw)
		}
	}
	k.Want(k.Post("/v1/logout", bob.Access, nil), 204)
}

// What strangers try is a few lines of a person's history, whatever they do, and
// none of anybody else's.
func TestHistory(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann", "sales-rep")
		bob := k.MustEnrol("bob", "sales-rep")
		for range 5 {
			k.Post("/v1/login", "", map[string]any{"username": "ann", "password": "not it"})
			k.Post("/v1/login", "", map[string]any{"username": "nobody", "password": "not it"})
		}
		if err := k.App.Login.Unlock(context.Background(), testkit.Operator, model.DefaultTenant, "ann", ""); err != nil {
			t.Fatal(err)
		}
		k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("ann"), "code": "000000"})
		k.Login(ann)
		k.Want(refresh(k, ann.Refresh), 200)
		id := k.DeviceIDs(ann)[0]
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		for range 3 {
			k.Want(k.Post("/v1/me/end-other-sessions", ann.Access, nil), 200)
			k.Want(k.Call("PATCH", "/v1/me/devices/"+id, ann.Access, map[string]any{"name": rand.Text()}), 200)
			if !k.Active("crm", secret, ann.Access) {
				t.Fatal("the token is not active")
			}
		}

		var lines []string
		times := map[string]float64{}
		path := "/v1/me/history?limit=3"
		for path != "" {
			a := k.Call("GET", path, ann.Access, nil)
			k.Want(a, 200)
			for _, r := range a.Body["results"].([]any) {
				e := r.(map[string]any)
				lines = append(lines, e["event"].(string))
				times[e["event"].(string)] += e["times"].(float64)
				if e["network"] != "127.0.0.0/24" || !strings.HasPrefix(e["user_agent"].(string), "Go-http-client") {
					t.Errorf("where from: %v", e)
				}
			}
			token := a.Body["page"].(map[string]any)["next_token"].(string)
			if path = ""; token != "" {
				path = "/v1/me/history?limit=3&token=" + token
				if a := k.Call("GET", path, bob.Access, nil); a.Status != 400 {
					t.Errorf("bob goes on where ann was: %d", a.Status)
				}
			}
		}
		for event, want := range map[string]float64{
			"invite_accept": 1, "mfa_enrol_start": 1, "mfa_enrol_confirm": 1, "authn_login_fail": 5, "authn_otp_fail": 1,
			"authn_login_success": 1, "session_revoke_others": 3, "mfa_device_rename": 3, "authn_token_refresh": 0, "authn_token_introspect": 0,
		} {
			if times[event] != want {
				t.Errorf("%s: %v times, want %v", event, times[event], want)
			}
		}
		if lines[0] != "mfa_device_rename" || slices.Index(lines, "authn_login_fail") > slices.Index(lines, "invite_accept") {
			t.Errorf("not newest first: %q", lines)
		}
		for _, repeated := range []string{"authn_login_fail", "session_revoke_others", "mfa_device_rename"} {
			if n := strings.Count(strings.Join(lines, " "), repeated); n > 2 { // an hour may have begun between
				t.Errorf("%s has %d lines", repeated, n)
			}
		}
		a := k.Call("GET", "/v1/me/history?limit=0", ann.Access, nil)
		k.Want(a, 200)
		if page := a.Body["page"].(map[string]any); page["count"] != 0.0 || page["next_token"] == "" {
			t.Errorf("of no results: %s", a.Raw)
		}
		for _, forged := range []string{"?token=x", "?token=", "?limit=-1", "?limit=x", "?before=x", "?token=AAAA&limit=5"} {
			if a := k.Call("GET", "/v1/me/history"+forged, ann.Access, nil); a.Status != 400 {
				t.Errorf("%s: %d", forged, a.Status)
			}
		}
	})
}

// What has ended is deleted after a day, by one process for all, and what lives
// stays: a used refresh token of a live session still ends it.
func TestSweep(t *testing.T) {
	ks := testkit.StartReplicas(t, 2, "ROLEGATE_SESSION_MAX=120h", "ROLEGATE_SESSION_IDLE=100h")
	k, ctx := ks[0], context.Background()
	ann := k.MustEnrol("ann", "sales-rep")
	old := *ann
	k.Want(k.Post("/v1/logout", ann.Access, nil), 204)
	k.Login(ann)
	pending := k.Post("/v1/me/devices", ann.Access, map[string]any{"name": "Tablet"})
	k.Want(pending, 200)
	used := ann.Refresh
	ann.Refresh = refresh(k, used).Text("refresh_token")
	k.Advance(26 * time.Hour)
	total := 0
	for _, k := range ks {
		swept, _, err := k.App.Login.Sweep(ctx, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		total += swept
	}
	if _, due, err := ks[1].App.Login.Sweep(ctx, 24*time.Hour); due || err != nil {
		t.Errorf("due again at once: %v, %v", due, err)
	}
	if total == 0 {
		t.Error("nothing was swept")
	}
	if _, err := k.App.Store.Session(ctx, testkit.Claims(t, old.Access)["sid"].(string)); err == nil {
		t.Error("the session that ended is there")
	}
	if _, err := k.App.Store.Device(ctx, pending.Text("device_id")); err == nil {
		t.Error("the device that was never confirmed is there")
	}
	a := refresh(k, ann.Refresh)
	k.Want(a, 200)
	history := k.Call("GET", "/v1/me/history", a.Text("access_token"), nil)
	if results := history.Body["results"].([]any); len(results) != 0 {
		t.Errorf("the history of the day before: %v", results)
	}
	records := recorded(k, func() { k.Want(refresh(k, used), 401) })
	if !slices.Equal(records, []string{"authn_token_reuse deny"}) {
		t.Errorf("records: %q", records)
	}
}
