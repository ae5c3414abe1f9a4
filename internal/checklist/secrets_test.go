package checklist

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(177, "database files and dumps hold no password, code, token, secret or private key of a whole story, in any spelling", storedSecrets)
	holds(178, "TOTP secrets of two people that are swapped in the database open for neither", swappedSecrets)
	holds(179, "a bit of a sealed value that is flipped is an error, is recorded, and lets nobody in", flippedBit)
	holds(180, "a secret sealed twice gives two ciphertexts", sealedTwice)
	holds(185, "tickets, refresh tokens, invitations, client secrets and recovery codes cannot be guessed: 128 bits or more but for the codes' 80, random or, of codes that a page shows, made of its form under a key of the service", randomSecrets)
}

// secret is what must not be found.
type secret struct {
	what  string
	value []byte
}

// keeper is a kit on which secrets are used; whatever has one more adds it with keep.
type keeper struct {
	*testkit.Kit
	secrets []secret
}

func (s *keeper) keep(what string, values ...string) {
	for _, v := range values {
		if v == "" {
			s.T.Fatalf("the story has no %s", what)
		}
		s.secrets = append(s.secrets, secret{what, []byte(v)})
	}
}

// secretsOf plays a whole story and keeps each secret that appears in it.
func secretsOf(k *testkit.Kit) *keeper {
	s := &keeper{Kit: k}
	k.T.Helper()
	s.keep("password", testkit.Password)

	invite := k.Invite("alice", "sales-rep")
	s.keep("invitation", invite)
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
	s.keep("enrolment ticket", a.Text("ticket"))
	alice := k.FinishEnrolment("alice", a.Text("ticket"))
	s.keepPerson(alice)

	ticket := k.Ticket("alice")
	s.keep("ticket", ticket)
	code := k.NextCode(alice)
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": "000000"}), 401)
	a = k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
	k.Want(a, 200)
	alice.Access, alice.Refresh = a.Text("access_token"), a.Text("refresh_token")
	s.keepPerson(alice)
	a = k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": alice.Refresh})
	k.Want(a, 200)
	s.keep("refreshed tokens", a.Text("access_token"), a.Text("refresh_token"))
	k.Post("/v1/login", "", map[string]any{"username": "alice", "password": "a wrong password that is kept out too"})
	s.keep("wrong password", "a wrong password that is kept out too")

	bob := k.MustEnrol("bob") // loses the phone
	s.keepPerson(bob)
	a = k.Post("/v1/login/recovery", "", map[string]any{"ticket": k.Ticket("bob"), "code": bob.RecoveryCodes[0]})
	k.Want(a, 200)
	s.keep("re-enrol token", a.Text("access_token"))

	sec := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	s.keep("client secret", sec)
	client := k.TokenFor("crm", sec)
	s.keep("client token", client)
	k.Evaluate(client, "alice", "read", "contact", nil, "token", alice.Access)
	rotated := perform(k.T.(*testing.T), k, app.RotateClient, app.ClientRequest{Client: model.Client{ID: "crm"}})
	s.keep("rotated client secret", rotated.ClientSecret)

	for what, value := range ownSecrets(k.T.(*testing.T), k) {
		s.keep(what, value)
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(value); err == nil {
			s.keep(what, string(raw))
		}
	}

	for what, value := range pageSecrets(k.T.(*testing.T), k) {
		s.keep("by pages: "+what, value)
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(value); err == nil {
			s.keep("by pages: "+what, string(raw))
		}
	}

	for range 2 { // the keys of before and after a rotation
		key, err := k.App.Login.Keys.Current()
		if err != nil {
			k.T.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key.Private)
		if err != nil {
			k.T.Fatal(err)
		}
		scalar, err := key.Private.(*ecdsa.PrivateKey).Bytes()
		if err != nil {
			k.T.Fatal(err)
		}
		s.keep("signing key", string(der), string(scalar))
		perform(k.T.(*testing.T), k, app.RotateKey, app.KeyRotation{AtOnce: true})
	}
	return s
}

