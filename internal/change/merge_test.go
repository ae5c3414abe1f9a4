package change

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/policy"
)

func mustParse(t interface{ Fatal(...any) }, text string) *policy.Document {
	d, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err, text)
	}
	return d
}

const origin = `# Reps

# Reps read
p, role:rep, deal, read, own, , allow
p, role:rep, deal, update, own, , allow
p3, role:rep, deal, discount, read, allow
p3, role:rep, deal, discount, update, deny

# Leads
g, role:lead, role:rep
p, role:lead, deal, read, team, , allow
`

// Who changed different rows finds both changes; who changed the same finds what is
// in force, and is told.
func TestMergeDocuments(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(origin) }
	for _, c := range []struct {
		name, mine, theirs, want string
		conflicts                []Conflict
	}{
		{"neighbours", edit("update, own", "update, team"), edit("read, own", "read, all"), edit("update, own", "update, team", "read, own", "read, all"), nil},
		{"both add in one place", origin + "p, role:lead, deal, close, own, , allow\n", origin + "# theirs\np, role:lead, deal, share, own, , allow\n",
			origin + "p, role:lead, deal, close, own, , allow\n# theirs\np, role:lead, deal, share, own, , allow\n", nil},
		{"both add the same", origin + "p, role:lead, deal, close, own, , allow\n", "p, role:lead, deal, close, own, , allow\n" + origin,
			"p, role:lead, deal, close, own, , allow\n" + origin, nil},
		{"both add a comment of their own", origin + "# mine\n", origin + "# theirs\n", origin + "# mine\n# theirs\n", nil},
		{"both add a comment and one of their own", origin + "# both\n# mine\n", origin + "# both\n# theirs\n", origin + "# both\n# mine\n# theirs\n", nil},
		{"reading a field and writing it", edit("read, allow", "read, deny"), edit("update, deny", "update, allow"), edit("read, allow", "read, deny", "update, deny", "update, allow"), nil},
		{"a link written otherwise", edit("read, team", "read, all"), edit("g, role:lead, role:rep", "g,role:lead,role:rep"), edit("read, team", "read, all", "g, role:lead, role:rep", "g,role:lead,role:rep"), nil},
		{"the same row otherwise", edit("read, own", "read, team"), edit("read, own", "read, all"), edit("read, own", "read, all"),
			[]Conflict{{"p, role:rep, deal, read", []string{"p, role:rep, deal, read, team, , allow"}, []string{"p, role:rep, deal, read, all, , allow"}}}},
		{"removed there, changed here", edit("read, own", "read, team"), edit("# Reps read\np, role:rep, deal, read, own, , allow\n", ""),
			edit("# Reps read\np, role:rep, deal, read, own, , allow\n", ""),
			[]Conflict{{"p, role:rep, deal, read", []string{"p, role:rep, deal, read, team, , allow"}, nil}}},
		{"removed here, renamed there", edit("# Reps read\np, role:rep, deal, read, own, , allow\n", ""), edit("# Reps read", "# Theirs"), edit("# Reps read", "# Theirs"),
			[]Conflict{{"p, role:rep, deal, read", nil, []string{"p, role:rep, deal, read, own, , allow"}}}},
		{"a link goes", edit("# Leads\ng, role:lead, role:rep\n", ""), edit("read, team", "read, all"), edit("# Leads\ng, role:lead, role:rep\n", "", "read, team", "read, all"), nil},
		{"a comment names no other row", edit("# Reps read\np, role:rep, deal, read, own, , allow\n", "# free\n\n"), edit("update, own", "update, all"),
			edit("# Reps read\np, role:rep, deal, read, own, , allow\n", "# free\n\n", "update, own", "update, all"), nil},
		{"everything anew", "p, role:x, deal, read, own, , allow\n", edit("read, team", "read, all"),
			"p, role:x, deal, read, own, , allow\np, role:lead, deal, read, all, , allow\n",
			[]Conflict{{"p, role:lead, deal, read", nil, []string{"p, role:lead, deal, read, all, , allow"}}}},
	} {
		got, conflicts, err := mergeDocuments(origin, mustParse(t, c.mine), c.theirs)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.conflicts, conflicts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Several rows about one thing stay where they are in force, or where the editor put
// them, whatever came beside them.
func TestMergedRowsKeepTheirPlaces(t *testing.T) {
	const own, team, assigned, other = "p, role:rep, deal, read, own, , allow\n", "p, role:rep, deal, read, team, , allow\n", "p, role:rep, deal, read, assigned, , allow\n", "p, role:lead, deal, read, all, , allow\n"
	for what, c := range map[string]struct {
		base, mine, theirs, want string
		conflicts                int
	}{
		"removed here, one of two changed there": {own + team + other, other, own + assigned + other, own + assigned + other, 1},
		"both add two, and a comment":            {other, other + own + "# mine\n\n" + team, other + own + "# theirs\n\n" + team, other + own + "# mine\n\n" + team + "# theirs\n", 0},
	} {
		got, conflicts, err := mergeDocuments(c.base, mustParse(t, c.mine), c.theirs)
		if diff := cmp.Diff(c.want, got); diff != "" || len(conflicts) != c.conflicts || err != nil {
			t.Errorf("%s, with %v, %v (-want +got):\n%s", what, conflicts, err, diff)
		}
	}
}

// named are the rows of a document with what explanations call them.
func named(d *policy.Document) map[string]string {
	rows := map[string]string{}
	for i := range d.Rows {
		r := d.Rule(&d.Rows[i])
		rows[r.Text] = r.Name
	}
	for _, l := range d.RoleLinks {
		rows[fmt.Sprintf("g, %s, %s", l.Role, l.Inherits)] = ""
	}
	return rows
}

// A comment above a role link is no name: that it came or went is no change of the link.
func TestCommentsOfLinksAreNoChange(t *testing.T) {
	const link = "g, role:b, role:c\n"
	for what, c := range map[string]struct{ base, mine, theirs, want string }{
		"mine removes it, theirs the comment": {"# a\n" + link, "", link, ""},
		"theirs removes it, mine the comment": {"# a\n" + link, link, "", ""},
	} {
		text, conflicts, err := mergeDocuments(c.base, mustParse(t, c.mine), c.theirs)
		if err != nil || len(conflicts) > 0 || strings.Contains(text, link) {
			t.Errorf("%s: %q, %v, %v", what, text, conflicts, err)
		}
	}
}

// Whatever two people make of a document, the merged one can be read, has of what one
// of them changed that one's rows and of the rest those in force, under the names one
// of them gave.
func TestMergedRowsAreThoseOfEitherSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"", "# a", "# b", "# c",
			"p, role:a, deal, read, own, , allow", "p, role:a, deal, read, team, , allow", "p, role:a, deal, read, all, , deny",
			"p, role:a, deal, update, own, , allow", "p, role:b, deal, read, own, , allow", "p2, role:a, deal, read, record.x == 1, deny",
			"p3, role:a, deal, x, read, allow", "p3, role:a, deal, x, update, allow", "p4, *, deal, read, 2, 300, deny", "g, role:a, role:b", "g, role:b, role:c"})
		document := func(name string) *policy.Document {
			var kept []string
			for _, l := range rapid.SliceOfN(line, 0, 14).Draw(t, name) {
				if l == "" || l[0] == '#' || !slices.Contains(kept, l) {
					kept = append(kept, l)
				}
			}
			return mustParse(t, textOf(kept))
		}
		base, mine, theirs := document("base"), document("mine"), document("theirs")
		text, conflicts, err := mergeDocuments(base.Text, mine, theirs.Text)
		if err != nil {
			t.Fatal(err)
		}
		merged, err := policy.Parse(text)
		if err != nil || merged.Text != text {
			t.Fatalf("%v\n%s", err, text)
		}
		wanted, _ := decide([3][]part{partsOf(base), partsOf(mine), partsOf(theirs)})
		got, m, th := named(merged), named(mine), named(theirs)
		if len(got) != len(wanted) {
			t.Errorf("rows %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(wanted)))
		}
		for row, name := range got {
			inMine, isMine := m[row]
			inTheirs, isTheirs := th[row]
			if !(isMine && name == inMine || isTheirs && name == inTheirs) {
				t.Errorf("%q is named %q; mine %q, theirs %q\n%s", row, name, inMine, inTheirs, text)
			}
		}
		for _, c := range conflicts {
			for _, row := range c.InForce {
				if _, kept := got[row]; !kept {
					t.Errorf("%q is in force, and gone", row)
				}
			}
		}
		if b := named(base); cmp.Equal(b, th) && !cmp.Equal(got, m) {
			t.Errorf("nothing was published meanwhile, and the draft's rows are others: %s", cmp.Diff(m, got))
		}
		if b := named(base); cmp.Equal(b, m) && !cmp.Equal(got, th) {
			t.Errorf("the draft changes nothing, and the rows in force are others: %s", cmp.Diff(th, got))
		}
	})
}

