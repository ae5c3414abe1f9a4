package entrance_test

import (
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// TestBelowWhatIsRequired has somebody whose session is below what is required of them
// by now prove more: the page that takes the code is the one thing that is open.
func TestBelowWhatIsRequired(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	k.Exec("UPDATE sessions SET acr = 1")
	v := k.VisitorAs(t, ann)
	v.Get("/account").Want(t, 401, "/account").One(t, "#code")
	v.Get("/step-up").Want(t, 200, "/step-up")
	k.MidStep()
	v.Get("/account")
	v.Submit("main form[action='/step-up']", "code", k.NextCode(ann)).Want(t, 200, "/account")
}

// TestCalledByName tells people their user name, which need not be their id; it is also
// what a browser keeps with a new password.
func TestCalledByName(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	v := k.Visitor(t)
	invited, err := app.AddUser.Run(t.Context(), k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "u-17", Username: "ann.li", Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	v.Get("/invite/" + invited.Invite)
	v.Submit(accept, "password", testkit.Password)
	has(t, v.Get("/account").Want(t, 200, "/account"), "footer", "ann.li")
	if got := testkit.Attr(v.Get("/account/password").One(t, "[autocomplete=username]"), "value"); got != "ann.li" {
		t.Errorf("the new password is kept for %q", got)
	}
	has(t, v.Get("/login"), "main", "ann.li")
	has(t, v.Get("/invite/"+k.Invite("bob")), ".note", "ann.li")

	strict := testkit.New(t)
	invited, err = app.AddUser.Run(t.Context(), strict.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "u-18", Username: "li:ann", Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	v = strict.Visitor(t)
	v.Get("/invite/" + invited.Invite)
	has(t, v.Submit(accept, "password", testkit.Password), "main", "log in with: li:ann")
	has(t, v.Submit(confirm, "code", "000000").Want(t, 401, "/login/enrol/confirm"), "main", "log in with: li:ann")
}

// TestLanguageKeepsTheWay has a language chosen where something went wrong: that it did,
// or where one was going, is not lost by it.
func TestLanguageKeepsTheWay(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	v.Get("/login?next=/account/history")
	v.Submit(password, "username", "ann", "password", "wrong").Want(t, 401, "/login")
	v.Submit(".languages", "language", "zh-CN")
	if got := testkit.Attr(v.Page.One(t, password+" [name=next]"), "value"); got != "/account/history" {
		t.Errorf("the login leads to %q", got)
	}
	v.Submit(".languages", "language", "en")
	v.Post("/invite", "invite", "unknown", "password", testkit.Password)
	has(t, v.Page, "h1", "cannot be used")
	v.Submit(".languages", "language", "zh-CN")
	if got := v.Page.Text("h1"); strings.Contains(got, "不完整") {
		t.Errorf("an invitation that is spent has become one that is damaged: %s", got)
	}
}

// TestSomebodyElseGoesOn keeps where a link led, when who is logged in is not who it was
// sent to.
func TestSomebodyElseGoesOn(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("bob")
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	has(t, v.Get("/login?next=/account/history"), "h1", "You are logged in")
	v.Submit("main form[action='/logout']").Want(t, 200, "/login")
	if got := testkit.Attr(v.Page.One(t, password+" [name=next]"), "value"); got != "/account/history" {
		t.Errorf("the login leads to %q", got)
	}
}
