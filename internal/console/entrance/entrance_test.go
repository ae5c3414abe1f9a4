package entrance_test

import (
	"context"
	"maps"
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
	accept   = "form[action='/invite']"
	password = "form[action='/login']"
	code     = "form[action='/login/code']"
	recovery = "form[action='/login/recovery']"
	confirm  = "form[action='/login/enrol/confirm']"
	anew     = "form[action='/login/enrol']"
	saved    = "form[action='/login/saved']"
)

const access = "__Host-rolegate-access"

// secretOf scans the page and sees that what is to be typed or opened is the same.
func secretOf(t *testing.T, p *testkit.Page) string {
	t.Helper()
	img := p.One(t, "img.qr")
	at := browser.Scan(t, testkit.Attr(img, "src"))
	secret := at.Query().Get("secret")
	if alt := testkit.Attr(img, "alt"); !strings.Contains(alt, strings.TrimPrefix(at.Path, "/")) {
		t.Errorf("the picture of %s is told as %q", at.Path, alt)
	}
	groups := p.Text("code.secret")
	if strings.ReplaceAll(groups, " ", "") != secret || groups[4] != ' ' || len(strings.Fields(groups)[0]) != 4 {
		t.Errorf("to type there is %q, to scan %q", groups, secret)
	}
	if got := testkit.Attr(p.One(t, ".phone a"), "href"); got != at.String() {
		t.Errorf("a phone would open %q, not %q", got, at)
	}
	if got := testkit.Attr(p.One(t, "[data-copy]"), "data-copy"); got != secret {
		t.Errorf("copied is %q", got)
	}
	return secret
}

func has(t *testing.T, p *testkit.Page, selector, want string) {
	t.Helper()
	if got := p.Text(selector); !strings.Contains(got, want) {
		t.Errorf("%s: %s says %q, not %q", p.URL.Path, selector, got, want)
	}
}

// TestRecovery replaces a lost phone.
func TestRecovery(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/login?next=/step-up")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	page := v.Submit(recovery, "code", "AAAA-BBBB-CCCC-DDDD-EEEE").Want(t, 401, "/login/recovery")
	has(t, page, ".problem", "recovery code is wrong")
	if !strings.Contains(testkit.Attr(page.One(t, recovery+" [name=next]"), "value"), "/step-up") {
		t.Error("where to go is lost")
	}
	page = v.Submit(recovery, "code", strings.ToLower(ann.RecoveryCodes[0])).Want(t, 200, "/login/recovery")
	has(t, page, ".note", "takes the place")
	page = v.Submit(confirm, "code", k.CodeAt(secretOf(t, page), 0)).Want(t, 200, "")
	if len(page.All(".codes code")) != 10 {
		t.Error("no new recovery codes")
	}
	v.Submit(saved, "saved", "yes").Want(t, 200, "/step-up")

	v = k.Visitor(t)
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	k.Advance(6 * time.Minute)
	page = v.Submit(recovery, "code", ann.RecoveryCodes[1]).Want(t, 401, "/login/recovery")
	has(t, page, ".problem", "five minutes")
	page.One(t, password)
}

// TestRecoveredForAnHour burns a recovery code and loses what came of it: the ticket, by
// somebody who has the password or by the time, and then the page itself.
func TestRecoveredForAnHour(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/login?next=/account/devices")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	page := v.Submit(recovery, "code", ann.RecoveryCodes[0]).Want(t, 200, "/login/recovery")
	k.Ticket("ann") // somebody has the password
	k.Advance(8 * time.Minute)
	v.Submit(confirm, "code", "000000").Want(t, 401, "/login/enrol/confirm").One(t, confirm)
	k.Advance(3 * time.Minute) // the device has waited for ten
	late := v.Submit(confirm, "code", k.CodeAt(secretOf(t, page), 0)).Want(t, 409, "/login/enrol/confirm")
	has(t, late, ".problem", "waited too long")
	if secretOf(t, late) == secretOf(t, page) {
		t.Error("it shows the device that is over")
	}

	for _, path := range []string{"/account", "/account/devices", "/login"} { // the page was closed
		at := v.Get(path).Want(t, 200, "/login")
		has(t, at, "main", "ann logged in with a recovery code")
	}
	v.Language = "zh-CN"
	has(t, v.Get("/login"), "main", "使用恢复码登录")
	v.Language = ""
	v.Get("/login?next=/account/devices")
	page = v.Submit(anew).Want(t, 200, "/login/enrol")
	has(t, page, ".note", "takes the place")
	page = v.Submit(anew).Want(t, 200, "/login/enrol")
	right := k.CodeAt(secretOf(t, page), 0)
	twin := k.Visitor(t)
	twin.Page, twin.Cookies = v.Page, maps.Clone(v.Cookies)
	codes := codesOf(v.Submit(confirm, "code", right).Want(t, 200, ""))
	if got := codesOf(twin.Submit(confirm, "code", right).Want(t, 200, "")); got != codes || got == "" {
		t.Errorf("the button pressed twice shows %q, then %q", codes, got)
	}
	v.Submit(saved, "saved", "yes").Want(t, 200, "/account/devices")
	k.Want(k.Call("GET", "/v1/me/devices", ann.Access, nil), 401)

	// Whoever logs out of it is at the login.
	v = k.Visitor(t)
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	v.Submit(recovery, "code", strings.Fields(codes)[0]).Want(t, 200, "/login/recovery")
	v.Get("/login")
	v.Submit("main form[action='/logout']").Want(t, 200, "/login").One(t, password)
}

