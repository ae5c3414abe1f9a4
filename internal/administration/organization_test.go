package administration_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// firm is a tenant with the offices, and with teams of which two administer Rolegate as
// no office's holder may let others do: by a role of theirs, and by their name.
type firm struct {
	*testkit.Kit
	t      *testing.T
	people map[string]*testkit.Person
}

const staff = `{
 "teams": [{"id": "plain"}, {"id": "sellers"}, {"id": "named"}, {"id": "keepers"}, {"id": "mine"}],
 "units": [{"id": "company"}, {"id": "sales", "parent": "company", "heads": ["sys"]}, {"id": "desk", "parent": "sales"}, {"id": "office"}, {"id": "room", "parent": "office"}],
 "territories": [{"id": "world"}, {"id": "home", "parent": "world"}, {"id": "street", "parent": "home"}],
 "roles": ["sales-rep", "keeper"],
 "subjects": [{"type": "user", "id": "bob", "attributes": {"region": "EU"}}, {"type": "user", "id": "eve", "manager": "sys"},
   {"type": "user", "id": "sys", "teams": ["mine"], "unit": "office", "territories": ["home"]}, {"type": "user", "id": "max", "teams": ["keepers"]}],
 "assignments": [{"member": "team:sellers", "role": "sales-rep"}, {"member": "team:keepers", "role": "keeper"}]}`

const rows = "\np, role:keeper, rolegate.policy, publish, all, , allow\np, team:named, rolegate.policy, publish, all, , allow\n"

func newFirm(t *testing.T) *firm {
	t.Helper()
	f := &firm{testkit.New(t), t, map[string]*testkit.Person{}}
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "aud": model.AuditAdmin} {
		f.people[id] = f.MustEnrol(id)
		f.must(app.Assign.Run(t.Context(), f.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: "test"}))
	}
	f.people["ann"] = f.MustEnrol("ann", "sales-rep")
	now, err := app.ExportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	f.must(now, err)
	f.must(app.ImportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + rows), Reason: "test"}))
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(staff)}))
	return f
}

func (f *firm) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// as is a person in the course of an act.
func (f *firm) as(id, object, action string) (*administration.Officer, error) {
	return f.App.Administration.Officer(f.t.Context(), func(ctx context.Context) (login.Session, error) {
		return f.App.Login.AuthenticateUser(ctx, f.people[id].Access)
	}, model.DefaultTenant, object, action)
}

func (f *firm) officer(id, object, action string) *administration.Officer {
	f.t.Helper()
	o, err := f.as(id, object, action)
	f.must(o, err)
	return o
}

