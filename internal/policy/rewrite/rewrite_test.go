package rewrite_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rolegate/internal/policy"
	"rolegate/internal/policy/rewrite"
)

// A named row of a document, as Parse reads it.
type row struct {
	Kind, Name string
	Cells      []string
}

func width(kind string) int { return map[string]int{"p": 6, "p2": 5, "p3": 5, "p4": 6}[kind] }

func read(t interface{ Fatalf(string, ...any) }, text string) (rows []row) {
	doc, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if doc.Text != text {
		t.Fatalf("Parse changes the text:\n%s", cmp.Diff(text, doc.Text))
	}
	for i := range doc.Rows {
		r := &doc.Rows[i]
		rule := doc.Rule(r)
		rows = append(rows, row{rule.Kind, rule.Name, slices.Clone(r.Cells[:width(rule.Kind)])})
		if got := rewrite.Name(text, r.Line); got != rule.Name {
			t.Fatalf("the name of line %d is %q, not %q", r.Line, got, rule.Name)
		}
	}
	return rows
}

// Conditions with all that is hard to write into a CSV.
var conditions = []string{"", `record.a == "x"`, `record.a in ['x', "y,z"]`, `record.a == '"",#'`, ` record.a == 'blank '`, `record.a == "" `, "record.a\t== ''", `record.电话 == '，'`}

func drawRow(t *rapid.T, n int) rewrite.Row {
	name := rapid.SampledFrom([]string{"", "A name", "  blanks  ", "# hash", "two\nlines\r\nand\ttab", "名字，“引号”", `"quoted", name`, "p, *, *, *, all, , allow"}).Draw(t, "name")
	who := fmt.Sprintf("role:r%d", n)
	cond := rapid.SampledFrom(conditions).Draw(t, "condition")
	switch kind := rapid.SampledFrom([]string{"p", "p2", "p3", "p4"}).Draw(t, "kind"); kind {
	case "p":
		return rewrite.Row{Kind: kind, Cells: []string{who, "deal", "read", "own", cond, "allow"}, Name: name}
	case "p2":
		if cond == "" {
			cond = "record.a == 'b'"
		}
		return rewrite.Row{Kind: kind, Cells: []string{who, `de"al`, "read", cond, "deny"}, Name: name}
	case "p3":
		return rewrite.Row{Kind: kind, Cells: []string{who, "deal", "#field", "read", "deny"}, Name: name}
	default:
		return rewrite.Row{Kind: kind, Cells: []string{who, "*", "*", "2", "", "deny"}, Name: name}
	}
}

// drawText is a document of rows that are all different, with comments and blank
// lines wherever people put them.
func drawText(t *rapid.T) string {
	var b strings.Builder
	for n := range rapid.IntRange(0, 8).Draw(t, "rows") {
		for range rapid.IntRange(0, 3).Draw(t, "lines above") {
			b.WriteString(rapid.SampledFrom([]string{"# comment\n", "\n", "  #  other  \n", "#\n", "  \n", "######\n", "\u00a0# odd\n"}).Draw(t, "above"))
		}
		b.WriteString(rapid.SampledFrom([]string{"", "  "}).Draw(t, "indent"))
		r := drawRow(t, n)
		b.WriteString(r.Line())
		b.WriteString(rapid.SampledFrom([]string{"\n", "  \n"}).Draw(t, "end"))
	}
	b.WriteString(rapid.SampledFrom([]string{"", "# last words\n", "\n"}).Draw(t, "below"))
	return b.String()
}

func want(r rewrite.Row) row {
	name := strings.TrimSpace(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(r.Name))
	return row{r.Kind, name, r.Cells}
}

