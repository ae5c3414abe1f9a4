package directory_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

var operator = model.Caller{Kind: model.CallerOperator, ID: "0@host"}

func newService(t *testing.T) *directory.Service {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	keys, err := sqlstore.OpenKeystoreSQLite(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	kek, err := keyring.CreateFile(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), st, keys, kek, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &directory.Service{Store: st, Log: log, Issuer: "https://rolegate.example", UsernameKey: login.UsernameKey,
		Inheritance: policy.Inheritance, Now: time.Now, Limits: model.DefaultLimits()}
}

// Each act says what it changed of what decisions are made from: what it does
// not say, a snapshot that is brought up to date would go on without.
func TestEachActSaysWhatItChanged(t *testing.T) {
	s := newService(t)
	ctx := t.Context()
	if _, err := s.CreateTenant(ctx, operator, model.Tenant{ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	strict := true
	change := func(kind store.ChangeKind, keys ...string) (out []store.Change) {
		for _, k := range keys {
			out = append(out, store.Change{Kind: kind, Key: k})
		}
		return out
	}
	for _, act := range []struct {
		name string
		do   func(ctx context.Context) error
		want []store.Change // nil: the snapshot's revision stays
	}{
		{"tenant", func(ctx context.Context) error {
			_, err := s.UpdateTenant(ctx, operator, "acme", directory.TenantChange{StrictFields: &strict}, "")
			return err
		}, change(store.ChangedTenant, "")},
		{"role", func(ctx context.Context) error {
			_, err := s.PutRole(ctx, operator, "acme", model.Role{ID: "role:rep"}, true, "")
			return err
		}, change(store.ChangedRole, "rep")},
		{"user", func(ctx context.Context) error {
			_, err := s.AddUser(ctx, operator, "acme", directory.NewUser{ID: "ann", Username: "ann", UsernameKey: "ann", Roles: []string{"rep"}}, "")
			return err
		}, slices.Concat(change(store.ChangedSubject, "user:ann"), change(store.ChangedMember, "user:ann"))},
		{"invitation", func(ctx context.Context) error {
			_, err := s.InviteUser(ctx, operator, "acme", "ann", 0, "")
			return err
		}, nil},
		{"disable", func(ctx context.Context) error {
			_, err := s.SetUserDisabled(ctx, operator, "acme", "user:ann", true, "")
			return err
		}, change(store.ChangedSubject, "user:ann")},
		{"unassign", func(ctx context.Context) error {
			_, err := s.Unassign(ctx, operator, "acme", "ann", "rep", "")
			return err
		}, change(store.ChangedMember, "user:ann")},
		{"assign", func(ctx context.Context) error {
			_, err := s.Assign(ctx, operator, "acme", model.Assignment{Member: "ann", Role: "rep"}, "")
			return err
		}, change(store.ChangedMember, "user:ann")},
		{"import", func(ctx context.Context) error {
			_, err := s.Import(ctx, operator, "acme", []byte(`{"subjects": [{"type": "user", "id": "bob"}], "units": [{"id": "u"}], "roles": ["boss"],
				"assignments": [{"member": "bob", "role": "boss"}], "resources": [{"type": "deal", "id": "7"}]}`), false, "")
			return err
		}, slices.Concat(change(store.ChangedGroups, ""), change(store.ChangedRole, "boss"), change(store.ChangedSubject, "user:bob"),
			change(store.ChangedMember, "user:bob"), change(store.ChangedResource, "deal:7"))},
		{"import of teams", func(ctx context.Context) error {
			_, err := s.Import(ctx, operator, "acme", []byte(`{"teams": [{"id": "t"}]}`), false, "")
			return err
		}, change(store.ChangedGroups, "")},
		{"import of a resource whose type has a colon", func(ctx context.Context) error {
			_, err := s.Import(ctx, operator, "acme", []byte(`{"resources": [{"type": "a:b", "id": "7"}]}`), false, "")
			return err
		}, change(store.ChangedDirectory, "")},
		{"role's end", func(ctx context.Context) error {
			if _, err := s.Unassign(ctx, operator, "acme", "ann", "rep", ""); err != nil {
				return err
			}
			_, err := s.DeleteRole(ctx, operator, "acme", "rep")
			return err
		}, slices.Concat(change(store.ChangedMember, "user:ann"), change(store.ChangedRole, "rep"))},
		{"client", func(ctx context.Context) error {
			_, err := s.AddClient(ctx, operator, model.Client{ID: "crm", Tenant: "acme", Scopes: []string{"decide"}})
			return err
		}, nil},
	} {
		before := tenant(t, s, "acme")
		if err := act.do(ctx); err != nil {
			t.Fatalf("%s: %v", act.name, err)
		}
		after := tenant(t, s, "acme")
		got, complete, err := s.Store.ChangesSince(ctx, "acme", before.Revision, 100)
		if err != nil || !complete || !slices.Equal(got, act.want) {
			t.Errorf("%s: changed %v, want %v (complete: %v, %v)", act.name, got, act.want, complete, err)
		}
		if after.Revision <= before.Revision || (after.SnapshotRevision == after.Revision) != (act.want != nil) {
			t.Errorf("%s: revision %d → %d, the snapshot's %d → %d", act.name, before.Revision, after.Revision, before.SnapshotRevision, after.SnapshotRevision)
		}
	}
}

func tenant(t *testing.T, s *directory.Service, id string) model.Tenant {
	t.Helper()
	row, err := s.Store.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// Whatever changes of a client takes a revision of each tenant it may act in,
// and of no other.
func TestAClientsChangeIsFeltWhereItMayAct(t *testing.T) {
	s := newService(t)
	ctx := t.Context()
	for _, id := range []string{"a", "b", "c"} {
		if _, err := s.CreateTenant(ctx, operator, model.Tenant{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		client model.Client
		felt   []string
	}{
		{model.Client{ID: "one", Tenant: "b"}, []string{"b"}},
		{model.Client{ID: "some", Tenants: []string{"c", "a"}}, []string{"a", "c"}},
		{model.Client{ID: "all", Tenants: []string{"*"}}, []string{"a", "b", "c"}},
	} {
		c.client.Scopes = []string{"decide"}
		for i, do := range []func() error{
			func() error { _, err := s.AddClient(ctx, operator, c.client); return err },
			func() error { _, err := s.SetClientDisabled(ctx, operator, c.client.ID, true); return err },
			func() error { _, err := s.SetClientDisabled(ctx, operator, c.client.ID, false); return err },
			func() error { _, err := s.RotateClient(ctx, operator, c.client.ID, ""); return err },
		} {
			before := map[string]int64{}
			for _, id := range []string{"a", "b", "c"} {
				before[id] = tenant(t, s, id).Revision
			}
			if err := do(); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"a", "b", "c"} {
				want := before[id]
				if slices.Contains(c.felt, id) {
					want++
				}
				if got := tenant(t, s, id).Revision; got != want {
					t.Errorf("%s, act %d: tenant %s went from %d to %d", c.client.ID, i, id, before[id], got)
				}
			}
		}
	}
}

// What is there already as it should be is left alone: no revision, and nothing
// for snapshots to do. It is recorded all the same.
func TestWhatChangesNothingTakesNoRevision(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	file := []byte(`{"subjects": [{"type": "user", "id": "bob", "attributes": {"a": [1, {}, null], "b": -0.5}}], "teams": [{"id": "t"}], "units": [{"id": "u", "heads": []}],
		"territories": [{"id": "n", "parent": "w"}], "roles": ["boss"], "resources": [{"type": "deal", "id": "7", "attributes": {}}],
		"assignments": [{"member": "bob", "role": "boss", "until": "2100-01-01T00:00:00.1234567Z"}]}`)
	if res, err := s.Import(ctx, operator, "acme", file, false, ""); err != nil || res.Subjects.Created != 1 || res.Assignments.Created != 1 || res.Resources.Created != 1 {
		t.Fatal(res, err)
	}
	for name, text := range map[string][]byte{"the same again": file, "nothing": []byte("{}")} {
		for _, dry := range []bool{false, true} {
			before, size := tenant(t, s, "acme"), logSize(t, s)
			res, err := s.Import(ctx, operator, "acme", text, dry, "")
			after := tenant(t, s, "acme")
			if err != nil || res.Revision != before.Revision || after.Revision != before.Revision || res.Subjects.Created+res.Subjects.Changed > 0 {
				t.Errorf("%s, dry: %v: %+v, %v; the revision went from %d to %d", name, dry, res, err, before.Revision, after.Revision)
			}
			if got := activities(t, s, size); !slices.Equal(got, []audit.Activity{audit.DirectoryImport}) {
				t.Errorf("%s, dry: %v: recorded %v", name, dry, got)
			}
		}
	}
	want := directory.Counts{Changed: 1}
	res, err := s.Import(ctx, operator, "acme", []byte(`{"teams": [{"id": "t"}], "units": [{"id": "u", "heads": ["bob"]}]}`), false, "")
	if err != nil || res.Units != want || res.Teams != (directory.Counts{Unchanged: 1}) {
		t.Errorf("%+v, %v", res, err)
	}
}

// An act after which all is as it was takes no revision and answers the one that is.
// It is recorded all the same, with its reason.
func TestActsThatChangeNothingTakeNoRevision(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	until := time.Date(2100, 1, 1, 0, 0, 0, 123456789, time.UTC)
	byRole := model.MFAByRole
	client := func(id string, disabled bool) func() (int64, error) {
		return func() (int64, error) { return s.SetClientDisabled(ctx, operator, id, disabled) }
	}
	user := func(disabled bool) func() (int64, error) {
		return func() (int64, error) { return s.SetUserDisabled(ctx, operator, "acme", "ann", disabled, "") }
	}
	if _, err := s.AddClient(ctx, operator, model.Client{ID: "crm", Tenant: "acme", Scopes: []string{"decide"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutRole(ctx, operator, "acme", model.Role{ID: "boss"}, true, ""); err != nil {
		t.Fatal(err)
	}
	for _, act := range []struct {
		name     string
		do       func() (int64, error)
		recorded audit.Activity
	}{
		{"a role", func() (int64, error) {
			return s.Assign(ctx, operator, "acme", model.Assignment{Member: "ann", Role: "boss", Until: until}, "")
		}, audit.RoleAssigned},
		{"a role without an end", func() (int64, error) {
			return s.Assign(ctx, operator, "acme", model.Assignment{Member: "ann", Role: "boss"}, "")
		}, audit.RoleAssigned},
		{"a mark", func() (int64, error) {
			return s.PutRole(ctx, operator, "acme", model.Role{ID: "boss", RequireMFA: true}, false, "")
		}, audit.RoleChanged},
		{"disabled", user(true), audit.UserDisabled},
		{"enabled", user(false), audit.UserEnabled},
		{"a disabled client", client("crm", true), audit.ClientDisabled},
		{"an enabled client", client("crm", false), audit.ClientEnabled},
		{"the tenant", func() (int64, error) {
			t, err := s.UpdateTenant(ctx, operator, "acme", directory.TenantChange{MFA: &byRole}, "")
			return t.Revision, err
		}, audit.TenantChanged},
	} {
		before := tenant(t, s, "acme").Revision
		if got, err := act.do(); err != nil || got != before+1 {
			t.Fatalf("%s: revision %d, %v; it changes something, so it becomes %d", act.name, got, err, before+1)
		}
		size := logSize(t, s)
		got, err := act.do()
		if is := tenant(t, s, "acme").Revision; err != nil || got != before+1 || is != got {
			t.Errorf("%s, again: revision %d, and the tenant's is %d, %v; want %d", act.name, got, is, err, before+1)
		}
		if got := activities(t, s, size); !slices.Equal(got, []audit.Activity{act.recorded}) {
			t.Errorf("%s, again: recorded %v", act.name, got)
		}
	}
}
