package administration_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/directory"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// delegation is what the desk administers, and roles that it must not come by. Each of
// them holds something the desk has not; probation and badge hold nothing, and withhold.
const delegation = `
p, role:desk, rolegate.user, *, all, , allow
p, role:desk, rolegate.role, assign, all, , allow
p, role:desk, rolegate.role, update, all, , allow
p, role:desk, rolegate.organization, update, all, , allow
p, role:desk, rolegate.organization, import, all, , allow
p, role:desk, rolegate.client, *, all, , allow
p, role:desk, contact, read, all, , allow
p3, role:desk, deal, *, read, allow
p, role:reader, contact, read, own, , allow
p3, role:margins, deal, margin, read, allow
p, role:wider, contact, delete, all, , allow
p, role:probation, contact, delete, all, , deny
p, role:blinkers, contact, read, all, , deny
p, role:seer, contact, read, all, , allow
p, role:muzzle, rolegate.policy, *, all, , deny
p, role:branch, rolegate.organization, update, unit_tree, , allow
p, role:branch, rolegate.user, *, unit_tree, , allow
`

// delegated is a firm with dan, who holds the desk's role and no office.
func delegated(t *testing.T) *firm {
	t.Helper()
	f := newFirm(t)
	f.roles("desk", "reader", "margins", "wider", "probation", "muzzle", "badge", "branch", "blinkers", "seer")
	now, err := app.ExportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant})
	f.must(now, err)
	f.must(app.ImportPolicy.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Policy + delegation), Reason: "test"}))
	f.people["dan"] = f.MustEnrol("dan", "desk")
	f.enrolled("kim", "keeper")
	f.enrolled("low", "reader")
	return f
}

func (f *firm) roles(ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		f.must(f.App.Directory.PutRole(f.t.Context(), testkit.Operator, model.DefaultTenant, model.Role{ID: id}, true, ""))
	}
}

// enrolled is an account with a password and no second factor, and with roles.
func (f *firm) enrolled(id string, roles ...string) { f.Invite(id, roles...) }

// holds gives a role on the host.
func (f *firm) holds(id, role string, until time.Time) {
	f.t.Helper()
	f.must(app.Assign.Run(f.t.Context(), f.App, testkit.Operator,
		app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: role, Until: until, Reason: "test"}))
}

func (f *firm) disabled(by, id string, disabled bool) error {
	_, err := f.officer(by, administration.Users, administration.Disable).SetDisabled(f.t.Context(), id, disabled, "test")
	return err
}

func (f *firm) gives(by, id, role string, until time.Time) error {
	_, err := f.officer(by, administration.Roles, administration.Assign).Assign(f.t.Context(), id, model.Assignment{Role: role, Until: until}, "")
	return err
}

func (f *firm) takes(by, id, role string) error {
	_, err := f.officer(by, administration.Roles, administration.Assign).Unassign(f.t.Context(), id, role, "")
	return err
}

