package checklist

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(79, "a new signing key is published before its first token, old tokens stay good until they end, a retired key leaves the JWKS", rotation)
	holds(80, "revoking a signing key ends all its tokens at once, for decisions, persons and introspection, on every replica", revokedKey)
	holds(81, "a thousand made-up kids read the keys no more than once a second and tell the service's log nothing", madeUpKIDs)
	holds(82, "a key file that is empty, short, patterned, text or an example stops the start", weakKeys)
	holds(144, "ids of devices, sessions and tokens are random, of 128 bits or more", randomIDs)
	holds(181, "after a change of the key-encryption key everything opens, is sealed anew on command, and the old key stays while in use", keyChange)
	holds(183, "a key file others may read, or a TLS key everybody may, stops the start", looseFiles)
}

// patient is a standard verifier at its least curious: it keeps the JWKS for as
// long as it may, and looks again for no other reason.
type patient struct {
	k       *testkit.Kit
	set     jose.JSONWebKeySet
	fetched time.Time
	keeps   time.Duration
}

var maxAge = regexp.MustCompile(`max-age=(\d+)`)

func (p *patient) verify(raw string) error {
	if p.fetched.IsZero() || p.k.Now().Sub(p.fetched) >= p.keeps {
		a := p.k.Get("/.well-known/jwks.json")
		seconds, err := strconv.Atoi(maxAge.FindStringSubmatch(a.Header.Get("Cache-Control"))[1])
		if err != nil {
			return err
		}
		p.set, p.fetched, p.keeps = jose.JSONWebKeySet{}, p.k.Now(), time.Duration(seconds)*time.Second
		if err := json.Unmarshal(a.Raw, &p.set); err != nil {
			return err
		}
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256})
	if err != nil {
		return err
	}
	_, err = signed.Verify(p.set)
	return err
}

