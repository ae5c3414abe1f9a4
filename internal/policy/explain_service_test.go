package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/model"
)

// TestExplainMeansEvaluation: an explanation is of the decision an evaluation
// makes, tokens and trust included, its reasons come to the same, and those who
// could are those for whom an evaluation lacks nothing but proof.
func TestExplainMeansEvaluation(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	codes := map[model.Code]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := makeWorld(t, drawGenerous(t), drawDirectory(t), mustCatalogOf(t, worldCatalog), false)
		records := []model.Resource{{Type: "deal", ID: "1", Attributes: drawRecord(t)}}
		caller := h.tenant(t, worldCatalog, w.text, w.spec.dir, records[:rapid.IntRange(0, 1).Draw(t, "stored")])
		caller.Scopes = []string{"decide", "explain"}
		caller.Client.RequireToken, caller.Client.TrustSubjectProperties = pick(t, false, false, true), rapid.Bool().Draw(t, "trust")
		for range 5 {
			q, _ := drawQuestion(t)
			r := ExplainRequest{Request: Request{Question: q}, WhoCould: true, Limit: rapid.IntRange(1, 3).Draw(t, "limit")}
			if token := pick(t, "", "", "token of "+q.Subject.ID, "token of nobody"); token != "" {
				r.AccessToken = &token
			}
			d, err := h.Evaluate(ctx, caller, r.Request)
			if err != nil {
				t.Fatal(err)
			}
			e, err := h.Explain(ctx, caller, r)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(e.Explanation)
			if err != nil {
				t.Fatal(err)
			}
			codes[d.Code]++
			if e.Allow != d.Allow || e.Code != d.Code || e.Revision != d.Revision {
				t.Fatalf("explained as %s, decided %s", e.Code, d.Code)
			}
			if diff := cmp.Diff(wanted(d), replay(t, text), cmp.AllowUnexported(replayed{})); diff != "" {
				t.Fatalf("policy:\n%s\nquestion: %+v\n(-decision +replay):\n%s\n%s", w.text, q, diff, text)
			}
			var could, found []string
			for {
				found = append(found, e.WhoCould.Results...)
				if r.After = e.WhoCould.After; !e.WhoCould.More {
					break
				}
				if e, err = h.Explain(ctx, caller, r); err != nil {
					t.Fatal(err)
				}
			}
			free := caller
			free.Client.RequireToken = false
			for _, id := range append(slices.Clone(people), "crm", "eve") {
				each := Request{Question: q}
				each.Question.Subject = model.Entity{Type: q.Subject.Type, ID: id}
				if d, err := h.Evaluate(ctx, free, each); err != nil {
					t.Fatal(err)
				} else if d.Allow || d.Code == model.ReasonStepUp {
					could = append(could, id)
				}
			}
			slices.Sort(could)
			if diff := cmp.Diff(could, found); diff != "" {
				t.Fatalf("policy:\n%s\nquestion: %+v\nwho could (-evaluated +explained):\n%s", w.text, q, diff)
			}
		}
	})
	for _, code := range []model.Code{model.ReasonSessionInvalid, model.ReasonTokenRequired, model.ReasonAllowed, model.ReasonNotGranted} {
		if codes[code] == 0 {
			t.Errorf("nothing was %s", code)
		}
	}
}

// explainOne explains a question in a tenant of its own.
func explainOne(t *testing.T, catalog, text string, dir model.Directory, q model.Question, stored *model.Resource) model.Explanation {
	t.Helper()
	doc, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := NewSnapshot(model.Tenant{ID: "t"}, doc, mustCatalog(t, catalog), dir)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := snap.explain(q, Inputs{Now: noon, Stored: stored})
	return e
}