// TestOneCodeIsEnough has a browser in which a code was used come with another one, from
// a page that was left open: nothing is spent, and it goes on to the new device. Another
// person's code is spent there as ever.
func TestOneCodeIsEnough(t *testing.T) {
	k := testkit.New(t)
	ann, bob := k.MustEnrol("ann"), k.MustEnrol("bob")
	v := k.Visitor(t)
	v.Get("/login?next=/account/devices")
	at := v.Page
	v.Submit(password, "username", "ann", "password", testkit.Password)
	form := v.Page
	v.Submit(recovery, "code", ann.RecoveryCodes[0]).Want(t, 200, "/login/recovery")
	for _, code := range ann.RecoveryCodes[1:4] {
		v.Page = at
		v.Submit(password, "username", "ann", "password", testkit.Password)
		page := v.Submit(recovery, "code", code).Want(t, 200, "/login")
		has(t, page, ".said", "not used up")
		has(t, page, "main", "ann logged in with a recovery code")
		v.Submit(anew).Want(t, 200, "/login/enrol").One(t, confirm)
	}
	v.Page = form // its ticket is spent
	has(t, v.Submit(recovery, "code", ann.RecoveryCodes[1]).Want(t, 200, "/login"), "main", "ann logged in with a recovery code")
	if left := k.Count("SELECT count(*) FROM recovery_codes WHERE user_id = 'ann' AND used_at = 0"); left != 9 {
		t.Errorf("of ten codes %d are left", left)
	}
	v.Page = at
	v.Submit(password, "username", "bob", "password", testkit.Password)
	v.Submit(recovery, "code", bob.RecoveryCodes[0]).Want(t, 200, "/login/recovery")
	has(t, v.Get("/login"), "main", "bob logged in with a recovery code")
}

// TestTicketsEnd lets the five minutes pass and uses up the tries.
func TestTicketsEnd(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/login?next=/step-up")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	k.Advance(5*time.Minute + time.Second)
	page := v.Submit(code, "code", k.Code(ann)).Want(t, 401, "/login/code")
	has(t, page, ".problem", "five tries")
	if got := testkit.Attr(page.One(t, password+" [name=next]"), "value"); got != "/step-up" {
		t.Errorf("it would go on to %q", got)
	}
	v.Submit(password, "username", "ann", "password", testkit.Password)
	for range 5 {
		v.Submit(code, "code", "000000").Want(t, 401, "/login/code")
	}
	v.Submit(code, "code", k.NextCode(ann)).Want(t, 401, "/login/code").One(t, password)
	for range 5 {
		v.Get("/login")
		v.Submit(password, "username", "ann", "password", testkit.Password)
		v.Submit(code, "code", "000000")
	}
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	page = v.Submit(code, "code", k.NextCode(ann)).Want(t, 429, "/login/code")
	has(t, page, ".problem", "Try again in 15 minutes")
	has(t, page, ".problem", "recovery code")
	if strings.Contains(page.Text(".problem"), "Retry-After") {
		t.Error("people are told of headers")
	}
	v.Get("/login/code").Want(t, 200, "/login") // by hand

	k.Advance(16 * time.Minute)
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	first := v.Page
	v.Submit(code, "code", k.NextCode(ann))
	v.Page = first
	v.Submit(code, "code", k.Code(ann)).Want(t, 200, "/login") // the same form a second time
	has(t, v.Page, "main", "logged in as ann")
}

