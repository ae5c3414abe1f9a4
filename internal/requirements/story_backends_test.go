package requirements

import (
	"net/http"
	"net/url"
	"strings"

	"rolegate/internal/testkit"
)

// form posts a form as a client.
func (s *story) form(status int, path, id, secret string, pairs ...string) testkit.Answer {
	s.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequest("POST", s.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", addr4)
	if id != "" {
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	a := s.Send(req)
	if status != 0 && a.Status != status {
		s.t.Fatalf("POST %s: status %d, want %d: %s", path, a.Status, status, a.Raw)
	}
	return a
}

// token is a client's.
func (s *story) token(id, secret string) string {
	s.t.Helper()
	a := s.form(200, "/oauth2/token", id, s.keep("client's secret", secret), "grant_type", "client_credentials")
	return s.keep("client's token", a.Text("access_token"))
}

// backends ask about people and records, known and unknown, by words of the
// catalogue and by words of their own.
func (s *story) backends(client, id, secret string, p *testkit.Person) {
	s.t.Helper()
	of := func(subject, action, typ, record string) object {
		return object{
			"subject":  object{"type": "user", "id": subject, "properties": object{"mail": annMail, "phone": phone}},
			"action":   object{"name": action, "properties": object{"why": because}},
			"resource": object{"type": typ, "id": record, "properties": object{"owner": "user:" + annID, "name": chineseName}},
			"context":  object{"ip": addr4, "note": annName},
		}
	}
	var batch []object
	for _, q := range []object{
		of(annID, "read", "contact", contactID), of(annID, "update", "deal", dealID), of(benID, "export", "contact", contactID),
		of(strangerMail, "read", "contact", contactID), of(annID, annMail, "contact", contactID), of(annID, "read", chineseName, contactID),
		of(annID, "read of "+annName, phone, strangerMail), of(annID, addr4, addr6, dealID),
	} {
		s.want(200, "POST", "/access/v1/evaluation", client, q)
		batch = append(batch, q)
		for _, kind := range []string{"subject", "resource", "action"} {
			s.call("POST", "/access/v1/search/"+kind, client, q)
		}
		s.call("POST", "/v1/filter", client, q)
		s.call("POST", "/v1/explain", client, q)
	}
	s.want(200, "POST", "/access/v1/evaluations", client, object{"evaluations": batch})
	withToken := of(annID, "read", "contact", contactID)
	withToken["context"] = object{"access_token": p.Access}
	s.want(200, "POST", "/access/v1/evaluation", client, withToken)
	user := object{"type": "user", "id": annID}
	s.want(200, "POST", "/access/v1/search/subject", client, object{"subject": object{"type": "user"}, "action": object{"name": "read"}, "resource": object{"type": "contact", "id": contactID}})
	s.want(200, "POST", "/access/v1/search/resource", client, object{"subject": user, "action": object{"name": "read"}, "resource": object{"type": "contact"}})
	s.want(200, "POST", "/access/v1/search/action", client, object{"subject": user, "resource": object{"type": "contact", "id": contactID}})
	s.want(200, "POST", "/v1/filter", client, object{"subject": user, "action": object{"name": "read"}, "resource": object{"type": "contact"}})
	s.want(200, "GET", "/v1/permissions?subject=user:"+annID, client, nil)
	s.call("GET", "/v1/permissions?subject=user:"+url.QueryEscape(strangerMail)+"&object="+url.QueryEscape(chineseName), client, nil)
	s.want(200, "POST", "/v1/explain", client, object{"subject": user, "action": object{"name": "read"}, "resource": object{"type": "contact", "id": contactID}, "who_could": true})
	s.call("POST", "/access/v1/evaluation", s.keep("made-up token", "m4de.up.t0ken"), of(annID, "read", "contact", contactID))
	s.call("POST", "/access/v1/evaluation?who="+annID, client, []byte(`{"subject":"`+annMail))

	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"} {
		via := []string{"Rolegate-Client-Authorization", "Bearer " + client, "X-Forwarded-Method", "GET"}
		s.want(200, method, "/v1/forward-auth", p.Access, nil, append(via, "X-Forwarded-Uri", "/api/contacts?of="+annID)...)
		s.call(method, "/v1/forward-auth", p.Access, nil, append(via, "X-Forwarded-Uri", "/api/contacts/"+contactID)...)
		s.call(method, "/v1/forward-auth", p.Access, nil, append(via, "X-Forwarded-Uri", "/nowhere/"+url.PathEscape(annMail))...)
		s.call(method, "/v1/forward-auth/path/api/contacts/"+contactID, p.Access, nil, via[:2]...)
		s.call(method, "/v1/forward-auth/path/of/"+annID, p.Access, nil, via[:2]...)
	}

	s.form(0, "/oauth2/token", strangerMail, s.keep("wrong client secret", "wr0ng-cl1ent-s3cret"), "grant_type", "client_credentials", "scope", annMail)
	s.form(200, "/oauth2/introspect", id, secret, "token", p.Access)
	s.form(200, "/oauth2/introspect", id, secret, "token", annMail)
	s.form(200, "/oauth2/revoke", "", "", "client_id", "rolegate", "token", p.Refresh)
	s.form(200, "/oauth2/revoke", id, secret, "token", s.token(id, secret))
	s.call("POST", "/v1/logout", p.Access, nil) // what was revoked is no session any more
}
