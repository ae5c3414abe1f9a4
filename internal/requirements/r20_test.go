package requirements

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

func init() {
	requires(20, "files and dumps of both databases hold in the clear nothing of what the log seals; the keystore without the key-encryption key opens nothing; a change of that key on a running service keeps all live data readable and leaves nothing that the old key opens", func(t *testing.T) {
		t.Run("sqlite", func(t *testing.T) { sealedAtRest(t, testkit.New(t, testkit.Proxied)) })
		t.Run("postgres", func(t *testing.T) {
			sealedAtRest(t, testkit.NewPostgres(t, testkit.Proxied, "ROLEGATE_KEYSTORE_URL="+pgtest.URL(t)))
		})
	})
}

func sealedAtRest(t *testing.T, k *testkit.Kit) {
	s := newStory(t, k)
	s.whole()
	only := s.onlyLogged()
	s.nothingInTheClear(t, only)
	s.keystoreAlone(t)
	s.keyChanges(t)
}

// onlyLogged is what nothing but the log keeps: the directory, policies and the
// history of logins have names of their own.
func (s *story) onlyLogged() []*personal {
	s.t.Helper()
	const asked, stranger, reason = "onyx-account-5d20", "only-in-the-log@fixtures.example", "only the log says why: " + annName
	client := s.TokenFor("asking", s.AddClient(model.Client{ID: "asking", Tenant: tenant, Scopes: []string{"decide"}}))
	s.want(200, "POST", "/access/v1/evaluation", client, object{"subject": object{"type": "user", "id": annID}, "action": object{"name": "read"}, "resource": object{"type": "account", "id": asked}})
	s.call("POST", "/v1/login", "", object{"username": stranger, "password": "wrong"})
	operate(s, app.UnlockUser, app.UserRequest{Tenant: tenant, User: benID, Reason: reason})
	var only []*personal
	for what, value := range map[string]string{"record asked about": asked, "name nobody has": stranger, "reason of an unlock": reason, "IPv4 address": addr4, "IPv6 address": addr6, "name of a stranger": strangerMail} {
		only = append(only, &personal{what: what, value: value})
	}
	opened := s.opened(s.App, "user:"+annID, "user:"+benID, "")
	for _, p := range only {
		if !p.in([]byte(strings.Join(opened, "\n"))) {
			s.t.Fatalf("the log does not have the %s either", p.what)
		}
	}
	return only
}

