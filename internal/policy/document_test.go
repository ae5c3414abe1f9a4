package policy

import (
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	casbinmodel "github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/persist"
	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

// details gives what Parse refused, one line each.
func details(t testing.TB, err error, code model.Code) []string {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want one with code %s", err, code)
	}
	var out []string
	for _, d := range e.Details {
		out = append(out, d.String())
	}
	return out
}

func mustParse(t testing.TB, text string) *Document {
	t.Helper()
	doc, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, details(t, err, model.CodePolicyInvalid))
	}
	return doc
}

func TestParse(t *testing.T) {
	const text = "\ufeff# The policy\r\n" +
		"# Reps read their own\r\n" +
		"p, role:rep, deal, read, own, , allow\r\n" +
		"\r\n" +
		"  ## Leads\t\n" +
		"g, role:lead, role:rep\n" +
		"# Ann is a rep\n" +
		"g, user:ann, role:rep\n" +
		"p, \"role:rep\",deal , update, team,,deny" // a blank before the comma belongs to the name, and is refused below
	if _, err := Parse(text); err == nil {
		t.Error("a name that ends in a blank was accepted")
	}
	doc := mustParse(t, strings.Replace(text, "deal ,", "deal,", 1))
	want := &Document{
		Text: "# The policy\n# Reps read their own\np, role:rep, deal, read, own, , allow\n\n  ## Leads\t\n" +
			"g, role:lead, role:rep\np, \"role:rep\",deal, update, team,,deny\n",
		Rows: []Row{
			{Kind: Grant, Cells: [6]string{"role:rep", "deal", "read", "own", "", "allow"}, Line: 3, at: 35},
			{Kind: Grant, Cells: [6]string{"role:rep", "deal", "update", "team", "", "deny"}, Line: 7, at: 109},
		},
		RoleLinks: []RoleLink{{"role:lead", "role:rep", 6}},
		Members:   []Member{{model.Assignment{Member: "user:ann", Role: "rep"}, 8}},
		roles:     []string{"lead", "rep"},
	}
	hash := sha256.Sum256([]byte(want.Text))
	want.Hash = hash[:]
	if diff := cmp.Diff(want, doc, cmp.AllowUnexported(Document{}, Row{})); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(model.Rule{Kind: "p", Text: "p, role:rep, deal, read, own, , allow", Name: "Reps read their own", Line: 3}, doc.Rule(&doc.Rows[0])); diff != "" {
		t.Errorf("the first rule (-want +got):\n%s", diff)
	}
	if got := doc.Rule(&doc.Rows[1]); got.Name != "" || got.Text != `p, "role:rep",deal, update, team,,deny` {
		t.Errorf("the second rule: %+v", got)
	}
	if got := doc.Roles(); !slices.Equal(got, []string{"lead", "rep"}) {
		t.Errorf("Roles() = %q", got)
	}
	for _, text := range []string{"", "\n", "# nothing\n"} {
		if doc := mustParse(t, text); len(doc.Rows) != 0 || doc.Text != text {
			t.Errorf("Parse(%q) = %d rules, text %q", text, len(doc.Rows), doc.Text)
		}
	}
}

// A comment names the row it was written for: taking out a member row must not
// give its name, nor the one before, to the next row.
func TestMemberRowsTakeTheirNameAlong(t *testing.T) {
	for _, c := range []struct{ text, kept string }{
		{"# Ann\ng, user:ann, role:r\np, role:r, o, a, all, , allow\n", "p, role:r, o, a, all, , allow\n"},
		{"# Section\n# Ann\ng, user:ann, role:r\np, role:r, o, a, all, , allow\n", "# Section\n\np, role:r, o, a, all, , allow\n"},
		{"g, user:ann, role:r\n", ""},
		{"# Ann\n\ng, user:ann, role:r\n", "# Ann\n\n"},
	} {
		doc := mustParse(t, c.text)
		if doc.Text != c.kept || len(doc.Members) != 1 {
			t.Errorf("Parse(%q) keeps %q, want %q", c.text, doc.Text, c.kept)
		}
		if len(doc.Rows) > 0 && doc.Rule(&doc.Rows[0]).Name != "" {
			t.Errorf("Parse(%q) names the rule %q", c.text, doc.Rule(&doc.Rows[0]).Name)
		}
		assertRoundTrip(t, doc)
	}
}

