package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// secrets are fields that no page gives back.
var secrets = []string{"password", "current", "new", "code", "ticket", "invite"}

// TestEndedSessions sends every form that somebody who is logged in finds, when they
// no longer are: all that was entered comes back, to be sent again.
func TestEndedSessions(t *testing.T) {
	w := newTown(t, testkit.New(t))
	all, _ := routes(t)
	sent := map[string]bool{}
	for _, s := range w.walk(nil) {
		if s.who == "" || !s.page {
			continue
		}
		v := w.visitor(s.who)
		for _, form := range v.Get(s.path).All("form") {
			action, values, typed := filled(v.Page, form, "what I wrote <b>&\n\"quoted\"")
			key := s.pattern + " " + strings.Join(slices.Sorted(maps.Keys(values)), " ")
			if !strings.EqualFold(testkit.Attr(form, "method"), "post") || !typed || sent[key] {
				continue
			}
			sent[key] = true
			stranger := w.Visitor(t)
			stranger.Page = v.Page
			p := stranger.PostForm(action, values)
			open := slices.ContainsFunc(all, func(r route) bool { return r.method == "POST" && r.pattern == action && r.permission == "open" })
			secret := slices.ContainsFunc(secrets, values.Has)
			switch {
			case open: // takes whoever comes
				continue
			case secret && p.URL.Path != "/login":
				t.Errorf("%s of %s, which has a secret, leads to %s", action, s.path, p.URL.Path)
			case secret:
				continue
			case p.Status != http.StatusUnauthorized || len(p.All(`a[href^="/login"][target="_blank"]`)) != 1:
				t.Errorf("%s of %s: %d\n%s", action, s.path, p.Status, p.Text("main"))
				continue
			}
			kept := p.One(t, "main form")
			if at := testkit.Attr(kept, "action"); at != action {
				t.Errorf("%s of %s would be sent to %s", action, s.path, at)
			}
			_, back, _ := filled(p, kept, "")
			back.Del("_sent")
			for name, of := range values {
				if !slices.Equal(back[name], of) {
					t.Errorf("%s of %s: of %s, %q comes back as %q", action, s.path, name, of, back[name])
				}
			}
		}
	}
	t.Logf("%d forms", len(sent))
}

// TestSessionEndsInAStepUp has a session end while it asks for a code: what that
// interrupted is not lost either.
func TestSessionEndsInAStepUp(t *testing.T) {
	v := testkit.New(t).Visitor(t)
	v.Get("/login")
	p := v.Post("/step-up", "_to", "/there?now=1", "_fields", "a=1&b=%3Cb%3E&_sent=again", "code", "123456").Want(t, http.StatusUnauthorized, "/step-up")
	form := p.One(t, "main form")
	_, values, _ := filled(p, form, "")
	if testkit.Attr(form, "action") != "/there?now=1" || values.Encode() != "_sent=again&a=1&b=%3Cb%3E" {
		t.Errorf("%s: %s", testkit.Attr(form, "action"), values.Encode())
	}
	v.Get("/login")
	v.Post("/step-up", "_to", "/there", "code", "123456").Want(t, http.StatusOK, "/login")
}

// TestStrangersSendLittle has a document come without a session: a browser that people
// have logged in with gets it back, and of anybody else nothing that large is read.
func TestStrangersSendLittle(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	document := strings.Repeat("p, role:rep, deal, read, own, , allow\n", 10_000)
	known := k.Visitor(t)
	known.Get("/login")
	known.Submit("main form", "username", "ann", "password", testkit.Password)
	known.Submit("form[action='/login/code']", "code", k.NextCode(ann)).Want(t, http.StatusOK, "/account")
	delete(known.Cookies, "__Host-rolegate-access")
	delete(known.Cookies, "__Host-rolegate-refresh")
	for _, path := range []string{"/console/policy/drafts/x/text", "/step-up"} {
		send := func(v *testkit.Visitor) *testkit.Page {
			return v.Post(path, "_to", path, "_fields", url.Values{"document": {document}}.Encode(), "document", document)
		}
		p := send(known).Want(t, http.StatusUnauthorized, path)
		if strings.Contains(p.Text("main"), "token") {
			t.Errorf("%s speaks of what people do not see: %s", path, p.Text("main"))
		}
		if testkit.Attr(p.One(t, "main form [name=document]"), "value") != document {
			t.Errorf("%s: the document is lost", path)
		}
		send(k.Visitor(t)).Want(t, http.StatusOK, "/login")
	}
}

