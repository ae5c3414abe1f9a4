package checklist

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(20, "a code that was accepted is refused when it comes again", usedCode)
	holds(21, "of fifty requests at once with one valid code, over one ticket and step-ups of several sessions, by API and pages, one succeeds", oneCodeOneSuccess)
	holds(22, "a used code with white space, a sign or digits of another script about it is refused, and counted, by the API and on pages, which read blanks and full-width digits", usedCodeRespelt)
	holds(23, "once a step was accepted, a code of an earlier one is refused though its time has not passed", earlierStep)
	holds(24, "the code that confirmed a device does not log in", confirmationCode)
	holds(25, "a code accepted on one surface is refused on each other one", usedOnOneSurface)
	holds(26, "codes a step either side are accepted, those two steps away are not; ROLEGATE_TOTP_SKEW=0 takes the present and the previous step", skew)
	holds(33, "anything but a string of six ASCII digits is refused; leading zeros count", strictDigits)
	holds(34, "a new secret has 160 bits, is another each time, base32 without padding, and is never shown again", newSecrets)
	holds(35, "whatever a user is called, the otpauth address has exactly one secret, ours", otpauthAddress)
	holds(36, "a secret sent by the client at confirmation is refused, and ours alone counts", clientSecret)
	holds(37, "a device without its first code is not asked for, is no second factor, and is gone after ten minutes", unconfirmedDevice)
	holds(38, "adding a device wants a code of the last five minutes; the old device stays as it is", addingWantsStepUp)
	holds(40, "two devices each work, with their own memory of what was used; removing one leaves the other", twoDevices)
	holds(41, "the last device cannot be removed while a second factor is required", lastDevice)
	holds(42, "another person's device is answered as one that does not exist", foreignDevice)
	holds(43, "a time, time zone or step sent along is refused and moves nothing", clientTime)
	holds(44, "a device known to be slow is accepted about its learned offset only, which never reopens a used step", learnedDrift)
	holds(45, "a refused code comes with the server's time, and with how far the clock is off where the code tells it", serverTime)
	holds(46, "a device whose secret is empty, changed or another's lets nobody in, and the log says error", brokenSecret)
	holds(47, "answers with a secret are never cached, and no log line has it", secretsAreNotKept)
}

func totpStep(k *testkit.Kit, person *testkit.Person, code any) testkit.Answer {
	return k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket(person.ID), "code": code})
}

func usedCode(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.MidStep()
	code := k.Oathtool(alice.Secret, 0)
	k.Want(totpStep(k, alice, code), 200, "status", "ok")
	k.Want(totpStep(k, alice, code), 401, "code", "code_invalid")
}

// Every flow that takes a code of a device that counts, over the API and by pages: the
// login, whose ticket could let one through by itself, and a step-up in each of several
// sessions, none of which knows of the others.
func oneCodeOneSuccess(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		var sessions []testkit.Person
		for range 6 {
			k.Login(alice)
			sessions = append(sessions, *alice)
		}
		k.MidStep()
		code, ticket := k.Code(alice), k.Ticket("alice")
		var requests []*http.Request
		for i, s := range sessions {
			requests = append(requests,
				k.Request("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}),
				formOf(k, "/login/code", testkit.Person{}, "ticket", ticket, "code", code))
			for range 3 {
				if i%2 == 0 {
					requests = append(requests, k.Request("/v1/step-up", s.Access, map[string]any{"code": code}))
				} else {
					requests = append(requests, formOf(k, "/step-up", s, "code", code, "_to", "/account", "_sent", "once"))
				}
			}
		}
		requests = append(requests, slices.Repeat(requests[:5], 4)...)
		let := map[string]int{}
		for i, a := range together(t, requests) {
			if a.Text("access_token") != "" || jwtShape.MatchString(a.Header.Get("Set-Cookie")) {
				let[requests[i].URL.Path]++
			}
		}
		if n := sum(maps.Values(let)); n != 1 {
			t.Errorf("one code is let through %d times of %d: %v", n, len(requests), let)
		}
	})
}

