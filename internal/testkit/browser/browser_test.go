package browser_test

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
)

func TestMain(m *testing.M) { browser.Main(m) }

// TestTroubles does on a page what no page may, and sees that each is found.
func TestTroubles(t *testing.T) {
	k := testkit.New(t)
	b := browser.Open(t, k).Go("/login")
	for name, c := range map[string]struct{ does, want string }{
		"inline style":  {`document.body.insertAdjacentHTML("beforeend", "<p style='color:red'>x</p>")`, "Content Security Policy"},
		"inline script": {`(() => { const s = document.createElement("script"); s.textContent = "1"; document.body.append(s) })()`, "Content Security Policy"},
		"handler":       {`document.body.insertAdjacentHTML("beforeend", "<b onclick='1'></b>")`, "Content Security Policy"},
		"picture":       {`document.body.insertAdjacentHTML("beforeend", "<img alt='' src='http://127.0.0.1:9/x.png'>")`, "Content Security Policy"},
		"exception":     {`void setTimeout(() => { throw new Error("broken") })`, "broken"},
		"console":       {`console.error("so wrong")`, "so wrong"},
		"dialog":        {`void setTimeout(() => alert("ha"))`, "a dialog opens: ha"},
		"no such file":  {`fetch("/assets/none/app.css").then(() => {})`, "answers 404"},
	} {
		browser.Eval[any](b, c.does)
		var got []string
		b.Until(name+" is found", func() bool {
			got = append(got, b.Troubles()...)
			return strings.Contains(strings.Join(got, "\n"), c.want)
		})
	}
	browser.Eval[any](b, `void (location = "http://127.0.0.1:9/")`)
	b.Until("the way elsewhere is seen", func() bool { return strings.Contains(strings.Join(b.Troubles(), "\n"), "a request to another place") })

	b.Go("/login")
	if got := b.Axe(); len(got) > 0 {
		t.Errorf("the login has %q", got)
	}
	browser.Eval[any](b, `document.querySelector("label[for=username]").remove()`)
	if got := strings.Join(b.Axe(), "\n"); !strings.Contains(got, "label") {
		t.Errorf("a field without a label: %q", got)
	}
}

// TestChecks sees that a page that is too wide is found, and one that holds the
// keyboard.
func TestChecks(t *testing.T) {
	b := browser.Open(t, testkit.New(t)).Width(browser.Phone).Go("/login")
	if got := append(b.Unreached(), b.TooWide()...); len(got) > 0 {
		t.Errorf("the login has %q", got)
	}
	browser.Eval[any](b, `void document.querySelector("#password").addEventListener("keydown", (e) => e.preventDefault())`)
	b.Click("#username")
	if got := strings.Join(b.Unreached(), "\n"); !strings.Contains(got, "logout") && !strings.Contains(got, "skip") {
		t.Errorf("a field that keeps the focus: %q", got)
	}
	browser.Eval[any](b, `void (document.querySelector("h1").style.width = "600px")`)
	if got := strings.Join(b.TooWide(), " "); !strings.Contains(got, "h1") {
		t.Errorf("a wide title: %q", got)
	}
	browser.Eval[any](b, `void (document.querySelector("main").innerHTML = "<table><thead><tr><th>who<th>what<tbody><tr><td>a long name<td>1</table><p id=one>one</p><p id=two>two</p>")`)
	if got := b.Askew(); len(got) > 0 {
		t.Errorf("a page that is straight: %q", got)
	}
	for _, c := range []struct{ broken, want string }{
		{`document.querySelector("table").style.display = "grid"`, `above its column: th "what"`},
		{`document.querySelector("#two").style.marginTop = "-3rem"`, `lie over each other`},
		{`Object.assign(document.querySelector("#one").appendChild(document.createElement("b")).style, {display: "inline-block", width: "30rem"}), document.querySelector("#one").style.width = "5rem"`, `sticks out of p#one`},
	} {
		if got := strings.Join(b.Askew(), "\n"); strings.Contains(got, c.want) {
			t.Errorf("before %s: %q", c.broken, got)
		}
		browser.Eval[any](b, "void ("+c.broken+")")
		if got := strings.Join(b.Askew(), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("after %s: %q", c.broken, got)
		}
	}
}

// TestOwnCookies tells two people's browsers apart, and takes a dialog that is expected.
func TestOwnCookies(t *testing.T) {
	k := testkit.New(t)
	ann, bob := k.MustEnrol("ann"), k.MustEnrol("bob")
	a, b := browser.Open(t, k).LogIn(ann), browser.Open(t, k).LogIn(bob)
	tab := a.Tab().Go("/step-up")
	for of, who := range map[*browser.Browser]string{a.Go("/step-up"): "ann", b.Go("/step-up"): "bob", tab: "ann"} {
		if got := of.Text("form.logout span"); got != "Logged in as "+who {
			t.Errorf("%s sees %q", who, got)
		}
	}
	a.Confirm(true)
	if !browser.Eval[bool](a, `confirm("sure?")`) || a.Asked()[0] != "sure?" {
		t.Errorf("the dialog was answered otherwise: %q", a.Asked())
	}
}

// TestAxe holds axe-core to the digest of its release.
func TestAxe(t *testing.T) {
	b, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != "KTSJmUUM3yhJqOcLeRL8LahahJ2jnA0NU5T1HUqe2Vw=" {
		t.Errorf("axe.min.js is not that of 4.14.1: %s", got)
	}
}
