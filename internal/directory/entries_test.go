package directory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

func client(t *testing.T, s *directory.Service, id string, scopes ...string) model.Caller {
	t.Helper()
	c := model.Client{ID: id, Tenant: "acme", Scopes: scopes}
	if _, err := s.AddClient(t.Context(), operator, c); err != nil {
		t.Fatal(err)
	}
	return model.Caller{Kind: model.CallerClient, ID: id, Tenant: "acme", Scopes: scopes, Client: c}
}

// A client that was switched off between the look at its token and the act does
// nothing, reading included; the same of one without the scope.
func TestProvisioningLooksAtTheClientAgain(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	hr, other := client(t, s, "hr", "directory"), client(t, s, "other", "decide")
	other.Scopes = []string{"directory"} // as a token of before would say
	acts := func(c model.Caller) map[string]error {
		_, put := s.Teams().Put(ctx, c, "acme", model.Team{ID: "x"}, directory.Condition{})
		_, del := s.Teams().Delete(ctx, c, "acme", store.Key{"x"}, directory.Condition{})
		_, get := s.Teams().Get(ctx, c, "acme", store.Key{"x"})
		_, list := s.Teams().List(ctx, c, "acme", directory.Query{Limit: 1})
		_, file := s.Import(ctx, c, "acme", []byte(`{"teams":[{"id":"x"}]}`), false, "")
		_, elsewhere := s.Teams().Put(ctx, c, "other", model.Team{ID: "x"}, directory.Condition{})
		return map[string]error{"put": put, "delete": del, "get": get, "list": list, "import": file, "elsewhere": elsewhere}
	}
	want := func(c model.Caller, code model.Code) {
		t.Helper()
		before := tenant(t, s, "acme").Revision
		for act, err := range acts(c) {
			if act != "elsewhere" && model.CodeOf(err) != code {
				t.Errorf("%s by %s: %v, want %s", act, c.ID, err, code)
			}
		}
		if after := tenant(t, s, "acme").Revision; after != before {
			t.Errorf("%s moved the revision from %d to %d", c.ID, before, after)
		}
	}
	want(other, model.CodeForbidden)
	if _, err := s.CreateTenant(ctx, operator, model.Tenant{ID: "other"}); err != nil {
		t.Fatal(err)
	}
	if err := acts(hr)["elsewhere"]; model.CodeOf(err) != model.CodeUnauthorized {
		t.Errorf("in a tenant that is not its own: %v", err)
	}
	if _, err := s.SetClientDisabled(ctx, operator, "hr", true); err != nil {
		t.Fatal(err)
	}
	want(hr, model.CodeUnauthorized)
}

// Whatever JSON an entry holds, it is read as it was put, under one ETag, and
// putting it again changes nothing.
func TestEntriesAreReadAsPut(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	hr := client(t, s, "hr", "directory")
	value := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny), rapid.Map(rapid.Float64Range(-1e300, 1e300), toAny),
		rapid.Map(rapid.SampledFrom([]string{"", "x", "名", "<&>\u2028\x00\u007f\\\"", "é", "😀"}), toAny),
		rapid.Just[any]([]any{}), rapid.Just[any](map[string]any{}), rapid.Just[any]([]any{map[string]any{"a": []any{nil, 0.0}}, 1e21, 1e-7, 0.1}))
	rapid.Check(t, func(t *rapid.T) {
		r := model.Resource{Type: "deal", ID: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "id"),
			Attributes: rapid.MapOfN(rapid.StringMatching(`[a-c名<]{1,2}`), value, 0, 4).Draw(t, "attributes")}
		key := store.Key{r.Type, r.ID}
		done, err := s.Resources().Put(ctx, hr, "acme", r, directory.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Resources().Get(ctx, hr, "acme", key)
		if len(r.Attributes) == 0 {
			r.Attributes = nil
		}
		if diff := cmp.Diff(r, got.Entry); err != nil || diff != "" || got.ETag != done.ETag {
			t.Fatalf("%v, ETag %s → %s, (-put +got):\n%s", err, done.ETag, got.ETag, diff)
		}
		again, err := s.Resources().Put(ctx, hr, "acme", got.Entry, directory.Condition{Match: &directory.Tags{List: []string{got.ETag}}})
		if err != nil || again.Outcome != directory.Unchanged || again.ETag != done.ETag || again.Revision != done.Revision {
			t.Fatalf("%+v, %v; first %+v", again, err, done)
		}
	})
}

func toAny[T any](v T) any { return v }

