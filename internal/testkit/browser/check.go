package browser

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"rolegate/internal/testkit"
)

// Pictures are for looking at, not for the tree.
var shots = flag.String("shots", "", "keep pictures of pages in this `directory`")

// Check holds the page to what every page must be: axe-core finds nothing serious on
// it, and it is no wider than the screen. A picture of it is kept under the name where
// -shots asks for one.
func (b *Browser) Check(name string) *Browser {
	b.T.Helper()
	b.Shot(name)
	for _, v := range b.Axe() {
		b.T.Errorf("%s at %s: %s", name, b.Path(), v)
	}
	return b.Fits(name)
}

// Fits holds the page to the width of the screen.
func (b *Browser) Fits(name string) *Browser {
	b.T.Helper()
	if over := b.TooWide(); len(over) > 0 {
		b.T.Errorf("%s at %s is wider than the screen: %s", name, b.Path(), strings.Join(over, ", "))
	}
	return b
}

// TooWide is what reaches beyond the screen.
func (b *Browser) TooWide() []string {
	b.T.Helper()
	return Eval[[]string](b, tooWide)
}

// tooWide names what reaches beyond the screen, where the page can be scrolled there.
const tooWide = `(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const name = (e) => e.localName + (e.id && "#" + e.id) + Array.from(e.classList, (c) => "." + c).join("");
  const over = Array.from(document.body.querySelectorAll("*")).filter((e) => e.getBoundingClientRect().right > width + 1);
  return [document.documentElement.scrollWidth + " px", ...over.slice(0, 5).map(name)];
})()`

// Unreached are the controls of the page that the tab key does not come to.
func (b *Browser) Unreached() []string {
	b.T.Helper()
	n := Eval[int](b, controls)
	for range n + 2 { // once round, past the window's own
		b.Press(Tab)
	}
	return Eval[[]string](b, `window.rolegateControls.filter((e) => !window.rolegateReached.has(e)).map((e) => e.outerHTML.slice(0, 200))`)
}

// controls finds what a person can act on, and takes down what gets the focus. Of
// radio buttons that belong together the key comes to one.
const controls = `(() => {
  const all = Array.from(document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")).filter((e) =>
    e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && e.checkVisibility({visibilityProperty: true}));
  const radio = (e) => e.type === "radio" && e.name;
  window.rolegateControls = all.filter((e) => !radio(e) || e === (all.find((o) => radio(o) === radio(e) && o.form === e.form && o.checked) ?? all.find((o) => radio(o) === radio(e) && o.form === e.form)));
  window.rolegateReached = new Set([]);
  document.activeElement?.blur();
  document.addEventListener("focusin", (e) => window.rolegateReached.add(e.target));
  return all.length;
})()`

// Shot keeps a picture of the whole page where -shots asks for it.
func (b *Browser) Shot(name string) *Browser {
	b.T.Helper()
	if *shots == "" {
		return b
	}
	b.must("make a directory", os.MkdirAll(*shots, 0o755))
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must("take a picture", err)
	b.must("keep a picture", os.WriteFile(filepath.Join(*shots, strings.Trim(unnamed.Replace(name), "_")+".png"), picture, 0o644))
	return b
}

var unnamed = strings.NewReplacer("/", "_", "?", "_", "&", "_", "=", "-", "*", "_", ":", "_")

// Look opens pages as a person (nil for nobody) at both widths and in both languages,
// and checks each; b is told of what is to be seen on the way. Pictures are named
// after path, language and width.
func Look(t *testing.T, k *testkit.Kit, p *testkit.Person, paths ...string) {
	t.Helper()
	for _, language := range []string{"en", "zh-CN"} {
		b := Open(t, k).Language(language)
		if p != nil {
			b.LogIn(p)
		}
		for _, path := range paths {
			for _, width := range []int64{Desktop, Phone} {
				b.Width(width).Go(path).Check(fmt.Sprintf("%s-%s-%d", path, language, width))
			}
		}
	}
}

// axe is axe-core 4.14.1 as its authors publish it, under MPL-2.0, which see.
//
//go:embed testdata/axe/axe.min.js
var axe string

// Axe is what axe-core finds on the page that is serious or critical: the rule, and
// where. It comes by the debugger, so that the page keeps its policy.
func (b *Browser) Axe() []string {
	b.T.Helper()
	if !Eval[bool](b, `"axe" in window`) {
		Eval[bool](b, axe+";true")
	}
	return Eval[[]string](b, `axe.run(document, {resultTypes: ["violations"], preload: false}).then((r) => r.violations
  .filter((v) => v.impact === "serious" || v.impact === "critical")
  .flatMap((v) => v.nodes.map((n) => v.impact + " " + v.id + ": " + v.help + ": " + n.html.slice(0, 200) + " " + (n.any.concat(n.all, n.none)[0]?.message ?? ""))))`)
}
