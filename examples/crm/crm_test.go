package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/api/client"
)

// A day in the CRM, over HTTP, with a real Rolegate.
func TestStory(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	for _, name := range []string{"ann", "bob", "cho", "dan"} {
		c.enrol(name)
	}

	t.Run("a list shows what may be read, and nothing else", func(t *testing.T) {
		for _, kind := range []string{"contacts", "deals"} {
			all := map[string][]string{"contacts": {"c1", "c2", "c3", "c4", "c5"}, "deals": {"d1", "d2", "d3", "d4", "d5"}}[kind]
			for _, person := range []string{"ann", "bob", "cho", "dan"} {
				var readable []string
				for _, id := range all {
					if a := c.get(person, "/"+kind+"/"+id); a.status == 200 {
						readable = append(readable, id)
					} else if a.status != 404 { // as if it were not there
						t.Errorf("%s %s: %d", person, id, a.status)
					}
				}
				for _, limit := range []int{1, 2, 100} {
					if listed := c.pages(person, fmt.Sprintf("/%s?limit=%d", kind, limit)); !slices.Equal(listed, readable) {
						t.Errorf("%s, %s, pages of %d: %v; one by one %v", person, kind, limit, listed, readable)
					}
				}
			}
		}
		for person, want := range map[string]string{"ann": "c1 c2", "bob": "c3 c4", "cho": "c1 c2 c3 c4", "dan": "c1 c2 c3 c4 c5"} {
			if got := strings.Join(c.pages(person, "/contacts"), " "); got != want {
				t.Errorf("%s: %s, want %s", person, got, want)
			}
		}
	})

	t.Run("fields", func(t *testing.T) {
		want := map[string]any{"id": "c1", "name": "Z***", "email": "z***@example.com", "phone": "138****0001", "title": "Buyer",
			"owner": "ann", "assignees": []any{}, "teams": []any{"emea"}, "created_at": "2026-01-05T09:00:00Z"}
		if got := c.get("dan", "/contacts/c1").body; !reflect.DeepEqual(got, want) {
			t.Errorf("dan sees %v", got)
		}
		if got := c.get("dan", "/contacts?limit=1").body["results"].([]any)[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("dan's list has %v", got)
		}
		if got := c.get("ann", "/contacts/c1").body["phone"]; got != "13800000001" {
			t.Errorf("ann sees %v", got)
		}
		for person, sees := range map[string]bool{"ann": false, "cho": true} {
			if _, ok := c.get(person, "/deals/d1").body["margin"]; ok != sees {
				t.Errorf("%s sees the margin: %t", person, ok)
			}
		}
		// What may not be seen is not told by order or by search either.
		for _, path := range []string{"/contacts?sort=name", "/contacts?q=zoe", "/deals?sort=margin"} {
			c.get("dan", path).want(t, 403, "fields_closed")
		}
	})

	t.Run("buttons", func(t *testing.T) {
		for person, want := range map[string]map[string]bool{
			"ann": {"contact.read": true, "contact.create": true, "contact.delete": false, "deal.export": false},
			"cho": {"contact.read": true, "contact.create": true, "contact.delete": true},
			"dan": {"contact.read": true, "contact.create": false, "contact.delete": false, "deal.export": false},
		} {
			got := c.get(person, "/permissions").body
			for button, on := range want {
				if got[button] != on {
					t.Errorf("%s: %s is %v", person, button, got[button])
				}
			}
		}
	})

	t.Run("bad requests", func(t *testing.T) {
		for _, path := range []string{"/contacts?sort=phone", "/contacts?limit=0", "/contacts?limit=x", "/contacts?after=x", "/contacts?after=bnVsbA", "/contacts?after=" + base64.RawURLEncoding.EncodeToString([]byte(`{"v":{},"id":"c1"}`))} {
			c.get("ann", path).want(t, 400, "")
		}
		// The id is a text, whatever it looks like.
		for _, id := range []string{"*", "c1' OR '1'='1", "C1", "c1 "} {
			c.get("ann", "/contacts/"+url.PathEscape(id)).want(t, 404, "not_found")
		}
	})

	t.Run("changes", func(t *testing.T) {
		made := c.do("ann", "POST", "/contacts", `{"name":"Kim Roe","phone":"13800000006"}`)
		made.want(t, 201, "")
		id := made.body["id"].(string)
		c.do("ann", "PATCH", "/contacts/"+id, `{"phone":"13800000007"}`).want(t, 200, "")
		if got := c.get("ann", "/contacts/"+id).body; got["phone"] != "13800000007" || got["name"] != "Kim Roe" || got["owner"] != "ann" {
			t.Errorf("%v", got)
		}
		c.do("bob", "PATCH", "/contacts/"+id, `{"phone":"1"}`).want(t, 404, "not_found")   // which bob does not see
		c.do("dan", "PATCH", "/contacts/"+id, `{"phone":"1"}`).want(t, 403, "not_granted") // dan reads it, masked
		c.do("dan", "POST", "/contacts", `{"name":"Mine"}`).want(t, 403, "not_granted")
		c.do("ann", "DELETE", "/contacts/"+id, "").want(t, 403, "not_granted")
		c.do("cho", "DELETE", "/contacts/"+id, "").want(t, 204, "")
		c.get("cho", "/contacts/"+id).want(t, 404, "not_found")
	})

	t.Run("a merge is allowed if every part of it is", func(t *testing.T) {
		c.do("ann", "POST", "/contacts/c1/merge", `{"drop":["c2"]}`).want(t, 403, "not_granted")      // she may not delete
		c.do("ann", "POST", "/contacts/c1/merge", `{"drop":["none"]}`).want(t, 403, "not_granted")    // nor learn which there are
		c.do("ann", "POST", "/contacts/c1/merge", `{"drop":["none","none"]}`).want(t, 400, "")        // whether or not there is one
		c.do("cho", "POST", "/contacts/c1/merge", `{"drop":["c2","c5"]}`).want(t, 404, "not_found")   // c5 is nobody's, and she does not see it
		c.do("cho", "POST", "/contacts/c1/merge", `{"drop":["c2","none"]}`).want(t, 404, "not_found") // so it is as if it were not there
		c.do("cho", "DELETE", "/contacts/c5", "").want(t, 404, "not_found")
		c.do("cho", "POST", "/contacts/c1/merge", `{"drop":["c1"]}`).want(t, 400, "")
		if got := strings.Join(c.pages("dan", "/contacts"), " "); got != "c1 c2 c3 c4 c5" {
			t.Fatalf("a refused merge left %s", got)
		}
		c.do("cho", "POST", "/contacts/c2/merge", `{"drop":["c1"]}`).want(t, 204, "")
		if got := c.get("ann", "/contacts/c2").body; got["phone"] != "13800000001" || got["email"] != "zoea@example.com" {
			t.Errorf("kept: %v", got)
		}
		c.get("ann", "/contacts/c1").want(t, 404, "not_found")
		c.do("cho", "POST", "/contacts/c2/merge", `{"drop":["c1"]}`).want(t, 404, "not_found")
		if got := c.get("ann", "/deals/d1").body["contact"]; got != "c2" {
			t.Errorf("the deal of the dropped one is with %v", got)
		}
	})

	t.Run("nobody", func(t *testing.T) {
		for name, token := range map[string]string{"made up": "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"cho"}`)) + ".x", "somebody else's name": forged(c.tokens["ann"], "cho")} {
			c.tokens[name] = token
			for _, path := range []string{"/contacts", "/contacts/c2", "/contacts/none", "/deals", "/deals.csv", "/permissions"} {
				c.get(name, path).want(t, 401, "session_invalid")
			}
			c.do(name, "POST", "/contacts", `{"name":"x"}`).want(t, 401, "session_invalid")
		}
		for _, path := range []string{"/contacts", "/contacts/c2", "/contacts/none", "/deals", "/deals.csv"} {
			a := c.get("", path)
			a.want(t, 401, "unauthorized")
			if a.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	})

	t.Run("taken away at once", func(t *testing.T) {
		c.get("bob", "/contacts/c3").want(t, 200, "")
		c.gate.run("role", "unassign", "rep", "bob")
		c.get("bob", "/contacts/c3").want(t, 403, "not_granted")
		c.get("bob", "/contacts").want(t, 403, "not_granted")
		c.gate.run("role", "assign", "rep", "bob")
		c.get("bob", "/contacts/c3").want(t, 200, "")
		if a := c.post(c.gate.url+"/v1/logout", c.tokens["bob"], nil); a.status != 204 {
			t.Fatalf("logout: %d", a.status)
		}
		c.get("bob", "/contacts/c3").want(t, 401, "session_invalid")
		c.get("dan", "/deals.csv").want(t, 403, "not_granted") // whom no code would help
	})

	t.Run("an export wants a fresh code", func(t *testing.T) {
		var a answer
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) { // until cho's is 20 s old
			if a = c.get("cho", "/deals.csv"); a.status != 200 || time.Now().After(deadline) {
				break
			}
		}
		a.want(t, 401, "insufficient_user_authentication")
		want := `Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="2", max_age="20"`
		if got := a.header.Get("WWW-Authenticate"); got != want {
			t.Errorf("challenge: %s", got)
		}
		c.get("cho", "/deals/d1").want(t, 200, "") // all else goes on
		c.login("cho")
		a = c.get("cho", "/deals.csv")
		if want := "id,title,stage,amount,margin\nd1,Fifty seats,open,5000,1200\nd2,Renewal,won,3000,900\nd3,Pilot,lost,800,100\nd4,'=1+1,won,9000,2500\n"; string(a.raw) != want {
			t.Errorf("%d\n%s", a.status, a.raw)
		}
	})

	t.Run("without Rolegate nothing goes", func(t *testing.T) {
		c.gate.stop()
		for _, path := range []string{"/contacts", "/contacts/c2", "/deals", "/deals.csv", "/deals/d1"} {
			c.get("cho", path).want(t, 503, "access_unavailable")
		}
		c.do("ann", "PATCH", "/contacts/c2", `{"title":"x"}`).want(t, 503, "access_unavailable")
		c.gate.start()
		for deadline := time.Now().Add(30 * time.Second); c.get("cho", "/contacts/c2").status != 200; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the CRM does not come back")
			}
		}
		if got := c.get("ann", "/contacts/c2").body["title"]; got != "Buyer" {
			t.Errorf("changed meanwhile: %v", got)
		}
	})
}

