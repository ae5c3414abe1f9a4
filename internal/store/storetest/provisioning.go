package storetest

import (
	"fmt"
	"testing"

	"rolegate/internal/store"
	"rolegate/model"
)

var provisioningTests = []storeTest{
	{"Provisioning/ReadsOneAndDeletesIt", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		team, unit := model.Team{ID: "emea"}, model.Unit{ID: "sales", Parent: "company", Heads: []string{"bob"}}
		territory := model.Territory{ID: "north", Parent: "world"}
		for _, tenant := range []string{"t", "other"} {
			f.must(f.PutTeam(ctx, tenant, team))
			f.must(f.PutUnit(ctx, tenant, unit))
			f.must(f.PutTerritory(ctx, tenant, territory))
			f.must(f.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: "ann"}))
			f.must(f.PutResource(ctx, tenant, model.Resource{Type: "deal", ID: "1"}))
			for _, role := range []string{"a", "b"} {
				f.must(f.EnsureRole(ctx, tenant, role))
				f.must(f.PutAssignment(ctx, tenant, model.Assignment{Member: "user:ann", Role: role}))
				f.must(f.PutAssignment(ctx, tenant, model.Assignment{Member: "user:an", Role: role}))
			}
		}
		gotTeam, err := f.Team(ctx, "t", "emea")
		same(t, "Team", gotTeam, err, team)
		gotUnit, err := f.Unit(ctx, "t", "sales")
		same(t, "Unit", gotUnit, err, unit)
		gotTerritory, err := f.Territory(ctx, "t", "north")
		same(t, "Territory", gotTerritory, err, territory)

		n, err := f.DeleteAssignments(ctx, "t", "user:ann")
		same(t, "DeleteAssignments", n, err, 2)
		n, err = f.DeleteAssignments(ctx, "t", "user:ann")
		same(t, "DeleteAssignments again", n, err, 0)
		for name, gone := range map[string]func() (bool, error){
			"subject":   func() (bool, error) { return f.DeleteSubject(ctx, "t", "user", "ann") },
			"team":      func() (bool, error) { return f.DeleteTeam(ctx, "t", "emea") },
			"unit":      func() (bool, error) { return f.DeleteUnit(ctx, "t", "sales") },
			"territory": func() (bool, error) { return f.DeleteTerritory(ctx, "t", "north") },
			"resource":  func() (bool, error) { return f.DeleteResource(ctx, "t", "deal", "1") },
		} {
			took, err := gone()
			yes(t, "Delete "+name, took, err)
			took, err = gone()
			no(t, "Delete "+name+" again", took, err)
		}
		_, err = f.Team(ctx, "t", "emea")
		wantErr(t, "Team", err, store.ErrNotFound)
		_, err = f.Unit(ctx, "t", "sales")
		wantErr(t, "Unit", err, store.ErrNotFound)
		_, err = f.Territory(ctx, "t", "north")
		wantErr(t, "Territory", err, store.ErrNotFound)

		left, err := f.LoadDirectory(ctx, "t")
		same(t, "what is left", left, err, model.Directory{Roles: []model.Role{{ID: "a"}, {ID: "b"}},
			Assignments: []model.Assignment{{Member: "user:an", Role: "a"}, {Member: "user:an", Role: "b"}}})
		others, err := f.LoadDirectory(ctx, "other")
		if err != nil || len(others.Subjects) != 1 || len(others.Teams) != 1 || len(others.Units) != 1 || len(others.Territories) != 1 || len(others.Assignments) != 4 {
			t.Errorf("the other tenant: %+v, %v", others, err)
		}
	}},
	{"Provisioning/PagesInByteOrder", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		ids := []string{"A", "B", "_", "a", "a ", "ab", "b", "中"}
		var subjects, resources, assignments []store.Key
		for _, typ := range []string{"B", "b"} {
			for _, id := range ids {
				for _, tenant := range []string{"t", "other"} {
					f.must(f.PutSubject(ctx, tenant, model.Subject{Type: typ, ID: id}))
					f.must(f.PutResource(ctx, tenant, model.Resource{Type: typ, ID: id}))
					f.must(f.EnsureRole(ctx, tenant, id))
					f.must(f.PutAssignment(ctx, tenant, model.Assignment{Member: typ, Role: id}))
					f.must(f.PutTeam(ctx, tenant, model.Team{ID: id}))
					f.must(f.PutUnit(ctx, tenant, model.Unit{ID: id}))
					f.must(f.PutTerritory(ctx, tenant, model.Territory{ID: id}))
				}
				key := store.Key{typ, id}
				subjects, resources, assignments = append(subjects, key), append(resources, key), append(assignments, key)
			}
		}
		var groups []store.Key
		for _, id := range ids {
			groups = append(groups, store.Key{id})
		}
		type page = func(of, after store.Key, limit int) ([]store.Key, error)
		for name, c := range map[string]struct {
			page page
			of   store.Key
			want []store.Key
		}{
			"subjects": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageSubjects(ctx, "t", of[0], after, limit)
				return keys(rows, func(v model.Subject) store.Key { return store.Key{v.Type, v.ID} }), err
			}, store.Key{}, subjects},
			"subjects of a type": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageSubjects(ctx, "t", of[0], after, limit)
				return keys(rows, func(v model.Subject) store.Key { return store.Key{v.Type, v.ID} }), err
			}, store.Key{"b"}, subjects[len(ids):]},
			"resources of a type": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageResources(ctx, "t", of[0], after, limit)
				return keys(rows, func(v model.Resource) store.Key { return store.Key{v.Type, v.ID} }), err
			}, store.Key{"B"}, resources[:len(ids)]},
			"assignments": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageAssignments(ctx, "t", of[0], of[1], after, limit)
				return keys(rows, func(v model.Assignment) store.Key { return store.Key{v.Member, v.Role} }), err
			}, store.Key{}, assignments},
			"assignments of a member": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageAssignments(ctx, "t", of[0], of[1], after, limit)
				return keys(rows, func(v model.Assignment) store.Key { return store.Key{v.Member, v.Role} }), err
			}, store.Key{"b"}, assignments[len(ids):]},
			"assignments of a role": {func(of, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageAssignments(ctx, "t", of[0], of[1], after, limit)
				return keys(rows, func(v model.Assignment) store.Key { return store.Key{v.Member, v.Role} }), err
			}, store.Key{"", "a "}, []store.Key{{"B", "a "}, {"b", "a "}}},
			"teams": {func(_, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageTeams(ctx, "t", after, limit)
				return keys(rows, func(v model.Team) store.Key { return store.Key{v.ID} }), err
			}, store.Key{}, groups},
			"units": {func(_, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageUnits(ctx, "t", after, limit)
				return keys(rows, func(v model.Unit) store.Key { return store.Key{v.ID} }), err
			}, store.Key{}, groups},
			"territories": {func(_, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageTerritories(ctx, "t", after, limit)
				return keys(rows, func(v model.Territory) store.Key { return store.Key{v.ID} }), err
			}, store.Key{}, groups},
			"roles": {func(_, after store.Key, limit int) ([]store.Key, error) {
				rows, err := f.PageRoles(ctx, "t", after, limit)
				return keys(rows, func(v model.Role) store.Key { return store.Key{v.ID} }), err
			}, store.Key{}, groups},
		} {
			got, err := c.page(c.of, store.Key{}, 1000)
			same(t, name, got, err, c.want)
			for _, limit := range []int{1, 3} {
				var got []store.Key
				after := store.Key{}
				for range len(c.want) + 1 {
					rows, err := c.page(c.of, after, limit)
					f.must(err)
					got = append(got, rows...)
					if len(rows) < limit {
						break
					}
					after = rows[len(rows)-1]
				}
				same(t, fmt.Sprintf("%s by %d", name, limit), got, nil, c.want)
			}
			// What it comes after need not be there.
			missing := store.Key{c.want[0][0] + "\x01", ""}
			got, err = c.page(c.of, missing, 1000)
			var behind []store.Key
			for _, k := range c.want {
				if k[0] > missing[0] {
					behind = append(behind, k)
				}
			}
			same(t, name+" behind what is not there", got, err, behind)
			for _, limit := range []int{0, -1} {
				got, err := c.page(c.of, store.Key{}, limit)
				same(t, name+" none", len(got), err, 0)
			}
		}
	}},
}

func keys[T any](rows []T, key func(T) store.Key) (out []store.Key) {
	for _, r := range rows {
		out = append(out, key(r))
	}
	return out
}
