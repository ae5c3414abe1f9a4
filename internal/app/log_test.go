package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// readLog asks for entries as a person.
func readLog(k *testkit.Kit, p *testkit.Person, filters ...string) testkit.Answer {
	k.T.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(filters); i += 2 {
		q.Add(filters[i], filters[i+1])
	}
	return k.Call("GET", "/v1/audit/entries?"+q.Encode(), p.Access, nil)
}

func results(a testkit.Answer) (found []map[string]any) {
	list, _ := a.Body["results"].([]any)
	for _, r := range list {
		found = append(found, r.(map[string]any))
	}
	return found
}

// The log is read by right, with a second factor shown lately, never by clients, and
// never of another tenant.
func TestWhoReadsTheLog(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann", "sales-rep")
		officer := map[string]string{"aud": model.AuditAdmin, "sec": model.SecurityAdmin, "sys": model.SystemAdmin}
		for id, office := range officer {
			officer[id] = k.Invite(id, office)
		}
		enrol := func(id string) *testkit.Person {
			a := k.Post("/v1/invite/accept", "", map[string]any{"invite": officer[id], "password": testkit.Password})
			k.Want(a, 200)
			return k.FinishEnrolment(id, a.Text("ticket"))
		}
		aud, sec, sys := enrol("aud"), enrol("sec"), enrol("sys")
		secret := k.AddClient(model.Client{ID: "auditor", Tenant: model.DefaultTenant, Scopes: []string{"audit"}})
		client := &testkit.Person{Access: k.TokenFor("auditor", secret)}
		a := readLog(k, aud)
		k.Want(a, 200)
		index := fmt.Sprint(results(a)[0]["index"])
		for _, path := range []string{"/v1/audit/entries", "/v1/audit/entries/" + index} {
			for _, c := range []struct {
				name   string
				who    *testkit.Person
				status int
				code   model.Code
			}{
				{"nobody", &testkit.Person{}, 401, model.CodeUnauthorized},
				{"a client with the scope audit", client, 401, model.CodeUnauthorized},
				{"a security-admin", sec, 403, model.CodeForbidden},
				{"a system-admin", sys, 403, model.CodeForbidden},
				{"a person", ann, 403, model.CodeForbidden},
				{"an audit-admin", aud, 200, ""},
			} {
				before, err := k.App.Store.LogSize(ctx)
				if err != nil {
					t.Fatal(err)
				}
				a := k.Call("GET", path, c.who.Access, nil)
				if a.Status != c.status || model.Code(a.Code()) != c.code {
					t.Errorf("%s by %s: %d %s", path, c.name, a.Status, a.Code())
				}
				if after, err := k.App.Store.LogSize(ctx); err != nil || after != before+1 {
					t.Errorf("%s by %s left %d entries, %v", path, c.name, after-before, err)
				}
			}
		}
		k.Advance(login.FreshFor + time.Second)
		for _, path := range []string{"/v1/audit/entries", "/v1/audit/entries/" + index} {
			a := k.Call("GET", path, aud.Access, nil)
			if a.Status != 401 || model.Code(a.Code()) != model.CodeStepUp || !strings.Contains(a.Header.Get("WWW-Authenticate"), `max_age="300"`) && !strings.Contains(a.Header.Get("WWW-Authenticate"), "max_age=300") {
				t.Errorf("%s with an old code: %d %s %s", path, a.Status, a.Code(), a.Header.Get("WWW-Authenticate"))
			}
		}
		k.StepUp(aud)
		k.Want(readLog(k, aud), 200)
	})
}

// Who has the right and no second factor at all does not read.
func TestNoLogByPasswordAlone(t *testing.T) {
	k := testkit.New(t)
	q := k.MustEnrol("quinn", "sales-rep")
	k.Relaxed()
	reading := "\np, role:reader, rolegate.audit, read, all, , allow\n"
	now, err := app.ExportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + reading)}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "quinn", Role: "reader"}); err != nil {
		t.Fatal(err)
	}
	p := k.PasswordOnly("pat", "reader")
	if a := readLog(k, p); a.Status != 409 || model.Code(a.Code()) != model.CodeDeviceRequired {
		t.Errorf("by password alone: %d %s", a.Status, a.Code())
	}
	// With one, entries are read, and nothing that is sealed.
	a := readLog(k, q, "activity", "user_create")
	k.Want(a, 200)
	a = k.Call("GET", fmt.Sprintf("/v1/audit/entries/%v", results(a)[0]["index"]), q.Access, nil)
	k.Want(a, 200)
	for _, s := range a.Body["sealed"].([]any) {
		if s := s.(map[string]any); s["state"] != "closed" || s["content"] != nil {
			t.Errorf("a reader who is no audit-admin is shown %v", s)
		}
	}
}