func (s *keeper) keepPerson(p *testkit.Person) {
	s.keep("tokens of "+p.ID, p.Access, p.Refresh)
	s.keep("recovery codes of "+p.ID, p.RecoveryCodes...)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.Secret)
	if err != nil {
		s.T.Fatal(err)
	}
	s.keep("TOTP secret of "+p.ID, p.Secret, string(raw))
}

// spellings of a value: as it is, and as somebody might have written it.
func (s secret) spellings() [][]byte {
	plain := strings.ReplaceAll(string(s.value), "-", "")
	out := [][]byte{s.value, []byte(plain), []byte(strings.ToUpper(plain)), []byte(strings.ToLower(plain))}
	for _, v := range []string{string(s.value), plain} {
		h := hex.EncodeToString([]byte(v))
		out = append(out, []byte(h), []byte(strings.ToUpper(h)),
			[]byte(base64.RawStdEncoding.EncodeToString([]byte(v))), []byte(base64.RawURLEncoding.EncodeToString([]byte(v))),
			[]byte(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(v))))
	}
	return out
}

// find tells which secrets are in the files.
func (s *keeper) find(files map[string][]byte) (found []string) {
	for name, text := range files {
		for _, sec := range s.secrets {
			for _, spelling := range sec.spellings() {
				if bytes.Contains(text, spelling) {
					found = append(found, fmt.Sprintf("%s in %s", sec.what, name))
					break
				}
			}
		}
	}
	return found
}

// stored is all that lies in the databases: the files of SQLite with what waits in
// the write-ahead log, or dumps.
func stored(k *testkit.Kit) map[string][]byte {
	k.T.Helper()
	files := map[string][]byte{}
	for _, url := range []string{k.Config.DatabaseURL, k.Config.KeystoreURL} {
		if strings.HasPrefix(url, "postgres") {
			files["dump of "+url] = dump(k.T, url)
		}
	}
	found, err := filepath.Glob(filepath.Join(k.Config.Data, "*.db*"))
	if err != nil {
		k.T.Fatal(err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			k.T.Fatal(err)
		}
		files[filepath.Base(path)] = text
	}
	return files
}

func dump(t testing.TB, url string) []byte {
	t.Helper()
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	program := "pg_dump"
	if len(programs) > 0 {
		program = programs[len(programs)-1]
	}
	u, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	schema := q.Get("search_path") // the tests' databases are schemas
	q.Del("search_path")
	u.RawQuery = q.Encode()
	cmd := exec.Command(program, "--schema="+schema, u.String())
	cmd.Stderr = t.Output()
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func storedSecrets(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.T = t
		s := secretsOf(k)
		files := stored(k)
		for _, found := range s.find(files) {
			t.Error(found)
		}
		// The search finds what is there: a name that is stored, and each secret once
		// it lies there in one of its spellings.
		if there := (&keeper{Kit: k, secrets: []secret{{"name", []byte("alice")}}}); len(there.find(files)) == 0 {
			t.Error("the search does not find what is stored")
		}
		for _, sec := range s.secrets {
			for _, spelling := range sec.spellings() {
				one := &keeper{Kit: k, secrets: []secret{sec}}
				if len(one.find(map[string][]byte{"file": append([]byte("before"), spelling...)})) == 0 {
					t.Errorf("the search does not find the %s", sec.what)
				}
			}
		}
		k.Stop() // which folds the write-ahead log into the file
		for _, found := range s.find(stored(k)) {
			t.Errorf("after the end: %s", found)
		}
	})
}

// blob reads a value of the SQLite database.
func blob(k *testkit.Kit, query string) []byte {
	k.T.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.Config.Data, "rolegate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		k.T.Fatal(err)
	}
	defer db.Close()
	var b []byte
	if err := db.QueryRow(query).Scan(&b); err != nil {
		k.T.Fatal(err)
	}
	return b
}

// shutOut asks for tokens with a right password and code; there must be none, and
// an entry that says so.
func shutOut(t *testing.T, k *testkit.Kit, p *testkit.Person) {
	t.Helper()
	before := countEntries(k, audit.OTPFailed) + countEntries(k, audit.RequestFailed)
	ticket := k.Ticket(p.ID)
	a := k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(p)})
	if a.Status != 401 && a.Status != 500 || a.Text("access_token") != "" {
		t.Errorf("%s: %d %s", p.ID, a.Status, a.Raw)
	}
	if after := countEntries(k, audit.OTPFailed) + countEntries(k, audit.RequestFailed); after != before+1 {
		t.Errorf("%s: %d entries say so, want 1", p.ID, after-before)
	}
}

