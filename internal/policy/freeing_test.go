package policy

import (
	"testing"

	"rolegate/model"
)

// What a role withholds comes back to who loses it, and is compared like what is given.
func TestFreeing(t *testing.T) {
	for _, c := range []struct {
		name string
		rows string // the person holds role:me; role:r is lost, and role:left stays
		mark bool
		want Handing
	}{
		{"a role that withholds nothing", "p, role:r, contact, read, all, , allow\np, role:left, deal, read, all, , allow", false, HandingNothing},
		{"a denial of what is left", "p, role:r, deal, read, all, , deny\np, role:left, deal, read, all, , allow", false, HandingBeyond},
		{"of what the person has, too", "p, role:me, deal, read, all, , allow\np, role:r, deal, read, all, , deny\np, role:left, deal, read, own, , allow", false, HandingWithin},
		{"of something else", "p, role:r, deal, update, all, , deny\np, role:left, deal, read, all, , allow", false, HandingNothing},
		{"of what administers", "p, role:r, *, *, all, , deny\np, role:left, rolegate.policy, publish, all, , allow", false, HandingAdministers},
		{"by what the role inherits", "g, role:r, role:base\np, role:base, deal, *, all, , deny\np, role:left, deal, read, all, , allow", false, HandingBeyond},
		{"of what the rest inherits", "g, role:left, role:base\np, role:r, deal, *, all, , deny\np, role:base, deal, read, all, , allow", false, HandingBeyond},
		{"a restriction", "p2, role:r, deal, read, record.stage == 'won', deny\np, role:left, deal, read, all, , allow", false, HandingBeyond},
		{"a field that is closed", "p3, role:r, deal, margin, read, deny\np, role:left, deal, read, all, , allow", false, HandingBeyond},
		{"a demand for a proof", "p4, role:r, rolegate.user, *, 2, 60, deny\np, role:left, rolegate.user, read, all, , allow", false, HandingAdministers},
		{"a denial of everybody's that asks for the role", "p, *, deal, *, all, 'role:r' in user.roles, deny\np, role:left, deal, read, all, , allow", false, HandingBeyond},
		{"one that asks for any role", "p, *, rolegate.user, *, all, record.blocked in user.roles, deny\np, role:left, rolegate.user, disable, all, , allow", false, HandingAdministers},
		{"one that asks for any team", "p, *, deal, *, all, action.team in user.teams, deny\np, role:left, deal, read, all, , allow", false, HandingNothing},
		{"a denial of others' that asks for the role", "p, role:other, deal, *, all, 'role:r' in user.roles, deny\np, role:left, deal, read, all, , allow", false, HandingNothing},
		{"of others' rows that ask for what is left", "p, role:r, deal, *, all, , deny\np, role:other, deal, read, all, 'role:left' in user.roles, allow", false, HandingNothing},
		{"a right of who does not hold it", "p, role:left, rolegate.policy, publish, all, !('role:r' in user.roles), allow", false, HandingAdministers},
		{"the same of everybody's", "p, *, rolegate.policy, publish, all, !('role:r' in user.roles), allow", false, HandingWithin},
		{"of everybody's, as the person holds it too", "g, role:me, role:r\np, *, rolegate.policy, publish, all, !('role:r' in user.roles), allow", false, HandingAdministers},
		{"a denial of the person's too, of what everybody may", "g, role:me, role:r\np, *, rolegate.policy, publish, all, , allow\np, role:r, rolegate.policy, publish, all, , deny", false, HandingAdministers},
		{"likewise, by a condition", "g, role:me, role:r\np, *, deal, read, all, , allow\np, *, deal, read, all, 'role:r' in user.roles, deny", false, HandingBeyond},
		{"a demand for a proof of the person's too", "g, role:me, role:r\np, *, deal, read, all, , allow\np4, role:r, deal, *, 2, 60, deny", false, HandingWithin},
		{"of what everybody may", "p, *, deal, read, all, , allow\np, role:r, deal, read, all, , deny", false, HandingWithin},
		{"of what everybody may who holds what neither does", "p, *, deal, read, all, 'role:boss' in user.roles, allow\np, role:r, deal, read, all, , deny", false, HandingWithin},
		{"of what everybody may who holds what stays", "p, *, deal, read, all, 'role:left' in user.roles, allow\np, role:r, deal, read, all, , deny", false, HandingBeyond},
		{"of what everybody may who does not hold the person's role", "p, *, deal, read, all, !('role:me' in user.roles), allow\np, role:r, deal, read, all, , deny", false, HandingBeyond},
		{"of what neither may, since both hold a role", "g, role:me, role:left\np, *, deal, read, all, !('role:left' in user.roles), allow\np, role:r, deal, read, all, , deny", false, HandingWithin},
		{"a mark", "p, role:left, rolegate.user, read, all, , allow", true, HandingAdministers},
		{"a mark before nothing", "p, role:r, contact, read, all, , allow", true, HandingNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := mustParse(t, c.rows+"\n")
			in := inheritance{}
			for _, l := range doc.RoleLinks {
				in[l.Role] = append(in[l.Role], l.Inherits)
			}
			all := newGiver(doc.Rows, nil, in)
			all.mine = all.closed("*", "role:me")
			if got := all.freeing(all.closed("role:r"), all.closed("*", "role:left"), c.mark); got != c.want {
				t.Errorf("%d, want %d:\n%s", got, c.want, c.rows)
			}
		})
	}
}

