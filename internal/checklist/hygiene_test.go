package checklist

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(187, "after everything that can be done, neither the service's log at its most talkative, nor the opened entries of the log, nor metrics hold a password, code, token, secret, ticket or invitation", nothingSecret)
	holds(188, "a user name with line breaks, terminal escapes, quotes or ten kilobytes makes one well-formed entry and one well-formed line", hostileNames)
}

// story does everything people, backends and operators do, well and badly, and
// tells the secrets that took part.
func story(t *testing.T, k *testkit.Kit) map[string]string {
	t.Helper()
	const wrongPassword, wrongCode = "wrong pony cell clip", "987123"
	secrets := map[string]string{"password": testkit.Password, "wrong password": wrongPassword}
	keep := func(what, secret string) string {
		t.Helper()
		if secret == "" {
			t.Fatalf("there is no %s", what)
		}
		secrets[what] = secret
		return secret
	}
	alice := k.MustEnrol("alice", "sales-rep")
	keep("TOTP secret", alice.Secret)
	keep("first access token", alice.Access)
	for _, c := range alice.RecoveryCodes {
		keep("recovery code "+c[:2], c)
	}
	invite := keep("invitation", k.Invite("bob"))
	k.Get("/invite/" + invite)
	k.Get("/invite/" + invite + "/x")
	k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": "short"})
	k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password, "odd": wrongPassword})
	keep("enrolment ticket", k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password}).Text("ticket"))

	k.Post("/v1/login", "", map[string]any{"username": "alice", "password": wrongPassword})
	k.Post("/v1/login", "", map[string]any{"username": "nobody", "password": wrongPassword})
	send(t, k, "GET", "/v1/login?username=alice&password="+url.QueryEscape(testkit.Password), nil)
	send(t, k, "GET", "/"+keep("secret path", "gu3ssed-p4th"), nil)
	ticket := keep("ticket", k.Ticket("alice"))
	k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": wrongCode})
	code := k.NextCode(alice)
	a := k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
	k.Want(a, 200)
	refresh := keep("refresh token", a.Text("refresh_token"))
	keep("access token", a.Text("access_token"))
	a = k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": refresh})
	k.Want(a, 200)
	access := keep("renewed access token", a.Text("access_token"))
	keep("renewed refresh token", a.Text("refresh_token"))

	secret := keep("client secret", k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain", "directory"}}))
	k.AskToken("crm", keep("wrong client secret", "wr0ng-cl1ent-s3cret"))
	client := keep("client token", k.TokenFor("crm", secret))
	own := map[string]any{"owner": "user:alice"}
	k.Evaluate(client, "alice", "read", "contact", own, "access_token", access)
	k.Evaluate(client, "alice", "read", "contact", own, "access_token", access+"x")
	k.Post("/access/v1/evaluation", keep("made-up token", "m4de.up.t0ken"), map[string]any{})
	k.Post("/access/v1/evaluation", client, map[string]any{"subject": access})
	send(t, k, "POST", "/access/v1/evaluation?access_token="+client, []byte(question), asJSON)
	for _, values := range [][]string{{"Basic " + base64.StdEncoding.EncodeToString([]byte("crm:"+secret))}, {"Bearer " + client, "Bearer " + access}} {
		req := k.Request("/access/v1/evaluation", "", map[string]any{})
		req.Header["Authorization"] = values
		k.Send(req)
	}
	forward := k.Request("/v1/forward-auth", access, map[string]any{})
	forward.Header.Set("Rolegate-Client-Authorization", "Bearer "+client)
	forward.Header.Set("X-Forwarded-Uri", "/contacts/1?token="+access)
	forward.Header.Set("X-Forwarded-Method", "GET")
	k.Send(forward)
	k.Post("/v1/explain", client, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1"}})

	ticket = keep("second ticket", k.Ticket("alice"))
	k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": "AAAA-BBBB-CCCC-DDDD"})
	a = k.Post("/v1/login/recovery", "", map[string]any{"ticket": ticket, "code": alice.RecoveryCodes[0]})
	k.Want(a, 200)
	keep("re-enrol token", a.Text("access_token"))
	k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": refresh})
	k.Post("/v1/logout", access, nil)
	for what, value := range ownSecrets(t, k) {
		keep("cleo: "+what, value)
	}
	for what, value := range pageSecrets(t, k) {
		keep("dora, by pages: "+what, value)
	}
	codes[k] = []string{code, wrongCode}
	return secrets
}

// codes are the one-time codes of a kit's story: too short to be looked for in
// anything but words of their own.
var codes = map[*testkit.Kit][]string{}

func nothingSecret(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_LOG_LEVEL=debug")
	secrets := story(t, k)
	places := map[string]string{"metrics": get(t, k.Admin+"/metrics")}
	entries := opened(t, k, append(ownersOfSecrets, "", "user:alice", "user:bob", "user:dora", "user:nobody", testkit.Operator.String(), "contact:1")...)
	if len(entries) < 20 {
		t.Fatalf("only %d entries could be read", len(entries))
	}
	for _, e := range entries {
		if strings.Contains(e, `"unread"`) {
			t.Errorf("an entry keeps something to itself: %s", e)
		}
	}
	places["entries"] = strings.Join(entries, "\n")
	k.Stop()
	places["log"] = k.Logs.String()
	lines := 0
	for line := range strings.Lines(places["log"]) {
		lines++
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of JSON: %s", line)
		}
	}
	if lines < 30 || !strings.Contains(places["log"], `"level":"DEBUG"`) {
		t.Fatalf("the log has %d lines", lines)
	}
	for place, text := range places {
		for what, secret := range secrets {
			for _, spelt := range spelledIn(secret) {
				if strings.Contains(text, spelt) {
					t.Errorf("the %s hold the %s", place, what)
				}
			}
		}
		for _, code := range codes[k] {
			for _, spelt := range []string{`"` + code + `"`, ` ` + code, `=` + code} {
				if strings.Contains(text, spelt) {
					t.Errorf("the %s hold a one-time code", place)
				}
			}
		}
		if strings.Contains(text, "Bearer ") || strings.Contains(text, "Basic ") {
			t.Errorf("the %s hold an Authorization header", place)
		}
	}
	if strings.Contains(places["log"], "alice") {
		t.Error("the log names a person")
	}
}

