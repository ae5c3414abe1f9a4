package requirements

import (
	"net/url"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// administrators act on the accounts of others.
func (s *story) administrators(sys, sec *testkit.Person) {
	s.t.Helper()
	reason := object{"reason": because}
	s.stepUp(sys)
	a := s.want(201, "POST", "/v1/admin/users", sys.Access, object{"id": s.keep("id of a newcomer", "newcomer-of-quimby"), "username": s.keep("name of a newcomer", "newcomer@fixtures.example"), "reason": because})
	s.keep("administrator's invitation", a.Text("invite"))
	const user = "/v1/admin/users/newcomer-of-quimby"
	s.keep("administrator's second invitation", s.want(200, "POST", user+"/invite", sys.Access, nil).Text("invite"))
	s.want(200, "GET", "/v1/admin/users?name="+url.QueryEscape("newcomer@"), sys.Access, nil)
	s.want(200, "GET", user, sys.Access, nil)
	s.want(200, "PUT", user+"/roles/sales-rep", sys.Access, reason)
	s.want(200, "DELETE", user+"/roles/sales-rep", sys.Access, nil)
	s.want(200, "POST", user+"/disable", sys.Access, reason)
	s.want(200, "POST", user+"/enable", sys.Access, nil)
	s.want(204, "POST", user+"/unlock", sys.Access, reason)
	s.want(200, "DELETE", user+"/sessions", sys.Access, nil)
	s.call("GET", "/v1/admin/users/"+url.PathEscape(strangerMail), sys.Access, nil)
	s.call("PUT", user+"/roles/"+url.PathEscape(strangerMail), sys.Access, reason)

	s.keep("client's secret", s.want(201, "POST", "/v1/admin/clients", sys.Access, object{"client_id": "erp", "scopes": []string{"decide"}}).Text("client_secret"))
	s.keep("client's new secret", s.want(200, "POST", "/v1/admin/clients/erp/rotate-secret", sys.Access, nil).Text("client_secret"))
	s.want(200, "POST", "/v1/admin/clients/erp/disable", sys.Access, nil)
	s.want(200, "POST", "/v1/admin/clients/erp/enable", sys.Access, nil)
	s.want(200, "GET", "/v1/admin/clients", sys.Access, nil)
	s.call("POST", "/v1/admin/clients/"+url.PathEscape(strangerMail)+"/disable", sys.Access, nil)

	// An office is for whoever has a second factor.
	s.enrol("newcomer-of-quimby", s.want(200, "POST", user+"/invite", sys.Access, nil).Text("invite"))
	s.stepUp(sys)
	s.stepUp(sec)
	for _, what := range []string{"deny", "approve"} {
		a := s.want(201, "POST", "/v1/admin/offices/requests", sys.Access, object{"member": "newcomer-of-quimby", "office": model.AuditAdmin, "reason": because})
		s.want(200, "GET", "/v1/admin/offices/requests", sec.Access, nil)
		s.want(200, "POST", "/v1/admin/offices/requests/"+a.Text("id")+"/"+what, sec.Access, nil)
	}
}