// formOf is the form of a page, sent from a browser that holds the session of a person.
func formOf(k *testkit.Kit, path string, p testkit.Person, fields ...string) *http.Request {
	k.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, k.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		k.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", k.URL)
	if p.Access != "" {
		req.AddCookie(&http.Cookie{Name: accessCookie, Value: p.Access})
		req.AddCookie(&http.Cookie{Name: refreshCookie, Value: p.Refresh})
	}
	return req
}

// together sends the requests at once and gives the answers themselves, wherever they
// would lead on to.
func together(t *testing.T, requests []*http.Request) []testkit.Answer {
	t.Helper()
	answers := make([]testkit.Answer, len(requests))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, req := range requests {
		if req.GetBody != nil { // one may be there twice
			body, err := req.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			req = req.Clone(t.Context())
			req.Body = body
		}
		wg.Go(func() {
			<-start
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			a := testkit.Answer{Status: resp.StatusCode, Header: resp.Header}
			a.Raw, _ = io.ReadAll(resp.Body)
			_ = json.Unmarshal(a.Raw, &a.Body)
			answers[i] = a
		})
	}
	close(start)
	wg.Wait()
	return answers
}

func sum(of iter.Seq[int]) (n int) {
	for x := range of {
		n += x
	}
	return n
}

func usedCodeRespelt(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.MidStep()
	used := k.Code(alice)
	k.Want(totpStep(k, alice, used), 200)
	digits := func(zero rune) string {
		return strings.Map(func(r rune) rune { return r - '0' + zero }, used)
	}
	spent := k.Ticket("alice")
	for _, code := range []string{used + " ", " " + used, used + "\n", used + "\t", "+" + used} {
		k.WantNoted("alice", audit.OTPFailed, audit.OutcomeDeny, func() {
			k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": spent, "code": code}), 401, "code", "code_invalid")
		})
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": spent, "code": k.NextCode(alice)}), 401, "code", "ticket_invalid") // five counted
	ticket := k.Ticket("alice")
	for _, code := range []string{"\u00a0" + used, used + "\u200b", digits('０'), digits('٠')} {
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}), 401, "code", "code_invalid")
	}
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}), 200)
	usedCodeOnPages(t, k, alice)
}

// A page takes away what input methods put around digits: six digits in another spelling
// are those digits, so a used code stays used, and counts as one try. What is left of
// anything else is no code, used or not.
func usedCodeOnPages(t *testing.T, k *testkit.Kit, p *testkit.Person) {
	t.Helper()
	const login, stepUp = "main form[action='/login/code']", "main form[action='/step-up']"
	wide := func(code string, zero rune) string {
		return strings.Map(func(r rune) rune { return r - '0' + zero }, code)
	}
	v := k.Visitor(t)
	ask := func() {
		t.Helper()
		v.Get("/login")
		v.Submit("main form[action='/login']", "username", p.ID, "password", testkit.Password).Want(t, 200, "/login")
	}
	ask()
	code := k.NextCode(p)
	v.Submit(login, "code", "\u3000"+wide(code[:3], '０')+"\u00a0"+wide(code[3:], '０')).Want(t, 200, "/account") // as a Chinese keyboard writes it
	v.Get("/step-up")
	for _, used := range []string{code, wide(code, '０'), code[:3] + " " + code[3:], "\u3000" + wide(code, '０')} {
		k.WantNoted(p.ID, audit.OTPFailed, audit.OutcomeDeny, func() { v.Submit(stepUp, "code", used).Want(t, 401, "/step-up") })
	}
	k.Login(p) // gives the tries back
	v = k.Visitor(t)
	ask()
	code = k.Code(p)
	for _, used := range []string{code, wide(code, '０'), code[:3] + " " + code[3:], "\u00a0" + code, wide(code[:3], '０') + "\u3000" + code[3:]} {
		k.WantNoted(p.ID, audit.OTPFailed, audit.OutcomeDeny, func() { v.Submit(login, "code", used).Want(t, 401, "/login/code") })
	}
	v.Submit(login, "code", k.NextCode(p)).Want(t, 401, "/login/code") // five counted: the ticket is spent
	ask()
	code = k.NextCode(p)
	for _, other := range []string{wide(code, '٠'), "+" + code, code[:3] + "\u200b" + code[3:], code[:3] + "-" + code[3:]} {
		v.Submit(login, "code", other).Want(t, 401, "/login/code")
	}
	v.Submit(login, "code", code).Want(t, 200, "/account")
}