// opened are the entries of the log as JSON, each with what it seals for the people
// named.
func (s *story) opened(a *app.App, people ...string) (all []string) {
	s.t.Helper()
	for _, e := range audittest.From(s.t, a.Store, 0) {
		entry := map[string]any{"leaf": e.Leaf}
		for _, p := range people {
			if m, err := audittest.Unseal(s.t.Context(), a.Log, e, p); err == nil {
				entry[p] = m
			}
		}
		b, err := json.Marshal(entry)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// nothingInTheClear reads what lies on the disk, with what waits in write-ahead
// logs, or what a dump has.
func (s *story) nothingInTheClear(t *testing.T, only []*personal) {
	t.Helper()
	for name, text := range s.stored() {
		if len(text) < 1000 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
		for _, what := range found(only, text) {
			t.Errorf("%s holds the %s", name, what)
		}
		if strings.Contains(name, "keys") {
			for _, what := range found(s.all, text) {
				t.Errorf("%s holds the %s", name, what)
			}
		}
	}
	logged := s.logTables()
	for _, what := range found(s.all, logged) {
		t.Errorf("the log's tables hold the %s", what)
	}
	if !bytes.Contains(logged, []byte(audit.LoginSucceeded)) && !bytes.Contains(logged, []byte(hex.EncodeToString([]byte(audit.LoginSucceeded)))) {
		t.Error("the log's tables are not there")
	}
}

// stored are the databases as files or dumps, by name.
func (s *story) stored() map[string][]byte {
	s.t.Helper()
	files := map[string][]byte{}
	if strings.HasPrefix(s.Config.DatabaseURL, "postgres") {
		return map[string][]byte{"the main database": dump(s.t, s.Config.DatabaseURL, ""), "the keystore (keys)": dump(s.t, s.Config.KeystoreURL, "")}
	}
	paths, err := filepath.Glob(filepath.Join(s.Config.Data, "*.db*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "-shm") { // an index of the write-ahead log
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		files[filepath.Base(path)] = text
	}
	return files
}

// logTables are the tables of the log alone, in a file of their own or a dump.
func (s *story) logTables() []byte {
	s.t.Helper()
	if strings.HasPrefix(s.Config.DatabaseURL, "postgres") {
		return dump(s.t, s.Config.DatabaseURL, "audit_*")
	}
	path := filepath.Join(s.t.TempDir(), "log.db")
	s.Exec("VACUUM INTO '" + path + "'")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit_%' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range tables {
		if _, err := db.Exec("DROP TABLE " + name); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := db.Exec("VACUUM"); err != nil {
		s.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// dump is pg_dump of a test's schema, or of its tables of a pattern.
func dump(t *testing.T, url, tables string) []byte {
	t.Helper()
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	program := append([]string{"pg_dump"}, programs...)[len(programs)]
	u, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	schema := q.Get("search_path") // the tests' databases are schemas
	q.Del("search_path")
	u.RawQuery = q.Encode()
	which := "--schema=" + schema
	if tables != "" {
		which = "--table=" + schema + "." + tables
	}
	cmd := exec.Command(program, which, u.String())
	cmd.Stderr = t.Output()
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keystoreColumns are those of sealed values of the keystore.
var keystoreColumns = []store.SealedColumn{store.SealedPersonKeys, store.SealedMonthKeys, store.SealedMeta}

// sealedRows are all sealed values of some columns.
func sealedRows(t *testing.T, in store.SealedValues, columns ...store.SealedColumn) map[store.SealedColumn][]store.SealedValue {
	t.Helper()
	all := map[store.SealedColumn][]store.SealedValue{}
	for _, c := range columns {
		rows, err := in.SealedExcept(context.Background(), c, []byte("none"), 0, 10_000)
		if err != nil || len(rows) == 0 {
			t.Fatalf("%s: %d values, %v", c, len(rows), err)
		}
		all[c] = rows
	}
	return all
}

// placeOf is what a value is sealed to.
func placeOf(t *testing.T, column store.SealedColumn, key []string) keyring.Place {
	t.Helper()
	if column == store.SealedMeta {
		return keyring.Place{Table: "meta", Row: key[0], Column: "value"}
	}
	for _, find := range []func(store.SealedColumn, []string) (keyring.Place, bool){login.SealedPlace, audit.SealedPlace} {
		if p, ok := find(column, key); ok {
			return p
		}
	}
	t.Fatalf("nobody knows what %s is sealed to", column)
	return keyring.Place{}
}

// opens counts the values that a key opens, and gives what is in them.
func opens(t *testing.T, kek *keyring.KEK, rows map[store.SealedColumn][]store.SealedValue) (plain [][]byte) {
	t.Helper()
	for column, values := range rows {
		for _, v := range values {
			if p, err := kek.Open(v.Value, placeOf(t, column, v.Key)); err == nil {
				plain = append(plain, p)
			}
		}
	}
	return plain
}

func valuesIn(rows map[store.SealedColumn][]store.SealedValue) (n int) {
	for _, values := range rows {
		n += len(values)
	}
	return n
}

// keystoreAlone: what lies in the keystore is worth nothing without the key file.
func (s *story) keystoreAlone(t *testing.T) {
	t.Helper()
	rows := sealedRows(t, s.App.Keystore, keystoreColumns...)
	mine, err := keyring.ReadFile(s.App.Config.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	keys := opens(t, mine, rows)
	if len(keys) != valuesIn(rows) {
		t.Errorf("of %d values the key file opens %d", valuesIn(rows), len(keys))
	}
	stranger, err := keyring.CreateFile(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(opens(t, stranger, rows)); n != 0 {
		t.Errorf("another key opens %d values", n)
	}
	for name, text := range s.stored() {
		for _, key := range keys {
			if bytes.Contains(text, key) || bytes.Contains(text, []byte(hex.EncodeToString(key))) {
				t.Errorf("%s holds a key in the clear", name)
			}
		}
	}
	// Whose a row is cannot be found by trying names.
	ref := tenantRef(t, s)
	for _, id := range []string{"user:" + annID, "user:" + benID} {
		guesses := [][]byte{digestOf(id), digestOf(string(ref) + id), macOf(nil, id), macOf(ref, id), macOf([]byte(tenant), id)}
		for _, row := range rows[store.SealedPersonKeys] {
			if slices.ContainsFunc(guesses, func(g []byte) bool { return hex.EncodeToString(g) == row.Key[0] }) {
				t.Errorf("the row of %s is found without the pepper", id)
			}
		}
	}
	cfg := s.App.Config
	cfg.KeyFile, cfg.Data = filepath.Join(t.TempDir(), "another.key"), t.TempDir()
	if _, err := keyring.CreateFile(cfg.KeyFile); err != nil {
		t.Fatal(err)
	}
	if cfg.DatabaseURL == "" { // a copy of the files, as a thief would have
		for _, name := range []string{"rolegate.db", "keys.db"} {
			s.copyDatabase(name, filepath.Join(cfg.Data, name))
		}
		cfg.KeystoreURL = filepath.Join(cfg.Data, "keys.db")
	}
	if a, err := app.Open(context.Background(), cfg, s.App.Logger); model.CodeOf(err) != model.CodeKeyWrong {
		t.Errorf("with another key the service opens: %v", err)
		if err == nil {
			a.Close()
		}
	}
}

func (s *story) copyDatabase(name, to string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Config.Data, name)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("VACUUM INTO '" + to + "'"); err != nil {
		s.t.Fatal(err)
	}
}

func tenantRef(t *testing.T, s *story) []byte {
	t.Helper()
	found, err := s.App.Store.Tenant(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return found.Ref
}

func digestOf(text string) []byte {
	s := sha256.Sum256([]byte(text))
	return s[:]
}

func macOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// keyChanges replaces the key-encryption key while the service runs.
func (s *story) keyChanges(t *testing.T) {
	t.Helper()
	s.dropOldKeys()
	people := []string{"user:" + annID, "user:" + benID, "user:sys-of-quimby", "contact:" + contactID, ""}
	main := []store.SealedColumn{store.SealedDevices, store.SealedRemoved, store.SealedSigningKeys, store.SealedMeta}
	before, oldKeys, oldMain := s.opened(s.App, people...), sealedRows(t, s.App.Keystore, keystoreColumns...), sealedRows(t, s.App.Store, main...)
	oldFile := filepath.Join(t.TempDir(), "old.key")
	copyFile(t, s.App.Config.KeyFile, oldFile)
	old, err := keyring.ReadFile(oldFile)
	if err != nil {
		t.Fatal(err)
	}
	added := operate(s, app.AddKEK, app.None{})
	operate(s, app.UseKEK, app.KeyRequest{ID: added.ID})
	s.call("POST", "/v1/login", "", object{"username": annMail, "password": testkit.Password}) // between the two
	if res := operate(s, app.Reseal, app.None{}); res.Failed != 0 || res.Values < valuesIn(oldKeys)+valuesIn(oldMain) {
		t.Errorf("resealed: %+v, there are %d and %d values", res, valuesIn(oldKeys), valuesIn(oldMain))
	}
	s.dropOldKeys()

	same := func(what string, a *app.App) {
		t.Helper()
		if diff := cmp.Diff(before, s.opened(a, people...)[:len(before)]); diff != "" {
			t.Errorf("%s the log reads otherwise (-before +after):\n%s", what, diff)
		}
	}
	same("after the change", s.App)
	current, err := keyring.ReadFile(s.App.Config.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if current.Knows(old.Check()) {
		t.Error("the old key is in the key file")
	}
	newKeys, newMain := sealedRows(t, s.App.Keystore, keystoreColumns...), sealedRows(t, s.App.Store, main...)
	for what, c := range map[string]struct {
		kek  *keyring.KEK
		rows map[store.SealedColumn][]store.SealedValue
		want int
	}{
		"the new key and the keystore of before": {current, oldKeys, 0}, "the new key and the main database of before": {current, oldMain, 0},
		"the old key and the keystore": {old, newKeys, 0}, "the old key and the main database": {old, newMain, 0},
		"the new key and the keystore": {current, newKeys, valuesIn(newKeys)}, "the new key and the main database": {current, newMain, valuesIn(newMain)},
		"the old key and the keystore of before": {old, oldKeys, valuesIn(oldKeys)},
	} {
		if n := len(opens(t, c.kek, c.rows)); n != c.want {
			t.Errorf("%s: %d values open, want %d", what, n, c.want)
		}
	}
	s.Stop() // which folds the write-ahead log into the file
	header := append([]byte{1}, keyring.IDOf(old.Check())...)
	for name, text := range s.stored() {
		if strings.Contains(name, "keys") && (bytes.Contains(text, header) || bytes.Contains(text, []byte(`\x`+hex.EncodeToString(header)))) {
			t.Errorf("%s has a value that the old key sealed", name)
		}
	}

	again := testkit.Start(t, s.Config.Data, "ROLEGATE_DATABASE_URL="+s.Config.DatabaseURL, "ROLEGATE_KEYSTORE_URL="+s.Config.KeystoreURL, testkit.Proxied)
	same("after the next start", again.App)
}

// dropOldKeys takes those that only open out of the file.
func (s *story) dropOldKeys() {
	s.t.Helper()
	s.Advance(11 * time.Minute)
	for _, k := range operate(s, app.ListKeys, app.None{}).Encryption {
		if k.State == app.KEKOpening {
			operate(s, app.DropKEK, app.KeyRequest{ID: k.ID})
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
