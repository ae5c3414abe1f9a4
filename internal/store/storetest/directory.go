package storetest

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

var directoryTests = []storeTest{
	{"Directory/SubjectRoundTripAndReplace", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		full := model.Subject{Type: "user", ID: "ann", Attributes: map[string]any{"region": "EU", "level": 3.5, "on": true,
			"tags": []any{"a", nil}, "nul": "a\x00b", "deep": map[string]any{"名": "值"}},
			Teams: []string{"emea", "vip"}, Unit: "sales", Manager: "bob", Territories: []string{"north"},
			Accounts: []string{"acme"}, Contact: "c1"}
		f.must(f.PutSubject(ctx, "t", full))
		got, err := f.Subject(ctx, "t", "user", "ann")
		same(t, "Subject", got, err, full)
		bare := model.Subject{Type: "user", ID: "ann"}
		f.must(f.PutSubject(ctx, "t", bare))
		got, err = f.Subject(ctx, "t", "user", "ann")
		same(t, "Subject replaced", got, err, bare)
		_, err = f.Subject(ctx, "t", "client", "ann")
		wantErr(t, "Subject of another type", err, store.ErrNotFound)
		wantErr(t, "PutSubject without a tenant", f.PutSubject(ctx, "none", bare), store.ErrNotFound)
	}},
	{"Directory/ResourceRoundTripAndReplace", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		for _, want := range []model.Resource{
			{Type: "record", ID: "101", Attributes: map[string]any{"owner": "user:ann", "amount": 12.0}},
			{Type: "record", ID: "101"},
		} {
			f.must(f.PutResource(ctx, "t", want))
			got, err := f.Resource(ctx, "t", "record", "101")
			same(t, "Resource", got, err, want)
		}
		_, err := f.Resource(ctx, "t", "record", "102")
		wantErr(t, "Resource unknown", err, store.ErrNotFound)
	}},
	{"Directory/ResourcesPageInByteOrder", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		for _, id := range []string{"中", "b", "B", "a", "_", "ab", "A", "a "} {
			f.must(f.PutResource(ctx, "t", model.Resource{Type: "record", ID: id, Attributes: map[string]any{"id": id}}))
			f.must(f.PutResource(ctx, "t", model.Resource{Type: "Record", ID: id + "x"}))
			f.must(f.PutResource(ctx, "other", model.Resource{Type: "record", ID: id + "y"}))
		}
		for _, c := range []struct {
			after string
			limit int
			want  []string
		}{
			{"", 1000, []string{"A", "B", "_", "a", "a ", "ab", "b", "中"}},
			{"", 3, []string{"A", "B", "_"}},
			{"_", 3, []string{"a", "a ", "ab"}},
			{"aa", 2, []string{"ab", "b"}}, // what it comes after need not be there
			{"中", 3, nil},
			{"", 0, nil},
			{"", -1, nil},
		} {
			var want []model.Resource
			for _, id := range c.want {
				want = append(want, model.Resource{Type: "record", ID: id, Attributes: map[string]any{"id": id}})
			}
			got, err := f.Resources(ctx, "t", "record", c.after, c.limit)
			same(t, fmt.Sprintf("Resources after %q, limit %d", c.after, c.limit), got, err, want)
		}
		for _, typ := range []string{"recor", "%", "RECORD"} {
			got, err := f.Resources(ctx, "t", typ, "", 1000)
			same(t, "Resources of type "+typ, got, err, nil)
		}
		got, err := f.Resources(ctx, "nobody", "record", "", 1000)
		same(t, "Resources of an unknown tenant", got, err, nil)
	}},
	{"Directory/LoadDisabledAndResourceTypes", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("other")
		for _, id := range []string{"b", "中", "a", "B"} {
			f.user(id)
			f.must(f.PutResource(ctx, "t", model.Resource{Type: id, ID: "1"}))
			f.must(f.PutResource(ctx, "t", model.Resource{Type: id, ID: "2"}))
		}
		f.must(f.PutResource(ctx, "other", model.Resource{Type: "A", ID: "1"}))
		for _, id := range []string{"b", "B", "中"} {
			took, err := f.SetUserDisabled(ctx, "t", id, true)
			yes(t, "SetUserDisabled", took, err)
		}
		took, err := f.SetUserDisabled(ctx, "t", "中", false)
		yes(t, "SetUserDisabled", took, err)
		got, err := f.LoadDirectory(ctx, "t")
		same(t, "LoadDirectory", got, err, model.Directory{Disabled: []string{"B", "b"}, ResourceTypes: []string{"B", "a", "b", "中"}})
	}},
	{"Directory/LoadInByteOrder", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		// Byte order: capitals before small letters, those before Chinese.
		for _, tenant := range []string{"other", "t"} {
			for _, id := range []string{"中", "b", "B", "a", "_", "ab", "A"} {
				f.must(f.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: id}))
				f.must(f.PutTeam(ctx, tenant, model.Team{ID: id}))
				f.must(f.PutTeam(ctx, tenant, model.Team{ID: id}))
				f.must(f.PutUnit(ctx, tenant, model.Unit{ID: id, Parent: "none yet", Heads: []string{"x"}}))
				f.must(f.PutUnit(ctx, tenant, model.Unit{ID: id, Parent: tenant, Heads: []string{id}}))
				f.must(f.PutTerritory(ctx, tenant, model.Territory{ID: id}))
				f.must(f.PutTerritory(ctx, tenant, model.Territory{ID: id, Parent: tenant}))
				f.must(f.EnsureRole(ctx, tenant, id))
				f.must(f.PutAssignment(ctx, tenant, model.Assignment{Member: "user:" + id, Role: id, From: now}))
			}
		}
		f.must(f.PutSubject(ctx, "t", model.Subject{Type: "client", ID: "z"}))
		want := model.Directory{Subjects: []model.Subject{{Type: "client", ID: "z"}}}
		for _, id := range []string{"A", "B", "_", "a", "ab", "b", "中"} {
			want.Subjects = append(want.Subjects, model.Subject{Type: "user", ID: id})
			want.Teams = append(want.Teams, model.Team{ID: id})
			want.Units = append(want.Units, model.Unit{ID: id, Parent: "t", Heads: []string{id}})
			want.Territories = append(want.Territories, model.Territory{ID: id, Parent: "t"})
			want.Roles = append(want.Roles, model.Role{ID: id})
			want.Assignments = append(want.Assignments, model.Assignment{Member: "user:" + id, Role: id, From: now})
		}
		got, err := f.LoadDirectory(ctx, "t")
		same(t, "LoadDirectory", got, err, want)
		got, err = f.LoadDirectory(ctx, "nobody")
		same(t, "LoadDirectory of an unknown tenant", got, err, model.Directory{})
	}},
	{"Directory/LoadSeesOneMoment", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		done := make(chan error, 1)
		go func() {
			for range 30 {
				if err := f.InTx(ctx, func(tx store.Tx) error { return twin(t, tx) }); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for running := true; running; {
			select {
			case err := <-done:
				f.must(err)
				running = false
			default:
			}
			d, err := f.LoadDirectory(ctx, "t")
			f.must(err)
			if len(d.Subjects) != len(d.Assignments) {
				t.Fatalf("%d subjects but %d assignments: half a transaction was seen", len(d.Subjects), len(d.Assignments))
			}
		}
	}},
}

