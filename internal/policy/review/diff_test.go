package review_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// drawText draws a document of few rows, so that two have much in common, some
// with a name.
func drawText(t *rapid.T) string {
	pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "cell") }
	var lines []string
	met := map[string]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		row := ""
		subject := pick("role:a", "role:b", "*")
		switch pick("p", "p", "p2", "p3", "p4", "g") {
		case "p":
			row = fmt.Sprintf("p, %s, deal, %s, %s, %s, %s", subject, pick("read", "update"), pick("all", "own"), pick("", "record.stage == 'won'"), pick("allow", "deny"))
		case "p2":
			row = fmt.Sprintf("p2, %s, deal, read, record.stage == '%s', deny", subject, pick("won", "lost"))
		case "p3":
			row = fmt.Sprintf("p3, %s, deal, margin, %s, deny", subject, pick("read", "update"))
		case "p4":
			row = fmt.Sprintf("p4, %s, deal, read, %s, %s, deny", subject, pick("1", "2"), pick("", "60"))
		case "g":
			row = "g, role:a, role:" + pick("b", "c")
		}
		if met[row] {
			continue
		}
		met[row] = true
		lines = append(lines, pick("", "# first\n", "# second\n", "\n")+row+"\n")
	}
	return strings.Join(lines, "")
}

// content is what a document says, with the names of its rows.
func content(d *policy.Document) map[model.PolicyRow]string {
	all := map[model.PolicyRow]string{}
	for _, r := range d.Parts() {
		all[bare(r)] = r.Name
	}
	return all
}

func bare(r model.PolicyRow) model.PolicyRow {
	r.Line, r.Name, r.Text = 0, "", ""
	return r
}

// TestDiffLeadsFromOneToTheOther applies what Diff tells to the one document and
// finds the other; what a change takes was there, and what it gives was not.
func TestDiffLeadsFromOneToTheOther(t *testing.T) {
	kinds := map[model.ChangeKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		before, after := mustDocument(t, drawText(t)), mustDocument(t, drawText(t))
		now := content(before)
		for _, c := range review.Diff(before, after) {
			kinds[c.Kind]++
			if c.Kind != model.RowAdded {
				if name, there := now[bare(c.Before)]; !there || name != c.Before.Name {
					t.Fatalf("%+v takes what is not there", c)
				}
				delete(now, bare(c.Before))
			}
			if c.Kind != model.RowRemoved {
				if _, there := now[bare(c.After)]; there {
					t.Fatalf("%+v gives what is there", c)
				}
				now[bare(c.After)] = c.After.Name
			}
			if same := bare(c.Before) == bare(c.After); same != (c.Kind == model.RowRenamed) {
				t.Fatalf("%+v", c)
			}
			if b, a := c.Before, c.After; c.Kind == model.RowChanged && (b.Subject != a.Subject || b.Object != a.Object || b.Action != a.Action || b.Field != a.Field || b.Access != a.Access) {
				t.Fatalf("%+v is about something else than before", c)
			}
		}
		if diff := cmp.Diff(content(after), now); diff != "" {
			t.Fatalf("before:\n%s\nafter:\n%s\n(-after +applied)\n%s", before.Text, after.Text, diff)
		}
		if again := review.Diff(after, after); len(again) > 0 {
			t.Fatalf("%v between a document and itself", again)
		}
	})
	for _, kind := range []model.ChangeKind{model.RowAdded, model.RowRemoved, model.RowChanged, model.RowRenamed} {
		if kinds[kind] == 0 {
			t.Errorf("nothing was %s: the generator is too tame", kind)
		}
	}
}

// Of several rows about the same, each becomes the one it has most in common with.
func TestDiffPairsWhatIsAlike(t *testing.T) {
	before := mustDocument(t, "p, role:a, deal, read, own, , deny\n# Team\np, role:a, deal, read, team, , allow\np, role:a, deal, update, own, , allow\n")
	after := mustDocument(t, "# Tree\np, role:a, deal, read, subtree, , allow\np, role:a, deal, export, own, , allow\np,role:a,deal,read,own,,deny\n")
	var got []string
	for _, c := range review.Diff(before, after) {
		got = append(got, fmt.Sprintf("%s: %s -> %s", c.Kind, c.Before.Text, c.After.Text))
	}
	want := []string{
		"removed: p, role:a, deal, update, own, , allow -> ",
		"changed: p, role:a, deal, read, team, , allow -> p, role:a, deal, read, subtree, , allow",
		"added:  -> p, role:a, deal, export, own, , allow",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