func TestBadRows(t *testing.T) {
	long := strings.Repeat("x", 257)
	for _, c := range []struct{ row, want string }{
		{`q, role:r, o, a`, `1:1: unknown kind of row "q"; there are p, p2, p3, p4 and g`},
		{`P, role:r, o, a, all, , allow`, `1:1: unknown kind of row "P"`},
		{`p, role:r, o, a, all, allow`, `1: too few columns: p has 6 (subject, object, action, scope, condition, effect), this row has 5`},
		{`p, role:r, o, a, all, , allow, x`, `1:32: too many columns: p has 6`},
		{`p, role:r, o, a, all, `, `1: too few columns`},
		{`p, , o, a, all, , allow`, `1:4: subject "" is empty`},
		{`p, role:r, , a, all, , allow`, `1:12: object "" is empty`},
		{`p, role:r, o, , all, , allow`, `1:15: action or field "" is empty`},
		{`p, ann, o, a, all, , allow`, `1:4: subject "ann" is not spelled type:id`},
		{`p, user:, o, a, all, , allow`, `1:4: subject "user:" has an id that is empty`},
		{`p, :ann, o, a, all, , allow`, `1:4: subject ":ann" has a type that is empty`},
		{`p, user:` + long + `, o, a, all, , allow`, `has an id that is longer than 256 bytes`},
		{`p, role:r, ` + long + `, a, all, , allow`, `is longer than 256 bytes`},
		{`p, user:*, o, a, all, , allow`, `1:4: subject "user:*" has an id that contains *: there are no patterns`},
		{`p, role:r, con*, a, all, , allow`, `1:12: object "con*" contains *: there are no patterns`},
		{`p, role:r, o, re*d, all, , allow`, `1:15: action or field "re*d" contains *`},
		{`p, role:r, o , a, all, , allow`, `1:12: object "o " begins or ends with a blank`},
		{`p, role:r, " o", a, all, , allow`, `1:12: object " o" begins or ends with a blank`},
		{`p, role:r, "o,p", a, all, , allow`, `1:12: object "o,p" contains a comma`},
		{"p, role:r, o\tp, a, all, , allow", `1:12: object "o\tp" contains a control character`},
		{"p, role:r, \xff, a, all, , allow", `1: the line is not valid UTF-8`},
		{"p, role:r, o\x00, a, all, , allow", `1:13: the line contains a control character`},
		{"# \x1b[2J", `1:3: the line contains a control character`},
		{`p, role:r, o"p, a, all, , allow`, `1:13: a quote stands inside an unquoted cell`},
		{`p, role:r, "o, a, all, , allow`, `1:12: the quoted cell is not closed on its line`},
		{`p, role:r, "o" , a, all, , allow`, `1:15: a comma or the end of the line must follow the closing quote`},
		{`p, role:r, o, a, mine, , allow`, `1:18: unknown scope "mine"; there are all, own,`},
		{`p, role:r, o, a, , , allow`, `1:18: unknown scope ""`},
		{`p, role:r, o, a, All, , allow`, `unknown scope "All"`},
		{`p, role:r, o, a, subtree:0, , allow`, `unknown scope "subtree:0"`},
		{`p, role:r, o, a, subtree:33, , allow`, `unknown scope "subtree:33"`},
		{`p, role:r, o, a, subtree:01, , allow`, `unknown scope "subtree:01"`},
		{`p, role:r, o, a, subtree:, , allow`, `unknown scope "subtree:"`},
		{`p, role:r, o, a, all, , Deny`, `1:25: the effect is "Deny", not allow or deny (in small letters)`},
		{`p, role:r, o, a, all, , `, `1:24: the effect is missing`},
		{`p, role:r, o, a, all, , allow # why`, `the effect is "allow # why"`},
		{`p2, role:r, o, a, , deny`, `1:19: a p2 row (restriction) without a condition is refused`},
		{`p2, role:r, o, a, record.x, allow`, `1:29: a p2 row (restriction) must end in deny, not "allow"`},
		{`p2, role:r, o, a, record.x`, `1: a p2 row must have a condition and end in deny: without deny it restricts nothing`},
		{`p3, role:r, o, f, write, allow`, `1:19: unknown access "write"; there are read, update, create and unmask`},
		{`p3, *, o, f, read, allow`, `1:5: a field cannot be allowed to *`},
		{`p3, role:r, o, f, read, Allow`, `the effect is "Allow"`},
		{`p4, role:r, o, a, 0, , deny`, `1:19: acr "0" is not 1 (password)`},
		{`p4, role:r, o, a, 4, , deny`, `acr "4" is not`},
		{`p4, role:r, o, a, , , deny`, `acr "" is not`},
		{`p4, role:r, o, a, 2, -1, deny`, `1:22: max_age "-1" is not a whole number of seconds`},
		{`p4, role:r, o, a, 2, 1.5, deny`, `max_age "1.5" is not`},
		{`p4, role:r, o, a, 2, 5m, deny`, `max_age "5m" is not`},
		{`p4, role:r, o, a, 2, 007, deny`, `max_age "007" is not`},
		{`p4, role:r, o, a, 2, 99999999999999999999, deny`, `is not a whole number`},
		{`p4, role:r, o, a, 2, 300, allow`, `1:27: a p4 row must end in deny, not "allow"`},
		{`p4, role:r, o, a, 2, 300`, `1: too few columns: p4 has 6`},
		{`g, role:a`, `1: too few columns: g has 2 (member, role), this row has 1`},
		{`g, role:a, role:b, dom`, `1:20: too many columns: g has 2`},
		{`g, *, role:b`, `1:4: a role cannot be given to *`},
		{`g, ann, role:b`, `1:4: member "ann" is not spelled type:id`},
		{`g, user:ann, rep`, `1:14: role "rep" is not spelled type:id`},
		{`g, user:ann, team:t`, `1:14: "team:t" is not a role: g gives roles`},
		{`g, role:a, role:a`, `1:1: roles inherit each other in a circle: role:a → role:a`},
		{"p, role:r, o, a, all, , allow\np,role:r,o,a,all,,allow", `2:1: the row of line 1 is repeated in line 2`},
		{"g, user:ann, role:r\n\ng, user:ann, \"role:r\"", `3:1: the row of line 1 is repeated in line 3`},
		{"g, role:a, role:b\ng, role:b, role:c\ng, role:c, role:a", `3:1: roles inherit each other in a circle: role:a → role:b → role:c → role:a`},
		{"g, role:x, role:a\ng, role:a, role:b\ng, role:b, role:a", `3:1: roles inherit each other in a circle: role:a → role:b → role:a`},
	} {
		_, err := Parse(c.row)
		got := details(t, err, model.CodePolicyInvalid)
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("Parse(%.60q): %q, want %q", c.row, got, c.want)
		}
	}
}

