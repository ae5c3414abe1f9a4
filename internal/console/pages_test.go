package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

// bareKey is the key of a text where words should be.
var bareKey = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// led are pages that nobody comes to by links alone, with where else they are tested.
var led = map[string]string{
	"/assets/{digest}/{name}": "every page loads them",
	"/":                       "leads to the account, or the login",
	"/console/changes/revisions/{revision}/applied": "what a revision's page asks for until it is applied",
	"/login/*":         "leads back to the login",
	"/invite/{invite}": "its link comes in a message; package entrance has its tests",
	"/invite":          "tells that an invitation is damaged: package entrance",
}

// TestEveryPage opens every page there is, found by its route, as somebody who may see
// it: in a browser, on both screens, in both languages, light and dark, and by the keyboard.
func TestEveryPage(t *testing.T) {
	w := newTown(t, testkit.New(t))
	seen := w.walk(func(who string, v *testkit.Visitor) {
		at := v.Page.URL.RequestURI()
		if v.Page.Status >= http.StatusInternalServerError {
			t.Errorf("%q: %s answers %d", who, at, v.Page.Status)
		}
		for _, bad := range unharmed(v.Page) {
			t.Errorf("%q: %s has %s", who, at, bad)
		}
	})
	for _, link := range w.dead {
		t.Error(link)
	}
	all, _ := routes(t)
	for _, r := range all {
		found := slices.ContainsFunc(seen, func(s stop) bool { return s.pattern == r.pattern })
		if r.method == http.MethodGet && !found && led[r.pattern] == "" {
			t.Errorf("nobody comes to %s (%s): let a page lead to it, or newTown make what it shows", r.pattern, r.permission)
		}
	}
	for _, who := range everybody {
		var stops []stop
		for _, s := range seen {
			first := slices.IndexFunc(seen, func(o stop) bool { return o.pattern == s.pattern })
			if s.page && s.who == who && seen[first].who == who {
				stops = append(stops, s)
			}
		}
		w.look(who, stops)
	}
}

// look opens pages as one of the people.
func (w *town) look(who string, stops []stop) {
	if len(stops) == 0 {
		return
	}
	w.t.Run("as "+who, func(t *testing.T) {
		b := browser.Open(t, w.Kit)
		if p := w.people[who]; p != nil {
			b.LogIn(p)
		}
		for i, language := range []string{"en", "zh-CN"} {
			b.Language(language)
			for j, width := range []int64{browser.Desktop, browser.Phone} {
				b.Width(width).Dark(i+j == 2)
				done := map[string]bool{}
				for _, s := range stops {
					if done[s.pattern] { // scripts' visitors have seen more of a kind
						continue
					}
					done[s.pattern] = true
					name := fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(s.path, hostile, "hostile"), language, width)
					if b.Go(s.path); i == j {
						b.Check(name)
					} else {
						b.Shot(name).Fits(name)
					}
					if i+j == 0 {
						for _, control := range b.Unreached() {
							t.Errorf("%s: the keyboard does not come to %s", s.path, control)
						}
					}
				}
			}
		}
	})
}
