package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2/util"

	"rolegate/model"
)

// Each test here holds one of Casbin's traps (policy-language, section 12) away
// from our users. Where it can, it shows the trap first, so that we notice when
// a new version of Casbin mends it.

func TestTrapNoRowsAllowAll(t *testing.T) {
	s := mustSnapshot(t, "", mustCatalog(t, "objects: {deal: {actions: {read: {}}}}"), company())
	a := s.asking(t, ask("ann", "read", "deal", "1", nil), Inputs{Now: noon})
	casbin, err := newReference(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []engine{casbin, index{}} {
		if v, err := e.restrictions(a); err != nil || !v.allow {
			t.Errorf("deny-override without rows by %T: %v, %v; it used to allow", e, v, err)
		}
	}
	if got := s.answerTo(ask("ann", "read", "deal", "1", nil), Inputs{Now: noon}); got.Allow || got.Code != model.ReasonNotGranted {
		t.Errorf("an empty policy answers %s", got.Code)
	}
}

func TestTrapTenLevelsOfInheritance(t *testing.T) {
	var text strings.Builder
	for i := range maxInheritance {
		fmt.Fprintf(&text, "g, role:%d, role:%d\n", i, i+1)
	}
	fmt.Fprintf(&text, "p, role:%d, deal, read, all, , allow\n", maxInheritance)
	dir := model.Directory{
		Subjects:    []model.Subject{{Type: "user", ID: "ann", Teams: []string{"emea"}}},
		Assignments: []model.Assignment{{Member: "team:emea", Role: "0"}},
	}
	s := mustSnapshot(t, text.String(), nil, dir)
	if got := s.answerTo(ask("ann", "read", "deal", "1", nil), Inputs{Now: noon}); !got.Allow {
		t.Errorf("a role %d steps away: %s", maxRoleSteps, got.Code)
	}
}

// g remembers every subject it was asked about, for good.
func TestTrapUnknownSubjectsNeverReachCasbin(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, all, , allow", nil, company())
	for _, e := range []model.Entity{{Type: "user", ID: "eve"}, {Type: "User", ID: "ann"}, {Type: "client", ID: "ann"}, {Type: "role", ID: "rep"}, {Type: "team", ID: "emea"}, {Type: "user:ann", ID: "x"}} {
		q := ask("", "read", "deal", "1", nil)
		q.Subject = e
		got := s.decide(&q, &Inputs{Now: noon}, nil) // asking an engine would panic
		if got.Allow || got.Code != model.ReasonSubjectUnknown {
			t.Errorf("%v: %s", e, got.Code)
		}
	}
}

// g(x, x) holds for any x: a person named like a role must not become it, nor
// two subjects share a key.
func TestTrapSubjectNamedLikeARole(t *testing.T) {
	dir := company()
	dir.Subjects = append(dir.Subjects,
		model.Subject{Type: "user", ID: "admin"}, model.Subject{Type: "user", ID: "role:admin"},
		model.Subject{Type: "role", ID: "admin"}, model.Subject{Type: "team", ID: "emea"},
		model.Subject{Type: "user:ann", ID: "x"}, model.Subject{Type: "user", ID: "ann:x"})
	dir.Assignments = append(dir.Assignments,
		model.Assignment{Member: "user:ann:x", Role: "rep"}, model.Assignment{Member: "role:rep", Role: "admin"})
	s := mustSnapshot(t, "p, role:admin, deal, read, all, , allow\np, role:rep, deal, update, all, , allow", nil, dir)
	for _, c := range []struct {
		kind, id, action string
		want             model.Code
	}{
		{"user", "admin", "read", model.ReasonNotGranted},
		{"user", "role:admin", "read", model.ReasonNotGranted},
		{"role", "admin", "read", model.ReasonSubjectUnknown},
		{"team", "emea", "read", model.ReasonSubjectUnknown},
		{"user", "ann:x", "update", model.ReasonAllowed},
		{"user:ann", "x", "update", model.ReasonSubjectUnknown},
		{"user", "ann", "read", model.ReasonNotGranted}, // the directory does not give roles roles
	} {
		q := ask("", c.action, "deal", "1", nil)
		q.Subject = model.Entity{Type: c.kind, ID: c.id}
		if got := s.answerTo(q, Inputs{Now: noon}); got.Code != c.want {
			t.Errorf("%s:%s: %s, want %s", c.kind, c.id, got.Code, c.want)
		}
	}
}

// Casbin keys rows by their cells joined with commas. Names in documents hold
// none; ids of people may, and must not make one membership out of two.
func TestTrapRowsJoinedByCommas(t *testing.T) {
	dir := model.Directory{
		Subjects: []model.Subject{
			{Type: "user", ID: "a,team:b", Teams: []string{"c"}},
			{Type: "user", ID: "a", Teams: []string{"b,team:c"}},
		},
		Assignments: []model.Assignment{{Member: "team:c", Role: "x"}, {Member: "team:b,team:c", Role: "x"}},
	}
	s := mustSnapshot(t, "p, role:x, deal, read, all, , allow", nil, dir)
	for _, x := range dir.Subjects {
		if got := s.answerTo(ask(x.ID, "read", "deal", "1", nil), Inputs{Now: noon}); !got.Allow {
			t.Errorf("%s: %s", x.Key(), got.Code)
		}
	}
}

func TestTrapNamesAreLiteral(t *testing.T) {
	if !util.KeyMatch("contact-secret", "con*") {
		t.Error("keyMatch changed")
	}
	dir := company()
	s := mustSnapshot(t, "p, role:rep, con.act, re[a]d, all, , allow\np, role:rep, contact, look, all, , allow", nil, dir)
	for _, q := range []model.Question{ask("ann", "re[a]d", "contact", "1", nil), ask("ann", "read", "con.act", "1", nil), ask("ann", "look", "con.act", "1", nil)} {
		if got := s.answerTo(q, Inputs{Now: noon}); got.Allow {
			t.Errorf("%s %s is allowed by a pattern", q.Action.Name, q.Resource.Type)
		}
	}
	// A star asked for is no name: it would match rows by their wildcards.
	s = mustSnapshot(t, "p, role:rep, *, *, all, , allow\np, role:rep, deal, read, all, , allow", nil, dir)
	for _, q := range []model.Question{ask("ann", "*", "deal", "1", nil), ask("ann", "read", "*", "1", nil), ask("ann", "", "deal", "1", nil), ask("ann", "read", "", "1", nil), ask("ann", "read", "deal", "", nil), ask("", "read", "deal", "1", nil)} {
		if got := s.answerTo(q, Inputs{Now: noon}); got.Allow || got.Code != model.ReasonItemInvalid {
			t.Errorf("%+v: %s", q, got.Code)
		}
	}
}

// One row whose evaluation fails must not fail other requests, and a failure
// denies. No row that Parse accepts fails; a function called in another shape
// shows what happens if one did.
func TestTrapErrorsDeny(t *testing.T) {
	s := mustSnapshot(t, "p, *, deal, read, all, , allow", nil, company())
	casbin, err := newReference(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	v, err := casbin.enforce(grantsPass, "user:ann", "deal", "read", "no facts")
	if err == nil || v.allow {
		t.Errorf("a pass without facts: %v, %v", v, err)
	}
	q := ask("ann", "read", "deal", "1", nil)
	got := s.decide(&q, &Inputs{Now: noon}, brokenEngine{})
	if got.Allow || got.Code != model.CodeInternal || got.Cause == nil {
		t.Errorf("a broken engine: %+v", got)
	}
}

type brokenEngine struct{ index }

func (brokenEngine) assurance(*asking) (verdict, error) {
	return verdict{allow: true}, fmt.Errorf("broken")
}

// DeleteUser("") erases everything, RemoveGroupingPolicy leaves cached answers,
// LoadPolicy loses revocations: none can be reached, since nothing holds the
// enforcer but the engine, and the engine only asks.
func TestTrapRevocation(t *testing.T) {
	dir := company()
	before := mustSnapshot(t, "p, role:rep, deal, read, all, , allow", nil, dir)
	q, in := ask("ann", "read", "deal", "1", nil), Inputs{Now: noon}
	if !before.answerTo(q, in).Allow {
		t.Fatal("ann cannot read")
	}
	dir.Assignments = nil
	after := mustSnapshot(t, "p, role:rep, deal, read, all, , allow", nil, dir)
	if after.answerTo(q, in).Allow {
		t.Error("the new snapshot remembers the old role")
	}
	if !before.answerTo(q, in).Allow {
		t.Error("the old snapshot changed")
	}
}

// Leaving the person's token out opens nothing that its means of proof had closed.
func TestWithoutATokenMeansOfProofAreUnknown(t *testing.T) {
	s := mustSnapshot(t, `
p, *, deal, read, all, !('otp' in request.amr), allow
p, *, deal, update, all, , allow
p, *, deal, update, all, 'otp' in request.amr, deny
p, *, deal, export, all, , allow
p2, *, deal, export, !('otp' in request.amr), deny
`, mustCatalog(t, `objects: {deal: {actions: {read: {}, update: {}, export: {}}}}`), company())
	for action, want := range map[string]model.Code{"read": model.ReasonNotGranted, "update": model.ReasonDenied, "export": model.ReasonRestricted} {
		for name, proven := range map[string]model.Assurance{"token": {Level: 2, AuthTime: noon, Methods: []string{"pwd", "otp"}}, "none": {}} {
			in := Inputs{Now: noon, Assurance: proven}
			if action == "export" && name == "token" {
				continue // she has one: not restricted
			}
			if got := s.answerTo(ask("ann", action, "deal", "1", nil), in); got.Code != want {
				t.Errorf("%s, %s: %s, want %s", action, name, got.Code, want)
			}
		}
	}
}
