package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pquerna/otp/totp"

	"rolegate/internal/app"
	"rolegate/model"
)

// officeHolder is one of those who change the policy.
type officeHolder struct{ access, secret string }

// What the change is, and what its author expects of it.
const (
	demoRow   = "# Sales reps delete the contacts they own\np, role:sales-rep, contact, delete, own, , allow\n"
	demoCases = `- name: a rep deletes a contact of their own
  roles: [sales-rep]
  action: delete
  resource: {type: contact, properties: {owner: me}}
  want: allow
- name: and nobody else's
  roles: [sales-rep]
  action: delete
  resource: {type: contact, properties: {owner: bob}}
  want: deny
`
)

// change is a change of the policy: made by one, approved by another, felt at once,
// and taken back.
func (s *story) change(ctx context.Context) {
	inv, err := app.Init.Do(ctx, s.cfg, app.InitRequest{Tenant: model.DefaultTenant, SystemAdmin: "sys", SecurityAdmin: "sec", AuditAdmin: "aud"})
	s.check("rolegate init invites the holders of the three offices", err)
	people := map[string]*officeHolder{}
	for _, i := range inv.Invitations {
		if people[i.User], err = s.invited(i.Invite); err != nil {
			break
		}
	}
	sec, aud := people["sec"], people["aud"]
	if sec == nil || aud == nil {
		s.check("who enrol", err)
		return
	}
	s.check("who enrol", err)
	s.clientToken, err = s.backendToken()
	s.check("the backend renews its token", err)
	mine := question("alice", "delete", "contact", own, nil)
	s.ask("alice may not delete a contact, though she owns it", mine, false, model.ReasonNotGranted)

	was, err := s.http.get("/v1/admin/policy", sec.access)
	s.check("the security administrator reads the policy in force", errors.Join(err, want(was, 200, nil)))
	a, err := s.http.post("/v1/admin/policy/drafts", sec.access, map[string]any{"title": "Reps delete what they own"})
	s.check("and begins a draft, a copy of it", errors.Join(err, want(a, 201, map[string]any{"state": "draft"})))
	draft := "/v1/admin/policy/drafts/" + a.text("id")
	edit := map[string]any{"title": "Reps delete what they own", "document": was.text("document") + demoRow, "cases": demoCases}
	first := a.header.Get("ETag")
	a, err = s.http.do("PUT", draft, sec.access, edit, first)
	s.check("with a row more, and two cases of what it is to do", errors.Join(err, want(a, 200, nil)))
	version := a.header.Get("ETag")
	a, err = s.http.do("PUT", draft, sec.access, edit, first)
	s.check("whoever saves over an edit they have not seen is refused", errors.Join(err, want(a, 412, map[string]any{"code": "precondition_failed"})))

	a, err = s.http.get(draft+"/diff", sec.access)
	s.check("the change, in a sentence", errors.Join(err, want(a, 200, nil)))
	s.texts(a, "results")
	a, err = s.http.get(draft+"/check", sec.access)
	s.check("what is remarkable about it", errors.Join(err, want(a, 200, nil)))
	s.texts(a, "results")
	a, err = s.http.post(draft+"/test", sec.access, nil)
	s.check("its cases pass", errors.Join(err, want(a, 200, map[string]any{"failed": 0.0, "passed": 2.0})))
	a, err = s.http.post(draft+"/simulate", sec.access, nil)
	s.check("who would gain and lose what", errors.Join(err, want(a, 200, nil)))
	s.texts(a, "shifts")

	a, err = s.http.do("POST", draft+"/submit", sec.access, nil, version)
	s.check("she submits it", errors.Join(err, want(a, 200, map[string]any{"state": "submitted"})))
	version = a.header.Get("ETag")
	no := map[string]any{"comment": ""}
	a, err = s.http.do("POST", draft+"/approve", sec.access, no, version)
	s.check("she cannot approve it herself", errors.Join(err, want(a, 403, map[string]any{"code": "forbidden"})))
	s.offset.Add(int64(6 * time.Minute))
	a, err = s.http.do("POST", draft+"/approve", aud.access, no, version)
	s.check("nor does anybody whose last code is older than five minutes", errors.Join(err, want(a, 401, map[string]any{"code": "insufficient_user_authentication"})))
	s.check("the auditor enters a code", s.stepUp(aud))
	a, err = s.http.do("POST", draft+"/approve", aud.access, map[string]any{"comment": "read, and tested"}, version)
	s.check("and approves it", errors.Join(err, want(a, 200, map[string]any{"state": "approved"})))
	version = a.header.Get("ETag")

	s.check("the security administrator enters a code", s.stepUp(sec))
	a, err = s.http.do("POST", draft+"/publish", sec.access, map[string]any{}, version)
	s.check("and publishes it", errors.Join(err, want(a, 200, nil)))
	s.note("revision %v", a.body["revision"])
	s.ask("alice may delete her contact at once", mine, true, model.ReasonAllowed)
	a, err = s.http.post("/v1/admin/policy/rollback", sec.access, map[string]any{"revision": was.body["revision"], "reason": "reps deleted too much"})
	s.check("it is rolled back in one step", errors.Join(err, want(a, 200, nil)))
	s.note("revision %v, with the content of revision %v", a.body["revision"], was.body["revision"])
	s.ask("and she may not any more", mine, false, model.ReasonNotGranted)
}

// invited goes from an invitation to a session with a one-time code.
func (s *story) invited(invite string) (*officeHolder, error) {
	a, err := s.http.post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": demoPassword})
	ticket := a.text("ticket")
	if err := errors.Join(err, want(a, 200, nil)); err != nil {
		return nil, err
	}
	a, err = s.http.post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	if err := errors.Join(err, want(a, 200, nil)); err != nil {
		return nil, err
	}
	o := &officeHolder{secret: a.text("secret")}
	code, err := o.code(s.now())
	if err != nil {
		return nil, err
	}
	a, err = s.http.post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": code})
	o.access = a.text("access_token")
	return o, errors.Join(err, want(a, 200, map[string]any{"status": "ok"}))
}

func (o *officeHolder) code(at time.Time) (string, error) { return totp.GenerateCode(o.secret, at) }

// stepUp proves a new code in the holder's session.
func (s *story) stepUp(o *officeHolder) error {
	s.wait()
	code, err := o.code(s.now())
	if err != nil {
		return err
	}
	a, err := s.http.post("/v1/step-up", o.access, map[string]any{"code": code})
	if err := errors.Join(err, want(a, 200, map[string]any{"status": "ok"})); err != nil {
		return err
	}
	o.access = a.text("access_token")
	return nil
}

// texts prints the sentences of an answer, the first few.
func (s *story) texts(a reply, member string) {
	list, _ := a.body[member].([]any)
	const shown = 3
	for _, item := range list[:min(len(list), shown)] {
		m, _ := item.(map[string]any)
		s.note("%v", m["text"])
	}
	if more := len(list) - shown; more > 0 {
		s.note("%s", fmt.Sprintf("and %d more", more))
	}
}
