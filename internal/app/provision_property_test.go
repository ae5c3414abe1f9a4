package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/app"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

const provisionedPolicy = `p, role:r0, contact, read, own, , allow
p, role:r0, contact, update, team, , allow
p, role:r1, contact, read, subtree, , allow
p, role:r1, contact, update, unit_tree, , allow
p, role:r1, contact, delete, unit_head, , allow
p, role:r2, contact, read, territory, , allow
p, role:r2, contact, delete, unit, , allow
p, *, contact, open, all, user.region == 'EU', allow
`

// world is what a tenant's directory should hold, by address.
type world struct {
	subjects    map[string]model.Subject
	teams       map[string]model.Team
	units       map[string]model.Unit
	territories map[string]model.Territory
	resources   map[string]model.Resource
	assignments map[string]model.Assignment
}

func values[T any](m map[string]T) (out []T) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

func (w world) file(t *rapid.T) []byte {
	text, err := json.Marshal(map[string]any{"subjects": values(w.subjects), "teams": values(w.teams), "units": values(w.units),
		"territories": values(w.territories), "resources": values(w.resources), "assignments": values(w.assignments), "roles": []string{"r0", "r1", "r2"}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Any sequence of single changes leaves what one import of its outcome makes:
// the same directory and the same decisions, by a snapshot that followed each
// change as by one made at once.
func TestChangesOneByOneAreAnImport(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ...string) *testkit.Kit{"sqlite": testkit.New, "postgres": testkit.NewPostgres} {
		t.Run(name, func(t *testing.T) {
			k := start(t)
			k.AddClient(model.Client{ID: "hr", Tenants: []string{"*"}, Scopes: []string{"directory", "decide"}})
			var n atomic.Int64
			rapid.Check(t, func(t *rapid.T) {
				one := newProvisioned(t, k, fmt.Sprintf("one-%d", n.Add(1)))
				w := world{map[string]model.Subject{}, map[string]model.Team{}, map[string]model.Unit{}, map[string]model.Territory{}, map[string]model.Resource{}, map[string]model.Assignment{}}
				for range rapid.IntRange(5, 30).Draw(t, "steps") {
					one.step(t, w)
					if rapid.Bool().Draw(t, "ask") {
						one.decisions(t, w) // so that the next step finds a snapshot to bring up to date
					}
				}
				whole := newProvisioned(t, k, fmt.Sprintf("whole-%d", n.Load()))
				if _, err := k.App.Directory.Import(ctx, whole.caller, whole.tenant, w.file(t), false, ""); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(whole.directory(t), one.directory(t)); diff != "" {
					t.Errorf("the directories differ (-import +changes):\n%s", diff)
				}
				if diff := cmp.Diff(whole.decisions(t, w), one.decisions(t, w)); diff != "" {
					t.Errorf("the decisions differ (-import +changes):\n%s", diff)
				}
				// And the import of the outcome into what led to it changes nothing.
				res, err := k.App.Directory.Import(ctx, one.caller, one.tenant, w.file(t), false, "")
				if err != nil || res.Subjects.Changed+res.Subjects.Created+res.Assignments.Created+res.Assignments.Changed+res.Resources.Created+res.Resources.Changed+res.Units.Changed > 0 {
					t.Errorf("%+v, %v", res, err)
				}
			})
		})
	}
}

// provisioned is a tenant with the test's policy.
type provisioned struct {
	*testkit.Kit
	tenant string
	caller model.Caller
}

func newProvisioned(t *rapid.T, k *testkit.Kit, tenant string) provisioned {
	t.Helper()
	client, err := k.App.Store.Client(ctx, "hr")
	if err == nil {
		_, err = app.AddTenant.Run(ctx, k.App, testkit.Operator, app.TenantRequest{Tenant: tenant})
	}
	if err == nil {
		_, err = app.ImportPolicy.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: tenant, Text: []byte(provisionedPolicy)})
	}
	if err == nil {
		_, err = k.App.Directory.Import(ctx, testkit.Operator, tenant, []byte(`{"roles":["r0","r1","r2"]}`), false, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return provisioned{k, tenant, model.Caller{Kind: model.CallerClient, ID: "hr", Tenant: tenant, Scopes: client.Scopes, Client: client}}
}

var names = []string{"a", "b", "c", "d"}

func name(t *rapid.T, what string) string { return rapid.SampledFrom(names).Draw(t, what) }

func maybe(t *rapid.T, what string) string {
	return rapid.SampledFrom(append([]string{""}, names...)).Draw(t, what)
}

func some(t *rapid.T, what string) []string {
	list := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID[string]).Draw(t, what)
	if len(list) == 0 {
		return nil
	}
	return list
}

// step does one change, and expects what the world says of it.
func (p provisioned) step(t *rapid.T, w world) {
	d := p.App.Directory
	put := rapid.IntRange(0, 3).Draw(t, "put") > 0
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		s := model.Subject{Type: "user", ID: name(t, "user"), Unit: maybe(t, "unit"), Manager: maybe(t, "manager"), Teams: some(t, "teams"), Territories: some(t, "territories")}
		if rapid.Bool().Draw(t, "region") {
			s.Attributes = map[string]any{"region": rapid.SampledFrom([]any{"EU", "US", nil, 1.5}).Draw(t, "of")}
		}
		change(t, p, w, w.subjects, d.Subjects(), s, store.Key{"user", s.ID}, put, func() model.Code {
			if !put {
				maps.DeleteFunc(w.assignments, func(_ string, a model.Assignment) bool { return a.Member == s.Key() })
				return ""
			}
			return circle(s.ID, s.Manager, func(id string) string { return w.subjects["user/"+id].Manager })
		})
	case 1:
		v := model.Team{ID: name(t, "team")}
		change(t, p, w, w.teams, d.Teams(), v, store.Key{v.ID}, put, func() model.Code {
			for _, s := range w.subjects {
				if !put && slices.Contains(s.Teams, v.ID) {
					return model.CodeInUse
				}
			}
			for _, a := range w.assignments {
				if !put && a.Member == "team:"+v.ID {
					return model.CodeInUse
				}
			}
			return ""
		})
	case 2:
		v := model.Unit{ID: name(t, "unit"), Parent: maybe(t, "parent"), Heads: some(t, "heads")}
		change(t, p, w, w.units, d.Units(), v, store.Key{v.ID}, put, func() model.Code {
			if put {
				return circle(v.ID, v.Parent, func(id string) string { return w.units[id].Parent })
			}
			for _, s := range w.subjects {
				if s.Unit == v.ID {
					return model.CodeInUse
				}
			}
			for _, u := range w.units {
				if u.Parent == v.ID {
					return model.CodeInUse
				}
			}
			return ""
		})
	case 3:
		v := model.Territory{ID: name(t, "territory"), Parent: maybe(t, "parent")}
		change(t, p, w, w.territories, d.Territories(), v, store.Key{v.ID}, put, func() model.Code {
			if put {
				return circle(v.ID, v.Parent, func(id string) string { return w.territories[id].Parent })
			}
			for _, s := range w.subjects {
				if slices.Contains(s.Territories, v.ID) {
					return model.CodeInUse
				}
			}
			for _, u := range w.territories {
				if u.Parent == v.ID {
					return model.CodeInUse
				}
			}
			return ""
		})
	case 4:
		v := model.Resource{Type: "contact", ID: name(t, "record")}
		if owner := maybe(t, "owner"); owner != "" {
			v.Attributes = map[string]any{"owner": owner, "unit": maybe(t, "unit"), "teams": []any{name(t, "team")}, "territory": maybe(t, "territory")}
		}
		change(t, p, w, w.resources, d.Resources(), v, store.Key{v.Type, v.ID}, put, func() model.Code { return "" })
	case 5:
		v := model.Assignment{Member: rapid.SampledFrom([]string{"user:", "team:"}).Draw(t, "member") + name(t, "id"), Role: rapid.SampledFrom([]string{"r0", "r1", "r2", "none", model.AuditAdmin}).Draw(t, "role")}
		change(t, p, w, w.assignments, d.Assignments(), v, store.Key{v.Member, v.Role}, put, func() model.Code {
			typ, id, _ := strings.Cut(v.Member, ":")
			_, user := w.subjects["user/"+id]
			_, team := w.teams[id]
			switch {
			case !put:
				return ""
			case v.Role == model.AuditAdmin:
				return model.CodeOfficeReserved
			case typ == "user" && !user:
				return model.CodeUserUnknown
			case typ == "team" && !team:
				return model.CodeNotFound
			case v.Role == "none":
				return model.CodeRoleUnknown
			}
			return ""
		})
	}
}