func kidOf(t *testing.T, raw string) string {
	t.Helper()
	head, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

func published(k *testkit.Kit) (kids []string) {
	for _, key := range k.Get("/.well-known/jwks.json").Body["keys"].([]any) {
		kids = append(kids, key.(map[string]any)["kid"].(string))
	}
	return kids
}

// perform runs an operator's operation on a kit.
func perform[Req, Res any](t *testing.T, k *testkit.Kit, op app.Operation[Req, Res], r Req) Res {
	t.Helper()
	res, err := op.Run(context.Background(), k.App, testkit.Operator, r)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return res
}

// refuses runs one that must fail.
func refuses[Req, Res any](t *testing.T, k *testkit.Kit, op app.Operation[Req, Res], r Req, want model.Code) error {
	t.Helper()
	_, err := op.Run(context.Background(), k.App, testkit.Operator, r)
	if model.CodeOf(err) != want {
		t.Errorf("%s: %v, want %s", op.Name, err, want)
	}
	return err
}

// rotation takes a token every ten seconds for eighty minutes, in which the key
// rotates twice, once by hand and once by itself.
func rotation(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_SIGNING_KEY_LIFE=1h")
	ctx := context.Background()
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	take := func() string {
		tokens, err := k.App.Login.ClientToken(ctx, login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: secret}})
		if err != nil {
			t.Fatal(err)
		}
		return tokens.AccessToken
	}
	slow := &patient{k: k}
	quick := oidc.NewRemoteKeySet(ctx, k.URL+"/.well-known/jwks.json")
	type taken struct {
		raw string
		at  time.Time
	}
	var alive []taken
	var kids []string
	seen := map[string]time.Time{} // in the JWKS, first
	failed, verified := 0, 0
	start := k.Now()
	for step := range 500 {
		k.Advance(10 * time.Second)
		if step == 30 {
			perform(t, k, app.RotateKey, app.KeyRotation{})
		}
		if step%6 == 0 {
			if err := k.App.KeepKeys(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for _, kid := range published(k) {
			if seen[kid].IsZero() {
				seen[kid] = k.Now()
			}
		}
		raw := take()
		kid := kidOf(t, raw)
		if !slices.Contains(kids, kid) {
			kids = append(kids, kid)
			if len(kids) > 1 && k.Now().Sub(seen[kid]) < slow.keeps {
				t.Errorf("key %d was published %s before its first token, which verifiers that keep keys for %s may not know", len(kids), k.Now().Sub(seen[kid]), slow.keeps)
			}
		}
		alive = append(alive, taken{raw, k.Now()})
		for _, tk := range []taken{alive[0], alive[len(alive)-1]} { // the oldest that is good, and the newest
			verified++
			if err := slow.verify(tk.raw); err != nil {
				failed++
			}
			if _, err := quick.VerifySignature(ctx, tk.raw); err != nil {
				failed++
			}
			if _, err := k.App.Login.AuthenticateClient(ctx, tk.raw); err != nil {
				failed++
			}
		}
		for k.Now().Sub(alive[0].at) >= login.AccessTTL-20*time.Second {
			alive = alive[1:]
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d verifications failed", failed, 3*verified)
	}
	if len(kids) != 3 {
		t.Errorf("%d keys signed in %s, want 3: the first, one by hand, one by itself", len(kids), k.Now().Sub(start))
	}
	if now := published(k); slices.Contains(now, kids[0]) || !slices.Contains(now, kids[len(kids)-1]) {
		t.Errorf("at the end are published %v, of %v in the order they signed", now, kids)
	}
	for _, key := range perform(t, k, app.ListKeys, app.None{}).Signing {
		if key.ID == kids[0] {
			t.Errorf("the first key is kept as %s", key.State)
		}
	}
	if n := countEntries(k, audit.SigningKeyRotated); n != 2 {
		t.Errorf("%d entries say that the key rotated, want 2", n)
	}
	if n := countEntries(k, audit.SigningKeyDropped); n < 1 {
		t.Error("no entry says that a key was destroyed")
	}
}

// revokedKey is one of three replicas.
func revokedKey(t *testing.T) {
	ks := testkit.StartReplicas(t, 3)
	secret := ks[0].AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	client := ks[0].TokenFor("crm", secret)
	alice := ks[0].MustEnrol("alice", "sales-rep")
	refused := func(k *testkit.Kit) (bool, string) {
		question := map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
			"resource": map[string]any{"type": "contact", "id": "1"}}
		decide := k.Post("/access/v1/evaluation", client, question)
		sessions := k.Call("GET", "/v1/me/sessions", alice.Access, nil)
		of, hers := k.Active("crm", secret, client), k.Active("crm", secret, alice.Access)
		return decide.Status == 401 && sessions.Status == 401 && !of && !hers,
			fmt.Sprintf("decision %d, sessions %d, active: the client's %t, the person's %t", decide.Status, sessions.Status, of, hers)
	}
	const good = "decision 200, sessions 200, active: the client's true, the person's true"
	for i, k := range ks {
		if _, what := refused(k); what != good {
			t.Fatalf("replica %d before: %s", i, what)
		}
	}
	old := kidOf(t, client)
	next := perform(t, ks[0], app.RevokeKey, app.KeyRequest{ID: old})
	if done, what := refused(ks[0]); !done {
		t.Errorf("right after, where it was revoked: %s", what)
	}
	deadline := time.Now().Add(5 * time.Second)
	for i, k := range ks[1:] {
		for {
			done, what := refused(k)
			if done {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("replica %d after five seconds: %s", i+1, what)
			}
		}
	}
	for i, k := range ks {
		if kids := published(k); slices.Contains(kids, old) || !slices.Contains(kids, next.ID) {
			t.Errorf("replica %d publishes %v", i, kids)
		}
	}
	a := ks[1].Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
	ks[1].Want(a, 200)
	if kid := kidOf(t, a.Text("access_token")); kid != next.ID {
		t.Errorf("after the revocation %s signs, not %s", kid, next.ID)
	}
	perform(t, ks[2], app.RevokeKey, app.KeyRequest{ID: old}) // again is not twice
	if n := countEntries(ks[0], audit.SigningKeyRevoked); n != 1 {
		t.Errorf("%d entries say so, want 1", n)
	}
	refuses(t, ks[0], app.RevokeKey, app.KeyRequest{ID: "none"}, model.CodeNotFound)
}

func madeUpKIDs(t *testing.T) {
	k := testkit.New(t)
	good := k.ClientToken("crm")
	_, rest, _ := strings.Cut(good, ".")
	read := k.App.Login.Keys.Reads()
	start := time.Now()
	for i := range 1000 {
		kid := fmt.Sprintf("made-up-%d", i)
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`))
		if _, err := k.App.Login.AuthenticateClient(context.Background(), head+"."+rest); model.CodeOf(err) != model.CodeUnauthorized {
			t.Fatalf("kid %s: %v", kid, err)
		}
	}
	most := uint64(time.Since(start)/time.Second) + 3 // and what the service reads by itself
	if n := k.App.Login.Keys.Reads() - read; n > most {
		t.Errorf("the keys were read %d times in %s", n, time.Since(start))
	}
	if strings.Contains(k.Logs.String(), "made-up") {
		t.Error("the service's log repeats what a stranger sends")
	}
	ask, err := http.NewRequest(http.MethodGet, k.Admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := testkit.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(metrics.Raw), "rolegate_unknown_kids_total 1000\n") {
		t.Error("they are not counted")
	}
}

// start opens a service over a data directory and closes it again.
func start(dir string, settings ...string) error {
	cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0"}, settings...))
	if err != nil {
		return err
	}
	a, err := app.Open(context.Background(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return err
	}
	return a.Close()
}

func weakKeys(t *testing.T) {
	numbers := make([]byte, 32)
	for i := range numbers {
		numbers[i] = byte(i + 1)
	}
	key := func(b []byte) string { return "rolegate-kek-v1:" + base64.StdEncoding.EncodeToString(b) + "\n" }
	files := map[string]string{
		"empty": "", "a line break": "\n", "no key": "rolegate-kek-v1:\n", "16 bytes": key(numbers[:16]), "31 bytes": key(numbers[:31]),
		"zeros": key(make([]byte, 32)), "numbers in a row": key(numbers), "a pass phrase": key([]byte("changeme-changeme-changeme-chang")),
		"digits in hexadecimal": key([]byte("0123456789abcdef0123456789abcdef")), "a pattern": key([]byte(strings.Repeat("\xa7\x1c\x00\x90", 8))),
		"words": key([]byte("Tr0ub4dor&3 is my secret K3Y, ok")), "plain text": "changeme\n",
	}
	shown := []string{"../../README.md", "../../README.zh-CN.md", "../../docker-compose.yml", "../../Dockerfile"}
	for _, dir := range []string{"../../docs", "../../examples"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				shown = append(shown, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(shown) < 80 {
		t.Fatalf("only %d files show examples", len(shown))
	}
	for _, page := range shown {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, example := range regexp.MustCompile(`rolegate-kek-v1:[A-Za-z0-9+/]{43}=`).FindAllString(string(text), -1) {
			files[fmt.Sprintf("example %d of %s", i, filepath.Base(page))] = example + "\n"
		}
	}
	for name, text := range files {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := start(dir); model.CodeOf(err) != model.CodeSettingInvalid {
			t.Errorf("%s: the service starts, or fails otherwise: %v", name, err)
		}
	}
}

func looseFiles(t *testing.T) {
	dir := t.TempDir()
	if err := start(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "master.key")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file is made with mode %v (%v)", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o604, 0o640, 0o620, 0o644, 0o666, 0o601} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := start(dir); model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("key file of mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "tls.key")
	if err := os.WriteFile(key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, refused := range map[os.FileMode]bool{0o644: true, 0o604: true, 0o602: true, 0o600: false, 0o640: false} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		err := start(dir, "ROLEGATE_ISSUER=https://gate.example.com", "ROLEGATE_TLS_CERT="+key, "ROLEGATE_TLS_KEY="+key)
		if (model.CodeOf(err) == model.CodeSettingInvalid && strings.Contains(err.Error(), "ROLEGATE_TLS_KEY")) != refused {
			t.Errorf("TLS key of mode %04o: %v", mode, err)
		}
	}
}

// keyChange plays the whole change, with the service at work, on both databases.
func keyChange(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice", "sales-rep")
		named := k.App.Login.KEK.MAC("test", []byte("x"))
		old := perform(t, k, app.ListKeys, app.None{}).Encryption[0]
		added := perform(t, k, app.AddKEK, app.None{})
		if again := perform(t, k, app.AddKEK, app.None{}); again.ID != added.ID {
			t.Errorf("adding a second time made another key")
		}
		k.Login(alice)
		perform(t, k, app.UseKEK, app.KeyRequest{ID: added.ID})
		k.Login(alice)            // the old key's values are read
		bob := k.MustEnrol("bob") // the new key's are made
		k.Advance(time.Hour)
		refuses(t, k, app.DropKEK, app.KeyRequest{ID: old.ID}, model.CodeInUse)
		refuses(t, k, app.DropKEK, app.KeyRequest{ID: added.ID}, model.CodeInUse)
		res := perform(t, k, app.Reseal, app.None{})
		if res.Failed != 0 || res.Values != old.Values && res.Values < 5 {
			t.Errorf("resealed %d values, %d failed", res.Values, res.Failed)
		}
		for _, key := range perform(t, k, app.ListKeys, app.None{}).Encryption {
			if key.ID == old.ID && key.Values != 0 {
				t.Errorf("%d values are left under the old key", key.Values)
			}
		}
		if again := perform(t, k, app.Reseal, app.None{}); again.Values != 0 {
			t.Errorf("a second time %d values were sealed anew", again.Values)
		}
		k.Login(alice)
		k.Login(bob)
		both, err := os.ReadFile(filepath.Join(k.Config.Data, "master.key"))
		if err != nil {
			t.Fatal(err)
		}
		perform(t, k, app.DropKEK, app.KeyRequest{ID: old.ID})
		k.Login(alice)
		for what, want := range map[audit.Activity]int{audit.KeyEncryptionKey: 1, audit.KEKRotated: 1, audit.KEKResealed: 2, audit.KEKDropped: 1} {
			if n := countEntries(k, what); n != want {
				t.Errorf("%d entries %s, want %d", n, what, want)
			}
		}
		refuses(t, k, app.UseKEK, app.KeyRequest{ID: old.ID}, model.CodeConflict)

		k.Stop()
		settings := []string{"ROLEGATE_DATABASE_URL=" + k.Config.DatabaseURL, "ROLEGATE_KEYSTORE_URL=" + k.Config.KeystoreURL}
		file := filepath.Join(k.Config.Data, "master.key")
		now, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(both), "\n")
		if string(now) != lines[1] {
			t.Error("the key file is not the new key alone")
		}
		if err := os.WriteFile(file, []byte(lines[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := start(k.Config.Data, settings...); model.CodeOf(err) != model.CodeKeyWrong {
			t.Errorf("with the old key: %v", err)
		}
		if err := os.WriteFile(file, now, 0o600); err != nil {
			t.Fatal(err)
		}
		again := testkit.Start(t, k.Config.Data, settings...)
		again.Advance(3 * time.Hour)
		again.Login(alice)
		again.Login(bob)
		if string(again.App.Login.KEK.MAC("test", []byte("x"))) != string(named) {
			t.Error("what is named by the key has another name now")
		}
	})
}

func randomIDs(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	ids := map[string][]string{}
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	for i := range 20 {
		k.Advance(5 * time.Minute)
		k.Login(alice)
		claims := testkit.Claims(t, alice.Access)
		ids["sid"] = append(ids["sid"], claims["sid"].(string))
		tokens, err := k.App.Login.ClientToken(context.Background(), login.ClientCredentials{ClientAuth: login.ClientAuth{ClientID: "crm", ClientSecret: secret}})
		if err != nil {
			t.Fatal(err)
		}
		ids["jti"] = append(ids["jti"], claims["jti"].(string), testkit.Claims(t, tokens.AccessToken)["jti"].(string))
		a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite(fmt.Sprint("p", i)), "password": testkit.Password})
		a = k.Post("/v1/login/enrol", "", map[string]any{"ticket": a.Text("ticket")})
		ids["device"] = append(ids["device"], a.Text("device_id"))
	}
	for kind, all := range ids {
		looksRandom(t, kind, all)
	}
}

// looksRandom finds ids that are short, repeat, or have something in common.
func looksRandom(t *testing.T, kind string, all []string) {
	t.Helper()
	seen := map[string]bool{}
	var counted [256]int
	total := 0
	for _, id := range all {
		if len(id) < 22 { // 128 bits in base64
			t.Errorf("%s %q is too short for 128 bits", kind, id)
		}
		if seen[id] {
			t.Errorf("%s %q comes twice", kind, id)
		}
		seen[id] = true
		for i := range len(id) {
			counted[id[i]]++
			total++
		}
	}
	for at := range len(all[0]) - 1 { // but the last, which may hold fewer bits
		letters := map[byte]bool{}
		for _, id := range all {
			if at < len(id) {
				letters[id[at]] = true
			}
		}
		if len(letters) < 5 { // of 20 draws out of 32 letters: once in 10^13
			t.Errorf("place %d of a %s has %d different letters in %d", at, kind, len(letters), len(all))
		}
	}
	for letter, n := range counted {
		if n > total/8 {
			t.Errorf("a %s has the letter %q in %d of %d places", kind, byte(letter), n, total)
		}
	}
}
