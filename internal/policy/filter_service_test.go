package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/model"
)

func memos(subject string) Request {
	return Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: subject}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "memo"}}}
}

func memoHouse(t *testing.T, policy string) (*house, model.Caller) {
	h := newHouse(t)
	dir := model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann"}, {Type: "user", ID: "bob"}}, Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}}}
	return h, h.tenant(t, "objects: {memo: {actions: {read: {}}}}", policy, dir, nil)
}

// Each filter has its one record: a decision's leaf, and the question with the kind
// sealed for the subject. A stranger's words stay out of the leaf.
func TestFilterRecords(t *testing.T) {
	h, caller := memoHouse(t, "p, role:rep, memo, read, own, , allow\n")
	bad := "not the token"
	for _, c := range []struct {
		name    string
		subject string
		token   *string
		kind    filter.Kind
		code    model.Code
		outcome audit.Outcome
		person  string
		object  string
	}{
		{"some", "ann", nil, filter.Conditional, model.ReasonAllowed, audit.OutcomeAllow, "user:ann", "memo"},
		{"none", "bob", nil, filter.Never, model.ReasonNotGranted, audit.OutcomeDeny, "user:bob", "memo"},
		{"a bad token", "ann", &bad, filter.Never, model.ReasonSessionInvalid, audit.OutcomeDeny, "user:ann", "memo"},
		{"a stranger's", "eve +4915112345", nil, filter.Never, model.ReasonSubjectUnknown, audit.OutcomeDeny, "", "memo"},
		{"a stranger's bad token", "eve", &bad, filter.Never, model.ReasonSubjectUnknown, audit.OutcomeDeny, "", "memo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := memos(c.subject)
			r.AccessToken = c.token
			var l Listed
			leaf := audittest.One(t, h.Store, func() {
				var err error
				l, err = h.Filter(t.Context(), caller, r)
				if err != nil || l.Filter.Kind != c.kind || l.Code != c.code || l.Revision == 0 {
					t.Fatalf("%+v, %v", l, err)
				}
			})
			if leaf.Activity != audit.Filtered || leaf.Class != audit.ClassDecision || leaf.Outcome != c.outcome || leaf.Code != c.code || leaf.Object != c.object || leaf.Op != "read" ||
				leaf.Revision != l.Revision || len(leaf.PolicyHash) == 0 || leaf.Service != "crm" || len(leaf.Segments) != 1 {
				t.Errorf("leaf %+v", leaf.Leaf)
			}
			if strings.Contains(string(leaf.Row.Leaf), c.subject) {
				t.Errorf("the leaf holds %s: %q", c.subject, leaf.Row.Leaf)
			}
			want := map[string]any{"subject": "user:" + c.subject, "action": "read", "resource_type": "memo", "kind": string(c.kind)}
			if c.person != "" {
				want["person"] = c.person
			}
			got, err := audittest.Unseal(t.Context(), h.Log, leaf, c.person)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Without a record, a revision or an expression there is no filter.
func TestFilterIsRefused(t *testing.T) {
	h, caller := memoHouse(t, "p, *, memo, read, all, record.tag in user.tags, allow\np, *, user, read, own, , allow\n")
	h.Limits.FilterIDs = 2
	caller.Client.TrustSubjectProperties = true
	tags := memos("ann")
	tags.Question.Subject.Properties = map[string]any{"tags": list("a", "b", "c")}
	late := memos("ann")
	late.MinRevision = 1000
	users := memos("ann")
	users.Question.Resource.Type = "user"
	for _, c := range []struct {
		r    Request
		want model.Code
	}{{tags, model.CodeFilterTooLarge}, {late, model.CodeRevisionBehind}, {users, model.CodeInexpressible}} {
		if l, err := h.Filter(t.Context(), caller, c.r); model.CodeOf(err) != c.want || l.Filter.Kind != "" || l.Allow {
			t.Errorf("%+v, %v, want %s", l, err, c.want)
		}
	}
	tags.Question.Subject.Properties = map[string]any{"tags": list("a", "b")}
	if l, err := h.Filter(t.Context(), caller, tags); err != nil || l.Filter.Kind != filter.Conditional {
		t.Errorf("%+v, %v", l, err)
	}
	h.Store.Close()
	if l, err := h.Filter(t.Context(), caller, memos("ann")); err == nil || l.Filter.Kind != "" {
		t.Errorf("%+v, %v", l, err)
	}
}