func earlierStep(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.MidStep()
	k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, 0)), 200)
	k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, -30*time.Second)), 401, "code", "code_invalid")
	k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, 30*time.Second)), 200)
	k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, 0)), 401, "code", "code_invalid")
}

func confirmationCode(t *testing.T) {
	k := testkit.New(t)
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password})
	ticket := a.Text("ticket")
	alice := &testkit.Person{ID: "alice", Secret: k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}).Text("secret")}
	k.MidStep()
	code := k.Code(alice)
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": code}), 200)
	k.Want(totpStep(k, alice, code), 401, "code", "code_invalid")

	// Of a further device likewise.
	k.Advance(time.Minute)
	k.Login(alice)
	tablet := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	code = k.CodeAt(tablet.Text("secret"), 0)
	k.Want(k.Post("/v1/me/devices/"+tablet.Text("device_id")+"/confirm", alice.Access, map[string]any{"code": code}), 200)
	k.Want(totpStep(k, alice, code), 401, "code", "code_invalid")
}

// Every surface that takes a one-time code of a device that counts: the login and
// the step-up; a pending device takes its own first code alone.
func usedOnOneSurface(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	stepUp := func(code string) testkit.Answer {
		return k.Post("/v1/step-up", alice.Access, map[string]any{"code": code})
	}
	k.MidStep()
	code := k.Code(alice)
	a := totpStep(k, alice, code)
	k.Want(a, 200)
	alice.Access = a.Text("access_token")
	k.Want(stepUp(code), 401, "code", "code_invalid")
	k.MidStep()
	code = k.Code(alice)
	a = stepUp(code)
	k.Want(a, 200)
	alice.Access = a.Text("access_token")
	k.Want(stepUp(code), 401, "code", "code_invalid")
	k.Want(totpStep(k, alice, code), 401, "code", "code_invalid")
	pending := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	k.Want(k.Post("/v1/me/devices/"+pending.Text("device_id")+"/confirm", alice.Access, map[string]any{"code": code}), 401, "code", "code_invalid")
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("alice"), "code": code}), 401, "code", "code_invalid")
}

func skew(t *testing.T) {
	for _, c := range []struct {
		setting string
		steps   map[int]int
	}{
		{"ROLEGATE_TOTP_SKEW=1", map[int]int{-2: 401, -1: 200, 0: 200, 1: 200, 2: 401}},
		{"ROLEGATE_TOTP_SKEW=0", map[int]int{-2: 401, -1: 200, 0: 200, 1: 401, 2: 401}},
	} {
		k := testkit.New(t, c.setting)
		for step, want := range c.steps { // each with a device that has learned nothing yet
			k.MidStep()
			p := k.MustEnrol(fmt.Sprintf("user%d", step+2))
			k.MidStep()
			if a := totpStep(k, p, k.Oathtool(p.Secret, time.Duration(step)*30*time.Second)); a.Status != want {
				t.Errorf("%s, step %+d: %d, want %d", c.setting, step, a.Status, want)
			}
		}
	}
}

func strictDigits(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	ticket := k.Ticket("alice")
	for _, code := range []any{nil, 12345, 123456, true, []string{"123456"}, map[string]any{}, ""} {
		if a := k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}); a.Status != 400 {
			t.Errorf("%v: %d, want 400", code, a.Status)
		}
	}
	for _, code := range []string{"12345", "1234567", "000000", "12345a"} {
		if a := k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}); a.Status != 401 || a.Code() != "code_invalid" {
			t.Errorf("%q: %d %s", code, a.Status, a.Code())
		}
	}
	k.MidStep()
	for k.Code(alice)[0] != '0' {
		k.Advance(30 * time.Second)
	}
	code := k.Code(alice)
	k.Want(totpStep(k, alice, strings.TrimLeft(code, "0")), 401, "code", "code_invalid")
	k.Want(totpStep(k, alice, code), 200)
}

