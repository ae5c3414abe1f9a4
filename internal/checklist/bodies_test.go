package checklist

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(160, "a body over its limit is refused with 413, with a length or without, and not read on; a compressed one is refused unread", largeBodies)
	holds(161, "a body that two readers could read differently is refused: members twice, something after, marks, depth, types, encodings; and our own routes refuse members they do not know", oddBodies)
	holds(162, "a wrong or missing media type is 415 (400 where AuthZEN says so), a method that a path has not is 405 with those it has; TRACE and CONNECT are nobody's", typesAndMethods)
}

// limited are routes with the limit of their bodies, in bytes.
func limited(policy int) map[string]int {
	return map[string]int{
		"/v1/login": 16 << 10, "/v1/login/totp": 16 << 10, "/v1/token/refresh": 16 << 10, "/v1/invite/accept": 16 << 10, "/oauth2/token": 16 << 10,
		"/access/v1/evaluation": 256 << 10, "/access/v1/evaluations": 256 << 10, "/access/v1/search/action": 256 << 10, "/v1/filter": 256 << 10,
		"/v1/admin/import": policy,
	}
}

// mute hides that a body's length is known.
type mute struct{ io.Reader }

func largeBodies(t *testing.T) {
	const policy = 1 << 20
	k := testkit.New(t, fmt.Sprint("ROLEGATE_MAX_POLICY=", policy))
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "directory"}})
	bearer := "Bearer " + k.TokenFor("crm", secret)
	ask := func(path string, body io.Reader, headers ...string) testkit.Answer {
		t.Helper()
		req, err := http.NewRequest("POST", k.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if path == "/oauth2/token" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		} else {
			req.Header.Set("Authorization", bearer)
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		a, err := testkit.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return a
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 8<<20))
	z.Close()
	for path, limit := range limited(policy) {
		over := strings.Repeat(" ", limit+1)
		for what, body := range map[string]io.Reader{"with a length": strings.NewReader(over), "without": mute{strings.NewReader(over)}} {
			if a := ask(path, body); a.Status != 413 || a.Code() != "request_too_large" {
				t.Errorf("%s %s: %d %s", path, what, a.Status, a.Raw)
			}
		}
		if a := ask(path, mute{strings.NewReader(over[:limit])}); a.Status == 413 {
			t.Errorf("%s: a body within the limit is too large", path)
		}
		want := 415
		if strings.HasPrefix(path, "/access/") {
			want = 400
		}
		for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x-gzip"} {
			if a := ask(path, bytes.NewReader(bomb.Bytes()), "Content-Encoding: "+encoding); a.Status != want {
				t.Errorf("%s in %s: %d, want %d", path, encoding, a.Status, want)
			}
		}
	}

	// A body without an end: what is read of it is bounded, whatever is sent.
	c := dial(t, k)
	io.WriteString(c, wireRequest("POST", "/v1/login", "", asJSON, "Transfer-Encoding: chunked"))
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 1<<20, bytes.Repeat([]byte(" "), 1<<20))
	sent := 0
	for ; sent < 64; sent++ {
		if _, err := c.Write(chunk); err != nil {
			break
		}
	}
	if sent == 64 {
		t.Error("64 MiB of a login were taken")
	}
}