// Values that the asker did not send are not told, but for the ids of those the
// record belongs to, and of those none that the catalogue calls personal.
func TestExplainTellsNoStoredValues(t *testing.T) {
	const catalog = `
objects:
  deal:
    actions: {read: {}}
    fields: {account: {type: ref, class: personal}, iban: {type: string, class: sensitive}}
`
	const policy = `p, *, deal, read, own, , allow
p, *, deal, read, account, record.iban == 'DE' && record.note != user.diagnosis, allow
p, *, deal, read, shared, record.sent == 'x', allow
p, *, deal, read, team, , allow
`
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Attributes: map[string]any{"diagnosis": "hidden-5"}, Accounts: []string{"hidden-6"}}}}
	stored := &model.Resource{Type: "deal", ID: "1", Attributes: map[string]any{"owner": "bob", "teams": []any{"emea"}, "account": "hidden-1", "iban": "hidden-2", "note": "hidden-3",
		"shares": []any{map[string]any{"to": "user:hidden-4", "actions": []any{"read"}}}, "sent": "hidden-7"}}
	q := ask("ann", "read", "deal", "1", props{"sent": "told", "huge": strings.Repeat("hidden-8", 1000)})
	e := explainOne(t, catalog, policy, dir, q, stored)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hidden") {
		t.Errorf("%s", text)
	}
	for _, told := range []string{`{"name":"owner","state":"known","value":"bob"}`, `"value":["emea"]`, `{"name":"sent","state":"known","value":"told"}`, `{"name":"iban","state":"known"}`, `{"name":"account","state":"known"}`} {
		if !strings.Contains(string(text), told) {
			t.Errorf("%s is missing in\n%s", told, text)
		}
	}
	// Sent by the asker, all may be told again; what is too long is not.
	q.Resource.Properties = props{"owner": "bob", "teams": make([]any, 0), "account": "told-1", "iban": strings.Repeat("x", 300), "note": 7.0, "shares": nil}
	e = explainOne(t, catalog, policy, dir, q, nil)
	if text, _ = json.Marshal(e); !strings.Contains(string(text), "told-1") || strings.Contains(string(text), "xxx") {
		t.Errorf("%s", text)
	}
}

// What a near miss says, in the order of nearness.
func TestNearMisses(t *testing.T) {
	const policy = `
# reps read what they own
p, role:rep, deal, read, own, , allow
# early ones read won deals of their region
p, role:rep, deal, read, all, record.stage == 'won' && record.region == user.region, allow
p, role:summer, deal, read, all, , allow
p, role:chief, deal, read, all, , allow
p, role:clerk, deal, read, own, , allow
p, user:bob, deal, read, all, , allow
g, role:lead, role:rep
g, role:boss, role:chief
`
	dir := model.Directory{Teams: []model.Team{{ID: "emea"}}, Subjects: []model.Subject{{Type: "user", ID: "ann", Teams: []string{"emea"}}, {Type: "user", ID: "bob"}},
		Assignments: []model.Assignment{{Member: "team:emea", Role: "lead", Until: noon.AddDate(1, 0, 0)}, {Member: "user:ann", Role: "summer", From: noon.AddDate(0, 3, 0)}}}
	e := explainOne(t, "objects: {deal: {actions: {read: {}}}}", policy, dir, ask("ann", "read", "deal", "1", props{"owner": "bob", "stage": "lost"}), nil)
	path := []model.RolePath{{Path: []string{"user:ann", "team:emea", "role:lead", "role:rep"}, Until: noon.AddDate(1, 0, 0)}}
	owner := model.Looked{Name: "owner", State: model.AttributeKnown, Value: "bob"}
	want := []model.Reason{
		{Holder: "role:rep", Scope: "own", Missed: []model.Missed{model.MissedScope}, Paths: path, Looked: []model.Looked{owner},
			Rule: &model.ExplainedRule{Row: "p, role:rep, deal, read, own, , allow", Name: "reps read what they own", Line: 3}},
		{Holder: "role:rep", Scope: "all", Missed: []model.Missed{model.MissedCondition}, Paths: path, Condition: "record.stage == 'won' && record.region == user.region", Holds: "false",
			Looked: []model.Looked{{Name: "stage", State: model.AttributeKnown, Value: "lost"}, {Name: "region", State: model.AttributeNotSent}}, Absent: []string{"record.region", "user.region"},
			Rule: &model.ExplainedRule{Row: "p, role:rep, deal, read, all, record.stage == 'won' && record.region == user.region, allow", Name: "early ones read won deals of their region", Line: 5}},
		{Holder: "role:summer", Scope: "all", Missed: []model.Missed{model.MissedWindow}, Paths: []model.RolePath{{Path: []string{"user:ann", "role:summer"}, From: noon.AddDate(0, 3, 0)}},
			Rule: &model.ExplainedRule{Row: "p, role:summer, deal, read, all, , allow", Line: 6}},
		{Holder: "role:chief", Scope: "all", Missed: []model.Missed{model.MissedRole}, Rule: &model.ExplainedRule{Row: "p, role:chief, deal, read, all, , allow", Line: 7}},
		{Holder: "role:clerk", Scope: "own", Missed: []model.Missed{model.MissedRole, model.MissedScope}, Looked: []model.Looked{owner}, Rule: &model.ExplainedRule{Row: "p, role:clerk, deal, read, own, , allow", Line: 8}},
	}
	for i := range want {
		want[i].Kind, want[i].Code = model.ReasonMiss, model.ReasonNotGranted
	}
	if diff := cmp.Diff(want, e.Actions[0].Misses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"role:boss", "role:chief", "role:summer"}, e.WouldHelp); diff != "" {
		t.Errorf("would allow (-want +got):\n%s", diff)
	}

	// Without a record: what a denial takes away everywhere, and what there is no way to.
	e = explainOne(t, "objects: {deal: {actions: {read: {}}}}", "p, *, deal, read, own, , allow\np, *, deal, read, territory, , allow\np, *, deal, read, team, , deny\n", dir, ask("ann", "read", "deal", "*", nil), nil)
	if got := e.Actions[0]; len(got.Misses) != 2 || got.Misses[0].Missed[0] != model.MissedScope || got.Misses[1].Missed[0] != model.MissedDenied || got.Reasons[0].Kind != model.ReasonNarrowing {
		t.Errorf("%+v", got)
	}
}

