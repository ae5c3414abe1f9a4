package clients_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestClients makes a client whose secret works, replaces it, and shuts it out.
func TestClients(t *testing.T) {
	k := testkit.New(t)
	sys := k.MustEnrol("sys")
	if _, err := app.Assign.Run(t.Context(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "sys", Role: model.SystemAdmin}); err != nil {
		t.Fatal(err)
	}
	const hostile = `"'><b>x`
	v := k.VisitorAs(t, sys)
	v.Get("/console/clients").Want(t, 200, "")
	add := `form[action="/console/clients"]`
	v.Submit(add, "id", "crm").Want(t, 400, "") // no scope
	if got := testkit.Attr(v.Page.One(t, "#id"), "value"); got != "crm" {
		t.Errorf("the name is lost: %q", got)
	}
	v.Submit(add, "id", "crm", "scope", "audit").Want(t, 403, "")
	v.Submit(add, "id", hostile, "scope", "decide", "scope", "explain").Want(t, 200, "/console/clients")
	secret := v.Page.Text("#secret")
	if testkit.Attr(v.Page.One(t, "[data-copy]"), "data-copy") != secret {
		t.Errorf("the secret is %q", secret)
	}
	k.TokenFor(hostile, secret)
	v.Get("/console/clients")
	if text := v.Page.Text("tbody"); !strings.Contains(text, hostile) || strings.Contains(v.Page.Body, secret) || len(v.Page.All("main b")) > 0 {
		t.Errorf("the list shows %s", text)
	}
	v.Submit(add, "id", hostile, "scope", "decide").Want(t, 409, "")
	v.Submit(`form[action$="/rotate"]`).Want(t, 200, "/console/clients/rotate")
	if a := k.AskToken(hostile, secret); a.Status != 401 {
		t.Errorf("the old secret: %d", a.Status)
	}
	secret = v.Page.Text("#secret")
	k.TokenFor(hostile, secret)
	v.Get("/console/clients")
	v.Submit(`form[action$="/disable"]`).Want(t, 200, "/console/clients")
	if a := k.AskToken(hostile, secret); a.Status != 401 {
		t.Errorf("a disabled client: %d", a.Status)
	}
	v.Submit(`form[action$="/enable"]`).Want(t, 200, "/console/clients")
	k.TokenFor(hostile, secret)
	v.Post("/console/clients/rotate", "id", "none").Want(t, 404, "")
	v.Language = "zh-CN"
	if got := v.Get("/console/clients").Text("h1"); got != "客户端" {
		t.Errorf("in Chinese: %q", got)
	}
}