func TestAcceptedRows(t *testing.T) {
	for _, row := range []string{
		`p, role:r, o, a, all, , allow`,
		`p, *, *, *, all, , deny`,
		`p, user:con[t]?act$|^, o.p(q), re.*d, subtree:32, , allow`[:0] + `p, user:con[t]?act$|^, o.p(q), re.d, subtree:32, , allow`,
		`p, client:crm:eu, "say ""hi""", 读取, everyone, ,allow`,
		`p3, *, o, *, read, deny`,
		`p4, role:r, o, a, 3, 0, deny`,
		`p4, role:r, o, a, 1, , deny`,
		`p,role:r,` + strings.Repeat("x", 256) + `,a,own,   ,allow   `,
	} {
		doc := mustParse(t, row)
		if len(doc.Rows) != 1 {
			t.Errorf("Parse(%q) = %d rules", row, len(doc.Rows))
		}
		assertRoundTrip(t, doc)
	}
}

func TestEveryBadRowIsListed(t *testing.T) {
	_, err := Parse("p, role:r, o, a, all, , Deny\n# fine\np, role:r, o, a, all, , allow\n\nz\ng, role:a, role:a\np4, role:r, o, a, 9, , deny\n")
	got := details(t, err, model.CodePolicyInvalid)
	if len(got) != 4 || !strings.HasPrefix(got[0], "1:") || !strings.HasPrefix(got[1], "5:") || !strings.HasPrefix(got[2], "6:") || !strings.HasPrefix(got[3], "7:") {
		t.Errorf("details %q", got)
	}
	if want := "the policy document has 4 bad rows"; err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	_, err = Parse(strings.Repeat("z\n", maxDetails+5))
	if got := details(t, err, model.CodePolicyInvalid); len(got) != maxDetails+1 || got[maxDetails] != "5 more are not listed" {
		t.Errorf("%d details, the last %q", len(got), got[len(got)-1])
	}
}