func newSecrets(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	seen := map[string]bool{alice.Secret: true}
	for range 20 {
		a := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
		k.Want(a, 200)
		secret := a.Text("secret")
		b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
		if err != nil || len(b) < 20 || seen[secret] {
			t.Fatalf("secret of %d bytes, seen before: %v (%v)", len(b), seen[secret], err)
		}
		seen[secret] = true
	}
	a := k.Call("GET", "/v1/me/devices", alice.Access, nil)
	k.Want(a, 200)
	for secret := range seen {
		if strings.Contains(string(a.Raw), secret) {
			t.Error("the list shows a secret")
		}
	}
}

func otpauthAddress(t *testing.T) {
	k := testkit.New(t)
	for i, name := range []string{"a&secret=AAAA", "a?secret=AAAA", "a%26secret%3DAAAA", "a#secret=AAAA", "a:b%3Ac", "张三", "100%"} {
		id := fmt.Sprintf("user%d", i)
		inv, err := app.AddUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Username: name})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ticket := k.Post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": testkit.Password}).Text("ticket")
		a := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
		k.Want(a, 200)
		u, err := url.Parse(a.Text("otpauth_uri"))
		if err != nil {
			t.Fatal(err)
		}
		q, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(q["secret"]) != 1 || q["secret"][0] != a.Text("secret") || strings.Count(u.RawQuery, "secret=") != 1 || u.Fragment != "" || u.Host != "totp" {
			t.Errorf("%s: %s (%v)", name, u, err)
		}
	}
}

func clientSecret(t *testing.T) {
	k := testkit.New(t)
	const mine = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	ticket := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("alice"), "password": testkit.Password}).Text("ticket")
	k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket, "secret": mine}), 400)
	a := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	k.Want(a, 200)
	code := k.CodeAt(mine, 0)
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": code, "secret": mine}), 400)
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": code}), 401)
	k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": k.CodeAt(a.Text("secret"), 0)}), 200)
}

func unconfirmedDevice(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	paul := k.PasswordOnly("paul", "sales-rep")
	a := k.Post("/v1/me/devices", paul.Access, map[string]any{"name": "Phone"})
	k.Want(a, 200)
	id, secret := a.Text("device_id"), a.Text("secret")
	if ids := k.DeviceIDs(paul); len(ids) != 0 {
		t.Errorf("a pending device is listed: %v", ids)
	}
	// The login does not ask for it, and it proves nothing.
	a = k.Post("/v1/login", "", map[string]any{"username": "paul", "password": testkit.Password})
	k.Want(a, 200, "status", "ok", "ticket", nil)
	if acr := testkit.Claims(t, a.Text("access_token"))["acr"]; acr != "1" {
		t.Errorf("acr %v", acr)
	}
	k.Want(k.Post("/v1/step-up", a.Text("access_token"), map[string]any{"code": k.CodeAt(secret, 0)}), 409, "code", "device_required")
	k.Want(k.Post("/v1/me/recovery-codes", a.Text("access_token"), nil), 409, "code", "device_required")

	k.Advance(10 * time.Minute)
	a = k.Post("/v1/login", "", map[string]any{"username": "paul", "password": testkit.Password})
	k.Want(a, 200, "status", "ok")
	k.Want(k.Post("/v1/me/devices/"+id+"/confirm", a.Text("access_token"), map[string]any{"code": k.CodeAt(secret, 0)}), 404, "code", "not_found")
}