func (f *firm) refused(what string, err error, code model.Code) {
	f.t.Helper()
	if model.CodeOf(err) != code {
		f.t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestWhoKeepsTheOrganization(t *testing.T) {
	f := newFirm(t)
	for _, c := range []struct {
		who, action string
		may         bool
	}{
		{"sys", "read", true}, {"sys", "update", true}, {"sys", "import", true},
		{"sec", "read", true}, {"sec", "update", false}, {"sec", "import", false},
		{"aud", "read", false}, {"aud", "update", false}, {"aud", "import", false},
		{"ann", "read", false}, {"ann", "update", false}, {"ann", "import", false},
	} {
		if _, err := f.as(c.who, administration.Organization, c.action); (err == nil) != c.may {
			t.Errorf("%s %s: %v", c.who, c.action, err)
		}
	}
}

// TestMovingPeople: who says where others are gives by it no more than they may give.
func TestMovingPeople(t *testing.T) {
	f := newFirm(t)
	move := func(s model.Subject) error {
		s.Type = "user"
		_, err := f.officer("sys", administration.Organization, administration.Update).Members().Put(t.Context(), s, directory.Condition{})
		return err
	}
	for what, s := range map[string]model.Subject{
		"one's own entry":                          {ID: "sys", Unit: "company"},
		"into a team whose role administers":       {ID: "bob", Teams: []string{"keepers"}},
		"the same, spelled otherwise":              {ID: "bob", Teams: []string{"team:keepers"}},
		"into a team that administers by its name": {ID: "bob", Teams: []string{"named"}},
		"out of a team whose role administers":     {ID: "max"},
		"to report to oneself":                     {ID: "bob", Manager: "sys"},
		"the same, spelled otherwise once more":    {ID: "bob", Manager: "user:sys"},
		"to report to who reports to oneself":      {ID: "bob", Manager: "eve"},
		"into a unit one heads":                    {ID: "bob", Unit: "sales"},
		"into a unit below one that one heads":     {ID: "bob", Unit: "unit:desk"},
		"into the unit that one is in":             {ID: "bob", Unit: "office"},
		"into a unit below the one that one is in": {ID: "bob", Unit: "unit:room"},
		"into a team that one is in":               {ID: "bob", Teams: []string{"plain", "mine"}},
	} {
		f.refused(what, move(s), model.CodeForbidden)
	}
	for what, s := range map[string]model.Subject{
		"into a team without rights":        {ID: "bob", Teams: []string{"plain"}},
		"into a team with a role one gives": {ID: "bob", Teams: []string{"plain", "sellers"}, Unit: "company", Manager: "max"},
		"away from oneself":                 {ID: "eve", Manager: "bob"},
	} {
		if err := move(s); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := f.officer("sys", administration.Organization, administration.Update).Members().Delete(t.Context(), store.Key{"user", "bob"}, directory.Condition{})
	f.refused("to delete somebody", err, model.CodeForbidden)
}

func TestMovingUnits(t *testing.T) {
	f := newFirm(t)
	put := func(u model.Unit) error {
		_, err := f.officer("sys", administration.Organization, administration.Update).Units().Put(t.Context(), u, directory.Condition{})
		return err
	}
	f.refused("oneself as head", put(model.Unit{ID: "company", Heads: []string{"user:sys"}}), model.CodeForbidden)
	f.refused("a unit below one's own", put(model.Unit{ID: "unit:new", Parent: "unit:desk"}), model.CodeForbidden)
	f.refused("a unit below the one that one is in", put(model.Unit{ID: "company", Parent: "office"}), model.CodeForbidden)
	f.refused("the same, further down", put(model.Unit{ID: "company", Parent: "unit:room"}), model.CodeForbidden)
	f.must(nil, put(model.Unit{ID: "room"})) // away from oneself
	f.must(nil, put(model.Unit{ID: "new", Parent: "company", Heads: []string{"bob"}}))
	f.must(nil, put(model.Unit{ID: "sales", Parent: "company", Heads: []string{"sys", "bob"}}))
	got := f.Noted("sys", func() { f.must(nil, put(model.Unit{ID: "new", Parent: "company"})) })
	if len(got) != 1 || got[0].Activity != audit.UnitPut || got[0].Rule == "" {
		t.Errorf("recorded as %+v", got)
	}
	_, err := f.officer("sys", administration.Organization, administration.Update).Units().Delete(t.Context(), store.Key{"company"}, directory.Condition{})
	f.refused("a unit with others below", err, model.CodeInUse)
}

func TestMovingTerritories(t *testing.T) {
	f := newFirm(t)
	put := func(v model.Territory) error {
		_, err := f.officer("sys", administration.Organization, administration.Update).Territories().Put(t.Context(), v, directory.Condition{})
		return err
	}
	f.refused("below one's own", put(model.Territory{ID: "moon", Parent: "home"}), model.CodeForbidden)
	f.refused("the same, further down and spelled otherwise", put(model.Territory{ID: "moon", Parent: "territory:street"}), model.CodeForbidden)
	f.must(nil, put(model.Territory{ID: "moon", Parent: "world"}))
	f.must(nil, put(model.Territory{ID: "home", Parent: "world"}))
	f.must(nil, put(model.Territory{ID: "street", Parent: "world"})) // away from oneself
}

func TestRolesOfTeams(t *testing.T) {
	f := newFirm(t)
	give := func(who, team, role string) error {
		o, err := f.as(who, administration.Roles, administration.Assign)
		if err == nil {
			_, err = o.AssignTeam(t.Context(), team, model.Assignment{Role: role}, "")
		}
		return err
	}
	f.must(nil, give("sys", "plain", "sales-rep"))
	f.refused("what administers as one cannot", give("sys", "plain", "keeper"), model.CodeForbidden)
	f.refused("an office", give("sys", "plain", model.AuditAdmin), model.CodeOfficeReserved)
	f.refused("a team one is in", give("sys", "mine", "sales-rep"), model.CodeForbidden)
	f.refused("by another office", give("sec", "plain", "sales-rep"), model.CodeForbidden)
	take := func(team, role string) error {
		_, err := f.officer("sys", administration.Roles, administration.Assign).UnassignTeam(t.Context(), team, role, "")
		return err
	}
	f.refused("what one could not give", take("keepers", "keeper"), model.CodeForbidden)
	f.must(nil, take("plain", "sales-rep"))
}

// TestImportByPeople holds an import to what each of its entries would take by itself.
func TestImportByPeople(t *testing.T) {
	f := newFirm(t)
	preview := func(file string) (administration.Imported, error) {
		return f.officer("sys", administration.Organization, administration.Import).PreviewImport(t.Context(), []byte(file))
	}
	_, err := preview(`{"subjects": [{"type": "user", "id": "new"}, {"type": "user", "id": "sys", "unit": "x"}, {"type": "user", "id": "bob", "teams": ["named"]}],
		"units": [{"id": "new"}, {"id": "below", "parent": "desk"}], "territories": [{"id": "moon", "parent": "home"}], "roles": ["fresh"],
		"assignments": [{"member": "bob", "role": "sales-rep"}, {"member": "bob", "role": "keeper"}, {"member": "sys", "role": "sales-rep"}, {"member": "team:mine", "role": "sales-rep"}]}`)
	f.refused("beyond one's rights", err, model.CodeForbidden)
	var e *model.Error
	if e, _ = err.(*model.Error); e == nil {
		t.Fatal(err)
	}
	var places []string
	for _, d := range e.Details {
		places = append(places, d.Path)
	}
	if got, want := strings.Join(places, " "), "units[1] territories[0] subjects[1] subjects[2] assignments[1] assignments[2] assignments[3]"; got != want {
		t.Errorf("it names %s, want %s", got, want)
	}
	for _, office := range []string{"system-admin", "role:audit-admin"} {
		_, err = preview(`{"assignments": [{"member": "user:bob", "role": "` + office + `"}]}`)
		f.refused("an office", err, model.CodeImportInvalid)
	}
	for what, file := range map[string]string{
		"oneself, spelled otherwise":              `{"assignments": [{"member": "user:sys", "role": "sales-rep"}]}`,
		"oneself by attributes":                   `{"subjects": [{"type": "user", "id": "sys", "attributes": {"level": 9}, "teams": ["mine"], "unit": "office", "territories": ["home"]}]}`,
		"a team with rights, and into it at once": `{"assignments": [{"member": "team:plain", "role": "keeper"}], "subjects": [{"type": "user", "id": "bob", "teams": ["plain"]}]}`,
		"a head":                              `{"units": [{"id": "company", "heads": ["user:sys"]}]}`,
		"a manager, over somebody in between": `{"subjects": [{"type": "user", "id": "bob", "manager": "new"}, {"type": "user", "id": "new", "manager": "sys"}]}`,
		"a record of the CRM":                 `{"resources": [{"type": "deal", "id": "d1", "attributes": {"owner": "sys"}}]}`,
	} {
		_, err = preview(file)
		f.refused(what, err, model.CodeForbidden)
	}
	record := []byte(`{"resources": [{"type": "deal", "id": "d1", "attributes": {"owner": "ann"}}]}`)
	f.must(f.App.Directory.Import(t.Context(), testkit.Operator, model.DefaultTenant, record, false, "test"))
	_, err = preview(string(record))
	f.refused("whether a record is as one guesses", err, model.CodeForbidden)

	good := `{"teams": [{"id": "plain"}], "subjects": [{"type": "user", "id": "bob", "teams": ["sellers"]}, {"type": "user", "id": "new", "unit": "company"}]}`
	seen, err := preview(good)
	f.must(seen, err)
	if len(seen.Steps) != 2 || seen.Result.Subjects != (directory.Counts{Created: 1, Changed: 1}) || seen.Result.Teams.Unchanged != 1 || !seen.Result.DryRun {
		t.Fatalf("previewed %+v", seen)
	}
	if _, err := f.App.Store.Subject(t.Context(), model.DefaultTenant, "user", "new"); err == nil {
		t.Fatal("a preview made somebody")
	}
	apply := func(digest string) (administration.Imported, error) {
		return f.officer("sys", administration.Organization, administration.Import).ImportFile(t.Context(), []byte(good), digest, "spring")
	}
	_, err = apply("other")
	f.refused("another plan", err, model.CodePrecondition)
	f.must(f.App.Directory.Import(t.Context(), testkit.Operator, model.DefaultTenant, []byte(`{"subjects": [{"type": "user", "id": "bob", "unit": "x"}]}`), false, "test"))
	_, err = apply(seen.Digest)
	f.refused("a directory that moved on", err, model.CodePrecondition)
	seen, err = preview(good)
	f.must(seen, err)
	done, err := apply(seen.Digest)
	f.must(done, err)
	if bob, err := f.App.Store.Subject(t.Context(), model.DefaultTenant, "user", "bob"); err != nil || len(bob.Teams) != 1 || bob.Unit != "" {
		t.Errorf("%+v, %v", bob, err)
	}
}

// TestPeopleFile: a table changes what it has columns for, and nothing else.
func TestPeopleFile(t *testing.T) {
	f := newFirm(t)
	o := func() *administration.Officer {
		return f.officer("sys", administration.Organization, administration.Import)
	}
	text, err := o().PeopleFile(t.Context(), []byte("\ufeffid, unit,teams,roles,attributes.level\nbob,company,plain; sellers,sales-rep,3\n\"new, one\",,,,\n"))
	f.must(text, err)
	want := `{"subjects":[{"type":"user","id":"bob","attributes":{"level":"3","region":"EU"},"teams":["plain","sellers"],"unit":"company"},{"type":"user","id":"new, one"}],` +
		`"assignments":[{"member":"user:bob","role":"sales-rep"}]}`
	if string(text) != want {
		t.Errorf("it makes\n%s, want\n%s", text, want)
	}
	for table, line := range map[string]int{"": 1, "unit\nx\n": 1, "id,pay\nbob,3\n": 1, "id,id\na,b\n": 1, "id,unit\nbob,x\n,y\n": 3, "id,unit\nbob\n": 2, "id\n\"x\n": 2} {
		_, err := o().PeopleFile(t.Context(), []byte(table))
		e, _ := err.(*model.Error)
		if e == nil || e.Code != model.CodeImportInvalid || len(e.Details) != 1 || e.Details[0].Line != line {
			t.Errorf("%q: %v", table, err)
		}
	}
}

// TestImportsAtOnce: a third is refused while two are worked on, and there is room
// again when they are done.
func TestImportsAtOnce(t *testing.T) {
	f := newFirm(t)
	var codes []model.Code
	var nested func(level int)
	nested = func(level int) {
		begun := false
		o, err := f.App.Administration.Officer(t.Context(), func(ctx context.Context) (login.Session, error) {
			if begun && level < 3 {
				begun = false
				nested(level + 1)
			}
			return f.App.Login.AuthenticateUser(ctx, f.people["sys"].Access)
		}, model.DefaultTenant, administration.Organization, administration.Import)
		f.must(o, err)
		begun = true
		_, err = o.PreviewImport(t.Context(), []byte(`{"teams": [{"id": "x"}]}`))
		codes = append(codes, model.CodeOf(err))
	}
	nested(1)
	nested(3)
	if want := []model.Code{model.CodeBusy, "", "", ""}; !slices.Equal(codes, want) {
		t.Errorf("three imports in one another: %q, want %q", codes, want)
	}
}

// TestTablesOfSpreadsheets: what programs make of a table is read as it is meant.
func TestTablesOfSpreadsheets(t *testing.T) {
	f := newFirm(t)
	want := `{"subjects":[{"type":"user","id":"bob","attributes":{"region":"EU"},"teams":["plain","sellers"],"unit":"company"}]}`
	for what, table := range map[string]string{
		"semicolons":                   "\ufeffid;unit;teams\r\nbob;company;\"plain;sellers\"\r\n",
		"tabulators":                   "id\tunit\tteams\nbob\tcompany\tplain; sellers",
		"empty lines":                  "id,unit,teams\n\nbob,company,plain;sellers\n,,\n , ,\n",
		"semicolons of full width":     "id,unit,teams\nbob,company,plain；sellers\n",
		"capitals in names of columns": "ID,Unit,TEAMS\nbob,company,plain;sellers\n",
	} {
		text, err := f.officer("sys", administration.Organization, administration.Import).PeopleFile(t.Context(), []byte(table))
		if err != nil || string(text) != want {
			t.Errorf("%s: %s, %v", what, text, err)
		}
	}
}

// TestTablesWithinRights: who may import some people learns nothing of others by a table
// that names them.
func TestTablesWithinRights(t *testing.T) {
	f := newFirm(t)
	now, err := app.ExportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	f.must(now, err)
	const own = "\np, role:sales-rep, rolegate.organization, import, subtree:1, , allow\n"
	f.must(app.ImportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + own), Reason: "test"}))
	_, err = f.officer("ann", administration.Organization, administration.Import).PeopleFile(t.Context(), []byte("id\neve\nbob\n"))
	e, _ := err.(*model.Error)
	if e == nil || len(e.Details) != 2 || e.Details[1].Line != 3 || e.Details[1].Code != model.CodeForbidden {
		t.Errorf("a table of others: %v", err)
	}
}

// TestNobodyWritesUndecided: without grounds, or with those of before, people write
// nothing by the ways that systems use.
func TestNobodyWritesUndecided(t *testing.T) {
	f := newFirm(t)
	caller := model.Caller{Kind: model.CallerUser, ID: "sys", Tenant: model.DefaultTenant}
	_, err := f.App.Directory.Teams().Put(t.Context(), caller, model.DefaultTenant, model.Team{ID: "x"}, directory.Condition{})
	f.refused("a team without grounds", err, model.CodeForbidden)
	_, err = f.App.Directory.Import(t.Context(), caller, model.DefaultTenant, []byte(`{"teams": [{"id": "x"}]}`), false, "")
	f.refused("an import without grounds", err, model.CodeForbidden)
	caller.Grounds = &model.Grounds{Revision: 1}
	if _, err = f.App.Directory.Import(t.Context(), caller, model.DefaultTenant, []byte(`{"teams": [{"id": "x"}]}`), false, ""); err != directory.ErrMoved {
		t.Errorf("an import on grounds of before: %v", err)
	}
}