func circle(id, parent string, up func(string) string) model.Code {
	for range len(names) + 1 {
		if parent == id {
			return model.CodeInvalidRequest
		}
		parent = up(parent)
	}
	return ""
}

// change puts or deletes an entry, in the tenant and in the world. refusal is
// asked where there is something to change.
func change[T any](t *rapid.T, p provisioned, w world, in map[string]T, c directory.Collection[T], v T, key store.Key, put bool, refusal func() model.Code) {
	t.Helper()
	address := strings.Trim(key[0]+"/"+key[1], "/")
	was, there := in[address]
	var want model.Code
	var outcome directory.Outcome
	switch {
	case !put && !there:
		want = model.CodeNotFound
	case put && there && cmp.Equal(was, v):
		outcome = directory.Unchanged
	default:
		want = refusal()
		outcome = map[bool]directory.Outcome{true: directory.Changed, false: directory.Created}[there]
	}
	var got directory.Written
	var err error
	if put {
		got, err = c.Put(ctx, p.caller, p.tenant, v, directory.Condition{})
	} else {
		outcome = directory.Deleted
		got, err = c.Delete(ctx, p.caller, p.tenant, key, directory.Condition{})
	}
	if model.CodeOf(err) != want || want == "" && got.Outcome != outcome {
		t.Fatalf("put %v of %s: %v, %v; want %s, %q", put, address, got.Outcome, err, outcome, want)
	}
	switch {
	case want != "":
	case put:
		in[address] = v
		found, err := c.Get(ctx, p.caller, p.tenant, key)
		if err != nil || found.ETag != got.ETag || !cmp.Equal(found.Entry, v) {
			t.Fatalf("%s: put %+v with ETag %s, got %+v with %s, %v", address, v, got.ETag, found.Entry, found.ETag, err)
		}
	default:
		delete(in, address)
	}
}

// directory is all that is stored.
func (p provisioned) directory(t *rapid.T) any {
	d, err := p.App.Store.LoadDirectory(ctx, p.tenant)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := p.App.Store.PageResources(ctx, p.tenant, "", store.Key{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return []any{d, resources}
}

// decisions are the answers to all that could be asked.
func (p provisioned) decisions(t *rapid.T, w world) map[string]model.Code {
	var asked []string
	var requests []policy.Request
	for _, user := range names {
		for _, action := range []string{"open", "read", "update", "delete"} {
			for _, record := range append([]string{"stranger"}, names...) {
				r := policy.Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: user}, Action: model.Action{Name: action}, Resource: model.Entity{Type: "contact", ID: record}}}
				if record == "stranger" {
					r.Question.Resource.Properties = map[string]any{"owner": "a", "unit": "b", "teams": []any{"c"}, "territory": "d"}
				}
				asked, requests = append(asked, user+" "+action+" "+record), append(requests, r)
			}
		}
	}
	ds, err := p.App.Policy.EvaluateBatch(ctx, p.caller, requests, policy.ExecuteAll)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]model.Code{}
	for i, d := range ds {
		got[asked[i]] = d.Code
	}
	return got
}