// An action that requires others is explained with all of them, each with who
// requires it.
func TestExplainRequired(t *testing.T) {
	e := explainOne(t, worldCatalog, "p, *, deal, publish, all, , allow\np, *, deal, export, all, , allow\np, *, deal, update, all, , deny\n", model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}},
		ask("ann", "publish", "deal", "1", nil), nil)
	var got []string
	for _, a := range e.Actions {
		got = append(got, fmt.Sprintf("%s<%s %s", a.Action, a.RequiredBy, a.Code))
	}
	if diff := cmp.Diff([]string{"publish< allowed", "export<publish allowed", "read<export not_granted", "update<publish denied"}, got); diff != "" || e.Code != model.ReasonRequiredAction || e.Required != "read" {
		t.Errorf("%s %s (-want +got):\n%s", e.Code, e.Required, diff)
	}
}

// All that is wrong is said at once.
func TestExplainEveryReason(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}, Disabled: []string{"ann"}}
	const policy = `p, *, old, read, all, , deny
p2, *, old, read, record.x == 1, deny
p3, *, old, salary, read, deny
p4, *, old, read, 2, 60, deny
p4, *, old, read, 3, , deny
`
	q := ask("ann", "read", "old", "1", nil)
	q.Action.Properties = props{"filter_fields": []any{"salary"}}
	e := explainOne(t, worldCatalog, policy, dir, q, nil)
	var got []string
	for _, r := range slices.Concat(e.Gates, e.Actions[0].Reasons) {
		got = append(got, string(r.Kind)+" "+string(r.Code)+" "+string(r.Because))
	}
	want := []string{"gate subject_disabled ", "gate object_disabled ", "denial denied ", "restriction restricted ", "field fields_closed denied_to_all",
		"assurance insufficient_user_authentication ", "assurance insufficient_user_authentication "}
	if diff := cmp.Diff(want, got); diff != "" || e.Code != model.ReasonSubjectDisabled || len(e.WouldHelp) > 0 {
		t.Errorf("%s (-want +got):\n%s", e.Code, diff)
	}
	e = explainOne(t, worldCatalog, policy, dir, ask("eve", "read", "ghost", "1", nil), nil)
	if len(e.Gates) != 2 || e.Gates[0].Code != model.ReasonSubjectUnknown || e.Gates[1].Code != model.ReasonObjectUnknown || len(e.Actions) > 0 {
		t.Errorf("%+v", e)
	}
}