func swappedSecrets(t *testing.T) {
	k := testkit.New(t)
	alice, bob := k.MustEnrol("alice"), k.MustEnrol("bob")
	a := blob(k, `SELECT secret FROM totp_devices WHERE user_id = 'alice'`)
	b := blob(k, `SELECT secret FROM totp_devices WHERE user_id = 'bob'`)
	k.Exec(fmt.Sprintf(`UPDATE totp_devices SET secret = CASE user_id WHEN 'alice' THEN x'%x' ELSE x'%x' END`, b, a))
	shutOut(t, k, alice)
	shutOut(t, k, bob)
	swapped := *alice
	swapped.Secret = bob.Secret // who swapped them has a device of her own, and its codes
	shutOut(t, k, &swapped)
	k.Exec(fmt.Sprintf(`UPDATE totp_devices SET secret = CASE user_id WHEN 'alice' THEN x'%x' ELSE x'%x' END`, a, b))
	k.Login(alice) // what shut them out was the swap
}

func flippedBit(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	sealed := blob(k, `SELECT secret FROM totp_devices`)
	for _, at := range []int{0, 1, 5, 17, len(sealed) - 1} { // version, key's id, nonce, ciphertext, tag
		changed := bytes.Clone(sealed)
		changed[at] ^= 1
		k.Exec(fmt.Sprintf(`UPDATE totp_devices SET secret = x'%x'`, changed))
		shutOut(t, k, alice)
	}
	k.Exec(fmt.Sprintf(`UPDATE totp_devices SET secret = x'%x'`, sealed))
	k.Login(alice)

	key := blob(k, `SELECT private FROM signing_keys`)
	key[len(key)-1] ^= 1
	k.Exec(fmt.Sprintf(`UPDATE signing_keys SET private = x'%x'`, key))
	k.Stop()
	if err := start(k.Config.Data); err == nil {
		t.Error("the service starts with a signing key that does not open")
	}
}

func sealedTwice(t *testing.T) {
	k := testkit.New(t)
	place := keyring.Place{Table: "t", Row: "r", Column: "c"}
	seen := map[string]bool{}
	for range 1000 {
		sealed, err := k.App.Login.KEK.Seal([]byte("secret"), place)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(sealed)] {
			t.Fatal("two ciphertexts are the same")
		}
		seen[string(sealed)] = true
	}
	k.MustEnrol("alice") // and so when a stored one is sealed anew
	before := blob(k, `SELECT secret FROM totp_devices`)
	perform(t, k, app.RotateKEK, app.None{})
	if after := blob(k, `SELECT secret FROM totp_devices`); bytes.Equal(before[5:], after[5:]) {
		t.Error("sealed anew it is the same")
	}
}

func randomSecrets(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	all := map[string][]string{}
	k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	for range 20 {
		s, err := k.App.Login.Refresh(context.Background(), alice.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		alice.Refresh = s.Tokens.RefreshToken
		all["refresh token"] = append(all["refresh token"], alice.Refresh)
		inv := perform(t, k, app.InviteUser, app.UserRequest{Tenant: model.DefaultTenant, User: "alice"})
		all["invitation"] = append(all["invitation"], inv.Invite)
		rotated := perform(t, k, app.RotateClient, app.ClientRequest{Client: model.Client{ID: "crm"}})
		all["client secret"] = append(all["client secret"], rotated.ClientSecret)
	}
	for range 20 {
		k.Advance(login.TicketTTL)
		all["ticket"] = append(all["ticket"], k.Ticket("alice"))
	}
	for kind, values := range all {
		looksRandom(t, kind, values)
	}
	seen := map[string]bool{}
	for _, c := range alice.RecoveryCodes { // 80 bits, in letters of five
		if seen[c] || len(strings.ReplaceAll(c, "-", "")) < 16 {
			t.Errorf("recovery codes %q", alice.RecoveryCodes)
		}
		seen[c] = true
	}
}