func addingWantsStepUp(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	pending := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	k.Want(pending, 200)
	k.Advance(5*time.Minute + time.Second)
	notFresh := func(a testkit.Answer) {
		t.Helper()
		k.Want(a, 401, "code", "insufficient_user_authentication", "secret", nil)
		if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `acr_values="2"`) || !strings.Contains(got, `max_age="300"`) {
			t.Errorf("challenge %q", got)
		}
	}
	id := pending.Text("device_id")
	notFresh(k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"}))
	notFresh(k.Post("/v1/me/devices/"+id+"/confirm", alice.Access, map[string]any{"code": k.CodeAt(pending.Text("secret"), 0)}))
	notFresh(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(alice)[0], alice.Access, nil))
	// Nor does a password alone, once a device is there.
	k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": k.Ticket("alice")}), 401, "code", "ticket_invalid")
	k.Want(k.Post("/v1/me/devices", k.Ticket("alice"), map[string]any{"name": "Tablet"}), 401, "code", "unauthorized")
	k.Login(alice) // the device is as it was

	k.Want(k.Post("/v1/me/devices/"+id+"/confirm", alice.Access, map[string]any{"code": k.CodeAt(pending.Text("secret"), 0)}), 200)
	k.Login(alice)
}

func twoDevices(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		k.Advance(time.Minute)
		k.Login(alice)
		phone := k.DeviceIDs(alice)[0]
		session := alice.Access
		tablet := k.AddDevice(alice, "平板")
		if ids := k.DeviceIDs(alice); len(ids) != 2 || ids[1] != tablet.ID {
			t.Fatalf("devices %v", ids)
		}
		k.Want(k.Call("GET", "/v1/me/recovery-codes", session, nil), 200, "left", 10.0) // session and codes stay

		k.MidStep()
		phoneCode, tabletCode := k.Code(alice), k.CodeAt(tablet.Secret, 0)
		k.Want(totpStep(k, alice, phoneCode), 200)
		k.Want(totpStep(k, alice, tabletCode), 200) // of the same step, on another device
		k.Want(totpStep(k, alice, tabletCode), 401)
		k.Want(totpStep(k, alice, phoneCode), 401)

		k.StepUp(alice)
		k.WantNoted("alice", audit.DeviceRemoved, audit.OutcomeOK, func() {
			k.Want(k.Call("DELETE", "/v1/me/devices/"+phone, alice.Access, nil), 204)
		})
		k.Want(totpStep(k, alice, k.NextCode(alice)), 401)
		k.Want(totpStep(k, alice, k.CodeAt(tablet.Secret, 0)), 200)

		// Five are the most.
		for i := range 4 {
			k.AddDevice(alice, fmt.Sprint("Device ", i))
		}
		k.Want(k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Sixth"}), 409, "code", "device_limit")
	})
}

func lastDevice(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.Relaxed()
		sam := k.MustEnrol("sam", model.SystemAdmin) // a role that requires a second factor
		first := k.DeviceIDs(sam)[0]
		k.Want(k.Call("DELETE", "/v1/me/devices/"+first, sam.Access, nil), 409, "code", "last_device")
		second := k.AddDevice(sam, "Tablet")

		// Both at once: one stays.
		answers := k.Together(remove(k, first, sam), remove(k, second.ID, sam))
		if got := testkit.Statuses(answers); got[204] != 1 || got[409] != 1 {
			t.Errorf("removing both at once: %v", got)
		}
		if ids := k.DeviceIDs(sam); len(ids) != 1 {
			t.Errorf("devices %v", ids)
		}

		// Of whom nothing is required, the last one takes the codes with it.
		paul := k.PasswordOnly("paul", "sales-rep")
		a := k.Post("/v1/me/devices", paul.Access, map[string]any{"name": "Phone"})
		a = k.Post("/v1/me/devices/"+a.Text("device_id")+"/confirm", paul.Access, map[string]any{"code": k.CodeAt(a.Text("secret"), 0)})
		k.Want(a, 200)
		paul.Access = a.Text("access_token")
		k.Want(k.Call("GET", "/v1/me/recovery-codes", paul.Access, nil), 200, "left", 10.0)
		k.Want(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(paul)[0], paul.Access, nil), 204)
		k.Want(k.Call("GET", "/v1/me/recovery-codes", paul.Access, nil), 200, "left", 0.0)
	})
}

func remove(k *testkit.Kit, id string, p *testkit.Person) *http.Request {
	req, err := http.NewRequest("DELETE", k.URL+"/v1/me/devices/"+id, nil)
	if err != nil {
		k.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Access)
	return req
}

