package account_test

import (
	"maps"
	"strings"
	"testing"

	"rolegate/internal/testkit"
)

// codesOf are the recovery codes that a page shows.
func codesOf(p *testkit.Page) string { return p.Text(".codes code") }

// twin is another click in the same browser, on the page as it is now.
func twin(t *testing.T, k *testkit.Kit, v *testkit.Visitor) *testkit.Visitor {
	t.Helper()
	w := k.Visitor(t)
	w.Page, w.Cookies = v.Page, maps.Clone(v.Cookies)
	return w
}

// TestNewCodesTwice presses the button twice without a script: the codes that count are
// on the page that the browser shows, and the page itself asked for makes other ones.
func TestNewCodesTwice(t *testing.T) {
	k := testkit.New(t)
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	v.Get("/account/recovery-codes")
	second := twin(t, k, v)
	codes := codesOf(v.Submit(renew).Want(t, 200, ""))
	if got := codesOf(second.Submit(renew).Want(t, 200, "")); got != codes || got == "" {
		t.Errorf("the second answer has %q, the first had %q", got, codes)
	}
	v.Get("/account/recovery-codes")
	if got := codesOf(v.Submit(renew).Want(t, 200, "")); got == codes || got == "" {
		t.Errorf("whoever asks anew gets %q again", got)
	}

	v.Get("/account/recovery-codes")
	first, second := twin(t, k, v), twin(t, k, v)
	answers := make(chan string)
	for _, w := range []*testkit.Visitor{first, second} {
		go func() { answers <- codesOf(w.Submit(renew)) }()
	}
	if a, b := <-answers, <-answers; a != b || a == "" {
		t.Errorf("at once: %q and %q", a, b)
	}
}

// TestNewCodesOfAnotherPage sends a form again whose codes another page has replaced: that
// says so, leaves the codes as they are, and its own button makes new ones.
func TestNewCodesOfAnotherPage(t *testing.T) {
	k := testkit.New(t)
	v := k.VisitorAs(t, k.MustEnrol("ann"))
	v.Get("/account/recovery-codes")
	other := twin(t, k, v)
	other.Get("/account/recovery-codes")
	again := twin(t, k, v)
	v.Submit(renew).Want(t, 200, "")
	good := codesOf(other.Submit(renew).Want(t, 200, ""))
	again.Submit(renew).Want(t, 409, "")
	if said := again.Page.Text("main"); codesOf(again.Page) != "" || !strings.Contains(said, "used or replaced since") {
		t.Errorf("it says %q", said)
	}
	if codes := codesOf(again.Submit(renew).Want(t, 200, "")); codes == "" || codes == good {
		t.Errorf("asked for anew there are %q", codes)
	}
}

// TestSomebodyElsesForm makes codes for whoever sends it, always other ones.
func TestSomebodyElsesForm(t *testing.T) {
	k := testkit.New(t)
	ann, bob := k.VisitorAs(t, k.MustEnrol("ann")), k.VisitorAs(t, k.MustEnrol("bob"))
	ann.Get("/account/recovery-codes")
	bob.Page = ann.Page
	codes := codesOf(ann.Submit(renew))
	page := bob.Page
	his := codesOf(bob.Submit(renew).Want(t, 200, ""))
	if bob.Page = page; his == codes || his == "" || codesOf(bob.Submit(renew)) == his {
		t.Errorf("hers are %q, his %q", codes, his)
	}
}

// TestFirstDeviceTwice confirms a first device twice: that ends the session it is added
// by, and so the second click comes with one that is over.
func TestFirstDeviceTwice(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	v := k.VisitorAs(t, k.PasswordOnly("ann"))
	v.Get("/account/devices")
	v.Submit(add, "name", "phone")
	k.MidStep()
	right := k.Oathtool(secret(t, v.Page), 0)
	second, other := twin(t, k, v), twin(t, k, v)
	codes := codesOf(v.Submit(confirm, "code", right).Want(t, 200, ""))
	if got := codesOf(second.Submit(confirm, "code", right).Want(t, 200, "")); got != codes || got == "" {
		t.Errorf("the second answer has %q, the first had %q", got, codes)
	}
	if second.Cookies["__Host-rolegate-access"] == "" {
		t.Error("the second answer forgets the session that came with the first")
	}
	if codesOf(other.Submit(confirm, "code", "000000")) != "" {
		t.Error("they are shown for a code that is wrong")
	}
	v.Submit(saved, "saved", "yes").Want(t, 200, "/account/devices")
}
