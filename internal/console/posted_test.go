package console_test

import (
	"fmt"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// importFile has one of each outcome and names that are none.
const importFile = `{"teams": [{"id": "emea"}, {"id": "\"'><b>&姓名"}], "units": [{"id": "company"}, {"id": "sales", "parent": "company", "heads": ["user:ann"]}],
 "subjects": [{"type": "user", "id": "ann", "unit": "sales", "teams": ["emea"], "attributes": {"region": "a very long value that goes on and on"}}]}`

// posted are pages that a form leads to and no address: the walk of TestEveryPage does not
// come to them. (Those of a login and of one's own device are in the tests of packages
// entrance and account.)
var posted = []struct {
	name, who string
	come      func(b *browser.Browser)
	shows     string
}{
	{"invitation-link", "sys", func(b *browser.Browser) {
		b.Go("/console/people/user?id=newcomer").Submit(`form[action="/console/people/invite"] button`)
	}, "#link"},
	{"client-secret", "sys", func(b *browser.Browser) {
		b.Go("/console/clients").Confirm(true).Submit(`form[action="/console/clients/rotate"] button`)
	}, "#secret"},
	{"import-refused", "sys", func(b *browser.Browser) {
		b.Go("/console/organization/import")
		paste(b, `{"teams": [{"id": 7}], "people": []}`)
	}, ".problem"},
	{"import-preview", "sys", func(b *browser.Browser) {
		b.Go("/console/organization/import")
		paste(b, importFile)
	}, `form[action="/console/organization/import/apply"]`},
	{"new-device", "ann", func(b *browser.Browser) {
		b.Go("/account/devices").Fill("#name", "tablet").Submit(`form[action="/account/devices"] button`)
	}, "img.qr"},
}

// paste sends a file of an import as a text.
func paste(b *browser.Browser, file string) {
	browser.Eval[any](b, fmt.Sprintf(`void (document.querySelector("textarea#file").value = %q)`, file))
	b.Submit(`form[action="/console/organization/import"] button`)
}

// TestPostedPages looks at them as TestEveryPage does at the others: on both screens, in
// both languages, light and dark, and by the keyboard.
func TestPostedPages(t *testing.T) {
	w := newTown(t, testkit.New(t))
	browsers := map[string]*browser.Browser{}
	for _, p := range posted {
		b := browsers[p.who]
		if b == nil {
			b = browser.Open(t, w.Kit).LogIn(w.people[p.who])
			browsers[p.who] = b
		}
		for i, language := range []string{"en", "zh-CN"} {
			for j, width := range []int64{browser.Desktop, browser.Phone} {
				name := fmt.Sprintf("posted-%s-%s-%d", p.name, language, width)
				b.Language(language).Width(width).Dark(i+j == 2)
				if p.come(b); !b.Has(p.shows) {
					t.Fatalf("%s shows %s", name, b.Text("main"))
				}
				if i == j {
					b.Check(name)
				} else {
					b.Shot(name).Fits(name)
				}
				if i+j == 0 {
					for _, control := range b.Unreached() {
						t.Errorf("%s: the keyboard does not come to %s", p.name, control)
					}
				}
			}
		}
	}
}
