package checklist

import (
	"go/scanner"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(17, "a login by GET or with its secrets in the query is refused, and they are nowhere afterwards", noSecretsInURLs)
	holds(19, "no default password works at the first start; what opens it works once and expires", noDefaultPassword)
	holds(119, "short, common, breached passwords and names are refused with the reason, nothing else is; and none below 15 characters gives a token by itself", newPasswords)
	holds(134, "no code, password or token works for everybody", noMasterKey)
}

func noSecretsInURLs(t *testing.T) {
	k := testkit.New(t)
	k.Want(acceptWith(k, k.Invite("ann"), "walruskiteseventeen"), 200)
	for _, path := range []string{"/v1/login", "/v1/login/totp", "/v1/me/password", "/v1/invite/accept"} {
		a := k.Get(path + "?username=ann&password=walruskiteseventeen&code=918273&ticket=tickettickettick")
		k.Want(a, 405, "code", "method_not_allowed")
	}
	req := k.Request("/v1/login?username=ann&password=walruskiteseventeen", "", map[string]any{})
	k.Want(k.Send(req), 400, "code", "invalid_request")
	req, err := http.NewRequest(http.MethodPost, k.URL+"/v1/login", strings.NewReader("username=ann&password=walruskiteseventeen"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	k.Want(k.Send(req), 415)
	k.Stop()
	searched(t, k, "walruskiteseventeen", "918273", "tickettickettick")
}

// favourites are what people, and products, leave doors open with.
var favourites = []string{"", "admin", "changeme", "password", "rolegate", "default", "root", "secret", "master", "test", "123456", "000000"}

func noDefaultPassword(t *testing.T) {
	k := testkit.New(t)
	knock := func() {
		t.Helper()
		for _, name := range []string{"admin", "administrator", "root", "rolegate", "system-admin", "sysadmin"} {
			for _, password := range append(favourites, name) {
				if a := logIn(k, name, password); a.Status == 200 {
					t.Errorf("%s/%s: %s", name, password, a.Raw)
				}
			}
		}
	}
	knock()
	made, err := app.Init.Run(ctx, k.App, testkit.Operator, app.InitRequest{Tenant: model.DefaultTenant,
		SystemAdmin: "sysadmin", SecurityAdmin: "secadmin", AuditAdmin: "auditadmin"})
	if err != nil {
		t.Fatal(err)
	}
	knock()
	for _, guess := range favourites {
		if a := acceptWith(k, guess, next); a.Status == 200 {
			t.Errorf("invitation %q: %s", guess, a.Raw)
		}
	}
	k.Want(acceptWith(k, made.Invitations[0].Invite, next), 200, "access_token", nil)
	k.Want(acceptWith(k, made.Invitations[0].Invite, next), 401, "code", "invite_invalid")
	k.Advance(73 * time.Hour)
	k.Want(acceptWith(k, made.Invitations[1].Invite, next), 401, "code", "invite_invalid")
}

// reasons lists the codes of a refusal, or of an estimate.
func reasons(a testkit.Answer, member string) (codes []string) {
	list, _ := a.Body[member].([]any)
	for _, e := range list {
		codes = append(codes, e.(map[string]any)["code"].(string))
	}
	return codes
}

func newPasswords(t *testing.T) {
	breached := filepath.Join(t.TempDir(), "pwned.txt") // of "walrus kites 1917"
	if err := os.WriteFile(breached, []byte(breachedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	k := testkit.New(t, "ROLEGATE_BREACHED_PASSWORDS="+breached)
	mfa := k.Invite("alice@example.com")
	mailed := k.Invite("mia")
	if _, err := app.ImportDirectory.Run(t.Context(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"subjects": [{"type": "user", "id": "mia", "attributes": {"email": "m.walrusson@kites.example", "other": ["quillfeather@post.example"], "hobby": "brindlewick"}}]}`)}); err != nil {
		t.Fatal(err)
	}
	k.Exec(`UPDATE tenants SET mfa = 'by-role' WHERE id = 'default'`)
	alone := k.Invite("bobby")
	for _, c := range []struct {
		password string
		reason   string
	}{
		{"vexplum", "too_short"}, {"vexplumqtrabon", "too_short"},
		{strings.Repeat("xy z", 33), "too_long"}, {strings.Repeat("x", 5000), "too_long"},
		{"123456789123456789", "common"}, {"QWERTYUIOPASDFGHJKL", "common"}, {"passwordpassword1", "common"},
		{"walrus kites 1917", "breached"},
		{"bobby-bobby-bobby", "contains_name"}, {"Rolegate-Rolegate", "contains_name"}, {"R0legate.R0l3gate!!", "contains_name"},
	} {
		for _, chinese := range []bool{false, true} {
			req := k.Request("/v1/invite/accept", "", map[string]any{"invite": alone, "password": c.password})
			if chinese {
				req.Header.Set("Accept-Language", "zh-CN")
			}
			a := k.Send(req)
			k.Want(a, 422, "code", "password_rejected")
			if got := reasons(a, "errors"); !slices.Contains(got, c.reason) {
				t.Errorf("%.20q: %v, want %s", c.password, got, c.reason)
			}
			if strings.Contains(a.Text("detail"), "密码") != chinese {
				t.Errorf("%.20q: detail %q", c.password, a.Text("detail"))
			}
			if strings.Contains(string(a.Raw), c.password) {
				t.Errorf("%.20q: the answer repeats it", c.password)
			}
		}
		a := k.Post("/v1/invite/strength", "", map[string]any{"invite": alone, "password": c.password})
		k.Want(a, 200, "acceptable", false)
		if got := reasons(a, "reasons"); !slices.Contains(got, c.reason) {
			t.Errorf("%.20q: the page is told %v, want %s", c.password, got, c.reason)
		}
	}
	for _, good := range []string{
		"vexplumqtrabond", strings.Repeat("a plain walrus, ", 4), strings.Repeat("a plain walrus, ", 8), "鱼在云上读旧书的时候天还没有亮",
	} {
		k.Want(k.Post("/v1/invite/strength", "", map[string]any{"invite": alone, "password": good}), 200, "acceptable", true)
	}
	k.Want(acceptWith(k, alone, strings.Repeat("a plain walrus, ", 8)), 200, "status", "ok")
	k.Want(k.Post("/v1/invite/strength", "", map[string]any{"invite": alone, "password": next}), 401, "code", "invite_invalid")

	k.Exec(`UPDATE tenants SET mfa = 'everyone' WHERE id = 'default'`)
	k.Want(acceptWith(k, mfa, "vexplum"), 422)
	for _, name := range []string{"alice@example.com", "Alice2026", "example1"} {
		if got := reasons(acceptWith(k, mfa, name), "errors"); !slices.Contains(got, "contains_name") {
			t.Errorf("%q: %v, want contains_name", name, got)
		}
	}
	k.Want(acceptWith(k, mfa, "vexplumq"), 200)
	for _, address := range []string{"m.walrusson@kites.example", "Walrusson7", "quillfeather1"} {
		if got := reasons(acceptWith(k, mailed, address), "errors"); !slices.Contains(got, "contains_name") {
			t.Errorf("%q, of an e-mail address: %v, want contains_name", address, got)
		}
		k.Want(k.Post("/v1/invite/strength", "", map[string]any{"invite": mailed, "password": address}), 200, "acceptable", false)
	}
	k.Want(acceptWith(k, mailed, "brindlewick"), 200) // what is no address may be in it
	k.Stop()
	searched(t, k, "vexplumq", "walrus kites 1917", "a plain walrus, ")
	t.Run("alone", shortPasswords)
}

// shortPasswords were chosen where a second factor was asked for as well, or elsewhere, and
// since then none is: they lead to the enrolment of a device, and longer ones to tokens.
func shortPasswords(t *testing.T) {
	k := testkit.New(t)
	people := map[string]string{ // by what they chose
		"vexplumq": "eight", "vexplumqtrabon": "fourteen", "鱼在云上读旧书人说它会飞了": "characters",
		"vexplumqtrabond": "fifteen", "鱼在云上读旧书人说它会飞了吗好": "and-so-here",
	}
	for password, id := range people {
		k.Want(acceptWith(k, k.Invite(id), password), 200, "status", "enrolment_required")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("vexplumq"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := []byte(`{"users": [{"id": "elsewhere", "password_hash": "` + string(hash) + `"}]}`)
	if _, err := app.ImportUsers.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: file}); err != nil {
		t.Fatal(err)
	}
	byRole(k)
	for password, id := range people {
		if utf8.RuneCountInString(password) < 15 {
			k.Want(logIn(k, id, password), 200, "status", "enrolment_required", "access_token", nil)
		} else {
			k.Want(logIn(k, id, password), 200, "status", "ok", "ticket", nil)
		}
	}
	for range 2 { // the second time by the hash that took the place of the first
		k.Want(logIn(k, "elsewhere", "vexplumq"), 200, "status", "enrolment_required", "access_token", nil)
	}
	p := k.FinishEnrolment("eight", logIn(k, "eight", "vexplumq").Text("ticket"))
	if acr := testkit.Claims(t, p.Access)["acr"]; acr != "2" {
		t.Errorf("acr %v", acr)
	}
	k.Want(logIn(k, "eight", "vexplumq"), 200, "status", "mfa_required")
	k.Want(k.Call("DELETE", "/v1/me/devices/"+k.DeviceIDs(p)[0], p.Access, nil), 204)
	k.Want(logIn(k, "eight", "vexplumq"), 200, "status", "enrolment_required")
	k.Want(logIn(k, "eight", "vexplumqtrabond"), 401, "code", "login_failed")
}

// breachedFile is one as the downloader of haveibeenpwned.com leaves it.
const breachedFile = "0000000CAEF405439D57847A8657218C618160B2:15\n25AD5123C381E6C95CF9AC74A3D1F8808025FB98:3\nFFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2\n"

func noMasterKey(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	codes := []string{"000000", "111111", "123456", "654321", "999999", "888888", "112233"}
	for _, code := range codes {
		if right := k.NextCode(ann); code == right {
			continue // one in a million
		}
		if a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("ann"), "code": code}); a.Status == 200 {
			t.Errorf("the code %s opens everything", code)
		}
	}
	for _, word := range append(favourites, "0000-0000-0000-0000-0000", "AAAA-AAAA-AAAA-AAAA-AAAA") {
		for name, a := range map[string]testkit.Answer{
			"code":     k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("ann"), "code": word}),
			"recovery": k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("ann"), "code": word}),
			"ticket":   k.Post("/v1/login/totp", "", map[string]any{"ticket": word, "code": k.NextCode(ann)}),
			"password": logIn(k, "ann", word),
			"refresh":  k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": word}),
			"bearer":   alive(k, word),
		} {
			if a.Status == 200 {
				t.Errorf("%s %q opens everything: %s", name, word, a.Raw)
			}
		}
	}
	// Nor is one in the source, where a black box might not find it.
	suspicious := append(codes, "changeme", "master", "letmein", "passw0rd")
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testkit") {
			return err
		}
		for _, literal := range literals(t, path) {
			if slices.Contains(suspicious, literal) {
				t.Errorf("%s has the text %q", path, literal)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals lists the strings of a Go file.
func literals(t *testing.T, path string) (texts []string) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile(path, -1, len(src))
	s.Init(file, src, nil, 0)
	for {
		_, tok, text := s.Scan()
		if tok == token.EOF {
			return texts
		}
		if tok == token.STRING {
			if v, err := strconv.Unquote(text); err == nil {
				texts = append(texts, v)
			}
		}
	}
}