// An explanation is bounded, and says what it leaves out.
func TestExplainIsBounded(t *testing.T) {
	var b strings.Builder
	var dir model.Directory
	ann := model.Subject{Type: "user", ID: "ann"}
	for i := range 300 {
		fmt.Fprintf(&b, "p, role:r%d, deal, read, all, , allow\np, role:r%d, deal, update, own, , allow\np4, *, deal, read, 2, %d, deny\np, role:other%d, deal, update, all, , allow\n", i, i, 5000-i, i)
		dir.Assignments = append(dir.Assignments, model.Assignment{Member: "user:ann", Role: fmt.Sprint("r", i)})
	}
	for i := range 20 {
		ann.Teams = append(ann.Teams, fmt.Sprint("t", i))
		dir.Teams = append(dir.Teams, model.Team{ID: fmt.Sprint("t", i)})
		dir.Assignments = append(dir.Assignments, model.Assignment{Member: fmt.Sprint("team:t", i), Role: "r0"})
	}
	dir.Subjects = []model.Subject{ann}
	const catalog = "objects: {deal: {actions: {read: {}, update: {}}}}"
	e := explainOne(t, catalog, b.String(), dir, ask("ann", "read", "deal", "1", nil), nil)
	a := e.Actions[0]
	if len(a.Reasons) != 100+300 || a.LeftOut != 200 || e.StepUp.MaxAge != 4701 {
		t.Errorf("%d reasons, %d left out, %+v", len(a.Reasons), a.LeftOut, e.StepUp)
	}
	if first := a.Reasons[0]; len(first.Paths) != 8 || first.More != 13 || len(first.Paths[0].Path) != 2 {
		t.Errorf("paths %v, and %d more", first.Paths, first.More)
	}
	text, _ := json.Marshal(e)
	if got := replay(t, text); got.age != 4701 {
		t.Errorf("%+v", got)
	}
	e = explainOne(t, catalog, b.String(), dir, ask("ann", "update", "deal", "1", props{"owner": "bob"}), nil)
	if a := e.Actions[0]; len(a.Misses) != 20 || a.Unlisted != 580 || len(e.WouldHelp) != 100 {
		t.Errorf("%d near misses, %d left out, %d would help", len(a.Misses), a.Unlisted, len(e.WouldHelp))
	}
}