// spelledIn of a secret that somebody may log in its place.
func spelledIn(secret string) []string {
	return []string{secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), strings.ReplaceAll(secret, "-", "")}
}

// opened reads the whole log with its keys, as JSON, for the persons named.
func opened(t *testing.T, k *testkit.Kit, persons ...string) (all []string) {
	t.Helper()
	for _, e := range audittest.From(t, k.App.Store, 0) {
		all = append(all, openOne(t, k, e, persons))
	}
	return all
}

func openOne(t *testing.T, k *testkit.Kit, e audittest.Entry, persons []string) string {
	t.Helper()
	entry := map[string]any{"leaf": e.Leaf}
	found := 0
	for _, p := range persons {
		if m, err := audittest.Unseal(t.Context(), k.App.Log, e, p); err == nil {
			entry[p] = m
			found++
		}
	}
	if found < len(e.Segments) {
		entry["unread"] = len(e.Segments) - found
	}
	b, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func hostileNames(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_LOG_LEVEL=debug")
	names := map[string]string{
		"line breaks": "mallory\r\n{\"level\":\"INFO\",\"msg\":\"admin logged in\"}\n",
		"escapes":     "mallory\x1b[2J\x1b]0;owned\x07\x1b[31m",
		"quotes":      `mallory","outcome":"ok","x":"\"`,
		"ten kB":      strings.Repeat("mallory ", 10<<7),
		"ten kB of 你": strings.Repeat("你", 10<<10/3),
		"NUL":         "mallory\x00",
		"bidi":        "mallory\u202egnp.exe",
	}
	for what, name := range names {
		before, lines := logSize(t, k), bytes.Count(k.Logs.Bytes(), []byte("\n"))
		a := k.Post("/v1/login", "", map[string]any{"username": name, "password": "x"})
		if a.Status != 401 && a.Status != 400 {
			t.Errorf("%s: %d %s", what, a.Status, a.Raw)
		}
		if n := logSize(t, k) - before; n != 1 {
			t.Errorf("%s: %d entries", what, n)
		}
		left := audittest.From(t, k.App.Store, before)
		if len(left) == 0 {
			continue
		}
		entry := openOne(t, k, left[0], []string{""})
		if len(entry) > 4096 || !utf8.ValidString(entry) || strings.ContainsRune(entry, utf8.RuneError) || strings.ContainsAny(entry, "\r\n\x1b\x00") {
			t.Errorf("%s: an entry of %d bytes: %.600q", what, len(entry), entry)
		}
		if a.Status == 401 && !strings.Contains(entry, "username") {
			t.Errorf("%s: the entry was not opened: %s", what, entry)
		}
		if n := bytes.Count(k.Logs.Bytes(), []byte("\n")) - lines; n > 1 {
			t.Errorf("%s: %d lines", what, n)
		}
	}
	k.Stop()
	for line := range strings.Lines(k.Logs.String()) {
		if !json.Valid([]byte(line)) || len(line) > 4096 || strings.ContainsAny(line, "\x1b\x00\r") || strings.Contains(line, "mallory") {
			t.Errorf("a line: %.300q", line)
		}
	}
}

func logSize(t *testing.T, k *testkit.Kit) int64 {
	t.Helper()
	return audittest.Size(t, k.App.Store)
}
