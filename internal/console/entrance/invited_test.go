package entrance_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// TestInvited goes without scripts from the link to a first session, and back in.
func TestInvited(t *testing.T) {
	k := testkit.New(t)
	k.MidStep()
	v, invite := k.Visitor(t), k.Invite("ann")
	page := v.Get("/invite/"+invite).Want(t, 200, "/invite/"+invite)
	for header, want := range map[string]string{"Referrer-Policy": "strict-origin", "Cache-Control": "no-store"} {
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

// TestChosenCountsWithTheCode chooses a password where a device is: the page says that it
// does not count yet, and does not say that it does once the step is over.
func TestChosenCountsWithTheCode(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	reinvite := func() string {
		t.Helper()
		inv, err := app.InviteUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		return inv.Invite
	}
	const chosen = "seventeen walrus kites"
	v, invite := k.Visitor(t), reinvite()
	v.Get("/invite/" + invite)
	has(t, v.Submit(accept, "password", chosen).Want(t, 200, "/invite"), ".note", "not yours yet")
	v.Submit(".languages", "language", "zh-CN")
	has(t, v.Page, ".note", "尚未生效")
	has(t, v.Submit(code, "code", "000000").Want(t, 401, "/login/code"), ".note", "尚未生效")
	v.Submit(".languages", "language", "en")
	k.Advance(5*time.Minute + time.Second)
	has(t, v.Submit(code, "code", k.NextCode(ann)).Want(t, 401, "/login/code"), ".note", "If no code was accepted, the password you have just chosen does not count: the one before is still yours")
	v.Get("/invite/" + invite)
	has(t, v.Submit(accept, "password", chosen).Want(t, 401, "/invite"), "main", "the password before is still yours")
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", chosen).Want(t, 401, "/login")
	v.Submit(password, "username", "ann", "password", testkit.Password).Want(t, 200, "/login").One(t, code)
	if len(v.Page.All(".note")) != 0 {
		t.Error("a login speaks of a new password")
	}

	first := k.Visitor(t)
	first.Get("/invite/" + k.Invite("bob"))
	first.Submit(accept, "password", chosen).Want(t, 200, "/invite")
	k.Advance(5*time.Minute + time.Second)
	has(t, first.Submit(confirm, "code", "000000").Want(t, 401, "/login/enrol/confirm"), ".note", "counts already")
	first.Submit(password, "username", "bob", "password", chosen).Want(t, 200, "/login").One(t, confirm)

	v.Get("/invite/" + reinvite())
	v.Submit(accept, "password", chosen).Want(t, 200, "/invite")
	v.Submit(code, "code", k.NextCode(ann))
	v = k.Visitor(t)
	v.Get("/login")
	v.Submit(password, "username", "ann", "password", testkit.Password).Want(t, 401, "/login")
	v.Submit(password, "username", "ann", "password", chosen).Want(t, 200, "/login").One(t, code)
}

func TestDamagedLinks(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	for _, path := range []string{"/invite/a%20b", "/invite/%3Cscript%3E", "/invite/a'b", "/invite/%E4%BD%A0", "/invite/" + strings.Repeat("a", 257)} {
		page := v.Get(path).Want(t, 404, "")
		has(t, page, "main", "copy it whole")
		if len(page.All(accept)) > 0 || strings.Contains(page.Body, "a'b") {
			t.Errorf("%s: takes it up: %s", path, page.Body)
		}
	}
	has(t, v.Get("/invite").Want(t, 200, "/invite"), "main", "copy it whole")
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

// TestPasswordAlone is enough where nothing more is asked of somebody.
func TestPasswordAlone(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	v := k.Visitor(t)
	v.Get("/invite/" + k.Invite("ann"))
	has(t, v.Submit(accept, "password", "only eight+").Want(t, 422, "/invite"), ".problem", "at least 15 characters")
	v.Submit(accept, "password", testkit.Password)
	v.Get("/login")
	has(t, v.Page, "main", "logged in as ann")
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