// TestOrganization logs in to another tenant, by its name or by a link with it.
func TestOrganization(t *testing.T) {
	k := testkit.New(t)
	ctx := context.Background()
	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	inv, err := app.AddUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: "acme", User: "zoe"})
	if err != nil {
		t.Fatal(err)
	}
	v := k.Visitor(t)
	v.Get("/invite/" + inv.Invite)
	page := v.Submit(accept, "password", testkit.Password)
	secret := secretOf(t, page)
	v.Submit(confirm, "code", k.CodeAt(secret, 0))

	v = k.Visitor(t)
	v.Get("/login")
	v.Submit(password, "username", "zoe", "password", testkit.Password).Want(t, 401, "/login")
	has(t, v.Page, ".problem", "organization")
	v.Submit(password, "password", testkit.Password, "tenant", "acme", "remember", "yes").Want(t, 200, "/login").One(t, code)
	v.Get("/login")
	if testkit.Attr(v.Page.One(t, "#tenant"), "value") != "acme" || testkit.Attr(v.Page.One(t, "#username"), "value") != "zoe" {
		t.Error("the organization is not remembered")
	}
	if v.Get("/login?tenant=" + model.DefaultTenant); testkit.Attr(v.Page.One(t, "#username"), "value") != "" {
		t.Error("the user name of another organization is filled in")
	}
	has(t, v.Submit(password, "username", strings.Repeat("x", 300)+`"><b>`, "password", "y", "tenant", "\u202e<i>").Want(t, 401, "/login"), ".problem", "wrong")
	if strings.Contains(v.Page.Body, "<b>") || strings.Contains(v.Page.Body, "<i>") {
		t.Error("hostile names are not escaped")
	}
}

// TestSecondTab logs in again beside a form that waits.
func TestSecondTab(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/login/done").Want(t, 200, "/login")
	v.Submit(password, "username", "ann", "password", testkit.Password)
	v.Submit(code, "code", k.NextCode(ann)).Want(t, 200, "/login/done")
	has(t, v.Page, "main", "Send again")
}

// TestStepUpWithoutADevice leads to where there is one to be had.
func TestStepUpWithoutADevice(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	v := k.VisitorAs(t, k.PasswordOnly("ann"))
	for _, page := range []*testkit.Page{v.Get("/step-up?next=/account/password").Want(t, 200, "/step-up"), v.Post("/step-up", "code", "123456").Want(t, 409, "/step-up")} {
		page.One(t, "main a[href='/account/devices']")
		if len(page.All("#code")) > 0 {
			t.Error("it asks for a code that nobody can have")
		}
	}
	k.Advance(6 * time.Minute)
	has(t, v.Get("/account/password").Want(t, 401, "/account/password"), "main", "no device for one-time codes yet")
	v.Submit("main form[action='/logout']").Want(t, 200, "/login")
	v.Submit(password, "username", "ann", "password", testkit.Password).Want(t, 200, "/account/password")
}

// TestCarriedByHand has a form bring what no page put there.
func TestCarriedByHand(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	long := "otpauth://totp/" + strings.Repeat("a", 900) + "?secret=GEZDGNBVGY3TQOJQ"
	for device, shown := range map[string]bool{
		"javascript:alert(1)": false, "otpauth://totp/x": false, "otpauth://totp/%zz?secret=A": false, "otpauth://totp/x?secret=A B": true,
		"otpauth://hotp/x?secret=A": false, long: true, long + long: false, "OTPAUTH://totp/x?secret=A": false, `otpauth://totp/"><script>?secret=A`: true,
	} {
		page := v.Post("/login/language", "language", "en", "ticket", `"><script>`, "device", device, "until", "x", "next", "//evil.example").Want(t, 200, "/login/language")
		if got := len(page.All("img.qr")) == 1; got != shown {
			t.Errorf("%.40q is shown: %v", device, got)
		}
		if strings.Contains(page.Body, `"><script>`) || strings.Contains(page.Body, `href="javascript`) || testkit.Attr(page.All("[name=next]")[0], "value") != "/" {
			t.Errorf("%.40q: %s", device, page.Body)
		}
	}
	v.Post("/login/language", "language", "xx").Want(t, 200, "/login")
	v.Post("/login/enrol", "ticket", "none").Want(t, 401, "/login/enrol").One(t, password)
}
