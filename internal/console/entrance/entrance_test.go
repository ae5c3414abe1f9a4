package entrance_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

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

// scanned reads the QR code that a page shows, as a phone does, by a program that
// shares no code with the service.
func scanned(t *testing.T, picture string) (address *url.URL) {
	t.Helper()
	encoded, found := strings.CutPrefix(picture, "data:image/png;base64,")
	png, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !found {
		t.Fatalf("the picture is %.40s: %v", picture, err)
	}
	file := filepath.Join(t.TempDir(), "qr.png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil {
		t.Fatalf("zbarimg (Debian package zbar-tools): %v", err)
	}
	if address, err = url.Parse(strings.TrimSpace(string(out))); err != nil {
		t.Fatal(err)
	}
	return address
}

// secretOf scans the page and sees that what is to be typed or opened is the same.
func secretOf(t *testing.T, p *testkit.Page) string {
	t.Helper()
	img := p.One(t, "img.qr")
	at := scanned(t, testkit.Attr(img, "src"))
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

// TestInvited goes without scripts from the link to a first session, and back in.
func TestInvited(t *testing.T) {
	k := testkit.New(t)
	k.MidStep()
	v, invite := k.Visitor(t), k.Invite("ann")
	page := v.Get("/invite/"+invite).Want(t, 200, "/invite/"+invite)
	for header, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if got := page.Header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	has(t, page, ".rules", "15 characters")
	if strings.Contains(page.Text("body"), invite) {
		t.Error("the secret is to be read on the page")
	}
	v.Submit(".languages", "language", "zh-CN").Want(t, 200, "/invite/"+invite)
	has(t, v.Page, "h1", "欢迎使用")
	v.Submit(".languages", "language", "en")

	page = v.Submit(accept, "password", "short").Want(t, 422, "/invite")
	has(t, page, ".problem", "at least 8 characters")
	if strings.Contains(page.Body, "short\"") {
		t.Error("the password came back")
	}
	page = v.Submit(accept, "password", testkit.Password).Want(t, 200, "/invite")
	has(t, page, "h1", "authenticator app")
	secret := secretOf(t, page)

	v.Submit(".languages", "language", "zh-CN").Want(t, 200, "/login/language")
	has(t, v.Page, "h1", "设置身份验证器应用")
	if got := secretOf(t, v.Page); got != secret {
		t.Errorf("another language has another secret: %s", got)
	}
	v.Submit(".languages", "language", "en")

	page = v.Submit(confirm, "code", k.Oathtool(secret, -4*time.Minute)).Want(t, 401, "/login/enrol/confirm")
	has(t, page, ".problem", "seconds slow")
	if len(page.All("details.clock[open]")) != 1 {
		t.Error("what to do about the clock is not open")
	}
	has(t, page, ".clock", "iPhone")
	if got := secretOf(t, page); got != secret {
		t.Errorf("a wrong code brings another secret: %s", got)
	}
	page = v.Submit(anew)
	if secretOf(t, page) == secret {
		t.Error("a new picture has the old secret")
	}
	secret = secretOf(t, page)
	digits := k.Oathtool(secret, 0)
	page = v.Submit(confirm, "code", " "+digits[:3]+" "+digits[3:]).Want(t, 200, "/login/enrol/confirm")
	if v.Cookies[access] == "" {
		t.Fatal("no session")
	}
	var codes []string
	for _, c := range page.All(".codes code") {
		codes = append(codes, testkit.Text(c))
	}
	if len(codes) != 10 {
		t.Fatalf("codes: %q", codes)
	}
	link := page.One(t, "a[download]")
	file, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testkit.Attr(link, "href"), "data:text/plain;charset=utf-8;base64,"))
	if lines := strings.Split(string(file), "\r\n"); err != nil || len(lines) != 12 || !slices.Equal(lines[1:11], codes) || !strings.Contains(lines[0], "ann") {
		t.Errorf("the file is %q, %v", file, err)
	}
	if got := v.Submit(saved, "next", "/login").Text(".said"); !strings.Contains(got, "make new ones") {
		t.Errorf("without the tick it says %q", got)
	}

	v = k.Visitor(t)
	v.Get("/invite/"+invite).Want(t, 200, "")
	has(t, v.Submit(accept, "password", testkit.Password).Want(t, 401, "/invite"), "main", "sk whoever invited you")
	if len(v.Page.All(accept)) > 0 || len(v.Page.All("main a[href='/login']")) != 1 {
		t.Error("who has used the invitation is not led to the login")
	}
	v.Get("/login")
	has(t, v.Submit(password, "username", "ann", "password", "wrong").Want(t, 401, "/login"), ".problem", "administrator's invitation")
	v.Submit(password, "username", "ANN", "password", testkit.Password, "remember", "yes").Want(t, 200, "/login")
	v.Submit(".languages", "language", "zh-CN").Want(t, 200, "/login/language")
	has(t, v.Page, "h1", "输入动态验证码")
	v.Submit(".languages", "language", "en")
	v.Submit(code, "code", digits).Want(t, 401, "/login/code") // used
	k.Advance(30 * time.Second)
	wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９")
	v.Submit(code, "code", wide.Replace(k.Oathtool(secret, 0)))
	if v.Cookies[access] == "" {
		t.Fatalf("no session: %s", v.Page.Text("main"))
	}
	v.Get("/login?next=/step-up").Want(t, 200, "/login")
	has(t, v.Page, "main", "logged in as ann")
	if got := testkit.Attr(v.Page.One(t, "main a[role=button]"), "href"); got != "/step-up" {
		t.Errorf("it goes on to %q", got)
	}
	v.Submit("main form[action='/logout']").Want(t, 200, "/login")
	if got := testkit.Attr(v.Page.One(t, "#username"), "value"); got != "ANN" {
		t.Errorf("remembered is %q", got)
	}
	v.Submit(".languages", "language", "en").Want(t, 200, "/login")
	v.Post("/logout").Want(t, 200, "/login") // again, from a page left open
	v.Post("/login", "username", "ANN", "password", testkit.Password)
	if v.Get("/login"); testkit.Attr(v.Page.One(t, "#username"), "value") != "" {
		t.Error("what should be forgotten is remembered")
	}
	for _, secret := range append(codes, invite, secret, testkit.Password, digits) {
		if strings.Contains(k.Logs.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestStrength asks what a password is worth, with a script and without.
func TestStrength(t *testing.T) {
	k := testkit.New(t)
	v, invite := k.Visitor(t), k.Invite("ann")
	v.Get("/invite/" + invite)
	page := v.Post("/invite/strength", "invite", invite, "password", "password1").Want(t, 200, "/invite/strength")
	has(t, page, ".strength .bad", "not accepted")
	has(t, page, ".strength", "Many people use this password")
	page = v.Submit(accept, "password", "another battery staple, horse").Want(t, 200, "/invite")
	has(t, page, "h1", "authenticator app") // asking did not use it up

	v.Header = map[string]string{"HX-Request": "true"}
	page = v.Post("/invite/strength", "invite", k.Invite("bob"), "password", "纯属巧合的四个词语")
	has(t, page, ".good", "accepted")
	if strings.Contains(page.Body, "<title>") {
		t.Error("a part is a whole page")
	}
	page = v.Post("/invite/strength", "invite", "none", "password", "x").Want(t, 401, "")
	has(t, page, ".bad", "Invitation not valid")
	if strings.Contains(page.Body, "<title>") {
		t.Error("the failure of a part is a whole page")
	}
	if page = v.Post("/invite/strength", "invite", "none", "password", ""); page.Status != 200 || page.Text("body") != "" {
		t.Errorf("nothing typed is told as %d %q", page.Status, page.Text("body"))
	}
}

func TestDamagedLinks(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	for _, path := range []string{"/invite", "/invite/a%20b", "/invite/%3Cscript%3E", "/invite/a'b", "/invite/%E4%BD%A0", "/invite/" + strings.Repeat("a", 257)} {
		page := v.Get(path).Want(t, 404, "")
		has(t, page, "main", "copy it whole")
		if len(page.All(accept)) > 0 || strings.Contains(page.Body, "a'b") {
			t.Errorf("%s: takes it up: %s", path, page.Body)
		}
	}
	v.Post("/invite", "invite", `"><script>`, "password", testkit.Password).Want(t, 401, "/invite")
	if strings.Contains(v.Page.Body, `"><script>`) {
		t.Error("a hostile secret comes back")
	}
}

// TestSomebodyElsesInvitation is opened by who is logged in: they are told, and their
// session ends when it is accepted.
func TestSomebodyElsesInvitation(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	v := k.VisitorAs(t, ann)
	page := v.Get("/invite/" + k.Invite("bob"))
	has(t, page, ".note", "logged in as ann")
	page = v.Submit(accept, "password", testkit.Password)
	k.Want(k.Call("GET", "/v1/me/devices", ann.Access, nil), 200)
	v.Submit(confirm, "code", k.CodeAt(secretOf(t, page), 0)).Want(t, 200, "")
	k.Want(k.Call("GET", "/v1/me/devices", ann.Access, nil), 401)
	v.Get("/login")
	has(t, v.Page, "main", "logged in as bob")
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
	if v.Cookies[access] != "" {
		t.Error("a recovery code opened a session")
	}
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

// TestNoSecretsInAddresses looks through every form and link of the steps.
func TestNoSecretsInAddresses(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	invite := k.Invite("ann")
	v.Get("/invite/" + invite)
	looks := func() {
		t.Helper()
		for _, n := range v.Page.All("form, a, [formaction], [hx-post]") {
			for _, name := range []string{"action", "href", "formaction", "hx-post"} {
				at := testkit.Attr(n, name)
				if strings.Contains(at, invite) || strings.Contains(at, "ticket") || strings.Contains(at, "secret=") && !strings.HasPrefix(at, "otpauth:") {
					t.Errorf("%s has %s=%s", v.Page.URL, name, at)
				}
			}
			if n.Data == "form" && testkit.Attr(n, "method") != "post" {
				t.Errorf("%s sends fields in its address", v.Page.URL)
			}
		}
	}
	looks()
	page := v.Submit(accept, "password", testkit.Password)
	looks()
	v.Submit(confirm, "code", k.CodeAt(secretOf(t, page), 0))
	looks()
	for c := range v.Page.Root.Descendants() {
		if c.Type == html.ElementNode && (testkit.Attr(c, "style") != "" || testkit.Attr(c, "onclick") != "") {
			t.Errorf("inline: %s", c.Data)
		}
	}
}
