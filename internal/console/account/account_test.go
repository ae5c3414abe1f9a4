package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
	"rolegate/model"
)

func TestMain(m *testing.M) { browser.Main(m) }

// Forms of these pages.
const (
	add      = "form[action='/account/devices']"
	confirm  = "form[action$='/confirm']"
	rename   = "form[action$='/name']"
	remove   = "form[action$='/remove']"
	renew    = "form[action='/account/recovery-codes']"
	saved    = "form[action='/account/recovery-codes/saved']"
	change   = "form[action='/account/password']"
	others   = "form[action='/account/sessions/end-others']"
	disown   = "form[action='/account/not-me']"
	stepUp   = "form[action='/step-up']"
	resume   = "form[data-sends-itself]"
	password = "form[action='/login']"
	code     = "form[action='/login/code']"
)

const next = "a longer password of five words"

func has(t *testing.T, p *testkit.Page, selector, want string) {
	t.Helper()
	if got := p.Text(selector); !strings.Contains(got, want) {
		t.Errorf("%s: %s says %q, not %q", p.URL.Path, selector, got, want)
	}
}

func secret(t *testing.T, p *testkit.Page) string {
	t.Helper()
	return strings.ReplaceAll(testkit.Text(p.One(t, "code.secret")), " ", "")
}