// Nobody disarms who administers Rolegate in ways they cannot, by whatever act.
func TestNobodyDisarmsThoseAbove(t *testing.T) {
	f := delegated(t)
	f.must(nil, f.disabled("dan", "low", true))
	f.must(nil, f.disabled("dan", "low", false))
	f.holds("kim", "reader", time.Time{})
	f.must(f.App.Directory.Units().Put(t.Context(), testkit.Operator, model.DefaultTenant, model.Unit{ID: "desk", Parent: "sales", Heads: []string{"sys"}}, directory.Condition{}))
	f.refused("disabling", f.disabled("dan", "kim", true), model.CodeForbidden)
	_, _, err := f.officer("dan", administration.Users, administration.EndSessions).EndSessions(t.Context(), "kim", "test")
	f.refused("ending sessions", err, model.CodeForbidden)
	f.refused("unlocking", f.officer("dan", administration.Users, administration.Unlock).Unlock(t.Context(), "kim", "test"), model.CodeForbidden)
	f.refused("taking a role one could give", f.takes("dan", "kim", "reader"), model.CodeForbidden)
	f.refused("giving it an end", f.gives("dan", "kim", "reader", f.Now().Add(time.Minute)), model.CodeForbidden)
	f.refused("giving a role that withholds", f.gives("dan", "kim", "muzzle", time.Time{}), model.CodeForbidden)
	f.refused("the same to the holder of an office", f.gives("dan", "sec", "muzzle", time.Time{}), model.CodeOfficeReserved)
	move := func(s model.Subject) error {
		s.Type = "user"
		_, err := f.officer("dan", administration.Organization, administration.Update).Members().Put(t.Context(), s, directory.Condition{})
		return err
	}
	f.refused("moving", move(model.Subject{ID: "kim", Unit: "company"}), model.CodeForbidden)
	f.refused("moving the holder of an office", move(model.Subject{ID: "sec", Attributes: map[string]any{"level": 1}}), model.CodeOfficeReserved)
	_, err = f.officer("dan", administration.Organization, administration.Update).Units().Put(t.Context(), model.Unit{ID: "sales", Parent: "company"}, directory.Condition{})
	f.refused("taking a unit from the holder of an office who heads it", err, model.CodeOfficeReserved)
	_, err = f.officer("dan", administration.Organization, administration.Import).PreviewImport(t.Context(), []byte(`{"subjects": [{"type": "user", "id": "kim", "unit": "company"}]}`))
	f.refused("moving by an import", err, model.CodeForbidden)
	_, err = f.officer("dan", administration.Organization, administration.Update).Units().Delete(t.Context(), store.Key{"desk"}, directory.Condition{})
	f.refused("deleting one that the holder of an office heads", err, model.CodeOfficeReserved)
	_, err = f.officer("dan", administration.Roles, administration.Assign).AssignTeam(t.Context(), "keepers", model.Assignment{Role: "muzzle"}, "")
	f.refused("giving their team a role that withholds", err, model.CodeForbidden)
	// The holder of an office may, who is watched by those of the others.
	f.must(nil, f.disabled("sys", "kim", true))

	f.must(app.Assign.Run(t.Context(), f.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "dan", Role: model.AuditAdmin, From: f.Now().Add(time.Hour), Reason: "test"}))
	f.refused("by who will hold an office later", f.disabled("dan", "aud", true), model.CodeOfficeReserved)
}

// To enable an account is to give again what it holds.
func TestEnablingIsGiving(t *testing.T) {
	f := delegated(t)
	f.enrolled("beyond", "wider")
	f.enrolled("named")
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"subjects": [{"type": "user", "id": "named", "teams": ["named"]}]}`)}))
	for _, id := range []string{"low", "kim", "beyond", "named", "aud"} {
		if id == "aud" {
			f.MustEnrol("aud2")
			f.holds("aud2", model.AuditAdmin, time.Time{})
		}
		f.must(app.SetUserDisabled.Run(t.Context(), f.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Disabled: true, Reason: "test"}))
	}
	enable := func(by, id string) error { return f.disabled(by, id, false) }
	f.refused("who administers what the desk does not", enable("dan", "kim"), model.CodeForbidden)
	f.refused("who has such a team", enable("dan", "named"), model.CodeForbidden)
	f.refused("who reaches what the desk does not", enable("dan", "beyond"), model.CodeForbidden)
	f.refused("who holds an office", enable("dan", "aud"), model.CodeOfficeReserved)
	f.must(nil, enable("dan", "low"))
	f.refused("the same, by the holder of an office", enable("sys", "kim"), model.CodeForbidden)
	f.must(nil, enable("sys", "beyond"))
	f.must(nil, enable("sys", "aud"))
}

// Nobody lifts their own lock: whoever sits at an open session may be guessing codes.
func TestNobodyUnlocksThemselves(t *testing.T) {
	f := delegated(t)
	f.refused("one's own lock", f.officer("dan", administration.Users, administration.Unlock).Unlock(t.Context(), "dan", "test"), model.CodeForbidden)
}

// Whoever takes a role gives what it withholds.
func TestTakingARoleThatWithholds(t *testing.T) {
	f := delegated(t)
	f.enrolled("held", "wider", "probation")
	f.enrolled("free", "reader", "probation")
	f.refused("from who gets back what the desk has not", f.takes("dan", "held", "probation"), model.CodeForbidden)
	f.must(nil, f.takes("dan", "free", "probation"))
	f.must(nil, f.takes("sys", "held", "probation"))

	f.holds("team:plain", "probation", time.Time{})
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"subjects": [{"type": "user", "id": "held", "teams": ["plain"]}, {"type": "user", "id": "free", "teams": ["plain"]}]}`)}))
	_, err := f.officer("dan", administration.Roles, administration.Assign).UnassignTeam(t.Context(), "plain", "probation", "")
	f.refused("from a team", err, model.CodeForbidden)
	leave := func(by, id string) error {
		_, err := f.officer(by, administration.Organization, administration.Update).Members().Put(t.Context(), model.Subject{Type: "user", ID: id}, directory.Condition{})
		return err
	}
	f.refused("by taking somebody out of the team", leave("dan", "held"), model.CodeForbidden)
	f.must(nil, leave("dan", "free"))
	f.must(nil, leave("sys", "held"))

	f.must(f.App.Directory.PutRole(t.Context(), testkit.Operator, model.DefaultTenant, model.Role{ID: "badge", RequireMFA: true}, false, ""))
	f.holds("held", "badge", time.Time{})
	f.Relaxed()
	f.refused("a role that asks for a second factor", f.takes("dan", "held", "badge"), model.CodeForbidden)
}