// One entry an explanation or a list of permissions, names sealed as those of
// decisions are.
func TestExplainIsRecorded(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}}}
	caller := h.tenant(t, "objects: {lead: {person: true, actions: {read: {}, burn: {}}}}", "p, *, lead, read, all, , allow\n", dir, nil)
	caller.Scopes = []string{"decide", "explain"}
	last := func() (audit.Leaf, map[string]any, string) {
		t.Helper()
		e := audittest.From(t, h.Store, audittest.Size(t, h.Store)-1)[0]
		sealed, err := audittest.Unseal(t.Context(), h.Log, e, "user:ann")
		if err != nil {
			t.Fatal(err)
		}
		return e.Leaf, sealed, string(e.Row.Leaf)
	}
	r := ExplainRequest{Request: Request{Question: ask("ann", "burn", "lead", "l-17", nil)}, WhoCould: true, Limit: 10}
	if _, err := h.Explain(t.Context(), caller, r); err != nil {
		t.Fatal(err)
	}
	leaf, sealed, text := last()
	if leaf.Activity != audit.Explained || leaf.Outcome != audit.OutcomeDeny || leaf.Code != model.ReasonNotGranted || leaf.Object != "lead" || leaf.Op != "burn" || leaf.Service != "crm" || leaf.Count != 0 || leaf.Revision == 0 {
		t.Errorf("leaf %+v", leaf)
	}
	if diff := cmp.Diff(map[string]any{"person": "user:ann", "subject": "user:ann", "action": "burn"}, sealed); diff != "" || strings.Contains(text, "l-17") {
		t.Errorf("%q (-want +got):\n%s", text, diff)
	}
	operator := model.Caller{Kind: model.CallerOperator, ID: "0@host", Tenant: caller.Tenant}
	r.Question.Action.Name = "read"
	if _, err := h.Explain(t.Context(), operator, r); err != nil {
		t.Fatal(err)
	}
	if leaf, _, text := last(); leaf.Outcome != audit.OutcomeAllow || leaf.Count != 2 || leaf.Actor != "operator" || leaf.Service != "" || strings.Contains(text, "host") {
		t.Errorf("leaf %+v", leaf)
	}
	if _, err := h.Permissions(t.Context(), caller, PermissionsRequest{Subject: model.Entity{Type: "user", ID: "ann"}, Object: "lead"}); model.CodeOf(err) != "" {
		t.Fatal(err)
	}
	leaf, sealed, _ = last()
	if leaf.Activity != audit.ShownPermissions || leaf.Outcome != audit.OutcomeOK || leaf.Object != "lead" || leaf.Count != 1 || leaf.Code != model.ReasonAllowed {
		t.Errorf("leaf %+v", leaf)
	}
	if diff := cmp.Diff(map[string]any{"person": "user:ann", "subject": "user:ann", "resource_type": "lead"}, sealed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// changedScopes is a client whose scopes are others when it is looked at again.
type changedScopes []string

func (s changedScopes) Recheck(_ context.Context, c model.Caller) (model.Caller, error) {
	c.Scopes = s
	return c, nil
}

// Without the scope, the record or the tenant there is no explanation.
func TestExplainRefused(t *testing.T) {
	h, caller := library(t, 1)
	r := ExplainRequest{Request: books("u0000").Request}
	r.Question.Resource.ID = "b0000"
	h.Callers = changedScopes{"decide"}
	if _, err := h.Explain(t.Context(), caller, r); model.CodeOf(err) != model.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
	h.Callers = changedScopes{"explain"}
	if _, err := h.Explain(t.Context(), caller, r); err != nil {
		t.Error(err)
	}
	if _, err := h.Permissions(t.Context(), caller, PermissionsRequest{Subject: r.Question.Subject}); model.CodeOf(err) != model.CodeForbidden {
		t.Errorf("permissions without the scope: %v", err)
	}
	late := r
	late.MinRevision = 1 << 40
	if e, err := h.Explain(t.Context(), caller, late); model.CodeOf(err) != model.CodeRevisionBehind || e.Code != "" {
		t.Errorf("of a revision to come: %+v %v", e, err)
	}
	ghost := caller
	ghost.Tenant = "ghost"
	if _, err := h.Explain(t.Context(), ghost, r); model.CodeOf(err) != model.CodeTenantUnknown {
		t.Errorf("of no tenant: %v", err)
	}
	h.Store.Close()
	if e, err := h.Explain(t.Context(), caller, r); err == nil || len(e.Actions) > 0 {
		t.Errorf("without a log: %+v, %v", e, err)
	}
}

// Permissions are bounded; one object can always be asked for.
func TestPermissionsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range maxPermissions/2 + 1 {
		fmt.Fprintf(&b, "p, *, o%d, read, all, , allow\n", i)
	}
	doc, err := Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := NewSnapshot(model.Tenant{ID: "t"}, doc, mustCatalog(t, "objects: {}"), model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}})
	if err != nil {
		t.Fatal(err)
	}
	ann, in := model.Entity{Type: "user", ID: "ann"}, &Inputs{Now: noon}
	if _, err := snap.Permissions(ann, "", in, ""); model.CodeOf(err) != model.CodeLimitExceeded {
		t.Errorf("%v", err)
	}
	p, err := snap.Permissions(ann, "o7", in, "")
	want := map[string]model.ObjectPermissions{"o7": {Actions: map[string]model.ActionPermission{"read": {Kind: model.PermittedAlways, Code: model.ReasonAllowed}},
		Fields: model.FieldPermissions{Readable: []string{"*"}, Writable: []string{"*"}, Creatable: []string{"*"}, Masked: map[string]string{}}}}
	if diff := cmp.Diff(want, p.Objects); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if p, err := snap.Permissions(ann, "ghost", in, ""); err != nil || len(p.Objects) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	for token, want := range map[model.Code]model.Code{"": model.ReasonAllowed, model.ReasonSessionInvalid: model.ReasonSessionInvalid, model.ReasonTokenRequired: model.ReasonTokenRequired} {
		p, err := snap.Permissions(ann, "o7", in, token)
		if err != nil || p.Code != want || (len(p.Objects) == 0) != (token != "") {
			t.Errorf("token %s: %+v, %v", token, p, err)
		}
	}
	if p, _ := snap.Permissions(model.Entity{Type: "user", ID: "eve"}, "", in, model.ReasonSessionInvalid); p.Code != model.ReasonSubjectUnknown {
		t.Errorf("a stranger's token: %+v", p)
	}
}