func foreignDevice(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	foreign := k.DeviceIDs(bob)[0]
	pending := k.Post("/v1/me/devices", bob.Access, map[string]any{"name": "Tablet"})
	code := map[string]any{"code": k.CodeAt(pending.Text("secret"), 0)}
	for _, c := range []struct {
		method, suffix string
		body           any
		foreign        string
	}{
		{"PATCH", "", map[string]any{"name": "mine now"}, foreign},
		{"DELETE", "", nil, foreign},
		{"POST", "/confirm", code, pending.Text("device_id")},
	} {
		var first string
		for _, id := range []string{c.foreign, "UNKNOWN", strings.Repeat("A", 26), "%00", "..%2f"} {
			a := k.Call(c.method, "/v1/me/devices/"+id+c.suffix, alice.Access, c.body)
			same := strings.ReplaceAll(string(a.Raw), a.Text("trace_id"), "")
			if first == "" {
				first = same
			}
			if a.Status != 404 || same != first {
				t.Errorf("%s %s: %d %s", c.method, id, a.Status, a.Raw)
			}
		}
	}
	if ids := k.DeviceIDs(bob); len(ids) != 1 || ids[0] != foreign {
		t.Errorf("bob's devices: %v", ids)
	}
	k.Login(bob)
	k.Want(k.Call("PATCH", "/v1/me/devices/"+foreign, bob.Access, map[string]any{"name": "手机"}), 200, "name", "手机")
}

func clientTime(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.MidStep()
	old := k.CodeAt(alice.Secret, -5*time.Minute)
	then := k.Now().Add(-5 * time.Minute)
	for member, value := range map[string]any{"time": then.Unix(), "timezone": "Asia/Shanghai", "step": then.Unix() / 30, "timestamp": then.Format(time.RFC3339)} {
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": old, member: value}), 400, "code", "invalid_request")
	}
	req := k.Request("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": old})
	req.Header.Set("Date", then.UTC().Format(http.TimeFormat))
	req.Header.Set("X-Timezone", "Asia/Shanghai")
	k.Want(k.Send(req), 401, "code", "code_invalid")
}

func learnedDrift(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.MidStep()
		alice := k.MustEnrol("alice")
		try := func(slow time.Duration, want int) {
			t.Helper()
			k.Advance(2 * time.Minute) // whatever was used is past
			if a := totpStep(k, alice, k.CodeAt(alice.Secret, -slow)); a.Status != want {
				t.Errorf("%v slow: %d, want %d", slow, a.Status, want)
			}
		}
		k.MidStep()
		try(70*time.Second, 401) // nothing was learned yet
		try(30*time.Second, 200)
		try(60*time.Second, 200)
		try(70*time.Second, 200)  // two or three steps
		try(120*time.Second, 401) // and no further, however often
		try(-30*time.Second, 401) // nor on the other side
		try(0, 200)               // a clock that was set right works at once, and is learned
		try(70*time.Second, 401)
		try(-30*time.Second, 200)

		// The window moves forward only: what was used stays used.
		k.Advance(2 * time.Minute)
		k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, 30*time.Second)), 200)
		for _, later := range []time.Duration{30 * time.Second, 0, -30 * time.Second, -time.Minute} {
			k.Want(totpStep(k, alice, k.CodeAt(alice.Secret, later)), 401)
		}
	})
}