// TestSessionEndsWhileWriting is the same with a person at the keyboard, for the first
// form there is: the session ends elsewhere, they log in in another tab, and send again
// what they had written.
func TestSessionEndsWhileWriting(t *testing.T) {
	w := newTown(t, testkit.New(t))
	at, action := w.somethingToWrite()
	p := w.people[at.who]
	b := browser.Open(t, w.Kit).LogIn(p).Go(at.path)
	form := fmt.Sprintf("form[action=%q]", action)
	browser.Eval[any](b, fmt.Sprintf(`void document.querySelector(%q).querySelectorAll("input:not([type=hidden]), textarea").forEach((e) => {
		if (e.type === "text" || e.localName === "textarea") e.value = "mine"; })`, form))
	w.Login(p)
	w.Want(w.Post("/v1/me/end-other-sessions", p.Access, nil), http.StatusOK)
	b.Submit(form + " button:not([name])")
	if b.Status() != http.StatusUnauthorized || !b.Has(`main input[value="mine"]`) {
		t.Fatalf("%d at %s: %s", b.Status(), b.Path(), b.Text("main"))
	}
	b.Check("session-ended")
	other := b.Opened(func() { b.Click(`main a[target="_blank"]`) })
	other.Enter(p)
	before := len(b.Requests())
	b.Submit("main form button")
	if got := b.Requests()[before:]; len(got) == 0 || got[0] != "POST "+action || b.Status() == http.StatusUnauthorized || b.Status() >= 500 {
		t.Errorf("%v: %d at %s: %s", got, b.Status(), b.Path(), b.Text("main"))
	}
	t.Logf("%s: %d at %s", action, b.Status(), b.Path())
}

// somethingToWrite is a page somebody who is logged in finds, and the form in it that
// takes a text that is no secret.
func (w *town) somethingToWrite() (at stop, action string) {
	w.t.Helper()
	for _, s := range w.walk(nil) {
		if s.who == "" || !s.page {
			continue
		}
		p := w.visitor(s.who).Get(s.path)
		for _, form := range p.All("main form[method=post]") {
			action, values, typed := filled(p, form, "mine")
			if typed && !slices.ContainsFunc(secrets, values.Has) && !strings.Contains(action, "?") {
				return s, action
			}
		}
	}
	w.t.Fatal("nobody can write anything")
	return stop{}, ""
}

// TestTwice presses the button of a form twice before the answer is there: the page
// sends it once.
func TestTwice(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("ann")
	b := browser.Open(t, k).Go("/login").Fill("#username", "ann").Fill("#password", testkit.Password)
	kept := browser.Eval[[]bool](b, `((form, kept) => {
		addEventListener("submit", (e) => kept.push(e.defaultPrevented));
		form.requestSubmit();
		form.requestSubmit();
		return kept;
	})(document.querySelector("form[action='/login']"), [])`)
	if b.Wait("#code"); !slices.Equal(kept, []bool{false, true}) {
		t.Errorf("kept from being sent: %v", kept)
	}
}

// TestStopped stops the browser before the answer is there: the form can be sent again,
// and what is not saved is asked about again.
func TestStopped(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("ann")
	b := browser.Open(t, k).Go("/login").Fill("#username", "ann").Fill("#password", testkit.Password)
	const form = `document.querySelector("form[action='/login']")`
	if !browser.Eval[bool](b, `((f) => { f.requestSubmit(); const sent = "sent" in f.dataset; window.stop(); return sent; })(`+form+`)`) {
		t.Error("the form could be sent twice")
	}
	b.Until("the form can be sent again", func() bool { return browser.Eval[bool](b, `!("sent" in `+form+`.dataset)`) })
	b.Submit("form[action='/login'] button:not([type])").Wait("#code")
}

// TestNoDatabase opens pages while the database cannot be reached, and once it can.
func TestNoDatabase(t *testing.T) {
	link := pgtest.NewLink(t, pgtest.URL(t))
	k := testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+link.URL)
	p := k.MustEnrol("ann")
	sec := k.VisitorAs(t, officer(t, k, "sec", model.SecurityAdmin))
	sec.Get("/console/changes").Want(t, http.StatusOK, "/console/changes")
	b := browser.Open(t, k).LogIn(p)
	mend := link.Sever()
	mended := false
	repair := func() {
		if mended {
			return
		}
		mended = true
		if err := mend(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(repair) // the service records that it stops
	for language, says := range map[string]string{"en": "Nothing was changed", "zh-CN": "没有任何更改"} {
		b.Language(language).Go("/step-up")
		if b.Status() != http.StatusServiceUnavailable || !strings.Contains(b.Text("main"), says) {
			t.Errorf("%s: %d %s", language, b.Status(), b.Text("main"))
		}
		b.Check("no-database-" + language)
	}
	for _, path := range []string{"/step-up", "/logout"} {
		v := k.VisitorAs(t, p)
		if v.Post(path, "code", "123456").Want(t, http.StatusServiceUnavailable, path); len(v.Page.All("h1")) != 1 {
			t.Errorf("POST %s: %s", path, v.Page.Body)
		}
	}
	v := k.Visitor(t)
	v.Get("/login")
	if v.Submit("main form", "username", "ann", "password", testkit.Password).Want(t, http.StatusServiceUnavailable, "/login"); testkit.Attr(v.Page.One(t, "#username"), "value") != "ann" {
		t.Errorf("the login: %s", v.Page.Body)
	}
	sec.Submit(`form[action="/console/policy/drafts"]`, "title", "in the middle of it").Want(t, http.StatusServiceUnavailable, "/console/policy/drafts")
	if len(sec.Page.All("h1")) != 1 || !strings.Contains(sec.Page.Body, "in the middle of it") {
		t.Errorf("a form of the console: %s", sec.Page.Body)
	}
	repair()
	b.Until("the page is back", func() bool { return b.Reload().Status() == http.StatusOK })
	if sec.Submit("main form").Want(t, http.StatusOK, ""); !strings.Contains(sec.Page.Body, "in the middle of it") {
		t.Errorf("sent again: %s", sec.Page.Body)
	}
}