// giver is ann, in a little company.
func giver(t *testing.T, mfa model.MFAMode, rows string, dir model.Directory) *Giver {
	t.Helper()
	s, err := NewSnapshot(model.Tenant{ID: "t", MFA: mfa}, mustParse(t, rows+"\n"), mustCatalog(t, model.StarterCatalog), dir)
	if err != nil {
		t.Fatal(err)
	}
	mine := map[string]bool{"*": true, "user:ann": true}
	for _, role := range s.RolesOf("user:ann", noon) {
		mine[role] = true
	}
	c := newGiver(mustParse(t, rows+"\n").Rows, mine, s.rules.inherits)
	c.view, c.person, c.now = NewView(s), "ann", noon.UnixNano()
	return c
}

// Who is freed has what everybody has, and the mark counts where the tenant goes by marks.
func TestFreeingSomebody(t *testing.T) {
	dir := model.Directory{
		Teams:    []model.Team{{ID: "emea"}},
		Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob", Teams: []string{"emea"}}, {Type: "user", ID: "cyd", Teams: []string{"emea"}}},
		Roles:    []model.Role{{ID: "badge", RequireMFA: true}, {ID: "probation"}, {ID: "seller"}},
		Assignments: []model.Assignment{{Member: "user:ann", Role: "probation"}, {Member: "user:bob", Role: "probation"}, {Member: "user:bob", Role: "badge"},
			{Member: "user:bob", Role: "seller"}, {Member: "team:emea", Role: "probation"}, {Member: "user:cyd", Role: "seller"}},
	}
	const rows = "p, *, contact, read, all, , allow\np, role:probation, contact, *, all, , deny\np, role:seller, deal, read, all, , allow"
	for _, c := range []struct {
		name, who, lost string
		mfa             model.MFAMode
		want            Handing
	}{
		{"of what everybody may, and the person may not", "team:emea", "role:probation", model.MFAByRole, HandingBeyond},
		{"of what is kept by a team", "user:bob", "role:probation", model.MFAByRole, HandingNothing},
		{"of a mark", "user:bob", "role:badge", model.MFAByRole, HandingBeyond},
		{"of a mark where everybody shows a second factor", "user:bob", "role:badge", model.MFAEveryone, HandingNothing},
		{"everybody of the mark itself", "", "role:badge", model.MFAEveryone, HandingBeyond},
		{"of a mark that nobody has", "", "role:none", model.MFAByRole, HandingNothing},
	} {
		if got := giver(t, c.mfa, rows, dir).Freeing(c.who, c.lost); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Above is somebody who administers what the person does not, or holds an office, by
// whatever they hold now or later.
func TestAbove(t *testing.T) {
	dir := model.Directory{
		Teams: []model.Team{{ID: "low"}, {ID: "mid"}, {ID: "high"}, {ID: "named"}, {ID: "mine"}},
		Subjects: []model.Subject{{Type: "user", ID: "ann", Teams: []string{"mine"}}, {Type: "client", ID: "crm", Teams: []string{"low"}},
			{Type: "user", ID: "bob", Teams: []string{"low"}}, {Type: "user", ID: "zoe", Teams: []string{"mid"}}, {Type: "user", ID: "cyd", Teams: []string{"mid"}},
			{Type: "user", ID: "sys", Teams: []string{"high"}}, {Type: "user", ID: "dan", Teams: []string{"named"}}, {Type: "user", ID: "eve"}, {Type: "user", ID: "fay"}},
		Assignments: []model.Assignment{{Member: "user:ann", Role: "boss"}, {Member: "client:crm", Role: "keeper"}, {Member: "user:bob", Role: "boss"},
			{Member: "team:mid", Role: "keeper", From: noon.AddDate(0, 0, 1)}, {Member: "user:sys", Role: model.AuditAdmin}, {Member: "user:eve", Role: "keeper", Until: noon}},
	}
	const rows = "p, role:boss, rolegate.user, *, all, , allow\ng, role:keeper, role:base\np, role:base, rolegate.policy, read, all, , allow\n" +
		"p, team:named, rolegate.policy, read, all, , allow"
	c := giver(t, model.MFAByRole, rows, dir)
	for who, want := range map[string]Above{
		"team:low": {}, "team:none": {}, "team:mine": {}, "user:ann": {}, "user:none": {}, "user:eve": {},
		"team:mid":   {User: "cyd", Subject: "role:keeper"},
		"team:named": {User: "dan", Subject: "team:named"},
		"team:high":  {User: "sys", Office: true},
	} {
		if got := c.Above(who); got != want {
			t.Errorf("%s: %+v, want %+v", who, got, want)
		}
	}
	c = giver(t, model.MFAByRole, rows+"\np, *, rolegate.log, read, all, user.id.startsWith('b'), allow", dir)
	if got, want := c.Above("team:low"), (Above{User: "bob", Subject: "user:bob"}); got != want {
		t.Errorf("by a condition: %+v, want %+v", got, want)
	}
}
