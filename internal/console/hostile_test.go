package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// TestHostileForms sends every form that anybody finds, with a hostile name in every
// field, and opens every page again: what was entered is shown, and is no more than
// text. In the browser no dialog opens and no page's policy is broken.
func TestHostileForms(t *testing.T) {
	w := newTown(t, testkit.New(t))
	sent := map[string]bool{}
	for _, s := range w.walk(nil) {
		v := w.visitor(s.who)
		for i, form := range v.Get(s.path).All("form") {
			action := testkit.Attr(form, "action")
			key := s.pattern + " " + parameter.ReplaceAllString(action, "") + " " + strings.Join(fields(form), " ")
			if sent[key] || w.ofThePeople(s.path) || w.ofThePeople(action) || slices.Contains([]string{"/logout", "/language"}, action) {
				continue
			}
			sent[key] = true
			again := w.visitor(s.who)
			w.send(again, s.path, i)
			for _, bad := range unharmed(again.Page) {
				t.Errorf("%s of %s, sent by %q, shows %s", action, s.path, s.who, bad)
			}
			if again.Page.Status >= http.StatusInternalServerError {
				t.Errorf("%s of %s, sent by %q, answers %d", action, s.path, s.who, again.Page.Status)
			}
		}
	}
	t.Logf("%d forms", len(sent))
	all, _ := routes(t)
	for _, r := range all {
		if r.method != http.MethodGet {
			continue
		}
		for _, who := range everybody {
			for _, path := range []string{parameter.ReplaceAllLiteralString(r.pattern, url.PathEscape(hostile)),
				parameter.ReplaceAllLiteralString(r.pattern, "x") + "?next=" + url.QueryEscape(hostile) + "&q=" + url.QueryEscape(hostile) + "&tenant=" + url.QueryEscape(hostile) + "&" + url.QueryEscape(hostile)} {
				p := w.visitor(who).Get(path)
				if bad := unharmed(p); isPage(p) && len(bad) > 0 || p.Status >= 500 {
					t.Errorf("%s, for %q: %d %q", path, who, p.Status, bad)
				}
			}
		}
	}
	var seen []stop
	for _, s := range w.walk(func(who string, v *testkit.Visitor) {
		for _, bad := range unharmed(v.Page) {
			t.Errorf("afterwards %q: %s has %s", who, v.Page.URL.RequestURI(), bad)
		}
	}) {
		if !slices.ContainsFunc(seen, func(o stop) bool { return o.pattern == s.pattern }) {
			seen = append(seen, s)
		}
	}
	for _, who := range everybody {
		b := browser.Open(t, w.Kit)
		if p := w.people[who]; p != nil {
			w.visitor(who) // who may have changed more than they should have
			b.LogIn(p)
		}
		for _, s := range seen {
			if s.who == who {
				b.Width(browser.Phone).Go(s.path).Fits(s.path)
			}
		}
	}
}

// fields are the names of a form's.
func fields(form *html.Node) (names []string) {
	for _, f := range cascadia.QueryAll(form, cascadia.MustCompile("input, textarea, select")) {
		names = append(names, testkit.Attr(f, "name"))
	}
	return names
}

// send sends the form of a page that is the i-th there, with a hostile name wherever
// something can be entered, and one of the choices where something is chosen.
func (w *town) send(v *testkit.Visitor, path string, i int) {
	w.t.Helper()
	forms := v.Get(path).All("form")
	if len(forms) <= i {
		return // what it was about is gone
	}
	action, values, typed := filled(v.Page, forms[i], hostile)
	switch {
	case strings.EqualFold(testkit.Attr(forms[i], "method"), "post") && typed:
		v.PostForm(action, values)
	case !strings.EqualFold(testkit.Attr(forms[i], "method"), "post"):
		at, _, _ := strings.Cut(action, "?")
		v.Get(at + "?" + values.Encode())
	}
}

// filled is a form with a text wherever one can be entered, and the last of the
// choices where something is chosen.
func filled(p *testkit.Page, form *html.Node, text string) (action string, values url.Values, typed bool) {
	values = url.Values{}
	for _, f := range cascadia.QueryAll(form, cascadia.MustCompile("input, textarea, select")) {
		name, value := testkit.Attr(f, "name"), testkit.Attr(f, "value")
		switch kind := testkit.Attr(f, "type"); {
		case name == "" || kind == "file":
		case f.Data == "select":
			for _, o := range cascadia.QueryAll(f, cascadia.MustCompile("option")) {
				values.Set(name, testkit.Attr(o, "value"))
			}
		case kind == "hidden", kind == "radio", kind == "checkbox":
			values.Set(name, value)
		default:
			values.Set(name, text)
			typed = true
		}
	}
	if action = testkit.Attr(form, "action"); action == "" {
		action = p.URL.RequestURI()
	}
	return action, values, typed
}

// ofThePeople tells pages about those who are still needed.
func (w *town) ofThePeople(path string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/?&=", r) }),
		func(part string) bool { return w.people[part] != nil })
}