func serverTime(t *testing.T) {
	k := testkit.New(t)
	k.MidStep()
	alice := k.MustEnrol("alice")
	k.MidStep()
	check := func(a testkit.Answer, offset time.Duration) {
		t.Helper()
		k.Want(a, 401, "code", "code_invalid")
		if at, err := time.Parse(time.RFC3339, a.Text("server_time")); err != nil || k.Now().Sub(at).Abs() > 10*time.Second || a.Header.Get("Date") == "" {
			t.Errorf("server_time %q, Date %q", a.Text("server_time"), a.Header.Get("Date"))
		}
		got, told := a.Body["clock_offset"].(float64)
		if told != (offset != 0) || told && (time.Duration(got)*time.Second-offset).Abs() > 20*time.Second {
			t.Errorf("clock_offset %v, want about %v", a.Body["clock_offset"], offset)
		}
	}
	check(totpStep(k, alice, "000000"), 0)
	check(totpStep(k, alice, k.CodeAt(alice.Secret, -70*time.Second)), -70*time.Second)
	check(totpStep(k, alice, k.CodeAt(alice.Secret, -11*time.Minute)), 0)
	k.Want(totpStep(k, alice, k.Code(alice)), 200)
	check(totpStep(k, alice, k.Code(alice)), 0)                                // used
	check(totpStep(k, alice, k.CodeAt(alice.Secret, -70*time.Second)), 0)      // older than a used one
	check(k.Post("/v1/step-up", alice.Access, map[string]any{"code": "0"}), 0) // every surface

	// Nobody is told of a code that will be right: told of, it never is, and of one
	// at a time.
	early, earlier := k.CodeAt(alice.Secret, 5*time.Minute), k.CodeAt(alice.Secret, 3*time.Minute)
	check(totpStep(k, alice, early), 5*time.Minute)
	check(totpStep(k, alice, early), 0)
	check(totpStep(k, alice, earlier), 0)
	k.Advance(3 * time.Minute)
	k.Want(totpStep(k, alice, earlier), 200)
	k.Advance(2 * time.Minute)
	check(totpStep(k, alice, early), 0)
}

func brokenSecret(t *testing.T) {
	for name, damage := range map[string]string{
		"empty":      `UPDATE totp_devices SET secret = x'' WHERE user_id = 'alice'`,
		"changed":    `UPDATE totp_devices SET secret = CAST(substr(secret, 1, length(secret) - 2) || x'0000' AS BLOB) WHERE user_id = 'alice'`,
		"another's":  `UPDATE totp_devices SET secret = (SELECT secret FROM totp_devices WHERE user_id = 'bob') WHERE user_id = 'alice'`,
		"whole row":  `UPDATE totp_devices SET user_id = 'alice' WHERE user_id = 'bob'`,
		"parameters": `UPDATE totp_devices SET digits = 1 WHERE user_id = 'alice'`,
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
			k.MidStep()
			if name == "whole row" {
				k.Exec(`DELETE FROM totp_devices WHERE user_id = 'alice'`)
			}
			k.Exec(damage)
			ticket := k.Ticket("alice")
			for _, code := range []string{k.Code(alice), k.Code(bob), "328482"} { // the last is what an empty secret gives at step 0
				k.WantNoted("alice", audit.OTPFailed, audit.OutcomeError, func() {
					k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code}), 500, "code", "internal")
				})
			}
			k.WantNoted("alice", audit.OTPFailed, audit.OutcomeError, func() {
				k.Want(k.Post("/v1/step-up", alice.Access, map[string]any{"code": k.Code(alice)}), 500, "code", "internal")
			})
		})
	}
	// A broken device is no hindrance to one that is whole.
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	k.AddDevice(alice, "Tablet")
	k.Exec(`UPDATE totp_devices SET secret = x'' WHERE name = 'Tablet'`)
	k.Login(alice)
}

func secretsAreNotKept(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	a := k.Post("/v1/me/devices", alice.Access, map[string]any{"name": "Tablet"})
	k.Want(a, 200)
	codes := k.Post("/v1/me/recovery-codes", alice.Access, nil)
	k.Want(codes, 200)
	ticket := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite("bob"), "password": testkit.Password}).Text("ticket")
	enrol := k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	k.Want(enrol, 200)
	for name, a := range map[string]testkit.Answer{"enrol": enrol, "device": a, "recovery codes": codes} {
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	secrets := []string{alice.Secret, a.Text("secret"), enrol.Text("secret")}
	for _, c := range codes.Body["recovery_codes"].([]any) {
		secrets = append(secrets, c.(string))
	}
	k.Stop()
	for _, secret := range secrets {
		if strings.Contains(k.Logs.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}