// Roles that no row is for help as well, where a condition or a share names them.
func TestRolesThatWouldHelp(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	const catalog = "objects: {deal: {actions: {read: {}}}}"
	for _, c := range []struct {
		policy string
		record props
		want   []string
	}{
		{"p, *, deal, read, all, 'role:vip' in user.roles, allow\n", nil, []string{"role:vip"}},
		{"p, *, deal, read, shared, , allow\n", props{"shares": []any{map[string]any{"to": "role:legal", "actions": []any{"read"}}}}, []string{"role:legal"}},
		{"p, role:a, deal, read, all, , allow\np2, *, deal, read, 'role:b' in user.roles, deny\ng, role:c, role:a\ng, role:c, role:b\n", nil, []string{"role:c"}},
		{"p, role:a, deal, read, all, , allow\np, *, deal, read, all, , deny\n", nil, []string{}},
	} {
		e := explainOne(t, catalog, c.policy, dir, ask("ann", "read", "deal", "1", c.record), nil)
		if diff := cmp.Diff(c.want, e.WouldHelp); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.policy, diff)
		}
	}
}

// What the caller says of the subject is true of no other who could.
func TestWhoCouldIsNotWhatIsSaid(t *testing.T) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob", Attributes: map[string]any{"region": "EU"}}, {Type: "user", ID: "cyd"}}}
	caller := h.tenant(t, "objects: {deal: {actions: {read: {}}}}", "p, *, deal, read, all, user.region == 'EU', allow\n", dir, nil)
	caller.Scopes, caller.Client.TrustSubjectProperties = []string{"explain"}, true
	q := ask("ann", "read", "deal", "1", nil)
	q.Subject.Properties = props{"region": "EU"}
	e, err := h.Explain(t.Context(), caller, ExplainRequest{Request: Request{Question: q}, WhoCould: true, Limit: 10})
	if err != nil || !e.Allow || !slices.Equal(e.WhoCould.Results, []string{"bob"}) {
		t.Errorf("%v, %+v, %v", e.Allow, e.WhoCould, err)
	}
}

// What the directory itself says of a record is not what the asker sent, though
// the asker sent something in its place.
func TestExplainOfTheDirectorysRecords(t *testing.T) {
	dir := model.Directory{Teams: []model.Team{{ID: "hidden"}}, Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob", Teams: []string{"hidden"}}}}
	e := explainOne(t, "objects: {user: {actions: {read: {}}, fields: {teams: {type: list of ref, class: personal}}}}", "p, *, user, read, team, , allow\n", dir,
		ask("ann", "read", "user", "bob", props{"teams": []any{"mine"}}), nil)
	want := []model.Looked{{Name: "owner", State: model.AttributeKnown, Value: "bob"}, {Name: "teams", State: model.AttributeKnown}}
	if diff := cmp.Diff(want, e.Actions[0].Misses[0].Looked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of an object that is switched off it is still said what rows would do.
func TestExplainSwitchedOff(t *testing.T) {
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}}}
	e := explainOne(t, worldCatalog, "p, *, old, read, own, , allow\np, *, old, read, team, , deny\n", dir, ask("ann", "read", "old", "*", nil), nil)
	a := e.Actions[0]
	if a.Code != model.ReasonObjectDisabled || len(a.Reasons) != 2 || a.Reasons[1].Kind != model.ReasonNarrowing || len(a.Misses) != 1 || !slices.Equal(a.Misses[0].Missed, []model.Missed{model.MissedDenied}) {
		t.Errorf("%+v", a)
	}
}