// Whoever takes a role's mark off lets its holders do all they may without a second factor.
func TestTheMarkOfARole(t *testing.T) {
	f := delegated(t)
	mark := func(by, role string, on bool) error {
		_, err := f.officer(by, administration.Roles, administration.Update).PutRole(t.Context(), model.Role{ID: role, RequireMFA: on}, false)
		return err
	}
	f.must(nil, mark("dan", "badge", true))
	f.must(nil, mark("dan", "badge", false)) // nobody holds it
	f.must(nil, mark("dan", "badge", true))
	f.holds("low", "badge", time.Time{})
	f.must(nil, mark("dan", "badge", false))
	f.must(nil, mark("dan", "badge", true))
	f.holds("kim", "badge", time.Time{})
	f.refused("of who may what the desk may not", mark("dan", "badge", false), model.CodeForbidden)
	f.refused("by the role's name in rows", mark("dan", "role:badge", false), model.CodeRoleUnknown)
	f.must(nil, mark("sys", "desk", true))
	f.refused("of one's own role", mark("dan", "desk", false), model.CodeForbidden)
	f.must(nil, mark("dan", "badge", true)) // as it is
}

// A field that only a rule naming it opens is not given by who has all others.
func TestSecuredFieldsAreNotWithinAll(t *testing.T) {
	f := delegated(t)
	f.refused("a secured field", f.gives("dan", "low", "margins", time.Time{}), model.CodeForbidden)
}