// TestDevices adds a device with codes of oathtool, is told what is wrong with the
// clock, renames it, removes it, and is left with one that stays.
func TestDevices(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	v := k.VisitorAs(t, p)
	v.Get("/account").Want(t, 200, "/account")
	has(t, v.Page, ".facts", "1 of at most 5")
	v.Get("/account/devices")
	has(t, v.Submit(add, "name", "   ").Want(t, 400, "/account/devices"), ".problem", "visible text")
	if n := strings.Count(v.Page.Text(".problem"), "visible text"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	hostile := `"><script>alert(1)</script>`
	v.Submit(add, "name", strings.Repeat("x", 65)).Want(t, 400, "/account/devices")
	if got := testkit.Attr(v.Page.One(t, "#name"), "value"); len(got) != 65 {
		t.Errorf("the name is lost: %q", got)
	}
	k.Advance(6 * time.Minute)
	v.Submit(add, "name", hostile).Want(t, 401, "/account/devices")
	k.MidStep()
	v.Submit(stepUp, "code", k.NextCode(p)).Want(t, 200, "/step-up")
	v.Submit(resume).Want(t, 200, "/account/devices")
	key := secret(t, v.Page)
	v.Submit(confirm, "code", k.Oathtool(key, -4*time.Minute)).Want(t, 401, "")
	has(t, v.Page, ".problem", "seconds slow")
	if v.Page.One(t, "details.clock[open]"); secret(t, v.Page) != key {
		t.Error("a wrong code shows another key")
	}

	k.Advance(6 * time.Minute) // what was proven is too old: the device is not lost by that
	v.Submit(confirm, "code", k.Oathtool(key, 0)).Want(t, 401, "")
	v.Submit(stepUp, "code", k.NextCode(p))
	v.Submit(resume).Want(t, 200, "")
	if secret(t, v.Page) != key {
		t.Error("a step-up shows another key")
	}
	k.Advance(30 * time.Second)
	right := k.Oathtool(key, 0)
	page := v.Page
	v.Submit(confirm, "code", " "+right[:3]+" "+right[3:]).Want(t, 200, "/account/devices")
	has(t, v.Page, ".said", hostile)
	has(t, v.Page, "tbody", hostile)
	v.Page = page
	has(t, v.Submit(confirm, "code", right).Want(t, 200, "/account/devices"), ".said", "waits for no code")

	link := testkit.Attr(v.Page.All("tbody a")[1], "href")
	v.Get(link)
	has(t, v.Submit(rename, "name", "\u202e").Want(t, 400, ""), ".problem", "visible text")
	has(t, v.Submit(rename, "name", "tablet").Want(t, 200, "/account/devices"), "tbody", "tablet")
	v.Get(link)
	form := v.Page
	has(t, v.Submit(remove).Want(t, 200, "/account/devices"), ".said", "“tablet” is removed")
	v.Page = form
	has(t, v.Submit(remove).Want(t, 200, "/account/devices"), ".said", "not among yours")
	v.Get(link).Want(t, 404, link)
	v.Get(testkit.Attr(v.Get("/account/devices").All("tbody a")[0], "href"))
	has(t, v.Page, "main", "required of you")
	if len(v.Page.All(remove)) > 0 {
		t.Error("the last device may go")
	}
	v.Post(v.Page.URL.Path+"/remove").Want(t, 409, "")
	has(t, v.Page, ".problem", "last device")
	for k.Login(p); len(k.DeviceIDs(p)) < 5; {
		k.AddDevice(p, "more")
	}
	v = k.VisitorAs(t, p)
	has(t, v.Get("/account/devices"), "main", "no more")
	if len(v.Page.All(add)) > 0 {
		t.Error("a sixth is offered")
	}
	v.Post("/account/devices", "name", "sixth").Want(t, 409, "/account/devices")
	has(t, v.Page, ".problem", "5 devices already")
}

// TestFreshness asks for a code of the last five minutes where somebody else could stay
// by what is done, and never where they are sent away.
func TestFreshness(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	k.Advance(6 * time.Minute)
	id := k.DeviceIDs(p)[0]
	for path, fresh := range map[string]bool{
		"/account/devices": true, "/account/devices/" + id + "/confirm": true, "/account/devices/" + id + "/remove": true,
		"/account/recovery-codes": true, "/account/password": true, "/account/devices/" + id + "/name": false,
		"/account/sessions/end-others": false, "/account/sessions/x/end": false, "/account/known-devices/x/forget": false,
	} {
		v := k.VisitorAs(t, p)
		v.Post(path, "name", "x", "device", "otpauth://totp/x?secret=AAAA", "code", "000000", "current", "x", "new", "y")
		if got := len(v.Page.All(stepUp)) == 1; got != fresh {
			t.Errorf("%s asks for a code: %v\n%s", path, got, v.Page.Text("main"))
		}
	}
	v := k.VisitorAs(t, p)
	v.Post("/account/not-me").Want(t, 401, "/account/password") // which it leads to
	v.Get("/account").Want(t, 200, "/account")
}

// TestOthersDevice is as unknown as one that never was.
func TestOthersDevice(t *testing.T) {
	k := testkit.New(t)
	bob := k.DeviceIDs(k.MustEnrol("bob"))[0]
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	v.Get("/account/devices/"+bob).Want(t, 404, "")
	has(t, v.Post("/account/devices/"+bob+"/name", "name", "mine").Want(t, 200, "/account/devices"), ".said", "not among yours")
	has(t, v.Post("/account/devices/"+bob+"/remove").Want(t, 200, "/account/devices"), ".said", "not among yours")
}

// TestFirstDevice is added by whoever had a password alone, from a session of any age.
func TestFirstDevice(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	p := k.PasswordOnly("ann")
	v := k.VisitorAs(t, p)
	has(t, v.Get("/account"), ".note", "Only your password")
	has(t, v.Get("/account/recovery-codes"), ".note", "nothing to recover")
	other := k.VisitorAs(t, p)
	k.Advance(6 * time.Minute)
	v.Get("/account/devices")
	has(t, v.Submit(add, "name", "phone").Want(t, 401, "/account/devices"), "main", "Log out and in again")
	v.Submit("main form[action='/logout']")
	v.Submit(password, "username", "ann", "password", testkit.Password).Want(t, 200, "/account/devices")
	v.Submit(add, "name", "phone")
	k.MidStep()
	v.Submit(confirm, "code", k.Oathtool(secret(t, v.Page), 0)).Want(t, 200, "")
	if n := len(v.Page.All(".codes code")); n != 10 {
		t.Errorf("%d recovery codes", n)
	}
	v.Submit(saved, "saved", "yes").Want(t, 200, "/account/devices")
	other.Get("/account").Want(t, 200, "/login")
	v.Get("/account/devices")
	v.Get(testkit.Attr(v.Page.One(t, "tbody a"), "href"))
	has(t, v.Page, "main", "your password alone")
	v.Submit(remove).Want(t, 200, "/account/devices")
}

func TestRecoveryCodes(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	v := k.VisitorAs(t, p)
	has(t, v.Get("/account/recovery-codes"), ".note", "no longer work")
	k.Advance(6 * time.Minute)
	v.Submit(renew).Want(t, 401, "")
	v.Submit(stepUp, "code", k.NextCode(p))
	page := v.Submit(resume).Want(t, 200, "/account/recovery-codes")
	if codes := page.All(".codes code"); len(codes) != 10 || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d codes, %v", len(codes), page.Header)
	}
	has(t, page, ".print-only", "Recovery codes for ann")
	first := testkit.Text(page.All(".codes code")[0])
	has(t, v.Submit(saved).Want(t, 200, "/account/recovery-codes"), ".said", "make new ones under “Recovery codes”")
	v.Page = page
	has(t, v.Submit(saved, "saved", "yes").Want(t, 200, "/account/recovery-codes"), "main", "10 of 10")
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("ann"), "code": first}), 200)
	has(t, v.Get("/account/recovery-codes"), "main", "9 of 10")
	k.Exec(`DELETE FROM recovery_codes WHERE selector NOT IN (SELECT selector FROM recovery_codes WHERE selector <> '` + first[:4] + `' LIMIT 2)`)
	has(t, v.Get("/account"), ".note", "Recovery codes left: 2")
}