func TestInheritanceLimits(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "g, role:%d, role:%d\n", i, i+1)
		}
		return b.String()
	}
	mustParse(t, chain(maxInheritance))
	_, err := Parse(chain(maxInheritance + 3))
	if got := details(t, err, model.CodePolicyInvalid); len(got) != 1 || got[0] != "3:1: role:2 inherits through more than 32 steps" {
		t.Errorf("details %q", got)
	}
	fan := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "g, role:all, role:%d\n", i)
		}
		return b.String()
	}
	limits := model.DefaultLimits()
	for _, most := range []int{limits.InheritedRoles, 5} {
		limits.InheritedRoles = most
		if _, err := ParseFor(fan(most), nil, limits); err != nil {
			t.Errorf("%d roles: %v", most, err)
		}
		_, err = ParseFor(fan(most+1), nil, limits)
		want := fmt.Sprintf("1:1: role:all inherits more than %d roles (ROLEGATE_MAX_INHERITED_ROLES)", most)
		if got := details(t, err, model.CodePolicyInvalid); len(got) != 1 || got[0] != want {
			t.Errorf("details %q, want %s", got, want)
		}
		mustParse(t, fan(most+1)) // what was published under a higher limit still loads
	}
	// Nothing here may take time, or stack, in the square of its size.
	if _, err := Parse(chain(100_000)); err == nil {
		t.Error("a chain of 100,000 roles was accepted")
	}
	// Two circles and a diamond: each circle is named once, the diamond is none.
	_, err = Parse("g, role:a, role:b\ng, role:b, role:a\ng, role:c, role:d\ng, role:d, role:c\n" +
		"g, role:w, role:x\ng, role:w, role:y\ng, role:x, role:z\ng, role:y, role:z\n")
	if got := details(t, err, model.CodePolicyInvalid); len(got) != 2 {
		t.Errorf("details %q", got)
	}
}

func TestDocumentSize(t *testing.T) {
	kilobyte := "#" + strings.Repeat(" ", 1022) + "\n"
	limits := model.DefaultLimits()
	for _, most := range []int64{limits.Policy, 64 << 10} {
		limits.Policy = most
		full := strings.Repeat(kilobyte, int(most/1024))
		if _, err := ParseFor(full, nil, limits); err != nil {
			t.Errorf("a document of %d bytes: %v", most, err)
		}
		_, err := ParseFor(full+"#", nil, limits)
		want := fmt.Sprintf("the policy document has %d bytes; ROLEGATE_MAX_POLICY is %d", most+1, most)
		if model.CodeOf(err) != model.CodeLimitExceeded || err.Error() != want {
			t.Errorf("a document over the limit: %v, want %s", err, want)
		}
	}
}