func oddBodies(t *testing.T) {
	k := testkit.New(t)
	client := "Authorization: Bearer " + k.ClientToken("crm")
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	login := func(body string) testkit.Answer { return send(t, k, "POST", "/v1/login", []byte(body), asJSON) }
	ask := func(body string) testkit.Answer {
		return send(t, k, "POST", "/access/v1/evaluation", []byte(body), asJSON, client)
	}
	const good = `{"username":"eve","password":"x"}`
	if a, b := login(good), ask(question); a.Status != 401 || b.Status != 200 {
		t.Fatalf("%s %s", a.Raw, b.Raw)
	}
	// {} stands for the members of a good body.
	for what, form := range map[string]string{
		"twice": `{{},{}}`, "twice by escapes": `{{},"user\u006eame":"bob","s\u0075bject":{"type":"user","id":"bob"}}`, "trailing word": `{{}} x`, "trailing brace": `{{}}}`,
		"two documents": `{{}}{{}}`, "two lines": "{{}}\n{{}}", "byte order mark": "\xef\xbb\xbf{{}}", "UTF-16": "\xff\xfe{\x00}\x00", "no end": `{{}`,
		"comment": `{{} /* x */}`, "trailing comma": `{{},}`, "single quotes": `{'a':1}`, "NUL": "{{}}\x00", "array": `[{{}}]`, "null": `null`, "string": `"{}"`, "empty": ``, "blank": " \n",
		"NaN": `{{},"x":NaN}`, "hexadecimal": `{{},"x":0x1}`, "leading zero": `{{},"x":01}`, "half a surrogate": `{{},"x":"\ud800"}`, "invalid UTF-8": "{{},\"x\":\"\xff\"}",
		"overlong UTF-8": "{{},\"x\":\"\xc0\xaf\"}", "line break in a string": "{{},\"x\":\"a\nb\"}", "deep": `{{},"context":` + deep + `}`, "deep arrays": `{{},"x":` + strings.Repeat("[", 100_000) + `}`,
	} {
		for path, a := range map[string]testkit.Answer{
			"/v1/login":             login(strings.ReplaceAll(form, "{}", good[1:len(good)-1])),
			"/access/v1/evaluation": ask(strings.ReplaceAll(form, "{}", question[1:len(question)-1])),
		} {
			if a.Status != 400 && a.Status != 413 || a.Code() != "invalid_request" && a.Code() != "request_too_large" && a.Code() != "limit_exceeded" || a.Status == 413 && what != "deep arrays" {
				t.Errorf("%s, %s: %d %s", path, what, a.Status, a.Raw)
			}
		}
	}
	for _, member := range []string{"username", "password", "tenant"} {
		for _, value := range []any{1, true, []any{"a"}, map[string]any{}} {
			m := map[string]any{"username": "eve", "password": "x", member: value}
			b, _ := json.Marshal(m)
			if a := login(string(b)); a.Status != 400 {
				t.Errorf("%s: %d %s", b, a.Status, a.Raw)
			}
		}
	}
	for _, unknown := range []string{"admin", "role", "Username", "PASSWORD", "user_id", "__proto__"} {
		body := fmt.Sprintf(`,%q:"x"}`, unknown)
		if a := login(strings.TrimSuffix(good, "}") + body); a.Status != 400 {
			t.Errorf("a login takes the member %s: %d", unknown, a.Status)
		}
		if a := ask(strings.TrimSuffix(question, "}") + body); a.Status != 200 || a.Body["decision"] != false {
			t.Errorf("AuthZEN wants unknown members ignored, and %s is: %d %s", unknown, a.Status, a.Raw)
		}
	}
}

func typesAndMethods(t *testing.T) {
	k := testkit.New(t)
	client := "Authorization: Bearer " + k.ClientToken("crm")
	for path, want := range map[string]int{"/v1/login": 415, "/v1/token/refresh": 415, "/oauth2/token": 415, "/v1/filter": 415, "/access/v1/evaluation": 400, "/access/v1/search/subject": 400} {
		for _, headers := range [][]string{
			nil, {"Content-Type: text/plain"}, {"Content-Type: application/xml"}, {"Content-Type: application/jsonp"}, {"Content-Type: json"},
			{"Content-Type: text/plain, application/json"}, {asJSON, asJSON}, {asJSON, "Content-Type: text/plain"}, {"Content-Type: application/problem+json"},
		} {
			if path != "/oauth2/token" {
				headers = append(headers, client)
			}
			if a := send(t, k, "POST", path, []byte(question), headers...); a.Status != want {
				t.Errorf("%s %q: %d %s", path, headers, a.Status, a.Raw)
			}
		}
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"}
	has := map[string][]string{}
	for _, r := range wireRoutes(t) {
		has[r.path] = append(has[r.path], r.method)
	}
	for path, own := range has {
		if strings.HasPrefix(path, "/v1/forward-auth") {
			continue // which has nearly all
		}
		for _, method := range methods {
			if contains(own, method) {
				continue
			}
			a := wireOne(t, k, wireRequest(method, path, "", "Connection: close", client))
			allow := strings.Split(a.Header.Get("Allow"), ", ")
			if a.Status != 405 || len(allow) != len(own) || !contains(own, allow...) {
				t.Errorf("%s %s: %d, Allow: %q, has %q", method, path, a.Status, allow, own)
			}
		}
	}
	for _, text := range []string{
		wireRequest("CONNECT", "gate.example.com:443", "", "Connection: close"), wireRequest("TRACE", "/", "", "Connection: close", "Cookie: secret=1"),
		wireRequest("TRACE", "/v1/forward-auth", "", "Connection: close", "Cookie: secret=1"), wireRequest("CONNECT", "/v1/forward-auth", "", "Connection: close"),
	} {
		if a := wireOne(t, k, text); a.Status != 404 && a.Status != 405 || bytes.Contains(a.Raw, []byte("secret=1")) {
			t.Errorf("%q: %d %s", text, a.Status, a.Raw)
		}
	}
}

func contains(all []string, some ...string) bool {
	for _, s := range some {
		if !strings.Contains(" "+strings.Join(all, " ")+" ", " "+s+" ") {
			return false
		}
	}
	return true
}