// TestSessionEndedElsewhere is felt in the other browser at the next click.
func TestSessionEndedElsewhere(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	stolen := k.VisitorAs(t, p)
	stolen.Get("/account").Want(t, 200, "/account")
	k.Login(p)
	v := k.VisitorAs(t, p)
	v.Get("/account/sessions")
	if n := len(v.Page.All("tbody tr")); n != 2 {
		t.Fatalf("%d sessions", n)
	}
	has(t, v.Page, "tbody tr:first-child", "this session")
	page := v.Page
	has(t, v.Submit("form[action$='/end']").Want(t, 200, "/account/sessions"), ".said", "has ended")
	stolen.Get("/account/devices").Want(t, 200, "/login")
	v.Page = page
	has(t, v.Submit("form[action$='/end']").Want(t, 200, "/account/sessions"), ".said", "ended already")
	for range 2 {
		k.Login(p)
	}
	third := k.VisitorAs(t, p)
	v.Get("/account/sessions")
	has(t, v.Submit(others).Want(t, 200, "/account/sessions"), ".said", "Other sessions ended: 2.")
	third.Post("/account/devices", "name", "thief's").Want(t, 401, "/account/devices")
	has(t, v.Page, "main", "No other session is open")

	bob := k.MustEnrol("bob")
	his, err := k.App.Login.AuthenticateUser(context.Background(), bob.Access)
	if err != nil {
		t.Fatal(err)
	}
	v.Post("/account/sessions/"+his.Caller.Session+"/end").Want(t, 200, "/account/sessions")
	k.VisitorAs(t, bob).Get("/account").Want(t, 200, "/account")
}

// TestChangePassword ends with a login by the new one.
func TestChangePassword(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	other := k.VisitorAs(t, p)
	k.Login(p)
	v := k.VisitorAs(t, p)
	k.Advance(6 * time.Minute)
	v.Get("/account/password").Want(t, 401, "/account/password") // a code comes before passwords are typed
	v.Submit(stepUp, "code", k.NextCode(p)).Want(t, 200, "/account/password")
	has(t, v.Page, ".note", "all your other sessions end")
	v.Header = map[string]string{"HX-Request": "true"}
	v.Post("/account/password/strength", "new", "ann").Want(t, 200, "")
	has(t, v.Page, ".bad", "not accepted")
	v.Post("/account/password/strength", "new", next).Want(t, 200, "")
	has(t, v.Page, ".good", "accepted")
	v.Header = nil
	v.Get("/account/password")
	has(t, v.Post("/account/password/strength", "new", next).Want(t, 200, "/account/password/strength"), "h1", "Change password")
	if strings.Contains(v.Page.Body, next) {
		t.Error("the password came back")
	}
	has(t, v.Submit(change, "current", "wrong", "new", next).Want(t, 401, "/account/password"), ".problem", "invitation")
	has(t, v.Submit(change, "current", testkit.Password, "new", "short").Want(t, 422, "/account/password"), ".problem", "at least 8")
	has(t, v.Submit(change, "current", testkit.Password, "new", testkit.Password).Want(t, 422, "/account/password"), ".problem", "")
	has(t, v.Submit(change, "current", testkit.Password, "new", next).Want(t, 200, "/account"), ".said", "is changed")
	other.Get("/account").Want(t, 200, "/login")
	v.Submit(".logout").Want(t, 200, "/login")
	v.Submit(password, "username", "ann", "password", testkit.Password).Want(t, 401, "/login")
	v.Submit(password, "username", "ann", "password", next)
	v.Submit(code, "code", k.NextCode(p)).Want(t, 200, "/account")
	has(t, v.Page, ".note", "since your last login: 1")
}

