package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// pep is the whole service, asked as a CRM backend asks it.
type pep struct {
	*testkit.Kit
	token string
}

// newPEP starts the service with a catalogue, a policy and a directory, and a
// client whose subject properties are trusted.
func newPEP(t *testing.T, catalog, policy, directory string, settings ...string) pep {
	t.Helper()
	ctx := context.Background()
	k := testkit.New(t, settings...)
	secret := k.AddClient(model.Client{ID: "pep", Tenant: model.DefaultTenant, Scopes: []string{"decide"}, TrustSubjectProperties: true})
	if _, err := app.SetTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Catalog: &catalog}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.ImportDirectory.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(directory)}); err != nil {
		t.Fatal(err)
	}
	_, err := app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(policy)})
	if err != nil {
		t.Fatal(err)
	}
	return pep{k, k.TokenFor("pep", secret)}
}

type object = map[string]any

// entity is a subject or resource with properties as name and value.
func entity(typ, id string, properties ...any) object {
	e := object{"type": typ, "id": id}
	return with(e, properties)
}

func action(name string, properties ...any) object { return with(object{"name": name}, properties) }

func with(e object, properties []any) object {
	p := object{}
	for i := 0; i+1 < len(properties); i += 2 {
		p[properties[i].(string)] = properties[i+1]
	}
	if len(p) > 0 {
		e["properties"] = p
	}
	return e
}

func question(subject, action, resource object) object {
	return object{"subject": subject, "action": action, "resource": resource}
}

// decides asks one question.
func (p pep) decides(q object) bool {
	p.T.Helper()
	a := p.Post("/access/v1/evaluation", p.token, q)
	p.Want(a, 200)
	return a.Body["decision"].(bool)
}

// decideAll asks questions as a batch.
func (p pep) decideAll(qs []object) []bool {
	p.T.Helper()
	a := p.Post("/access/v1/evaluations", p.token, object{"evaluations": qs})
	p.Want(a, 200)
	var out []bool
	for _, item := range a.Body["evaluations"].([]any) {
		out = append(out, item.(object)["decision"].(bool))
	}
	return out
}

// finds goes through the pages of a search and gives ids or names as found.
func (p pep) finds(kind string, q object) []string {
	p.T.Helper()
	found := []string{}
	for {
		a := p.Post("/access/v1/search/"+kind, p.token, q)
		p.Want(a, 200)
		if !strings.HasPrefix(string(a.Raw), `{"page":{`) {
			p.T.Errorf("page is not the first member: %s", a.Raw)
		}
		page := a.Body["page"].(object)
		results := a.Body["results"].([]any)
		if page["count"] != float64(len(results)) {
			p.T.Errorf("count %v of %d results", page["count"], len(results))
		}
		for _, r := range results {
			if name, ok := r.(object)["name"].(string); ok {
				found = append(found, name)
				continue
			}
			if want := q[kind].(object)["type"]; r.(object)["type"] != want {
				p.T.Errorf("found %v among %v", r, want)
			}
			found = append(found, r.(object)["id"].(string))
		}
		if page["next_token"] == "" {
			return found
		}
		next := object{"token": page["next_token"]}
		q = object{"subject": q["subject"], "action": q["action"], "resource": q["resource"], "context": q["context"], "page": next}
		for name, v := range q {
			if v == nil {
				delete(q, name)
			}
		}
	}
}

const recordCatalog = `
objects:
  record:
    actions: {read: {}, write: {}, delete: {}}
    fields: {status: {type: string}}
`

const recordDirectory = `{
	"subjects": [{"type": "user", "id": "alice"}, {"type": "user", "id": "bob", "attributes": {"role": "admin"}}],
	"roles": ["editor"],
	"assignments": [{"member": "alice", "role": "editor"}],
	"resources": [{"type": "record", "id": "record-1", "attributes": {"status": "active"}},
		{"type": "record", "id": "record-2", "attributes": {"status": "archived"}}]}`

