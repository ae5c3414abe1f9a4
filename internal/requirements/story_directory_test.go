package requirements

import "net/url"

// directory is what a client keeps of people and records, and takes away again.
func (s *story) directory(client string) {
	s.t.Helper()
	at := func(kind string, keys ...string) string {
		path := "/v1/admin/" + kind
		for _, k := range keys {
			path += "/" + url.PathEscape(k)
		}
		return path
	}
	gone := []string{
		at("assignments", "user:gone-"+annID, "sales-rep"), at("resources", "contact", contactID), at("subjects", "user", "gone-"+annID),
		at("teams", teamID), at("units", unitID), at("territories", landID),
	}
	s.want(200, "POST", "/v1/admin/import", client, object{"subjects": []object{{"type": "user", "id": benID, "attributes": object{"mail": benMail}}}})
	s.call("POST", "/v1/admin/import", client, object{"assignments": []object{{"member": "user:" + strangerMail, "role": annMail}}})
	s.want(201, "PUT", gone[3], client, object{})
	s.want(201, "PUT", gone[4], client, object{"heads": []string{"user:" + annID}})
	s.want(201, "PUT", gone[5], client, object{})
	s.want(201, "PUT", gone[2], client, object{"attributes": object{"mail": annMail, "phone": phone, "name": chineseName}, "teams": []string{teamID}})
	s.want(201, "PUT", gone[1], client, object{"attributes": object{"owner": "user:" + annID, "name": annName}})
	s.want(200, "PUT", gone[1], client, object{"attributes": object{"owner": "user:" + benID}})
	s.want(201, "PUT", gone[0], client, object{})
	for _, list := range []string{"subjects?type=user", "teams", "units", "territories", "resources?type=contact", "assignments?member=user:gone-" + annID} {
		s.want(200, "GET", "/v1/admin/"+list, client, nil)
	}
	for _, path := range gone {
		s.want(200, "GET", path, client, nil)
		s.want(200, "DELETE", path, client, nil)
		s.call("DELETE", path, client, nil) // there is none any more
	}
	// Words that nobody vouches for.
	s.call("GET", at("resources", chineseName, strangerMail), client, nil)
	s.call("DELETE", at("resources", annMail, contactID), client, nil)
	s.call("PUT", at("assignments", "user:"+annID, strangerMail), client, object{})
	s.call("GET", at("assignments", "user:"+annID, strangerMail), client, nil)
	s.call("DELETE", at("subjects", annMail, phone), client, nil)
	s.call("GET", "/v1/admin/resources?type="+url.QueryEscape(annMail), client, nil)
}