// crm is the backend over a real Rolegate.
type crm struct {
	t       *testing.T
	gate    *rolegate
	url     string
	secrets map[string]string // of the authenticators
	used    map[string]string // the last codes
	tokens  map[string]string
}

func newCRM(t *testing.T) *crm {
	t.Helper()
	g := newRolegate(t)
	var cred struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(g.run("client", "add", "crm", "--scope", "decide", "--require-token", "--json")), &cred); err != nil {
		t.Fatal(err)
	}
	gate, err := client.New(client.Options{URL: g.url, ClientID: "crm", ClientSecret: cred.Secret, Pause: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	st, err := openStore(t.Context(), filepath.Join(t.TempDir(), "crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{gate: gate, store: st, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	h := httptest.NewServer(s.routes())
	t.Cleanup(func() { h.Close(); gate.Close(); st.db.Close() })
	return &crm{t: t, gate: g, url: h.URL, secrets: map[string]string{}, used: map[string]string{}, tokens: map[string]string{}}
}

const password = "correct horse battery staple"

// enrol is a person who takes an invitation and adds an authenticator.
func (c *crm) enrol(name string) {
	c.t.Helper()
	var inv struct{ Invite string }
	if err := json.Unmarshal([]byte(c.gate.run("user", "invite", name, "--json")), &inv); err != nil {
		c.t.Fatal(err)
	}
	ticket := c.post(c.gate.url+"/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": password}).text("ticket")
	c.secrets[name] = c.post(c.gate.url+"/v1/login/enrol", "", map[string]any{"ticket": ticket}).text("secret")
	c.second(name, "/v1/login/enrol/confirm", ticket, c.code(name))
	if c.tokens[name] == "" {
		c.t.Fatalf("%s cannot enrol", name)
	}
}

// login is a person who comes back, with the code after the one last used.
func (c *crm) login(name string) {
	c.t.Helper()
	ticket := c.post(c.gate.url+"/v1/login", "", map[string]any{"username": name, "password": password}).text("ticket")
	code := c.code(name)
	for deadline := time.Now().Add(time.Minute); code == c.used[name]; code = c.code(name) {
		if time.Now().After(deadline) {
			c.t.Fatalf("the authenticator of %s stands still", name)
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.second(name, "/v1/login/totp", ticket, code)
	if c.tokens[name] == "" {
		c.t.Fatalf("%s cannot log in", name)
	}
}

// second is a person who types in a code.
func (c *crm) second(name, path, ticket, code string) {
	c.t.Helper()
	c.used[name] = code
	c.tokens[name] = c.post(c.gate.url+path, "", map[string]any{"ticket": ticket, "code": code}).text("access_token")
}

// code is what the person's authenticator shows.
func (c *crm) code(name string) string {
	c.t.Helper()
	out, err := exec.Command("oathtool", "--totp", "--base32", c.secrets[name]).CombinedOutput()
	if err != nil {
		c.t.Fatalf("oathtool: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// answer is an answer over HTTP.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any // where it is a JSON object
}

func (a answer) text(member string) string {
	s, _ := a.body[member].(string)
	return s
}

func (a answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.text("code") != code {
		t.Errorf("%d %s, want %d %s", a.status, a.raw, status, code)
	}
}

func (c *crm) get(person, path string) answer { c.t.Helper(); return c.do(person, "GET", path, "") }

// do is a request of a person to the CRM; nobody's if person is empty.
func (c *crm) do(person, method, path, body string) answer {
	c.t.Helper()
	return c.send(method, c.url+path, c.tokens[person], []byte(body))
}

func (c *crm) post(url, bearer string, body any) answer {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	return c.send("POST", url, bearer, text)
}

func (c *crm) send(method, url, bearer string, body []byte) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		c.t.Fatal(err)
	}
	_ = json.Unmarshal(a.raw, &a.body)
	return a
}

// pages are the ids of a whole list, page by page.
func (c *crm) pages(person, path string) (ids []string) {
	c.t.Helper()
	for next := ""; ; {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		at := path
		if next != "" {
			at += sep + "after=" + next
		}
		a := c.get(person, at)
		if a.status != 200 {
			c.t.Fatalf("%s %s: %d %s", person, at, a.status, a.raw)
		}
		for _, row := range a.body["results"].([]any) {
			ids = append(ids, row.(map[string]any)["id"].(string))
		}
		if next = a.text("next"); next == "" {
			return ids
		}
	}
}

// forged is somebody's token with another name in it.
func forged(token, name string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	_ = json.Unmarshal(payload, &claims)
	claims["sub"] = name
	payload, _ = json.Marshal(claims)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}
