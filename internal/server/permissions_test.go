package server

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Permissions lets everybody read contacts.
func (f *fakeDecider) Permissions(ctx context.Context, caller model.Caller, r policy.PermissionsRequest) (model.Permissions, error) {
	f.caller, f.asked = caller, append(f.asked, r)
	if f.err != nil {
		return model.Permissions{}, f.err
	}
	return model.Permissions{Subject: r.Subject.Type + ":" + r.Subject.ID, Code: model.ReasonAllowed, Revision: 42, Objects: map[string]model.ObjectPermissions{"contact": {
		Actions: map[string]model.ActionPermission{"read": {Kind: model.PermittedAlways, Code: model.ReasonAllowed}, "export": {Kind: model.PermittedNever, Code: model.ReasonNotGranted},
			"audit": {Kind: model.PermittedConditionally, Code: model.ReasonStepUp, StepUp: &model.Needed{ACR: 2}}},
		Fields: model.FieldPermissions{Readable: []string{"name"}, Writable: []string{}, Creatable: []string{}, Masked: map[string]string{}}}}}, nil
}

func (h *harness) permissions(query string, options ...option) answer {
	h.t.Helper()
	return h.call("GET", "/v1/permissions?"+query, "", append([]option{as("client-token")}, options...)...)
}

func TestPermissionsAnswer(t *testing.T) {
	h := newHarness(t)
	a := h.permissions("subject=user:alice")
	h.want(a, 200, "")
	want := `{"subject":"user:alice","code":"allowed","objects":{"contact":{"actions":{"audit":{"kind":"conditional","code":"insufficient_user_authentication","step_up":{"acr":2}},` +
		`"export":{"kind":"never","code":"not_granted"},"read":{"kind":"always","code":"allowed"}},"fields":{"readable":["name"],"writable":[],"creatable":[],"masked":{}}}},"revision":42}`
	if got := strings.TrimSpace(string(a.body)); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	etag := a.Header.Get("ETag")
	if len(etag) != 34 || a.Header.Get("Cache-Control") != "no-store" || len(h.recorder.entries) > 0 {
		t.Errorf("%v", a.Header)
	}
	again := h.permissions("subject=user:alice", header("If-None-Match", etag))
	if h.want(again, 304, ""); len(again.body) > 0 || again.Header.Get("ETag") != etag {
		t.Errorf("%v %s", again.Header, again.body)
	}
	h.want(h.permissions("subject=user:alice", header("If-None-Match", "*")), 304, "")
	if other := h.permissions("subject=user:bob", header("If-None-Match", etag)); other.StatusCode != 200 || other.Header.Get("ETag") == etag {
		t.Errorf("another's: %d %v", other.StatusCode, other.Header)
	}

	h.permissions("subject=user:a:b%20c&object=contact", header("Rolegate-Access-Token", "secret"))
	token := "secret"
	if diff := cmp.Diff(policy.PermissionsRequest{Subject: model.Entity{Type: "user", ID: "a:b c"}, Object: "contact", AccessToken: &token}, h.decider.asked[4]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(h.logs.String(), "secret") || strings.Contains(h.logs.String(), "user:bob") {
		t.Errorf("%s", h.logs)
	}
}

func TestPermissionsRefusals(t *testing.T) {
	for _, c := range []struct{ query, detail string }{
		{"", "The parameter subject is missing."},
		{"object=contact", "The parameter subject is missing."},
		{"subject=", "The query parameter subject must be spelled type:id, such as user:alice."},
		{"subject=alice", "The query parameter subject must be spelled type:id, such as user:alice."},
		{"subject=:alice", "The query parameter subject must be spelled type:id, such as user:alice."},
		{"subject=user:", "The query parameter subject must be spelled type:id, such as user:alice."},
		{"subject=user:%00", `The member "subject" must not hold the character U+0000.`},
		{"subject=user:" + strings.Repeat("x", 257), `The member "subject" has more than 256 bytes.`},
		{"subject=user:alice&subject=user:bob", "The query parameter subject may be there once only."},
		{"subject=user:alice&object=", `The member "object" must not be empty.`},
		{"subject=user:alice&object=a&object=b", "The query parameter object may be there once only."},
		{"subject=user:alice&action=read", "The query parameter action is unknown here."},
		{"subject=user:alice&" + strings.Repeat("y", 100) + "=1", "The query parameter " + strings.Repeat("y", 80) + "… is unknown here."},
		{"subject=%zz", "The form cannot be read: an escape is malformed, or a semicolon is not escaped."},
		{"subject=user:alice;object=a", "The form cannot be read: an escape is malformed, or a semicolon is not escaped."},
	} {
		h := newHarness(t)
		if v := h.want(h.permissions(c.query), 400, model.CodeInvalidRequest); v["detail"] != c.detail {
			t.Errorf("%s: %q, want %q", c.query, v["detail"], c.detail)
		}
		if h.decider.asked != nil || len(h.recorder.entries) != 1 {
			t.Errorf("%s: listed %v, recorded %v", c.query, h.decider.asked, h.recorder.entries)
		}
	}
	h := newHarness(t)
	query := "subject=" + url.QueryEscape("user:alice")
	h.want(h.permissions(query, header("Rolegate-Access-Token", "a", "b")), 400, model.CodeInvalidRequest)
	h.want(h.permissions(query, as("user-token")), 401, model.CodeUnauthorized)
	h.decider.err = model.Errorf(model.CodeLimitExceeded, "there are more than 20000 actions and fields; name one object in the parameter object")
	if v := h.want(h.permissions(query), 400, model.CodeLimitExceeded); !strings.Contains(v["detail"].(string), "name one object") {
		t.Error(v)
	}
	h.login.scopes = []string{"explain"}
	h.want(h.permissions(query), 403, model.CodeForbidden)
}
