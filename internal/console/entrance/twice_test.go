package entrance_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
)

// codesOf are the recovery codes that a page shows.
func codesOf(p *testkit.Page) string { return p.Text(".codes code") }

// TestConfirmedTwice presses the button twice without a script: a browser shows the
// answer to the second, and so that has the recovery codes, too, for a minute, and for
// nobody who sends anything else.
func TestConfirmedTwice(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	v.Get("/invite/" + k.Invite("ann"))
	form := v.Submit(accept, "password", testkit.Password)
	secret := secretOf(t, form)
	right := k.CodeAt(secret, 0)
	twin := k.Visitor(t)
	twin.Page = form
	codes := codesOf(v.Submit(confirm, "code", right).Want(t, 200, ""))
	k.WantNoted("ann", audit.RecoveryShown, audit.OutcomeOK, func() {
		if got := codesOf(twin.Submit(confirm, "code", right).Want(t, 200, "")); got != codes || len(strings.Fields(got)) != 10 {
			t.Errorf("the second answer has %q, the first had %q", got, codes)
		}
	})
	if len(twin.Cookies) > 0 {
		t.Errorf("a code that was used opens a session: %v", maps.Keys(twin.Cookies))
	}
	for what, fields := range map[string][]string{
		"another code": {"code", k.CodeAt(secret, -30*time.Second)}, "another form": {"code", right, "form", "x"}, "no form": {"code", right, "form", ""},
	} {
		twin.Page = form
		if twin.Submit(confirm, fields...).Want(t, 401, ""); codesOf(twin.Page) != "" {
			t.Errorf("%s is shown the codes", what)
		}
	}
	k.Want(k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("ann"), "code": strings.Fields(codes)[3]}), 200)
	if twin.Page = form; codesOf(twin.Submit(confirm, "code", right).Want(t, 401, "")) != "" {
		t.Error("codes are shown of which one is used")
	}
}

// TestConfirmedLongAgo sends the form once more when its codes were on a screen for long
// enough.
func TestConfirmedLongAgo(t *testing.T) {
	k := testkit.New(t)
	k.StandStill()
	v := k.Visitor(t)
	v.Get("/invite/" + k.Invite("ann"))
	form := v.Submit(accept, "password", testkit.Password)
	right := k.CodeAt(secretOf(t, form), 0)
	v.Submit(confirm, "code", right).Want(t, 200, "")
	for _, c := range []struct {
		after time.Duration
		shown bool
	}{{time.Minute, true}, {time.Minute, false}} {
		k.Advance(c.after)
		twin := k.Visitor(t)
		twin.Page = form
		if got := codesOf(twin.Submit(confirm, "code", right)) != ""; got != c.shown {
			t.Errorf("%s later they are shown: %v", c.after, got)
		}
	}
}

// TestConfirmedAtOnce sends the form twice at the same time: one of them confirms the
// device, and both have the same codes.
func TestConfirmedAtOnce(t *testing.T) {
	k := testkit.New(t)
	v := k.Visitor(t)
	v.Get("/invite/" + k.Invite("ann"))
	form := v.Submit(accept, "password", testkit.Password)
	right := k.CodeAt(secretOf(t, form), 0)
	answers := make(chan string)
	for range 2 {
		twin := k.Visitor(t)
		twin.Page = form
		go func() { answers <- codesOf(twin.Submit(confirm, "code", right)) }()
	}
	if a, b := <-answers, <-answers; a != b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
}
