package policy

import (
	"fmt"
	"strings"
	"testing"
)

// What a person may hand on is what they have.
func TestHanding(t *testing.T) {
	for _, c := range []struct {
		name string
		rows string // the person holds role:me, the role to give is role:r
		want Handing
	}{
		{"the same right", "p, role:me, contact, read, own, , allow\np, role:r, contact, read, own, , allow", HandingWithin},
		{"a wider scope covers", "p, role:me, contact, read, all, , allow\np, role:r, contact, read, own, , allow", HandingWithin},
		{"a narrower one does not", "p, role:me, contact, read, own, , allow\np, role:r, contact, read, all, , allow", HandingBeyond},
		{"another scope does not", "p, role:me, contact, read, team, , allow\np, role:r, contact, read, own, , allow", HandingBeyond},
		{"scope all under a condition does not", "p, role:me, contact, read, all, record.stage == 'won', allow\np, role:r, contact, read, own, , allow", HandingBeyond},
		{"the same condition covers", "p, role:me, contact, read, all, record.stage == 'won', allow\np, role:r, contact, read, own, record.stage == 'won', allow", HandingWithin},
		{"stars cover", "p, role:me, *, *, all, , allow\np, role:r, rolegate.user, read, all, , allow", HandingWithin},
		{"a star is not covered by a word", "p, role:me, contact, read, all, , allow\np, role:r, contact, *, all, , allow", HandingBeyond},
		{"everybody's right covers", "p, *, contact, read, all, , allow\np, role:r, contact, read, own, , allow", HandingWithin},
		{"what the role inherits counts", "g, role:r, role:base\np, role:base, contact, read, all, , allow", HandingBeyond},
		{"what the person inherits counts", "g, role:me, role:base\np, role:base, contact, read, all, , allow\np, role:r, contact, read, all, , allow", HandingWithin},
		{"a row of the person's own counts", "p, user:ann, contact, read, all, , allow\np, role:r, contact, read, all, , allow", HandingWithin},
		{"somebody else's does not", "p, user:bob, contact, read, all, , allow\np, role:r, contact, read, all, , allow", HandingBeyond},
		{"an administrative right", "p, role:me, contact, *, all, , allow\np, role:r, rolegate.policy, publish, all, , allow", HandingAdministers},
		{"an administrative right behind a star", "p, role:me, contact, read, all, , allow\np, role:r, *, read, own, , allow", HandingAdministers},
		{"an administrative right the person has", "p, role:me, rolegate.user, *, all, , allow\np, role:r, rolegate.user, invite, subtree, , allow", HandingWithin},
		{"a denial of the person's", "p, role:me, contact, *, all, , allow\np, role:me, contact, delete, own, , deny\np, role:r, contact, delete, own, , allow", HandingBeyond},
		{"a denial of something else", "p, role:me, contact, *, all, , allow\np, role:me, contact, delete, own, , deny\np, role:r, contact, read, own, , allow", HandingWithin},
		{"a denial of both", "g, role:me, role:r\np, role:r, contact, delete, own, , deny\np, role:r, contact, *, own, , allow", HandingWithin},
		{"a restriction of the person's", "p, role:me, contact, *, all, , allow\np2, role:me, contact, read, record.stage == 'won', deny\np, role:r, contact, read, own, , allow", HandingBeyond},
		{"a field", "p3, role:me, contact, email, read, allow\np3, role:r, contact, email, unmask, allow", HandingBeyond},
		{"a field of all", "p3, role:me, contact, *, unmask, allow\np3, role:r, contact, email, unmask, allow", HandingWithin},
		{"a field closed to the person", "p, role:me, deal, *, all, , allow\np3, role:me, deal, margin, read, deny\np, role:r, deal, read, all, , allow", HandingBeyond},
		{"assurance does not count", "p, role:me, contact, *, all, , allow\np4, role:me, *, *, 2, , deny\np, role:r, contact, read, own, , allow", HandingWithin},
		{"a condition that names the role", "p, *, contact, delete, all, 'role:r' in user.roles, allow", HandingBeyond},
		{"one that names another", "p, *, contact, delete, all, 'role:boss' in user.roles, allow", HandingNothing},
		{"one that names what the role inherits", "g, role:r, role:boss\np, *, contact, delete, all, 'role:boss' in user.roles, allow", HandingBeyond},
		{"one that names a role the person has", "p, *, contact, delete, all, 'role:me' in user.roles, allow\np, role:r, contact, delete, all, 'role:me' in user.roles, allow", HandingWithin},
		{"one that may name any role", "p, *, contact, delete, all, record.role in user.roles, allow", HandingBeyond},
		{"one that may, spelled otherwise", "p, *, contact, delete, all, record.role in user.`roles`, allow", HandingBeyond},
		{"one of several", "p, *, contact, delete, all, \"'role:x' in user.roles || \"\"role:r\"\" in user.roles\", allow", HandingBeyond},
		{"a condition that names it in a row the person has without", "p, role:me, contact, delete, all, , allow\np, *, contact, delete, all, 'role:r' in user.roles, allow", HandingWithin},
		{"a right behind a role the person lacks covers nothing", "p, role:me, contact, delete, all, 'role:boss' in user.roles, allow\np, role:r, contact, delete, all, 'role:boss' in user.roles, allow", HandingBeyond},
		{"a right behind not having a role the person has", "g, role:me, role:r\np, role:r, contact, delete, all, !('role:me' in user.roles), allow", HandingBeyond},
		{"an administrative one", "g, role:me, role:r\np, role:r, rolegate.user, disable, all, !('role:me' in user.roles), allow", HandingAdministers},
		{"one behind not being the person", "p, role:me, contact, delete, all, user.id != 'ann', allow\np, role:r, contact, delete, all, user.id != 'ann', allow", HandingBeyond},
		{"one behind not having what the role brings", "g, role:me, role:r\np, role:r, contact, delete, all, !('role:r' in user.roles), allow", HandingWithin},
		{"one denied twice", "g, role:me, role:r\np, role:r, contact, delete, all, !(!('role:me' in user.roles)), allow", HandingWithin},
		{"a denial of who holds a role the person has", "g, role:me, role:r\np, role:r, contact, delete, all, , allow\np, *, contact, delete, all, 'role:me' in user.roles, deny", HandingBeyond},
		{"likewise of the role's own", "g, role:me, role:r\np, role:r, contact, delete, all, , allow\np, role:r, contact, delete, all, 'role:me' in user.roles, deny", HandingBeyond},
		{"a denial of who does not hold it", "g, role:me, role:r\np, role:r, contact, delete, all, , allow\np, *, contact, delete, all, !('role:me' in user.roles), deny", HandingWithin},
		{"a denial of both by the role's name", "g, role:me, role:r\np, role:r, contact, delete, all, , allow\np, *, contact, delete, all, 'role:r' in user.roles, deny", HandingWithin},
		{"a restriction the role lifts", "p, *, contact, *, all, , allow\np2, *, contact, delete, 'role:r' in user.roles, deny", HandingBeyond},
		{"a denial the role lifts", "p, *, contact, *, all, , allow\np, *, contact, delete, all, !('role:r' in user.roles), deny", HandingBeyond},
		{"an administrative right behind the role's name", "p, *, rolegate.user, *, all, 'role:r' in user.roles, allow", HandingAdministers},
		{"an administrative restriction the role lifts", "p, role:me, rolegate.user, *, all, , allow\np2, *, rolegate.user, *, 'role:r' in user.roles, deny", HandingAdministers},
		{"a role without rows", "p, role:me, contact, read, own, , allow", HandingNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := mustParse(t, c.rows+"\n")
			mine := map[string]bool{"*": true, "user:ann": true}
			in := inheritance{}
			for _, l := range doc.RoleLinks {
				in[l.Role] = append(in[l.Role], l.Inherits)
			}
			for _, r := range in.closure([]string{"role:me"}) {
				mine[r] = true
			}
			if got := newGiver(doc.Rows, mine, in).Handing("role:r"); got != c.want {
				t.Errorf("%d, want %d:\n%s", got, c.want, strings.TrimSpace(c.rows))
			}
		})
	}
}