// A page ends where it has enough bytes, and says that there is more.
func TestPagesAreBoundedInBytes(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	hr := client(t, s, "hr", "directory")
	large := make([]any, 15000)
	for i := range large {
		large[i] = 1.0
	}
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		for i := range 300 {
			if err := tx.PutResource(ctx, "acme", model.Resource{Type: "deal", ID: string(rune('一' + i)), Attributes: map[string]any{"large": large}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen, pages := 0, 0
	for after := (store.Key{}); ; pages++ {
		p, err := s.Resources().List(ctx, hr, "acme", directory.Query{After: after, Limit: 1000})
		if err != nil || len(p.Entries) == 0 || len(p.Entries) > 150 {
			t.Fatalf("page %d has %d entries, %v", pages, len(p.Entries), err)
		}
		if seen, after = seen+len(p.Entries), p.After; !p.More {
			break
		}
	}
	if seen != 300 {
		t.Errorf("%d entries on %d pages", seen, pages+1)
	}
}

// Each kind of act says what it changed and is recorded by its own name, with
// the client in the clear and the entry's name sealed.
func TestEachActOnAnEntryIsRecorded(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	hr := client(t, s, "hr", "directory")
	none := directory.Condition{}
	do := func(_ directory.Written, err error) error { return err }
	change := func(kind store.ChangeKind, key string) store.Change { return store.Change{Kind: kind, Key: key} }
	if _, err := s.PutRole(ctx, operator, "acme", model.Role{ID: "rep"}, true, ""); err != nil {
		t.Fatal(err)
	}
	for _, act := range []struct {
		activity audit.Activity
		do       func() error
		changed  []store.Change
	}{
		{audit.SubjectPut, func() error {
			return do(s.Subjects().Put(ctx, hr, "acme", model.Subject{Type: "user", ID: "zoe"}, none))
		}, []store.Change{change(store.ChangedSubject, "user:zoe"), change(store.ChangedMember, "user:zoe")}},
		{audit.RoleAssigned, func() error {
			return do(s.Assignments().Put(ctx, hr, "acme", model.Assignment{Member: "user:zoe", Role: "rep"}, none))
		}, []store.Change{change(store.ChangedMember, "user:zoe")}},
		{audit.TeamPut, func() error { return do(s.Teams().Put(ctx, hr, "acme", model.Team{ID: "t"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.UnitPut, func() error { return do(s.Units().Put(ctx, hr, "acme", model.Unit{ID: "u"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.TerritoryPut, func() error { return do(s.Territories().Put(ctx, hr, "acme", model.Territory{ID: "n"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.ResourcePut, func() error {
			return do(s.Resources().Put(ctx, hr, "acme", model.Resource{Type: "deal", ID: "7"}, none))
		}, []store.Change{change(store.ChangedResource, "deal:7")}},
		{audit.DirectoryRead, func() error { _, err := s.Subjects().Get(ctx, hr, "acme", store.Key{"user", "zoe"}); return err }, nil},
		{audit.RoleUnassigned, func() error { return do(s.Assignments().Delete(ctx, hr, "acme", store.Key{"user:zoe", "rep"}, none)) }, []store.Change{change(store.ChangedMember, "user:zoe")}},
		{audit.TeamDeleted, func() error { return do(s.Teams().Delete(ctx, hr, "acme", store.Key{"t"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.UnitDeleted, func() error { return do(s.Units().Delete(ctx, hr, "acme", store.Key{"u"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.TerritoryDeleted, func() error { return do(s.Territories().Delete(ctx, hr, "acme", store.Key{"n"}, none)) }, []store.Change{change(store.ChangedGroups, "")}},
		{audit.ResourceDeleted, func() error { return do(s.Resources().Delete(ctx, hr, "acme", store.Key{"deal", "7"}, none)) }, []store.Change{change(store.ChangedResource, "deal:7")}},
		{audit.SubjectDeleted, func() error { return do(s.Subjects().Delete(ctx, hr, "acme", store.Key{"user", "zoe"}, none)) }, []store.Change{change(store.ChangedSubject, "user:zoe"), change(store.ChangedMember, "user:zoe")}},
	} {
		before, size := tenant(t, s, "acme"), logSize(t, s)
		if err := act.do(); err != nil {
			t.Fatalf("%s: %v", act.activity, err)
		}
		after := tenant(t, s, "acme")
		changed, complete, err := s.Store.ChangesSince(ctx, "acme", before.Revision, 10)
		if diff := cmp.Diff(act.changed, changed); err != nil || !complete || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", act.activity, err, diff)
		}
		left := audittest.From(t, s.Store, size)
		if len(left) != 1 {
			t.Fatalf("%s: %d entries", act.activity, len(left))
		}
		leaf := left[0]
		if leaf.Activity != act.activity || leaf.Class != audit.ClassAdmin || leaf.Service != "hr" || leaf.Actor != "client" || leaf.Outcome != audit.OutcomeOK ||
			len(act.changed) > 0 && leaf.Revision != after.Revision {
			t.Errorf("%s: recorded %+v", act.activity, leaf.Leaf)
		}
	}
}