// twin adds a subject and an assignment of it.
func twin(t *testing.T, tx store.Tx) error {
	d, err := tx.LoadDirectory(t.Context(), "t")
	if err != nil {
		return err
	}
	id := time.Unix(int64(len(d.Subjects)), 0).UTC().Format("150405")
	if err := tx.PutSubject(t.Context(), "t", model.Subject{Type: "user", ID: id}); err != nil {
		return err
	}
	if err := tx.EnsureRole(t.Context(), "t", "rep"); err != nil {
		return err
	}
	return tx.PutAssignment(t.Context(), "t", model.Assignment{Member: "user:" + id, Role: "rep"})
}

var roleTests = []storeTest{
	{"Roles/PutEnsureDelete", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.must(f.PutRole(ctx, "t", model.Role{ID: "rep", RequireMFA: true}))
		f.must(f.EnsureRole(ctx, "t", "rep"))
		got, err := f.Role(ctx, "t", "rep")
		same(t, "Role after EnsureRole", got, err, model.Role{ID: "rep", RequireMFA: true})
		f.must(f.PutRole(ctx, "t", model.Role{ID: "rep"}))
		got, err = f.Role(ctx, "t", "rep")
		same(t, "Role after PutRole", got, err, model.Role{ID: "rep"})
		took, err := f.DeleteRole(ctx, "t", "rep")
		yes(t, "DeleteRole", took, err)
		took, err = f.DeleteRole(ctx, "t", "rep")
		no(t, "DeleteRole again", took, err)
		_, err = f.Role(ctx, "t", "rep")
		wantErr(t, "Role after DeleteRole", err, store.ErrNotFound)
	}},
	{"Roles/AssignmentsFilterAndWindow", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.must(f.EnsureRole(ctx, "t", "rep"))
		f.must(f.EnsureRole(ctx, "t", "boss"))
		always := model.Assignment{Member: "team:emea", Role: "rep"}
		window := model.Assignment{Member: "user:ann", Role: "boss", From: now, Until: now.Add(time.Hour)}
		f.must(f.PutAssignment(ctx, "t", model.Assignment{Member: "user:ann", Role: "boss"}))
		f.must(f.PutAssignment(ctx, "t", window))
		f.must(f.PutAssignment(ctx, "t", always))
		for _, c := range []struct {
			member, role string
			want         []model.Assignment
		}{
			{"", "", []model.Assignment{always, window}},
			{"user:ann", "", []model.Assignment{window}},
			{"", "rep", []model.Assignment{always}},
			{"user:ann", "boss", []model.Assignment{window}},
			{"user:ann", "rep", nil},
		} {
			got, err := f.Assignments(ctx, "t", c.member, c.role)
			same(t, "Assignments of "+c.member+" "+c.role, got, err, c.want)
		}
		took, err := f.DeleteAssignment(ctx, "t", "user:ann", "boss")
		yes(t, "DeleteAssignment", took, err)
		took, err = f.DeleteAssignment(ctx, "t", "user:ann", "boss")
		no(t, "DeleteAssignment again", took, err)
	}},
	{"Roles/DeletedRoleLeavesNoMembers", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		wantErr(t, "PutAssignment without a role", f.PutAssignment(ctx, "t", model.Assignment{Member: "user:ann", Role: "rep"}), store.ErrNotFound)
		f.must(f.EnsureRole(ctx, "t", "rep"))
		f.must(f.PutAssignment(ctx, "t", model.Assignment{Member: "user:ann", Role: "rep"}))
		took, err := f.DeleteRole(ctx, "t", "rep")
		yes(t, "DeleteRole", took, err)
		f.must(f.EnsureRole(ctx, "t", "rep"))
		got, err := f.Assignments(ctx, "t", "", "")
		same(t, "Assignments of the role made again", got, err, nil)
	}},
	{"Roles/OneDeleteWins", func(t *testing.T, f fixture) {
		f.tenant("t")
		f.must(f.EnsureRole(t.Context(), "t", "rep"))
		wins(t, "DeleteRole", 20, 1, func(int) (bool, error) { return f.DeleteRole(t.Context(), "t", "rep") })
		together(t, 20, func(int) error { return f.EnsureRole(t.Context(), "t", "rep") })
	}},
}