// Searching over HTTP: each parameter is heeded, pages fit together, and what is not
// understood is refused.
func TestSearchOverHTTP(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		aud, ann, bob := k.MustEnrol("aud", model.AuditAdmin), k.MustEnrol("ann", "sales-rep"), k.MustEnrol("bob", "sales-rep")
		client := k.ClientToken("crm")
		for _, who := range []*testkit.Person{ann, bob} {
			for _, action := range []string{"read", "delete"} {
				k.Evaluate(client, who.ID, action, "contact", map[string]any{"owner": "user:ann"})
			}
		}
		for _, c := range []struct {
			filters []string
			want    int
		}{
			{[]string{"activity", "authz_evaluate"}, 4},
			{[]string{"activity", "authz_evaluate", "action", "delete"}, 2},
			{[]string{"activity", "authz_evaluate", "subject", "user:bob"}, 2},
			{[]string{"activity", "authz_evaluate", "object", "contact"}, 4},
			{[]string{"activity", "authz_evaluate", "object", "contact:1"}, 4},
			{[]string{"object", "contact:2"}, 0},
			{[]string{"activity", "authz_evaluate", "client", "crm"}, 4},
			{[]string{"client", "other"}, 0},
			{[]string{"subject", "user:bob", "class", "decision"}, 2},
			{[]string{"class", "break_glass"}, 0},
			{[]string{"revision", "1000000"}, 0},
			{[]string{"rule", "p:9999"}, 0},
			{[]string{"code", "no_such_code"}, 0},
			{[]string{"trace_id", "0123456789abcdef0123456789abcdef"}, 0},
			{[]string{"until", "2020-01-01T00:00:00Z"}, 0},
			{[]string{"from", "2999-01-01T00:00:00Z"}, 0},
		} {
			a := readLog(k, aud, c.filters...)
			k.Want(a, 200)
			if got := results(a); len(got) != c.want {
				t.Errorf("%q: found %d, want %d: %s", c.filters, len(got), c.want, a.Raw)
			}
		}
		allowed, denied := len(results(readLog(k, aud, "activity", "authz_evaluate", "outcome", "allow"))), len(results(readLog(k, aud, "activity", "authz_evaluate", "outcome", "deny")))
		if allowed+denied != 4 || allowed == 0 || denied == 0 {
			t.Errorf("allowed %d, denied %d", allowed, denied)
		}
		one := results(readLog(k, aud, "activity", "authz_evaluate", "limit", "1"))[0]
		if got := results(readLog(k, aud, "trace_id", one["trace_id"].(string))); len(got) != 1 || got[0]["index"] != one["index"] {
			t.Errorf("by trace id: %v", got)
		}

		// Pages, in either order, though each reading adds to the log.
		for _, order := range []string{"newest", "oldest"} {
			var indices []int64
			size := len(results(readLog(k, aud, "order", order, "limit", "200")))
			var token []string
			for {
				a := readLog(k, aud, append([]string{"order", order, "limit", "3"}, token...)...)
				k.Want(a, 200)
				for _, e := range results(a) {
					indices = append(indices, int64(e["index"].(float64)))
				}
				next := a.Body["page"].(map[string]any)["next_token"].(string)
				if next == "" {
					break
				}
				token = []string{"token", next}
			}
			sorted := slices.Clone(indices)
			slices.Sort(sorted)
			if len(slices.Compact(sorted)) != len(indices) || len(indices) != size+1 {
				t.Errorf("%s first: pages have %d entries, %d different ones, want %d", order, len(indices), len(slices.Compact(sorted)), size+1)
			}
			a := readLog(k, aud, "order", order, "limit", "3")
			next := a.Body["page"].(map[string]any)["next_token"].(string)
			if a := readLog(k, aud, "order", order, "limit", "3", "token", next, "action", "read"); a.Status != 400 {
				t.Errorf("a token of another search: %d", a.Status)
			}
		}

		for _, q := range []string{
			"subjects=user:ann", "subject=user:ann&subject=user:bob", "subject=ann", "subject=user:", "subject=:ann", "subject=", "object=contact:", "object=%00",
			"subject=user:%ff", "class=logins", "outcome=yes", "order=best", "revision=0", "revision=-1", "revision=1.5", "revision=01", "revision=99999999999999999999",
			"from=2026-11-26", "until=now", "from=0001-01-01T00:00:00Z", "limit=-1", "limit=x", "token=x", "action=" + strings.Repeat("x", 1025), "a=%zz",
		} {
			if a := k.Call("GET", "/v1/audit/entries?"+q, aud.Access, nil); a.Status != 400 || model.Code(a.Code()) != model.CodeInvalidRequest {
				t.Errorf("%q: %d %s", q, a.Status, a.Raw)
			}
		}
		req, err := http.NewRequest("GET", k.URL+"/v1/audit/entries?from=now", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+aud.Access)
		req.Header.Set("Accept-Language", "zh-CN")
		if a := k.Send(req); !strings.Contains(a.Text("detail"), "RFC 3339 格式的时间") {
			t.Errorf("in Chinese: %s", a.Raw)
		}
	})
}