// Whatever is written, the rows are those intended, each with its name, and every
// line but those of the row itself is there as before.
func TestRowsAreThoseIntended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		before := read(t, text)
		doc, _ := policy.Parse(text)
		r := drawRow(t, 100)
		var after string
		var intended []row
		var err error
		touched := 0 // lines of the document that the row and its name were
		act := rapid.SampledFrom([]string{"insert", "replace", "delete"}).Draw(t, "act")
		if act == "insert" || len(before) == 0 {
			behind := rapid.IntRange(0, strings.Count(text, "\n")).Draw(t, "behind")
			after, err = rewrite.Insert(text, behind, r)
			place := 0
			for _, d := range doc.Rows {
				if d.Line <= behind || d.Line == behind+1 && behind > 0 && isName(strings.Split(text, "\n")[behind-1]) {
					place++
				}
			}
			intended = slices.Insert(slices.Clone(before), place, want(r))
		} else {
			i := rapid.IntRange(0, len(before)-1).Draw(t, "row")
			touched = 2
			if act == "replace" {
				after, err = rewrite.Replace(text, doc.Rows[i].Line, r)
				intended = slices.Clone(before)
				intended[i] = want(r)
			} else {
				after, err = rewrite.Delete(text, doc.Rows[i].Line)
				intended = slices.Delete(slices.Clone(before), i, i+1)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(intended, read(t, after), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-intended +got):\n%s\nof\n%s\nto\n%s", act, diff, text, after)
		}
		gone, come := 0, 0
		for _, h := range rewrite.Compare(text, after) {
			gone, come = gone+len(h.Out), come+len(h.In)
		}
		if gone > touched || come > 2 {
			t.Fatalf("%s: %d lines gone and %d come of\n%s\nto\n%s", act, gone, come, text, after)
		}
	})
}

func isName(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") }

// The line of a row holds what is in its cells, or the row is refused: never another.
func TestLinesHoldWhatIsInTheirCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rewrite.Row{Kind: "p2", Cells: []string{"role:" + rapid.String().Draw(t, "role"), rapid.String().Draw(t, "object"), "read",
			"'" + rapid.String().Draw(t, "text") + "' == record.a", "deny"}}
		text, err := rewrite.Insert("", 0, r)
		if err != nil {
			return
		}
		doc, err := policy.Parse(text)
		if err != nil {
			return
		}
		if len(doc.Rows) != 1 || !slices.Equal(doc.Rows[0].Cells[:5], r.Cells) {
			t.Fatalf("%q is read as %v", r.Cells, doc.Rows)
		}
	})
}

func TestHostileCellsAreRefused(t *testing.T) {
	for _, cell := range []string{"a\nb", "a\r\np, *, *, *, all, , allow", "a\x00", "a\x1b[31m", "\xff"} {
		r := rewrite.Row{Kind: "p", Cells: []string{"role:a", "deal", "read", "all", cell, "allow"}}
		if _, err := rewrite.Insert("", 0, r); err == nil {
			t.Errorf("%q is written", cell)
		}
		if _, err := rewrite.Replace("p, *, *, *, all, , deny\n", 1, r); err == nil {
			t.Errorf("%q is written over another row", cell)
		}
	}
	if got, err := rewrite.Delete("# a comment\n\n", 1); err == nil {
		t.Errorf("a comment was deleted as a row: %q", got)
	}
}

// Where the parser finds a mistake in a row is told as a place in one of its cells.
func TestLocate(t *testing.T) {
	for _, c := range []struct {
		condition, at string
	}{
		{`record.stage = 'won'`, `= 'won'`}, {`record.a == "x" && record.b = 1`, `= 1`}, {`nosuch == 'x'`, `nosuch == 'x'`},
		{`record.a in ["x", "y"] && size(record.a) > 1`, `size(record.a) > 1`},
	} {
		r := rewrite.Row{Kind: "p", Cells: []string{"role:a", "deal", "read", "all", c.condition, "allow"}}
		text, err := rewrite.Insert("# comment\n", 1, r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = policy.Parse(text)
		detail := detailOf(t, err)
		cell, offset := r.Locate(detail.Column)
		if cell != 5 || !strings.HasPrefix(c.condition[offset:], c.at) {
			t.Errorf("%s: cell %d, %q, for %v", c.condition, cell, c.condition[min(offset, len(c.condition)):], detail)
		}
	}
	r := rewrite.Row{Kind: "p", Cells: []string{"role:a", "deal", "read", "nowhere", "", "allow"}}
	text, _ := rewrite.Insert("", 0, r)
	_, err := policy.Parse(text)
	if cell, offset := r.Locate(detailOf(t, err).Column); cell != 4 || offset != 0 {
		t.Errorf("the scope is wrong at cell %d, byte %d", cell, offset)
	}
}

func TestNormal(t *testing.T) {
	if got := rewrite.Normal("\ufeff# a\r\n# b"); got != "# a\n# b\n" {
		t.Errorf("%q", got)
	}
	if got := rewrite.Normal(""); got != "" {
		t.Errorf("%q", got)
	}
}
