package requirements

import (
	"fmt"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
)

// policies change by two people: one writes, another approves; with names in titles,
// rows, cases and comments.
func (s *story) policies(sec, aud *testkit.Person) {
	s.t.Helper()
	const drafts = "/v1/admin/policy/drafts"
	s.stepUp(sec)
	s.stepUp(aud)
	was := s.want(200, "GET", "/v1/admin/policy", sec.Access, nil)
	title := s.keep("title of a draft", "so that "+chineseName+" reads it")
	edit := object{"title": title, "document": was.Text("document") + "# for " + annName + "\np, user:" + annID + ", contact, export, own, , allow\n", "cases": ""}
	var path, version string
	act := func(who *testkit.Person, method, what string, body any) testkit.Answer {
		s.t.Helper()
		a := s.want(200, method, path+what, who.Access, body, "If-Match", version)
		if v := a.Header.Get("ETag"); v != "" {
			version = v
		}
		return a
	}
	begin := func() {
		s.t.Helper()
		a := s.want(201, "POST", drafts, sec.Access, object{"title": title})
		path, version = drafts+"/"+a.Text("id"), a.Header.Get("ETag")
		act(sec, "PUT", "", edit)
	}

	begin()
	act(sec, "POST", "/rebase", nil)
	act(sec, "DELETE", "", nil)
	begin()
	s.want(200, "GET", drafts, aud.Access, nil)
	s.want(200, "GET", path, aud.Access, nil)
	s.want(200, "GET", path+"/check", aud.Access, nil)
	s.want(200, "GET", path+"/diff", aud.Access, nil)
	s.want(200, "POST", path+"/test", aud.Access, nil)
	s.want(200, "POST", path+"/simulate", sec.Access, nil)
	s.call("GET", drafts+"/"+strangerMail, aud.Access, nil)
	act(sec, "POST", "/submit", nil)
	act(aud, "POST", "/reject", object{"comment": because})
	act(sec, "POST", "/submit", nil)
	act(aud, "POST", "/approve", object{"comment": because})
	act(sec, "POST", "/publish", object{"reason": because})
	s.want(200, "GET", "/v1/admin/policy/revisions", aud.Access, nil)
	s.want(200, "GET", fmt.Sprintf("/v1/admin/policy/revisions/%v", was.Body["revision"]), aud.Access, nil)
	for _, below := range []string{"check", "diff", "applied"} {
		s.want(200, "GET", fmt.Sprintf("/v1/admin/policy/revisions/%v/%s", was.Body["revision"], below), aud.Access, nil)
	}
	back := s.want(200, "POST", "/v1/admin/policy/rollback", sec.Access, object{"revision": was.Body["revision"], "reason": because})

	begin()
	act(sec, "POST", "/submit", nil)
	act(aud, "POST", "/approve", object{})
	host := app.ChangeRequest{Tenant: tenant, Draft: path[len(drafts)+1:], Reason: because}
	operate(s, app.ListDrafts, host)
	operate(s, app.PublishDraft, host)
	fails(s, app.PublishDraft, app.ChangeRequest{Tenant: tenant, Draft: strangerMail, Reason: because})
	host.Limit = 10
	operate(s, app.ListRevisions, host)
	host.Revision = int64(back.Body["revision"].(float64))
	operate(s, app.ExportRevision, host)
	operate(s, app.LookBack, host)
	operate(s, app.RollBackPolicy, host)
	cases := "- name: of " + annName + "\n  subject: user:" + annID + "\n  action: read\n  resource: {type: contact, id: " + contactID + "}\n  want: deny\n"
	operate(s, app.TestPolicy, app.CasesRequest{Tenant: tenant, Cases: &cases})
}