// What Save keeps of a document is what Parse keeps of it.
func TestCanonicalIsWhatIsPublished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"\ufeff", "\r", "\n", "\r\n", " ", "\t", "#", "# x", "a",
			"p, role:a, deal, read, own, , allow", "g, role:a, role:b"})).Draw(t, "text"), "")
		kept := canonical(text)
		if again := canonical(kept); again != kept {
			t.Fatalf("%q becomes %q, and then %q", text, kept, again)
		}
		if d, err := policy.Parse(kept); err == nil && d.Text != kept {
			t.Errorf("%q is published as %q", kept, d.Text)
		}
	})
}

func TestMergeCases(t *testing.T) {
	const base = "- name: a\n  want: allow\n- name: b\n  want: deny\n"
	edit := func(a, b string) string { return strings.Replace(base, a, b, 1) }
	for _, c := range []struct{ name, mine, theirs, want string }{
		{"mine", edit("allow", "deny"), base, edit("allow", "deny")},
		{"theirs", base, edit("allow", "deny"), edit("allow", "deny")},
		{"apart", edit("allow", "x"), edit("deny", "y"), strings.Replace(edit("allow", "x"), "deny", "y", 1)},
		{"both at the end", base + "- name: m\n", base + "- name: t\n", base + "- name: m\n- name: t\n"},
	} {
		got, clash := mergeCases(base, c.mine, c.theirs)
		if got != c.want || clash != nil {
			t.Errorf("%s: %q, %v", c.name, got, clash)
		}
	}
	if none, clash := mergeCases("", "", ""); none != "" || clash != nil {
		t.Errorf("of no cases become %q, %v", none, clash)
	}
	if added, clash := mergeCases("", "- name: m\n", "- name: t\n"); added != "- name: m\n- name: t\n" || clash != nil {
		t.Errorf("the first cases, of both, become %q, %v", added, clash)
	}
	got, clash := mergeCases(base, edit("allow", "x"), edit("allow", "y"))
	if got != edit("allow", "y") || clash == nil || clash.Yours[0] != edit("allow", "x") {
		t.Errorf("one line changed by both: %q, %v", got, clash)
	}
}