// Whoever moves somebody has the right to them where they go, too.
func TestMovingPeopleOutOfReach(t *testing.T) {
	f := delegated(t)
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"subjects": [{"type": "user", "id": "low", "unit": "room"}, {"type": "user", "id": "lea", "unit": "office"}]}`)}))
	f.people["lea"] = f.MustEnrol("lea", "branch")
	move := func(unit string) error {
		_, err := f.officer("lea", administration.Organization, administration.Update).Members().Put(t.Context(), model.Subject{Type: "user", ID: "low", Unit: unit}, directory.Condition{})
		return err
	}
	f.refused("to a unit beyond one's own", move("company"), model.CodeForbidden)
}

// A role is given for no longer than one's own right to give it lasts.
func TestGivingWithinOnesOwnTime(t *testing.T) {
	f := delegated(t)
	end := f.Now().Add(48 * time.Hour).Truncate(time.Second)
	f.must(nil, f.gives("dan", "low", "reader", time.Time{}))
	f.holds("dan", "desk", end)
	f.refused("without an end", f.gives("dan", "low", "reader", time.Time{}), model.CodeForbidden)
	f.refused("with a later end", f.gives("dan", "low", "reader", end.Add(time.Second)), model.CodeForbidden)
	f.must(nil, f.gives("dan", "low", "reader", end))
	_, err := f.officer("dan", administration.Roles, administration.Assign).AssignTeam(t.Context(), "plain", model.Assignment{Role: "reader"}, "")
	f.refused("a team", err, model.CodeForbidden)
	_, err = f.officer("dan", administration.Users, administration.Create).AddUser(t.Context(), directory.NewUser{ID: "neu", Roles: []string{"reader"}}, "")
	f.refused("with a new account", err, model.CodeForbidden)
	_, err = f.officer("dan", administration.Organization, administration.Import).PreviewImport(t.Context(), []byte(`{"assignments": [{"member": "user:low", "role": "reader"}]}`))
	f.refused("by an import", err, model.CodeForbidden)
	f.must(app.Assign.Run(t.Context(), f.App, testkit.Operator,
		app.RoleRequest{Tenant: model.DefaultTenant, Member: "dan", Role: "desk", From: f.Now().Add(-time.Hour), Until: end, Reason: "test"}))
	_, err = f.officer("dan", administration.Organization, administration.Import).PreviewImport(t.Context(), []byte(`{"assignments": [{"member": "user:low", "role": "reader", "until": "2020-01-01T00:00:00Z"}]}`))
	f.must(nil, err) // which is over gives nothing
	f.must(nil, f.takes("dan", "low", "reader"))
}

// What comes back to somebody has no end, and so is given by a right that has none. dan
// keeps the right to the records: it is the one over roles and accounts that ends.
func TestFreeingWithinOnesOwnTime(t *testing.T) {
	f := delegated(t)
	f.holds("dan", "seer", time.Time{})
	f.enrolled("nothing")
	f.enrolled("free", "reader", "blinkers", "badge")
	f.enrolled("teamed", "reader")
	f.holds("team:plain", "blinkers", time.Time{})
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"teams": [{"id": "blinkered"}], "subjects": [{"type": "user", "id": "low", "teams": ["plain"]}, {"type": "user", "id": "teamed", "teams": ["blinkered"]}],
			"assignments": [{"member": "team:blinkered", "role": "blinkers"}]}`)}))
	for _, id := range []string{"nothing", "low"} {
		f.must(app.SetUserDisabled.Run(t.Context(), f.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: id, Disabled: true, Reason: "test"}))
	}
	f.must(f.App.Directory.PutRole(t.Context(), testkit.Operator, model.DefaultTenant, model.Role{ID: "badge", RequireMFA: true}, false, ""))
	roles := func(action string) *administration.Officer { return f.officer("dan", administration.Roles, action) }
	acts := []struct {
		what string
		do   func() error
	}{
		{"enabling who holds roles", func() error { return f.disabled("dan", "low", false) }},
		{"inviting who holds roles", func() error {
			_, err := f.officer("dan", administration.Users, administration.Invite).Invite(t.Context(), "free", "")
			return err
		}},
		{"taking a team's role", func() error {
			_, err := roles(administration.Assign).UnassignTeam(t.Context(), "plain", "blinkers", "")
			return err
		}},
		{"letting somebody out of a team", func() error {
			_, err := f.officer("dan", administration.Organization, administration.Update).Members().Put(t.Context(), model.Subject{Type: "user", ID: "teamed"}, directory.Condition{})
			return err
		}},
		{"giving a role an end", func() error { return f.gives("dan", "free", "blinkers", f.Now().Add(time.Hour)) }},
		{"taking a role", func() error { return f.takes("dan", "free", "blinkers") }},
		{"taking a mark off", func() error {
			_, err := roles(administration.Update).PutRole(t.Context(), model.Role{ID: "badge"}, false)
			return err
		}},
	}
	f.holds("dan", "desk", f.Now().Add(48*time.Hour))
	for _, act := range acts {
		f.refused(act.what, act.do(), model.CodeForbidden)
	}
	f.must(nil, f.disabled("dan", "nothing", false))
	f.holds("dan", "desk", time.Time{})
	for _, act := range acts {
		if err := act.do(); err != nil {
			t.Errorf("without an end, %s: %v", act.what, err)
		}
	}

	// Likewise of an office, by who holds one for a time.
	f.people["tim"] = f.MustEnrol("tim")
	f.holds("tim", model.SystemAdmin, f.Now().Add(48*time.Hour))
	f.MustEnrol("aud2")
	f.holds("aud2", model.AuditAdmin, time.Time{})
	f.must(nil, f.disabled("tim", "aud2", true))
	f.refused("enabling the holder of an office", f.disabled("tim", "aud2", false), model.CodeForbidden)
	f.holds("tim", model.SystemAdmin, time.Time{})
	f.must(nil, f.disabled("tim", "aud2", false))
}

