package browser

import (
	_ "embed"
	"flag"
	"fmt"
	"net/http"
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

// Both is Check of the page as a phone shows it, and that a desktop has room for it; the
// pictures are named after language and width.
func (b *Browser) Both(name, language string) *Browser {
	b.T.Helper()
	b.Width(Phone).Check(fmt.Sprintf("%s-%s-%d", name, language, Phone))
	of := fmt.Sprintf("%s-%s-%d", name, language, Desktop)
	return b.Width(Desktop).Shot(of).Fits(of)
}

// Fits holds the page to the width of the screen, and what is on it to its place.
func (b *Browser) Fits(name string) *Browser {
	b.T.Helper()
	if over := b.TooWide(); len(over) > 0 {
		b.T.Errorf("%s at %s is wider than the screen: %s", name, b.Path(), strings.Join(over, ", "))
	}
	for _, what := range b.Askew() {
		b.T.Errorf("%s at %s: %s", name, b.Path(), what)
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

// Unreached are the controls of the page that the tab key does not come to. Of very
// many it goes to the first and the last.
func (b *Browser) Unreached() []string {
	b.T.Helper()
	n := Eval[int](b, controls)
	b.tab(fmt.Sprintf("slice(0, %d)", someControls), min(n, someControls))
	if n > someControls {
		Eval[any](b, fmt.Sprintf(`void window.rolegateControls.at(-%d).focus()`, min(n-someControls, someControls)))
	}
	b.tab(fmt.Sprintf("slice(-%d)", someControls), min(n, someControls))
	return Eval[[]string](b, fmt.Sprintf(`window.rolegateControls.filter((e, i, all) => (i < %d || i >= all.length - %d) && !window.rolegateReached.has(e))
		.map((e) => e.outerHTML.slice(0, 200))`, someControls, someControls))
}

const someControls = 60

// tab presses the key until it has come to some of the controls, or often enough: the
// window has a stop or two of its own, and a field for a date one for each number.
func (b *Browser) tab(some string, n int) {
	b.T.Helper()
	for i := range 3*n + 30 {
		if i%10 == 0 && Eval[bool](b, fmt.Sprintf(`window.rolegateControls.%s.every((e) => window.rolegateReached.has(e))`, some)) {
			return
		}
		b.Press(Tab)
	}
}

// controls finds what a person can act on, and takes down what gets the focus. Of
// radio buttons that belong together the key comes to one.
const controls = `(() => {
  const all = Array.from(document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")).filter((e) =>
    e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && e.checkVisibility({visibilityProperty: true}));
  const radio = (e) => e.type === "radio" && e.name;
  const together = (e) => all.filter((o) => radio(o) && radio(o) === radio(e) && o.form === e.form);
  window.rolegateControls = all.filter((e) => !radio(e) || e === (together(e).find((o) => o.checked) ?? together(e)[0]));
  window.rolegateReached = new Set();
  document.activeElement?.blur();
  document.addEventListener("focusin", (e) => window.rolegateReached.add(e.target));
  return window.rolegateControls.length;
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

// Look opens pages as a person (nil for nobody) at both widths and in both languages.
// It checks each on a desktop in English and light, and on a phone in Chinese and dark:
// axe takes most of the time. Pictures are named after path, language and width.
func Look(t *testing.T, k *testkit.Kit, p *testkit.Person, paths ...string) {
	t.Helper()
	for i, language := range []string{"en", "zh-CN"} {
		b := Open(t, k).Language(language)
		if p != nil {
			b.LogIn(p)
		}
		for _, path := range paths {
			for j, width := range []int64{Desktop, Phone} {
				name := fmt.Sprintf("%s-%s-%d", path, language, width)
				if b.Width(width).Dark(i+j == 2).Go(path); i == j {
					b.Check(name)
				} else {
					b.Shot(name).Fits(name)
				}
				if b.Status() != http.StatusOK {
					t.Errorf("%s answers %d", path, b.Status())
				}
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
