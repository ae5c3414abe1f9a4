package console_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

func TestMain(m *testing.M) { browser.Main(m) }

// TestLoginInTheBrowser goes by pages from nothing to a session and out of it again.
func TestLoginInTheBrowser(t *testing.T) {
	k := testkit.New(t)
	p := k.MustEnrol("ann")
	v := k.Visitor(t)
	v.Get("/").Want(t, 200, "/login")
	v.Submit("main form", "username", "ann", "password", "wrong").Want(t, 401, "/login")
	if got := testkit.Attr(v.Page.One(t, "#username"), "value"); got != "ann" {
		t.Errorf("the user name is lost: %q", got)
	}
	if got := v.Page.Text(".problem"); !strings.Contains(got, "wrong") {
		t.Errorf("it says %q", got)
	}
	v.Submit("main form", "password", testkit.Password).Want(t, 200, "/login")
	v.Submit("[action='/login/code']", "code", "000000").Want(t, 401, "/login/code")
	v.Submit("[action='/login/code']", "code", k.NextCode(p))
	if v.Cookies["__Host-rolegate-access"] == "" {
		t.Fatalf("no session: %s", v.Page.Body)
	}
	v.Get("/step-up?next=/login").Want(t, 200, "/step-up")
	v.Submit("main form", "code", k.NextCode(p)).Want(t, 200, "/login")

	k.Advance(11 * time.Minute) // the access token is over, the session is not
	v.Get("/step-up?next=//evil.example/").Want(t, 200, "/step-up")
	if got := testkit.Attr(v.Page.One(t, "[name=_to]"), "value"); got != "/" {
		t.Errorf("it would go on to %q", got)
	}
	v.Submit(".logout").Want(t, 200, "/login")
	if got := v.Page.Text(".said"); got != "You are logged out." || v.Cookies["__Host-rolegate-refresh"] != "" {
		t.Errorf("%q, cookies %v", got, v.Cookies)
	}
	v.Submit(".languages", "language", "zh-CN").Want(t, 200, "/login")
	if got := v.Page.Text("h1"); got != "登录" {
		t.Errorf("in Chinese: %q", got)
	}
}