// What comes with a team, or with being somebody, comes by conditions as well as by rows.
func TestHandingByConditions(t *testing.T) {
	const publish = "p, *, rolegate.policy, publish, all, %s, allow"
	for _, c := range []struct {
		name, given, rows string // the person is ann, in the team home
		want              Handing
	}{
		{"a row of the team", "team:keepers", "p, team:keepers, rolegate.policy, publish, all, , allow", HandingAdministers},
		{"a team by name", "team:keepers", fmt.Sprintf(publish, "'keepers' in user.teams"), HandingAdministers},
		{"in double quotes", "team:keepers", fmt.Sprintf(publish, `"""keepers"" in user.teams"`), HandingAdministers},
		{"spelled otherwise", "team:keepers", fmt.Sprintf(publish, "'keepers' in user.`teams`"), HandingAdministers},
		{"with an escape", "team:keepers", fmt.Sprintf(publish, `'k\x65epers' in user.teams`), HandingAdministers},
		{"among others", "team:keepers", fmt.Sprintf(publish, `"user.teams.exists(t, t in ['a', 'keepers'])"`), HandingAdministers},
		{"in a denial it lifts", "team:keepers", "p, *, rolegate.policy, *, all, !('keepers' in user.teams), deny", HandingAdministers},
		{"whatever the record names", "team:keepers", "p, *, contact, read, all, record.team in user.teams, allow", HandingNothing},
		{"whatever the request names", "team:keepers", fmt.Sprintf(publish, "action.team in user.teams"), HandingAdministers},
		{"however many", "team:keepers", fmt.Sprintf(publish, `"!user.teams.all(t, t in ['a'])"`), HandingAdministers},
		{"another team", "team:keepers", fmt.Sprintf(publish, "'others' in user.teams"), HandingNothing},
		{"the person's own team", "team:home", fmt.Sprintf(publish, "'home' in user.teams"), HandingNothing},
		{"a role, of a team that has none", "team:keepers", fmt.Sprintf(publish, "'role:boss' in user.roles"), HandingNothing},
		{"a right behind a team the person is not in covers nothing", "team:keepers",
			"p, team:home, contact, read, all, 'keepers' in user.teams, allow\np, team:keepers, contact, read, all, 'keepers' in user.teams, allow", HandingBeyond},
		{"somebody by name", "user:bob", fmt.Sprintf(publish, "user.id == 'bob'"), HandingAdministers},
		{"the other way about", "user:bob", fmt.Sprintf(publish, "'bob' == user.id"), HandingAdministers},
		{"somebody among others", "user:bob", fmt.Sprintf(publish, `"user.id in ['al', 'bob']"`), HandingAdministers},
		{"somebody, spelled otherwise", "user:bob", fmt.Sprintf(publish, "user.`id` == 'bob'"), HandingAdministers},
		{"by how a name begins", "user:bob", fmt.Sprintf(publish, "user.id.startsWith('b')"), HandingAdministers},
		{"by the order of names", "user:bob", fmt.Sprintf(publish, "user.id >= 'b'"), HandingAdministers},
		{"somebody else", "user:bob", fmt.Sprintf(publish, "user.id == 'al'"), HandingNothing},
		{"their own records", "user:bob", "p, *, contact, read, all, record.owner == user.id, allow", HandingNothing},
		{"a denial of all but one", "user:bob", "p, *, rolegate.policy, *, all, user.id != 'bob', deny", HandingAdministers},
		{"the person's own name", "user:ann", fmt.Sprintf(publish, "user.id == 'ann'"), HandingNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			mine := map[string]bool{"*": true, "user:ann": true, "team:home": true}
			if got := newGiver(mustParse(t, c.rows+"\n").Rows, mine, nil).Handing(c.given); got != c.want {
				t.Errorf("%d, want %d:\n%s", got, c.want, c.rows)
			}
		})
	}
}
