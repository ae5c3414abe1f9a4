package policy

import "testing"

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
		{"a mark", "p, role:left, rolegate.user, read, all, , allow", true, HandingAdministers},
		{"a mark before nothing", "p, role:r, contact, read, all, , allow", true, HandingNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := mustParse(t, c.rows+"\n")
			all := &comparison{rows: doc.Rows, mine: map[string]bool{"*": true, "role:me": true}, inherits: inheritance{}}
			for _, l := range doc.RoleLinks {
				all.inherits[l.Role] = append(all.inherits[l.Role], l.Inherits)
			}
			if got := all.freeing(all.closed("role:r"), all.closed("role:left"), c.mark); got != c.want {
				t.Errorf("%d, want %d:\n%s", got, c.want, c.rows)
			}
		})
	}
}
