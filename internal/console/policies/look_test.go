package policies_test

import (
	"strings"
	"testing"

	"rolegate/internal/testkit/browser"
)

func TestMain(m *testing.M) { browser.Main(m) }

// What the walk of all pages does not come to, because a query or a bad text makes it of
// one of them, in a real browser, both languages, at both widths: no serious finding of
// axe, nothing that is blocked, and as wide as the screen.
func TestInChromium(t *testing.T) {
	k := start(t)
	p := k.MustEnrol("eve", "editor")
	v := k.VisitorAs(t, p)
	draft := newDraft(t, v)
	bad := newDraft(t, k.VisitorAs(t, p))
	v.Get(bad + "/text")
	v.Submit("main form", "document", "p, role:x, deal, read, nowhere, , allow\n# good\np, role:x, deal, read, all, , allow\n").Want(t, 200, "")
	var paths []string
	for _, path := range []string{"/matrix?role=sales-manager", "/matrix?object=contact", "/cell?role=role:sales-manager&object=contact&action=export",
		"/fields?object=deal&role=sales-manager", "/lines?at=300"} {
		paths = append(paths, "/console/policy"+path)
	}
	paths = append(paths, draft+"/matrix?role=support", draft+"/row?kind=p&subject=role:support&object=ticket&action=delete", draft+"/row?kind=p2&subject=*&object=*&action=*",
		draft+"/row?kind=p3&subject=role:support&object=contact&field=email&access=read", draft+"/row?kind=p4&subject=*&object=*&action=*", draft+"/row?line=26",
		bad+"/text", bad+"/matrix", bad+"/lines")
	browser.Look(t, k, p, paths...)
}

// An editor's wrong condition is marked where it is wrong; a link leads to a bad line.
func TestEditingInChromium(t *testing.T) {
	k := start(t)
	p := k.MustEnrol("eve", "editor")
	draft := newDraft(t, k.VisitorAs(t, p))
	b := browser.Open(t, k).Language("en").LogIn(p)
	b.Go(draft+"/row?kind=p&subject=role:support&object=ticket&action=delete").Put("#condition", "record.status = 'new'").Submit("button[value=save]")
	b.Check("row-wrong")
	if got := b.Text("#condition-wrong mark"); !strings.HasPrefix(got, "= 'new'") {
		t.Errorf("marked is %q", got)
	}
	b.Width(browser.Phone).Check("row-wrong-phone").Width(browser.Desktop)
	b.Put("#condition", "record.status == 'new'").Submit("button[value=save]").WaitPath(draft + "/cell")

	b.Go(draft + "/text")
	b.Put("#document", strings.Repeat("# a comment\n", 500)+"p, role:x, deal, read, nowhere, , allow\n").Submit("form[enctype] button").WaitText(".problem", "unknown scope")
	b.Click(".problem a")
	if got := browser.Eval[string](b, `((a) => a.value.slice(a.selectionStart, a.selectionEnd))(document.getElementById("document"))`); got != "p, role:x, deal, read, nowhere, , allow" {
		t.Errorf("selected is %q", got)
	}
	b.Check("text-bad-line")
}