// certified is what the AuthZEN working group's certification scenario asks.
// Admins write what is archived and nothing else; editors all the rest.
const certified = `
# Everybody reads
p, *, record, read, all, , allow
# Editors write what is not archived
p, role:editor, record, write, all, record.status != 'archived', allow
# Admins write what is archived
p, *, record, write, all, user.role == 'admin' && record.status == 'archived', allow
# Editors delete what can be brought back
p, role:editor, record, delete, all, action.soft == true, allow
`

// TestCertificationScenario is the fixture and the requests of the working
// group's certification scenario, at its levels Basic, Batch and Search.
func TestCertificationScenario(t *testing.T) {
	p := newPEP(t, recordCatalog, certified, recordDirectory)
	alice, bob := entity("user", "alice"), entity("user", "bob")
	admin := entity("user", "bob", "role", "admin")
	one, two := entity("record", "record-1"), entity("record", "record-2")
	archived := entity("record", "record-2", "status", "archived")
	var qs []object
	var want []bool
	for _, c := range []struct {
		name string
		q    object
		want bool
	}{
		{"1 alice reads", question(alice, action("read"), one), true},
		{"2 alice writes", question(alice, action("write"), one), true},
		{"3 bob reads", question(bob, action("read"), one), true},
		{"4 bob does not write", question(bob, action("write"), one), false},
		{"5 alice does not write what is archived", question(alice, action("write"), archived), false},
		{"6 an admin writes what is archived", question(admin, action("write"), archived), true},
		{"7 alice deletes softly", question(alice, action("delete", "soft", true), one), true},
		{"8 alice does not delete hard", question(alice, action("delete", "soft", false), one), false},
		{"alice reads what is archived", question(alice, action("read"), two), true},
		{"as stored", question(alice, action("write"), two), false},
		{"an admin, as stored", question(bob, action("write"), two), true},
		{"an admin does not write what is active", question(admin, action("write"), entity("record", "record-1", "status", "active")), false},
		{"deleting without saying how", question(alice, action("delete"), one), false},
		{"soft, but no boolean", question(alice, action("delete", "soft", "true"), one), false},
		{"no status known", question(alice, action("write"), entity("record", "record-9")), false},
		{"nobody", question(entity("user", "carol"), action("read"), one), false},
		{"the same id of another type", question(entity("client", "alice"), action("read"), one), false},
	} {
		for _, ctx := range []object{nil, {"time": "2026-06-01T12:00:00Z"}, {"ip": "10.0.0.1", "nested": object{"a": []int{1}}}} {
			q := question(c.q["subject"].(object), c.q["action"].(object), c.q["resource"].(object))
			if ctx != nil {
				q["context"] = ctx // which never changes these
			}
			if got := p.decides(q); got != c.want {
				t.Errorf("%s, context %v: %v", c.name, ctx, got)
			}
			qs, want = append(qs, q), append(want, c.want)
		}
	}
	if diff := cmp.Diff(want, p.decideAll(qs)); diff != "" {
		t.Errorf("as a batch (-want +got):\n%s", diff)
	}
	slices.Reverse(qs)
	slices.Reverse(want)
	if diff := cmp.Diff(want, p.decideAll(qs)); diff != "" {
		t.Errorf("in the other order (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name, kind string
		q          object
		want       []string
	}{
		{"S1 who reads record-1", "subject", question(object{"type": "user"}, action("read"), one), []string{"alice", "bob"}},
		{"S2 what alice reads", "resource", question(alice, action("read"), object{"type": "record"}), []string{"record-1", "record-2"}},
		{"S3 what alice does to record-1", "action", object{"subject": alice, "resource": one}, []string{"read", "write"}},
		{"S4 who writes what is archived", "subject", question(object{"type": "user"}, action("write"), archived), []string{"bob"}},
		{"S4 as stored", "subject", question(object{"type": "user"}, action("write"), two), []string{"bob"}},
		{"S5 what an admin writes", "resource", question(admin, action("write"), object{"type": "record"}), []string{"record-2"}},
		{"S5 what bob writes", "resource", question(bob, action("write"), object{"type": "record"}), []string{"record-2"}},
		{"S6 what an admin does to record-2", "action", object{"subject": admin, "resource": archived}, []string{"read", "write"}},
		{"who deletes softly", "subject", question(object{"type": "user"}, action("delete", "soft", true), one), []string{"alice"}},
	} {
		if diff := cmp.Diff(c.want, p.finds(c.kind, c.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// plain is what of the scenario needs no conditions.
const plain = `
p, *, record, read, all, , allow
p, role:editor, record, write, own, , allow
p, role:editor, record, delete, all, , allow
p, user:bob, record, delete, own, , deny
p4, *, record, delete, 2, , deny
`

// Evaluations, batches and searches say the same over HTTP, and say it again.
func TestSearchesMeanEvaluationsOverHTTP(t *testing.T) {
	p := newPEP(t, recordCatalog, plain, `{
		"subjects": [{"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}, {"type": "user", "id": "carol", "teams": ["writers"]}, {"type": "client", "id": "crm"}],
		"teams": [{"id": "writers"}], "roles": ["editor"],
		"assignments": [{"member": "alice", "role": "editor"}, {"member": "bob", "role": "editor"}, {"member": "team:writers", "role": "editor"}],
		"resources": [{"type": "record", "id": "1", "attributes": {"owner": "alice"}}, {"type": "record", "id": "2", "attributes": {"owner": "user:bob"}},
			{"type": "record", "id": "3"}, {"type": "other", "id": "4"}]}`)
	subjects := []string{"alice", "bob", "carol", "dave"}
	resources := []string{"1", "2", "3"}
	actions := []string{"delete", "read", "write"}
	allowed := map[string]bool{}
	for _, s := range subjects {
		for _, a := range actions {
			var qs []object
			for _, r := range append(resources, "*", "not registered") {
				qs = append(qs, question(entity("user", s), action(a), entity("record", r)))
			}
			batch := p.decideAll(qs)
			for i, q := range qs {
				first := p.Post("/access/v1/evaluation", p.token, q)
				again := p.Post("/access/v1/evaluation", p.token, q)
				if string(first.Raw) != string(again.Raw) {
					t.Errorf("asked again:\n%s, first\n%s", again.Raw, first.Raw)
				}
				if first.Body["decision"] != batch[i] {
					t.Errorf("%v alone: %v, in a batch: %v", q, first.Body["decision"], batch[i])
				}
				allowed[s+" "+a+" "+q["resource"].(object)["id"].(string)] = batch[i]
			}
		}
	}
	if !allowed["alice write 1"] || allowed["alice write 2"] || !allowed["carol read 3"] || allowed["alice delete 1"] || !allowed["bob write *"] {
		t.Errorf("%v", allowed)
	}
	filter := func(names []string, key func(string) string) []string {
		out := []string{}
		for _, name := range names {
			if allowed[key(name)] {
				out = append(out, name)
			}
		}
		return out
	}
	check := func(kind string, q object, want []string) {
		t.Helper()
		q["page"] = object{"limit": 2}
		if diff := cmp.Diff(want, p.finds(kind, q)); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", kind, q, diff)
		}
	}
	for _, r := range append(resources, "*", "not registered") {
		for _, a := range actions {
			check("subject", question(object{"type": "user"}, action(a), entity("record", r)), filter(subjects, func(s string) string { return s + " " + a + " " + r }))
		}
		for _, s := range subjects {
			check("action", object{"subject": entity("user", s), "resource": entity("record", r)}, filter(actions, func(a string) string { return s + " " + a + " " + r }))
		}
	}
	for _, s := range subjects {
		for _, a := range actions {
			check("resource", question(entity("user", s), action(a), object{"type": "record"}), filter(resources, func(r string) string { return s + " " + a + " " + r }))
		}
	}
	// The person's own token opens what needs it, for that person alone.
	alice := p.MustEnrol("ann", "editor")
	softly := question(object{"type": "user"}, action("delete"), entity("record", "3"))
	softly["context"] = object{"access_token": alice.Access}
	check("subject", softly, []string{"ann"})
	mine := question(entity("user", "ann"), action("delete"), object{"type": "record"})
	mine["context"] = object{"access_token": alice.Access}
	check("resource", mine, resources)
}

// Page sizes around the number of results and around the largest page.
func TestPagesOverHTTP(t *testing.T) {
	const n = 1001
	var records []string
	for i := range n {
		records = append(records, fmt.Sprintf(`{"type": "record", "id": "r%04d"}`, i))
	}
	few := []string{`{"type": "few", "id": "a"}`, `{"type": "few", "id": "b"}`, `{"type": "few", "id": "c"}`}
	p := newPEP(t, "objects: {record: {actions: {read: {}}}, few: {actions: {read: {}}}}", "p, *, *, read, all, , allow\n",
		`{"subjects": [{"type": "user", "id": "alice"}], "resources": [`+strings.Join(append(records, few...), ",")+`]}`)
	for _, c := range []struct {
		typ   string
		limit any
		want  []int // results by page
	}{
		{"few", 1, []int{1, 1, 1}}, {"few", 2, []int{2, 1}}, {"few", 3, []int{3}}, {"few", 4, []int{3}}, {"few", nil, []int{3}},
		{"record", nil, []int{1000, 1}}, {"record", 1000, []int{1000, 1}}, {"record", 1001, []int{1000, 1}}, {"record", 1e9, []int{1000, 1}},
		{"record", 500, []int{500, 500, 1}}, {"record", 999, []int{999, 2}}, {"none", nil, []int{0}}, {"none", 1, []int{0}},
	} {
		q := question(entity("user", "alice"), action("read"), object{"type": c.typ})
		page := object{}
		if c.limit != nil {
			page["limit"] = c.limit
		}
		var got []int
		ids := map[string]bool{}
		for {
			q["page"] = page
			a := p.Post("/access/v1/search/resource", p.token, q)
			p.Want(a, 200)
			for _, r := range a.Body["results"].([]any) {
				ids[r.(object)["id"].(string)] = true
			}
			got = append(got, len(a.Body["results"].([]any)))
			next := a.Body["page"].(object)["next_token"].(string)
			if next == "" {
				break
			}
			page = object{"token": next}
		}
		sum := 0
		for _, n := range got {
			sum += n
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(ids) != sum {
			t.Errorf("%s, limit %v: %v, %d ids (-want +got):\n%s", c.typ, c.limit, got, len(ids), diff)
		}
	}
}

// A token outlives a restart and a change of the data; items may then be missed or
// repeat, but nothing fails.
func TestTokensSurviveChanges(t *testing.T) {
	p := newPEP(t, recordCatalog, "p, *, record, read, all, , allow\n", recordDirectory)
	q := question(entity("user", "alice"), action("read"), object{"type": "record"})
	q["page"] = object{"limit": 1}
	a := p.Post("/access/v1/search/resource", p.token, q)
	p.Want(a, 200)
	if _, err := app.ImportDirectory.Run(context.Background(), p.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"resources": [{"type": "record", "id": "record-0"}, {"type": "record", "id": "record-15"}]}`)}); err != nil {
		t.Fatal(err)
	}
	dir := p.Config.Data
	p.Stop()
	again := pep{Kit: testkit.Start(t, dir)}
	again.token = again.TokenFor("pep2", again.AddClient(model.Client{ID: "pep2", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}))
	q["page"] = object{"token": a.Body["page"].(object)["next_token"]}
	again.Want(again.Post("/access/v1/search/resource", again.token, q), 400, "code", "invalid_request") // another client's
	again.token = p.token
	if got := again.finds("resource", q); !slices.Equal(got, []string{"record-15", "record-2"}) {
		t.Errorf("found %v", got)
	}
}

// The metadata of the service that runs: what it names answers.
func TestMetadataLeadsToTheEndpoints(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_ISSUER=https://gate.example.com")
	token := k.ClientToken("crm")
	for _, path := range []string{"", "/default"} {
		a := k.Get("/.well-known/authzen-configuration" + path)
		k.Want(a, 200, "policy_decision_point", "https://gate.example.com"+path)
		for name, v := range a.Body {
			url, _ := v.(string)
			if endpoint, ok := strings.CutPrefix(url, "https://gate.example.com/"); ok && strings.HasSuffix(name, "_endpoint") {
				k.Want(k.Post("/"+endpoint, token, object{}), 400, "code", "invalid_request")
			}
		}
	}
	k.Want(k.Get("/.well-known/authzen-configuration/nobody"), 404, "code", "tenant_unknown")
	k.Want(k.Get("/.well-known/authzen-configuration/UPPER"), 404, "code", "tenant_unknown")
}

// Lowered limits hold for the running service, whatever came before.
func TestLimitsOfTheService(t *testing.T) {
	p := newPEP(t, recordCatalog, "p, *, record, read, all, , allow\n", recordDirectory,
		"ROLEGATE_MAX_REQUEST=2048", "ROLEGATE_MAX_BATCH=2", "ROLEGATE_MAX_NESTING=8", "ROLEGATE_MAX_RESULTS=1", "ROLEGATE_MAX_DIRECT_ROLES=2",
		"ROLEGATE_MAX_INHERITED_ROLES=2", "ROLEGATE_MAX_POLICY=65536", "ROLEGATE_MAX_FILTER_IDS=7")
	q := question(entity("user", "alice"), action("read"), entity("record", "record-1"))
	p.Want(p.Post("/access/v1/evaluations", p.token, object{"evaluations": []object{q, q}}), 200)
	p.Want(p.Post("/access/v1/evaluations", p.token, object{"evaluations": []object{q, q, q}}), 400, "code", "limit_exceeded")
	q["x"] = strings.Repeat("x", 2048)
	p.Want(p.Post("/access/v1/evaluation", p.token, q), 413, "code", "request_too_large")
	q["x"] = json.RawMessage(`[[[[[[[[[]]]]]]]]]`)
	p.Want(p.Post("/access/v1/evaluation", p.token, q), 400, "code", "invalid_request")
	a := p.Post("/access/v1/search/resource", p.token, question(entity("user", "alice"), action("read"), object{"type": "record"}))
	p.Want(a, 200)
	if page := a.Body["page"].(object); page["count"] != 1.0 || page["next_token"] == "" {
		t.Errorf("%s", a.Raw)
	}
	ctx := context.Background()
	for name, c := range map[string]struct {
		do   func() error
		code model.Code
		want string
	}{
		"policy": {func() error {
			_, err := app.ImportPolicy.Run(ctx, p.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte("# " + strings.Repeat("x", 65536))})
			return err
		}, model.CodeLimitExceeded, "ROLEGATE_MAX_POLICY is 65536"},
		"import": {func() error {
			_, err := app.ImportDirectory.Run(ctx, p.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte("{}" + strings.Repeat(" ", 65536))})
			return err
		}, model.CodeLimitExceeded, "ROLEGATE_MAX_POLICY is 65536"},
		"inherited": {func() error {
			_, err := app.ImportPolicy.Run(ctx, p.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte("g, role:a, role:b\ng, role:a, role:c\ng, role:a, role:d\n")})
			return err
		}, model.CodePolicyInvalid, "role:a inherits more than 2 roles (ROLEGATE_MAX_INHERITED_ROLES)"},
		"direct": {func() error {
			_, err := app.ImportDirectory.Run(ctx, p.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
				Text: []byte(`{"roles": ["a", "b"], "assignments": [{"member": "alice", "role": "a"}, {"member": "alice", "role": "b"}]}`)})
			return err
		}, model.CodeImportInvalid, "user:alice holds 2 roles already; ROLEGATE_MAX_DIRECT_ROLES is 2"},
	} {
		err := c.do()
		var e *model.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(fmt.Sprint(err, e.Details), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// What was published under higher limits still decides under lower ones.
func TestPoliciesOutliveLimits(t *testing.T) {
	policy := "p, role:d, record, read, all, , allow\ng, role:editor, role:b\ng, role:editor, role:c\ng, role:editor, role:d\n# " + strings.Repeat("x", 65536) + "\n"
	p := newPEP(t, recordCatalog, policy, recordDirectory)
	q := question(entity("user", "alice"), action("read"), entity("record", "record-1"))
	p.Want(p.Post("/access/v1/evaluation", p.token, q), 200, "decision", true)
	dir := p.Config.Data
	p.Stop()
	k := testkit.Start(t, dir, "ROLEGATE_MAX_INHERITED_ROLES=1", "ROLEGATE_MAX_POLICY=65536")
	k.Want(k.Post("/access/v1/evaluation", p.token, q), 200, "decision", true)
}
