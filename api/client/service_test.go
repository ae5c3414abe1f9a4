package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rolegate/api/client"
	"rolegate/api/filter"
	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// gateOf is a client of a running service.
func gateOf(t *testing.T, k *testkit.Kit, c model.Client) *client.Client {
	t.Helper()
	c.ID, c.Scopes = "crm", []string{"decide"}
	gate, err := client.New(client.Options{URL: k.URL, ClientID: "crm", ClientSecret: k.AddClient(c), Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gate.Close)
	return gate
}

func question(p *testkit.Person, action string, record map[string]any) client.Question {
	return client.Question{Subject: client.Subject{ID: p.ID, Token: p.Access}, Action: action, Object: "contact", ID: "17", Record: record}
}

func contactOf(owner string) map[string]any {
	return map[string]any{"owner": owner, "assignees": []string{}, "teams": []string{}, "shares": []any{}}
}

// Against the real service: what the starter policy says is what the client says.
func TestService(t *testing.T) {
	k := testkit.New(t)
	gate := gateOf(t, k, model.Client{Tenant: model.DefaultTenant, RequireToken: true})
	ann, bob := k.MustEnrol("ann", "sales-rep"), k.MustEnrol("bob", "sales-manager")
	ctx := t.Context()

	t.Run("single, batch and list agree", func(t *testing.T) {
		for _, p := range []*testkit.Person{ann, bob} {
			list, err := gate.Filter(ctx, question(p, "read", nil))
			if err != nil || list.Filter.Kind != filter.Conditional {
				t.Fatalf("%s: %q, %v", p.ID, list.Filter.Kind, err)
			}
			var qs []client.Question
			for _, owner := range []string{"ann", "bob", "user:ann", "Ann", "", "ann ", "%"} {
				qs = append(qs, question(p, "read", contactOf(owner)))
			}
			each, err := gate.CheckEach(ctx, qs...)
			if err != nil {
				t.Fatal(err)
			}
			for i, q := range qs {
				d, err := gate.Check(ctx, q)
				passes, passErr := list.Filter.Passes(func(field string) (any, bool) { return plain(q.Record[field]), true })
				if passErr != nil || d.Allow != each[i].Allow || d.Allow != passes || d.Allow != (err == nil) {
					t.Errorf("%s, owner %q: Check %t (%v), CheckEach %t, Filter %t (%v)", p.ID, q.Record["owner"], d.Allow, err, each[i].Allow, passes, passErr)
				}
				if want := strings.TrimPrefix(fmt.Sprint(q.Record["owner"]), "user:") == p.ID; d.Allow != want {
					t.Errorf("%s reads what is of %q: %t", p.ID, q.Record["owner"], d.Allow)
				}
			}
		}
	})

	t.Run("all or nothing", func(t *testing.T) {
		mine, other := question(bob, "update", contactOf("bob")), question(bob, "delete", contactOf("ann"))
		ds, err := gate.CheckAll(ctx, mine, other, mine)
		var denied *client.DeniedError
		if len(ds) != 2 || !errors.As(err, &denied) || denied.Decision.Context.Code != "not_granted" {
			t.Errorf("CheckAll: %d decisions, %v", len(ds), err)
		}
		if ds, err := gate.CheckAll(ctx, mine, mine); len(ds) != 2 || err != nil {
			t.Errorf("CheckAll: %d decisions, %v", len(ds), err)
		}
		if ds, err := gate.CheckAny(ctx, other, mine, other); len(ds) != 2 || err != nil {
			t.Errorf("CheckAny: %d decisions, %v", len(ds), err)
		}
	})

	t.Run("step-up", func(t *testing.T) {
		q := question(bob, "export", contactOf("bob"))
		if _, err := gate.Check(ctx, q); err != nil {
			t.Fatal(err)
		}
		if _, err := gate.Filter(ctx, q); err != nil {
			t.Fatal(err)
		}
		k.Advance(6 * time.Minute)
		var stepUp *client.StepUpError
		for name, ask := range map[string]func() error{
			"Check":    func() error { _, err := gate.Check(ctx, q); return err },
			"CheckAll": func() error { _, err := gate.CheckAll(ctx, q); return err },
			"Filter":   func() error { _, err := gate.Filter(ctx, q); return err },
		} {
			if err := ask(); !errors.As(err, &stepUp) || stepUp.ACRValues != "2" || stepUp.MaxAge != 300 {
				t.Errorf("%s six minutes later: %v", name, err)
			}
		}
		k.Login(bob)
		if _, err := gate.Check(ctx, question(bob, "export", contactOf("bob"))); err != nil {
			t.Errorf("after a fresh code: %v", err)
		}
	})

	t.Run("permissions", func(t *testing.T) {
		for _, p := range []*testkit.Person{ann, bob} {
			s := client.Subject{ID: p.ID, Token: p.Access}
			perms, err := gate.Permissions(ctx, s, "contact")
			if err != nil {
				t.Fatal(err)
			}
			for _, action := range []string{"open", "read", "update", "delete", "export", "fly"} {
				_, err := gate.Check(ctx, client.Question{Subject: s, Action: action, Object: "contact", AnyRecord: true})
				if got := perms.May(action, "contact"); got != (err == nil) {
					t.Errorf("%s may %s some contact: %t; asked about any: %v", p.ID, action, got, err)
				}
			}
			var denied *client.DeniedError
			s.Token += "x"
			if _, err := gate.Permissions(ctx, s, ""); !errors.As(err, &denied) || denied.Decision.Context.Code != "session_invalid" {
				t.Errorf("with a token that is none: %v", err)
			}
		}
	})

	t.Run("the person's language", func(t *testing.T) {
		q := question(ann, "delete", contactOf("ann"))
		q.Language = "zh-CN"
		if d, _ := gate.Check(ctx, q); d.Reason() != "您没有执行此操作的权限。" {
			t.Errorf("%q", d.Reason())
		}
	})

	t.Run("a question that cannot be answered", func(t *testing.T) {
		q := question(ann, "read", contactOf("ann"))
		q.Action = "*"
		var refused *client.RefusedError
		if _, err := gate.Check(ctx, q); !errors.As(err, &refused) || refused.Status != 400 || refused.Code != "invalid_request" || refused.TraceID == "" {
			t.Errorf("%v", err)
		}
	})

	t.Run("taken away", func(t *testing.T) {
		k.Login(ann)
		if _, err := gate.Check(ctx, question(ann, "read", contactOf("ann"))); err != nil {
			t.Fatal(err)
		}
		a, err := app.Unassign.Run(context.Background(), k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "user:ann", Role: "role:sales-rep"})
		if err != nil {
			t.Fatal(err)
		}
		gate.Wrote(a.Revision)
		d, err := gate.Check(ctx, question(ann, "read", contactOf("ann")))
		if err == nil || d.Context.Code != "not_granted" || d.Context.Revision < a.Revision {
			t.Errorf("%+v, %v", d.Context, err)
		}
		gate.Wrote(a.Revision + 1000) // that no replica has yet
		if _, err := gate.Check(ctx, question(bob, "read", contactOf("bob"))); !errors.Is(err, client.ErrUnavailable) {
			t.Errorf("an answer older than what was written: %v", err)
		}
	})
}

// plain is a value as encoding/json decodes it.
func plain(v any) any {
	if _, ok := v.([]string); ok {
		return []any{}
	}
	return v
}

// A client that is disabled is told so once, and its token is renewed when it is back.
func TestClientIsDisabled(t *testing.T) {
	k := testkit.New(t)
	gate := gateOf(t, k, model.Client{Tenant: model.DefaultTenant})
	k.MustEnrol("ann", "sales-rep")
	q := client.Question{Subject: client.Subject{ID: "ann"}, Action: "read", Object: "contact", ID: "17", Record: contactOf("ann")}
	if _, err := gate.Check(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	set := func(disabled bool) {
		t.Helper()
		if _, err := app.SetClientDisabled.Run(context.Background(), k.App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	if d, err := gate.Check(t.Context(), q); d.Allow || err == nil {
		t.Errorf("a disabled client: %t, %v", d.Allow, err)
	}
	set(false)
	if _, err := gate.Check(t.Context(), q); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}