// An office is given by two who hold theirs without an end.
func TestOfficesByWhoHoldsOneForATime(t *testing.T) {
	f := delegated(t)
	f.MustEnrol("aud2")
	f.holds("aud2", model.AuditAdmin, time.Time{})
	ask := func(by string) (directory.OfficeRequest, error) {
		return f.officer(by, administration.Offices, administration.Request).RequestOffice(t.Context(), "ann", model.SystemAdmin, "test")
	}
	r, err := ask("sec")
	f.must(r, err)
	approve := func() error {
		_, err := f.officer("aud", administration.Offices, administration.Approve).DecideOffice(t.Context(), r.ID, true)
		return err
	}
	f.holds("aud", model.AuditAdmin, f.Now().Add(48*time.Hour))
	f.refused("approved by one whose office has an end", approve(), model.CodeForbidden)
	_, err = ask("aud")
	f.refused("asked for by one", err, model.CodeForbidden)
	f.holds("aud", model.AuditAdmin, time.Time{})
	f.must(nil, approve())
}

// A client that explains tells what the policy says: it is made, and its secret is
// got, by who may be told that.
func TestClientsThatExplain(t *testing.T) {
	f := delegated(t)
	add := func(by, id string, scopes ...string) error {
		_, err := f.officer(by, administration.Clients, administration.Create).AddClient(t.Context(), model.Client{ID: id, Scopes: scopes})
		return err
	}
	f.must(nil, add("dan", "asks", "decide"))
	f.refused("a client that explains", add("dan", "tells", "decide", "explain"), model.CodeForbidden)
	f.must(nil, add("sys", "tells", "decide", "explain"))
	_, err := f.officer("dan", administration.Clients, administration.RotateSecret).RotateSecret(t.Context(), "tells")
	f.refused("its secret", err, model.CodeForbidden)
	shut := func(disabled bool) error {
		_, err := f.officer("dan", administration.Clients, administration.Disable).SetClientDisabled(t.Context(), "tells", disabled)
		return err
	}
	f.must(nil, shut(true))
	f.refused("letting it in again", shut(false), model.CodeForbidden)

	// Of those of other tenants nothing is told, not even that they are there.
	f.must(f.App.Directory.CreateTenant(t.Context(), testkit.Operator, model.Tenant{ID: "beta"}))
	f.must(f.App.Directory.AddClient(t.Context(), testkit.Operator, model.Client{ID: "theirs", Tenant: "beta", Scopes: []string{"explain"}}))
	f.must(f.App.Directory.AddClient(t.Context(), testkit.Operator, model.Client{ID: "everywhere", Tenants: []string{"*"}, Scopes: []string{"explain"}}))
	for _, id := range []string{"theirs", "everywhere", "none"} {
		_, err := f.officer("dan", administration.Clients, administration.RotateSecret).RotateSecret(t.Context(), id)
		f.refused("the secret of "+id, err, model.CodeClientUnknown)
		_, err = f.officer("dan", administration.Clients, administration.Disable).SetClientDisabled(t.Context(), id, false)
		f.refused("letting in "+id, err, model.CodeClientUnknown)
	}
}

