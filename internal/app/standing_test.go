package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestAssignmentWindows(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice")
	client := k.ClientToken("crm")
	assign := func(from, until time.Time) {
		t.Helper()
		_, err := app.Assign.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep", From: from, Until: until})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(allow bool) {
		t.Helper()
		k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", allow)
	}
	assign(k.Now().Add(2*time.Minute), k.Now().Add(4*time.Minute))
	want(false)
	k.Advance(3 * time.Minute)
	want(true)
	k.Advance(3 * time.Minute)
	want(false)
	assign(time.Time{}, time.Time{})
	want(true)
}

// One tenant's people, policies and clients mean nothing in another.
func TestTenantsAreWalls(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	if _, err := app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	acme := k.TokenFor("acme-crm", k.AddClient(model.Client{ID: "acme-crm", Tenant: "acme", Scopes: []string{"decide"}}))
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
	if d := k.Evaluate(acme, "alice", "read", "contact", own); d.Body["decision"] != false || d.Code() != "subject_unknown" {
		t.Errorf("another tenant's client asks about alice: %s", d.Raw)
	}
	k.Want(k.Post("/v1/login", "", map[string]any{"tenant": "acme", "username": "alice", "password": testkit.Password}), 401)

	disabled := true
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	question := map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1", "properties": own}}
	if a := k.Post("/access/v1/evaluation", client, question); a.Body["decision"] == true || a.Status == 200 && a.Body["decision"] != false {
		t.Errorf("a disabled tenant: %d %s", a.Status, a.Raw)
	}
	k.Want(k.Post("/v1/login", "", map[string]any{"username": "alice", "password": testkit.Password}), 401)
}

// The person's token: what it proves opens what needs it, and only for its
// owner, its tenant and a live session.
func TestAssurance(t *testing.T) {
	k := testkit.New(t)
	boss := k.MustEnrol("boss", "sales-manager")
	k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	mine := map[string]any{"owner": "boss", "teams": []string{}}

	d := k.Evaluate(client, "boss", "export", "contact", mine)
	if d.Body["decision"] != false || d.Code() != "insufficient_user_authentication" {
		t.Fatalf("export without a token: %s", d.Raw)
	}
	context := d.Body["context"].(map[string]any)
	if context["acr_values"] != "2" || context["max_age"] != float64(300) || context["obligations"] == nil {
		t.Errorf("what would help: %s", d.Raw)
	}
	k.Want(k.Evaluate(client, "boss", "export", "contact", mine, "access_token", boss.Access), 200, "decision", true)
	k.Advance(6 * time.Minute)
	if d := k.Evaluate(client, "boss", "export", "contact", mine, "access_token", boss.Access); d.Code() != "insufficient_user_authentication" {
		t.Errorf("export with a code of six minutes ago: %s", d.Raw)
	}
	// Refreshing proves nothing new.
	a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": boss.Refresh})
	k.Want(a, 200)
	if d := k.Evaluate(client, "boss", "export", "contact", mine, "access_token", a.Text("access_token")); d.Code() != "insufficient_user_authentication" {
		t.Errorf("export after a refresh: %s", d.Raw)
	}
	for name, token := range map[string]string{"somebody else's": boss.Access, "a client's": client, "nonsense": "nonsense", "an empty": ""} {
		if d := k.Evaluate(client, "alice", "read", "contact", own, "access_token", token); d.Body["decision"] != false || d.Code() != "session_invalid" {
			t.Errorf("with %s token: %s", name, d.Raw)
		}
	}

	strict := k.TokenFor("strict", k.AddClient(model.Client{ID: "strict", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, RequireToken: true}))
	if d := k.Evaluate(strict, "alice", "read", "contact", own); d.Code() != "token_required" {
		t.Errorf("a client that requires tokens: %s", d.Raw)
	}
}

// Where an office holder has accepted, exceptional acts on the host need a
// reason and are recorded as what they are.
func TestBreakGlass(t *testing.T) {
	k := testkit.New(t)
	res, err := app.Init.Run(ctx, k.App, testkit.Operator, app.InitRequest{Tenant: model.DefaultTenant, SystemAdmin: "sam", SecurityAdmin: "sue", AuditAdmin: "amy"})
	if err != nil {
		t.Fatal(err)
	}
	policy := app.FileRequest{Tenant: model.DefaultTenant, Text: []byte("p, role:sales-rep, contact, read, own, , allow\n")}
	if _, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, policy); err != nil {
		t.Errorf("before anybody accepted: %v", err)
	}
	for i := range res.Invitations {
		k.Want(k.Post("/v1/invite/accept", "", map[string]any{"invite": res.Invitations[i].Invite, "password": testkit.Password}), 200, "status", "enrolment_required")
	}
	catalog := "objects: {contact: {actions: {read: {}}}}\n"
	role := app.RoleRequest{Tenant: model.DefaultTenant, Role: "sales-rep", RequireMFA: true}
	if _, err := app.PutRole.Run(ctx, k.App, testkit.Operator, role); err != nil {
		t.Errorf("a mark, which asks more: %v", err)
	}
	acts := map[string]func(reason string) error{
		"role set --require-mfa=false": func(reason string) error {
			role.RequireMFA, role.Reason = false, reason
			_, err := app.PutRole.Run(ctx, k.App, testkit.Operator, role)
			return err
		},
		"policy import": func(reason string) error {
			policy.Reason = reason
			_, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, policy)
			return err
		},
		"tenant set --catalog": func(reason string) error {
			_, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Catalog: &catalog, Reason: reason})
			return err
		},
		"tenant set --mfa by-role": func(reason string) error {
			byRole := model.MFAByRole
			_, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &byRole, Reason: reason})
			return err
		},
		"user invite of an office holder": func(reason string) error {
			_, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "sam", Reason: reason})
			return err
		},
		"grant of an office": func(reason string) error {
			_, err := app.AddUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "stan", Roles: []string{"system-admin"}, Reason: reason})
			return err
		},
	}
	for name, act := range acts {
		if err := act(""); model.CodeOf(err) != model.CodeReasonRequired {
			t.Errorf("%s without a reason: %v", name, err)
		}
		leaf := audittest.One(t, k.App.Store, func() {
			if err := act("the only security-admin left the firm"); err != nil {
				t.Fatalf("%s with a reason: %v", name, err)
			}
		})
		if leaf.Class != audit.ClassBreakGlass {
			t.Errorf("%s is recorded as %s", name, leaf.Class)
		}
	}
}

// A member can hold so many roles, on whatever way they come.
func TestRoleLimit(t *testing.T) {
	k := testkit.New(t)
	k.Invite("alice")
	text := ""
	for i := range 65 {
		text += fmt.Sprintf("g, user:alice, role:r%d\n", i)
	}
	_, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(text)})
	if model.CodeOf(err) != model.CodeLimitExceeded {
		t.Errorf("65 roles by policy: %v", err)
	}
	var roles, assignments []string
	for i := range 65 {
		roles = append(roles, fmt.Sprintf(`"r%d"`, i))
		assignments = append(assignments, fmt.Sprintf(`{"member": "alice", "role": "r%d"}`, i))
	}
	file := fmt.Sprintf(`{"roles": [%s], "assignments": [%s]}`, strings.Join(roles, ","), strings.Join(assignments, ","))
	_, err = app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(file)})
	if model.CodeOf(err) != model.CodeImportInvalid {
		t.Errorf("65 roles by import: %v", err)
	}
}
