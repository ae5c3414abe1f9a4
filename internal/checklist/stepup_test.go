package checklist

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(105, "what wants a fresh code says so with level and age, and is allowed after a step-up until that age", stepUpOpens)
	holds(106, "no password, recovery code or refresh counts as a step-up", onlyACodeStepsUp)
}

func export(k *testkit.Kit, client string, p *testkit.Person) testkit.Answer {
	return k.Evaluate(client, p.ID, "export", "contact", map[string]any{"owner": p.ID, "teams": []string{}}, "access_token", p.Access)
}

func stepUpOpens(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		boss := k.MustEnrol("boss", "sales-manager")
		secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
		client := k.TokenFor("crm", secret)
		k.Advance(5*time.Minute + time.Second)
		d := export(k, client, boss)
		if d.Body["decision"] != false || d.Code() != "insufficient_user_authentication" {
			t.Fatalf("an old code: %s", d.Raw)
		}
		if c := d.Body["context"].(map[string]any); c["acr_values"] != "2" || c["max_age"] != 300.0 {
			t.Errorf("what would help: %s", d.Raw)
		}
		a := k.Post("/v1/me/recovery-codes", boss.Access, nil)
		k.Want(a, 401, "code", "insufficient_user_authentication")
		if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_user_authentication"`) ||
			!strings.Contains(got, `acr_values="2"`) || !strings.Contains(got, `max_age="300"`) {
			t.Errorf("challenge %q", got)
		}

		k.Want(k.Post("/v1/step-up", boss.Access, map[string]any{"code": "000000"}), 401, "code", "code_invalid", "access_token", nil)
		before, old, refresh := testkit.Claims(t, boss.Access), boss.Access, boss.Refresh
		k.WantNoted("boss", audit.SteppedUp, audit.OutcomeOK, func() { k.StepUp(boss) })
		after := testkit.Claims(t, boss.Access)
		if after["acr"] != "2" || after["sid"] == before["sid"] || after["auth_time"].(float64) <= before["auth_time"].(float64) {
			t.Errorf("claims %v after %v", after, before)
		}
		k.Want(k.Call("GET", "/v1/me/devices", old, nil), 401, "code", "unauthorized") // the old session ended
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": refresh}), 401)

		client = k.TokenFor("crm", secret)
		k.Want(export(k, client, boss), 200, "decision", true)
		k.Advance(4 * time.Minute)
		k.Want(export(k, client, boss), 200, "decision", true)
		k.Advance(time.Minute + time.Second)
		if d := export(k, client, boss); d.Code() != "insufficient_user_authentication" {
			t.Errorf("after max_age: %s", d.Raw)
		}

		// Of any device; of many at once one; and without end no longer than a login.
		k.StepUp(boss)
		tablet := k.AddDevice(boss, "Tablet")
		k.Advance(time.Minute)
		var requests []*http.Request
		for _, code := range []string{k.CodeAt(tablet.Secret, 0), k.Code(boss)} {
			for range 3 {
				requests = append(requests, k.Request("/v1/step-up", boss.Access, map[string]any{"code": code}))
			}
		}
		answers := k.Together(requests...)
		if got := testkit.Statuses(answers); got[200] != 1 {
			t.Errorf("answers by status: %v, want one 200", got)
		}
		for _, a := range answers {
			if a.Status == 200 {
				boss.Access, boss.Refresh = a.Text("access_token"), a.Text("refresh_token")
			}
		}
		k.Want(export(k, client, boss), 200, "decision", true)
		for range 24 * 2 {
			k.Advance(30 * time.Minute)
			a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": boss.Refresh})
			if a.Status != 200 {
				return
			}
			boss.Access, boss.Refresh = a.Text("access_token"), a.Text("refresh_token")
			k.StepUp(boss)
		}
		t.Error("stepping up makes a session live longer than a day")
	})
}

func onlyACodeStepsUp(t *testing.T) {
	k := testkit.New(t)
	boss := k.MustEnrol("boss", "sales-manager")
	client := k.ClientToken("crm")
	k.Advance(6 * time.Minute)
	a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": boss.Refresh})
	k.Want(a, 200)
	boss.Access, boss.Refresh = a.Text("access_token"), a.Text("refresh_token")
	refused := func(what string) {
		t.Helper()
		if d := export(k, client, boss); d.Body["decision"] != false || d.Code() != "insufficient_user_authentication" {
			t.Errorf("%s: %s", what, d.Raw)
		}
		k.Want(k.Post("/v1/me/recovery-codes", boss.Access, nil), 401, "code", "insufficient_user_authentication")
	}
	refused("after a refresh")
	for _, body := range []map[string]any{
		{"password": testkit.Password}, {"refresh_token": boss.Refresh}, {"ticket": k.Ticket("boss")}, {"code": boss.RecoveryCodes[0], "recovery": true},
	} {
		k.Want(k.Post("/v1/step-up", boss.Access, body), 400, "access_token", nil)
	}
	k.Want(k.Post("/v1/step-up", boss.Access, map[string]any{"code": boss.RecoveryCodes[0]}), 401, "code", "code_invalid")
	k.Want(k.Post("/v1/step-up", boss.Access, map[string]any{"code": testkit.Password}), 401, "code", "code_invalid")
	refused("after what is no one-time code")
	k.Want(k.Call("GET", "/v1/me/recovery-codes", boss.Access, nil), 200, "left", 10.0)
	a = recover(k, boss, boss.RecoveryCodes[0])
	k.Want(a, 200)
	if d := k.Evaluate(client, "boss", "export", "contact", map[string]any{"owner": "boss"}, "access_token", a.Text("access_token")); d.Body["decision"] != false {
		t.Errorf("with a recovery code's token: %s", d.Raw)
	}

	// Who has no device cannot step up, and is told why.
	k.Relaxed()
	paul := k.PasswordOnly("paul", "sales-manager")
	k.Want(k.Post("/v1/step-up", paul.Access, map[string]any{"code": "000000"}), 409, "code", "device_required")
	if d := export(k, client, paul); d.Code() != "insufficient_user_authentication" {
		t.Errorf("a fresh password: %s", d.Raw)
	}
}