// reading counts what is read of subjects and their roles.
type reading struct {
	store.Store
	count int
}

func (r *reading) Subject(ctx context.Context, tenant, typ, id string) (model.Subject, error) {
	r.count++
	return r.Store.Subject(ctx, tenant, typ, id)
}

func (r *reading) PageSubjects(ctx context.Context, tenant, typ string, after store.Key, limit int) ([]model.Subject, error) {
	r.count++
	return r.Store.PageSubjects(ctx, tenant, typ, after, limit)
}

func (r *reading) Assignments(ctx context.Context, tenant, member, role string) ([]model.Assignment, error) {
	r.count++
	return r.Store.Assignments(ctx, tenant, member, role)
}

// Who is in a team is known from memory: an act on a large one reads no more than on a
// small one, and so is done between two logins.
func TestRolesOfLargeTeams(t *testing.T) {
	f := delegated(t)
	var people []string
	for i := range 2_000 {
		people = append(people, fmt.Sprintf(`{"type": "user", "id": "p%d", "teams": ["sellers"]}`, i))
	}
	f.must(app.ImportDirectory.Run(t.Context(), f.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(`{"subjects": [` + strings.Join(people, ",") + `]}`)}))
	s := *f.App.Administration
	read := &reading{Store: s.Store}
	s.Store = read
	assign := func() error {
		o, err := s.Officer(t.Context(), func(ctx context.Context) (login.Session, error) {
			return f.App.Login.AuthenticateUser(ctx, f.people["dan"].Access)
		}, model.DefaultTenant, administration.Roles, administration.Assign)
		f.must(o, err)
		_, err = o.AssignTeam(t.Context(), "sellers", model.Assignment{Role: "reader"}, "")
		return err
	}
	f.must(nil, assign())
	if read.count > 20 {
		t.Errorf("%d reads of subjects and roles for a team of 2,000", read.count)
	}
	f.must(f.App.Directory.Assign(t.Context(), testkit.Operator, model.DefaultTenant, model.Assignment{Member: "p1999", Role: "keeper"}, ""))
	f.refused("a team with somebody above in it", assign(), model.CodeForbidden)
}

// What people write as a reason is bounded, and one line or several of plain text.
func TestReasonsArePlain(t *testing.T) {
	f := delegated(t)
	for what, reason := range map[string]string{
		"too long": strings.Repeat("x", 1_001), "an escape": "a\x1b[31mb", "a bell": "a\ab", "a byte of nothing": "a\x00b",
		"letters turned round": "a\u202eb", "a mark of direction": "a\u200fb", "no text at all": "a\xffb",
	} {
		_, err := f.officer("dan", administration.Users, administration.Enable).SetDisabled(t.Context(), "low", false, reason)
		f.refused("enabling, "+what, err, model.CodeInvalidRequest)
		_, _, err = f.officer("dan", administration.Users, administration.EndSessions).EndSessions(t.Context(), "low", reason)
		f.refused("ending sessions, "+what, err, model.CodeInvalidRequest)
		_, err = f.officer("dan", administration.Users, administration.Invite).Invite(t.Context(), "low", reason)
		f.refused("inviting, "+what, err, model.CodeInvalidRequest)
		_, err = f.officer("dan", administration.Roles, administration.Assign).Unassign(t.Context(), "low", "reader", reason)
		f.refused("taking a role, "+what, err, model.CodeInvalidRequest)
		_, err = f.officer("sys", administration.Offices, administration.Request).RequestOffice(t.Context(), "ann", model.AuditAdmin, reason)
		f.refused("asking for an office, "+what, err, model.CodeInvalidRequest)
	}
	_, err := f.officer("dan", administration.Users, administration.Disable).SetDisabled(t.Context(), "low", true, "first line\r\n\tsecond：第二行")
	f.must(nil, err)
}