// One entry: whole for its tenant, not there for others; opened for the office, and
// destroyed where it is.
func TestOneEntry(t *testing.T) {
	k := testkit.New(t)
	aud := k.MustEnrol("aud", model.AuditAdmin)
	client := k.ClientToken("crm")
	k.MustEnrol("ann", "sales-rep")
	k.Evaluate(client, "ann", "read", "contact", map[string]any{"owner": "user:ann"})
	index := int64(results(readLog(k, aud, "activity", "authz_evaluate"))[0]["index"].(float64))
	show := func(index any) testkit.Answer {
		return k.Call("GET", fmt.Sprintf("/v1/audit/entries/%v", index), aud.Access, nil)
	}
	a := show(index)
	k.Want(a, 200)
	sealed := a.Body["sealed"].([]any)[0].(map[string]any)
	content, _ := sealed["content"].(map[string]any)
	if sealed["state"] != "opened" || content["subject"] != "user:ann" {
		t.Errorf("the entry seals %v", sealed)
	}
	// Whose data was opened finds the reading in their own entries.
	if got := results(readLog(k, aud, "subject", "user:ann", "activity", "audit_read")); len(got) != 1 {
		t.Errorf("of ann there are %d readings", len(got))
	}
	k.Exec(fmt.Sprintf(`DELETE FROM audit_sealed WHERE idx = %d`, index))
	a = show(index)
	k.Want(a, 200)
	if got := a.Body["sealed"].([]any)[0].(map[string]any); got["state"] != "destroyed" || got["content"] != nil {
		t.Errorf("after its bytes are gone it seals %v", got)
	}
	// The service's own entries, and those of others, are nobody's here.
	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "other"}); err != nil {
		t.Fatal(err)
	}
	if err := k.App.Log.Append(ctx, audit.Entry{Tenant: "other", Class: audit.ClassAdmin, Activity: audit.TenantChanged, Outcome: audit.OutcomeOK}); err != nil {
		t.Fatal(err)
	}
	size, err := k.App.Store.LogSize(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []any{size - 1, 0, size + 100, -1, "01", "x", "9223372036854775807", "99999999999999999999"} {
		if a := show(index); a.Status != 404 || model.Code(a.Code()) != model.CodeNotFound {
			t.Errorf("entry %v: %d %s", index, a.Status, a.Raw)
		}
	}
	if got := results(readLog(k, aud, "activity", string(audit.TenantChanged))); len(got) != 0 {
		t.Errorf("another tenant's entries are found: %v", got)
	}
	if a := k.Call("GET", fmt.Sprintf("/v1/audit/entries/%d?x=1", index), aud.Access, nil); a.Status != 400 {
		t.Errorf("an unknown parameter: %d", a.Status)
	}
}

// A running service writes the summaries of what is there.
func TestServiceWritesSummaries(t *testing.T) {
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	many := make([]audit.Entry, 256)
	for i := range many {
		many[i] = audit.Entry{Class: audit.ClassSystem, Activity: "many", Outcome: audit.OutcomeOK}
	}
	if err := k.App.Log.Append(ctx, many...); err != nil {
		t.Fatal(err)
	}
	k.Stop()
	k = testkit.StartAltered(t, dir, func(a *app.App) {
		now := a.Now
		a.Now = func() time.Time { return now().Add(time.Minute) } // what the first one did is done again by now
	})
	eventually(t, "summaries are written", func() bool {
		n, err := k.App.Store.NextSummary(ctx, 0)
		return err == nil && n > 0
	})
}