// assertRoundTrip holds that the text a document keeps says the same again, and
// that Casbin's own reader and model take the same rows from it.
func assertRoundTrip(t testing.TB, doc *Document) {
	t.Helper()
	again, err := Parse(doc.Text)
	if err != nil {
		t.Fatalf("Parse refuses the text it kept: %v\n%q", err, doc.Text)
	}
	if again.Text != doc.Text || len(again.Members) != 0 {
		t.Fatalf("the text kept changes again:\n%q\n%q", doc.Text, again.Text)
	}
	if diff := cmp.Diff(doc.Rows, again.Rows, cmp.AllowUnexported(Row{})); diff != "" {
		t.Fatalf("rules change:\n%s", diff)
	}
	if diff := cmp.Diff(doc.RoleLinks, again.RoleLinks); diff != "" {
		t.Fatalf("links change:\n%s", diff)
	}
	m, err := casbinmodel.NewModelFromString(model.CasbinModel)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(doc.Text) {
		if err := persist.LoadPolicyLine(strings.TrimSpace(line), m); err != nil {
			t.Fatalf("Casbin refuses %q: %v", line, err)
		}
	}
	rows := map[string][][]string{}
	for _, r := range doc.Rows {
		kind := r.Kind.String()
		rows[kind] = append(rows[kind], r.Cells[:len(columns[kind])])
	}
	for _, l := range doc.RoleLinks {
		rows["g"] = append(rows["g"], []string{l.Role, l.Inherits})
	}
	for _, kind := range []string{"p", "p2", "p3", "p4", "g"} {
		got := m[kind[:1]][kind].Policy
		if diff := cmp.Diff(rows[kind], got); diff != "" && len(rows[kind])+len(got) > 0 {
			t.Fatalf("Casbin reads other %s rows:\n%s\n%q", kind, diff, doc.Text)
		}
	}
}

// FuzzParse: nothing panics, what is accepted means the same to Casbin, and
// cells are what encoding/csv would make of the line.
func FuzzParse(f *testing.F) {
	f.Add("# name\np, role:r, o, a, all, , allow\ng, role:a, role:b\ng, user:u, role:a\n")
	f.Add("p3, *, \"o\", *, read, deny\r\np4, *, o, a, 2, 300, deny\n\n#\n  # x\n")
	f.Add("\ufeffp,\"role:\"\"r\"\"\",o,a,subtree:3,,deny")
	f.Add("g, role:a, role:a\nq\n\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := Parse(text)
		if err != nil {
			if details(t, err, model.CodePolicyInvalid) == nil {
				t.Fatal("refused without a reason")
			}
			return
		}
		assertRoundTrip(t, doc)
		s, err := NewSnapshot(model.Tenant{}, doc, &Catalog{}, model.Directory{})
		if err != nil {
			t.Fatalf("the document does not compile: %v", err)
		}
		if _, err := newReference(s, noon); err != nil {
			t.Fatalf("Casbin does not load the document: %v", err)
		}
	})
}

func FuzzSplitCells(f *testing.F) {
	for _, line := range []string{`p, a, b`, `"a""b",c`, `a"b`, `,,`, ` "a" ,b`, `"`, `""`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if line == "" || strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, isHidden) {
			t.Skip()
		}
		cells, problem := splitCells(nil, line)
		r := csv.NewReader(strings.NewReader(line))
		r.TrimLeadingSpace = true
		want, err := r.Read()
		if (problem == nil) != (err == nil) {
			t.Fatalf("%q: %v; encoding/csv: %v", line, problem, err)
		}
		for i, c := range cells {
			// encoding/csv also trims blanks beyond ASCII; no name may begin with one.
			if strings.TrimSpace(c.text) != strings.TrimSpace(want[i]) {
				t.Fatalf("%q: cell %d is %q; encoding/csv: %q", line, i, c.text, want[i])
			}
		}
	})
}

// An answer about an object lists every field that rows name.
func TestManyFieldNames(t *testing.T) {
	var b strings.Builder
	for i := range maxFieldNames {
		fmt.Fprintf(&b, "p3, role:a, deal, f%d, read, deny\np3, role:a, *, f%d, read, deny\n", i, i)
	}
	b.WriteString("p3, role:b, deal, f0, read, deny\n")
	mustParse(t, b.String())
	b.WriteString("p3, role:b, deal, more, read, deny\n")
	_, err := Parse(b.String())
	want := []string{fmt.Sprintf("%d:1: rows of deal name more than %d fields", 2*maxFieldNames+2, maxFieldNames)}
	if diff := cmp.Diff(want, details(t, err, model.CodePolicyInvalid)); diff != "" {
		t.Error(diff)
	}
}