// TestNotMe begins with a line of the history and ends at the password.
func TestNotMe(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	thief := k.VisitorAs(t, p)
	for range 3 {
		k.Want(k.Post("/v1/login", "", map[string]any{"username": "ann", "password": "wrong"}), 401)
	}
	k.Advance(time.Minute)
	k.Login(p)
	v := k.VisitorAs(t, p)
	v.Get("/account/history")
	has(t, v.Page, "tbody .bad", "✗ Wrong password")
	has(t, v.Page, "tbody", "(3 times within the hour)")
	if len(v.Page.All("tbody code")) > 0 {
		t.Errorf("events without words: %s", v.Page.Text("tbody code"))
	}
	rows := v.Page.All("tbody tr")
	v.Get(testkit.Attr(v.Page.All("tbody a")[len(rows)-1], "href"))
	has(t, v.Page, "main strong", "Invitation accepted")
	has(t, v.Submit(disown).Want(t, 200, "/account/password"), ".said", "Other sessions ended: 1.")
	thief.Get("/account").Want(t, 200, "/login")
	has(t, v.Get("/account/known-devices"), "main", "None is known")
	has(t, v.Get("/account/history"), "tbody", "You reported: this was not me")
	for _, line := range []string{"", "x", "1 x", "1 \x00", "-1 a", "9223372036854775807 a", "1 " + strings.Repeat("a", 300)} {
		has(t, v.Post("/account/not-me", "line", strings.ReplaceAll(line, "\x00", "\x01")).Want(t, 200, "/account/password"), "h1", "Change password")
		v.Get("/account/not-me?line="+strings.NewReplacer(" ", "%20", "\x00", "%00").Replace(line)).Want(t, 200, "/account/not-me")
	}
	v.Get("/account/history?after=1%20%00").Want(t, 400, "/account/history")
}

// TestHistory pages to its end, each line once.
func TestHistory(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	for range 14 {
		k.Login(p) // two lines each
	}
	v := k.VisitorAs(t, p)
	seen := map[string]bool{}
	for path := "/account/history"; path != ""; {
		v.Get(path).Want(t, 200, "/account/history")
		for _, a := range v.Page.All("tbody a") {
			if at := testkit.Attr(a, "href"); seen[at] {
				t.Errorf("%s comes again", at)
			} else {
				seen[at] = true
			}
		}
		path = ""
		for _, a := range v.Page.All("a[rel=next]") {
			path = testkit.Attr(a, "href")
		}
	}
	if n := k.Count(`SELECT COUNT(*) FROM login_history WHERE user_id = 'ann'`); n != len(seen) || n <= 25 {
		t.Errorf("%d lines, and %d are shown", n, len(seen))
	}
}

func TestKnownBrowsers(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	v.Submit(code, "code", k.NextCode(p)).Want(t, 200, "/account")
	has(t, v.Get("/account/known-devices"), "tbody tr:first-child", "this browser")
	n := len(v.Page.All("tbody tr"))
	action := testkit.Attr(v.Page.All("form[action$='/forget']")[0], "action")
	has(t, v.Post(action).Want(t, 200, "/account/known-devices"), ".said", "forgotten")
	if len(v.Page.All("tbody tr")) != n-1 || strings.Contains(v.Page.Text("tbody"), "this browser") {
		t.Errorf("it is known still: %s", v.Page.Text("main"))
	}
	v.Post(action).Want(t, 200, "/account/known-devices")
}

// TestLanguage chooses one on the overview, of an account whose id is not its name.
func TestLanguage(t *testing.T) {
	k := testkit.New(t)
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	v.Get("/account")
	v.Submit("main form[action='/language']", "language", "zh-CN").Want(t, 200, "/account")
	has(t, v.Page, "h1", "我的账号")
	for _, path := range []string{"devices", "recovery-codes", "password", "sessions", "known-devices", "history", "not-me"} {
		if got := v.Get("/account/"+path).Want(t, 200, "/account/"+path).Text("main"); strings.Contains(got, "session") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestDisabled ends an account's pages at the next click.
func TestDisabled(t *testing.T) {
	k := testkit.New(t)
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	v.Get("/account").Want(t, 200, "/account")
	request := app.UserRequest{Tenant: model.DefaultTenant, User: "ann", Disabled: true, Reason: "left"}
	if _, err := app.SetUserDisabled.Run(context.Background(), k.App, testkit.Operator, request); err != nil {
		t.Fatal(err)
	}
	v.Get("/account/sessions").Want(t, 200, "/login")
}
