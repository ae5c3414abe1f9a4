package sqlstore

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// lastRelease is the newest migration of the release before sessions had epochs,
// keys a schedule, and clients keys.
const lastRelease = 3

// written is what that release has written: a person with a device, a session and a
// refresh token, a client, and the key that signs. $1 is a time, $2 a later one.
var written = []string{
	`INSERT INTO tenants (id, ref, mfa, strict_fields, disabled, catalog, revision, snapshot_revision, created_at)
		VALUES ('t', CAST('ref' AS BYTEA), 'by_role', FALSE, FALSE, '', 7, 7, $1)`,
	`INSERT INTO users (tenant, id, username, username_key, password_hash, disabled, created_at) VALUES ('t', 'ann', 'Ann', 'ann', 'hash', FALSE, $1)`,
	`INSERT INTO totp_devices (id, tenant, user_id, name, secret, algorithm, digits, period, last_step, created_at, confirmed_at)
		VALUES ('d', 't', 'ann', 'TOTP', CAST('sealed' AS BYTEA), 'SHA1', 6, 30, 5, $1, $1)`,
	`INSERT INTO sessions (id, tenant, user_id, restricted, acr, amr, auth_time, created_at, last_seen, expires_at, ended_at)
		VALUES ('s', 't', 'ann', FALSE, 2, '["pwd","otp","mfa"]', $1, $1, $1, $2, 0)`,
	`INSERT INTO refresh_tokens (hash, session, created_at, expires_at, used_at) VALUES (CAST('token' AS BYTEA), 's', $1, $2, 0)`,
	`INSERT INTO clients (id, tenant, tenants, scopes, trust_subject_properties, require_token, secret_hash, disabled, created_at)
		VALUES ('crm', 't', '[]', '["decide"]', FALSE, FALSE, CAST('digest' AS BYTEA), FALSE, $1)`,
	`INSERT INTO signing_keys (id, algorithm, private, created_at) VALUES ('k', 'ES256', CAST('sealed' AS BYTEA), $1)`,
}

// began is $1 of what is written, until $2.
var (
	began = time.UnixMicro(1_700_000_000_000_000).UTC()
	until = began.Add(time.Hour)
)

// upgrades runs a test on both databases, made by the release whose newest migration
// is version: write runs a statement there, open opens the database as we are.
func upgrades(t *testing.T, version int64, test func(t *testing.T, write func(string), open func() *DB)) {
	path, url := filepath.Join(t.TempDir(), "rolegate.db"), pgtest.URL(t)
	for _, d := range []struct {
		dialect      Dialect
		driver, name string
		open         func() (*DB, error)
	}{
		{SQLite, "sqlite", path, func() (*DB, error) { return OpenSQLite(t.Context(), path) }},
		{Postgres, "pgx", url, func() (*DB, error) { return OpenPostgres(t.Context(), url) }},
	} {
		t.Run(string(d.dialect), func(t *testing.T) {
			old, err := sql.Open(d.driver, d.name)
			opened(t, old, err)
			m, err := (&pool{dialect: d.dialect}).provider(t.Context(), old, mainSchema)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.UpTo(t.Context(), version); err != nil {
				t.Fatal(err)
			}
			write := func(text string) {
				t.Helper()
				args := []any{micros(began), micros(until)}
				for n := len(args); n > 0 && !strings.Contains(text, "$"+strconv.Itoa(n)); n-- {
					args = args[:n-1]
				}
				if _, err := old.Exec(d.dialect.words().Replace(text), args...); err != nil {
					t.Fatal(text, err)
				}
			}
			test(t, write, func() *DB {
				db, err := d.open()
				return opened(t, db, err)
			})
		})
	}
}

// What the last release has written is there after the upgrade and means the same:
// nobody has to log in or enrol again, and no key stops signing.
func TestUpgradeKeepsWhatIsThere(t *testing.T) {
	upgrades(t, lastRelease, func(t *testing.T, write func(string), open func() *DB) {
		ctx := t.Context()
		for _, text := range written {
			write(text)
		}
		db := open()
		is := func(what string, got, want any, err error) {
			t.Helper()
			if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
				t.Errorf("%s is %v, want %v (%v)", what, got, want, err)
			}
		}
		devices, err := db.Devices(ctx, "t", "ann")
		is("devices", devices, []store.Device{{ID: "d", Tenant: "t", User: "ann", Name: "TOTP", Secret: []byte("sealed"), Algorithm: "SHA1", Digits: 6, Period: 30,
			LastStep: 5, CreatedAt: began, ConfirmedAt: began}}, err)
		session := store.Session{ID: "s", Tenant: "t", User: "ann", ACR: 2, AMR: []string{"pwd", "otp", "mfa"}, AuthTime: began, CreatedAt: began, LastSeen: began, ExpiresAt: until}
		live, err := db.LiveSessions(ctx, "t", "ann", began, began.Add(-time.Minute))
		is("sessions", live, []store.Session{session}, err)
		rt, err := db.RefreshToken(ctx, []byte("token"))
		is("refresh token", rt, store.RefreshToken{Hash: []byte("token"), Session: "s", CreatedAt: began, ExpiresAt: until}, err)
		c, err := db.Client(ctx, "crm")
		is("client", c, model.Client{ID: "crm", Tenant: "t", Tenants: []string{}, Scopes: []string{"decide"}, SecretHash: []byte("digest"), CreatedAt: began}, err)
		keys, err := db.ListSigningKeys(ctx)
		is("signing keys", keys, []store.SigningKey{{ID: "k", Algorithm: "ES256", Private: []byte("sealed"), CreatedAt: began, NotBefore: began}}, err)
		version, err := db.SchemaVersion(ctx)
		if version <= lastRelease || err != nil {
			t.Errorf("the tables are at version %d (%v)", version, err)
		}
	})
}

// A policy and a long log from before drafts and charts: the policy has no cases, and
// of the log's summaries, which have no totals, there are none until they are written again.
func TestUpgradeKeepsThePolicy(t *testing.T) {
	upgrades(t, 15, func(t *testing.T, write func(string), open func() *DB) {
		write(written[0])
		write(`INSERT INTO policies (tenant, revision, document, author, reason, created_at) VALUES ('t', 7, 'p, *, note, read, all, , allow', 'user:sec', 'why', $1)`)
		write(`INSERT INTO audit_summaries (level, n, oldest, newest, tenants, keys, requests)
			VALUES (0, 0, $1, $1, CAST('t' AS BYTEA), CAST('k' AS BYTEA), CAST('r' AS BYTEA))`)
		db := open()
		got, err := db.CurrentPolicy(t.Context(), "t")
		want := store.PolicyRevision{Tenant: "t", Revision: 7, Text: "p, *, note, read, all, , allow", Author: "user:sec", Reason: "why", CreatedAt: began}
		if got != want || err != nil {
			t.Errorf("the policy is %+v (%v)", got, err)
		}
		if n, err := db.NextSummary(t.Context(), 0); n != 0 || err != nil {
			t.Errorf("the next summary is the %d-th (%v)", n, err)
		}
		if drafts, err := db.ListDrafts(t.Context(), "t", 10); len(drafts) != 0 || err != nil {
			t.Errorf("drafts: %v (%v)", drafts, err)
		}
	})
}

// A log from before its indexes were by blocks is as it was, and everybody and every
// record is found in it.
func TestUpgradeKeepsTheLog(t *testing.T) {
	upgrades(t, 19, func(t *testing.T, write func(string), open func() *DB) {
		for _, idx := range []int{0, 2000, 4000} {
			write(fmt.Sprintf(`INSERT INTO audit_entries (idx, leaf) VALUES (%d, CAST('leaf' AS BYTEA))`, idx))
			write(fmt.Sprintf(`INSERT INTO audit_sealed (ref, idx, seg, salt, commitment, ct) VALUES
				(CAST('ann' AS BYTEA), %d, 0, CAST('s' AS BYTEA), CAST('c' AS BYTEA), CAST('x' AS BYTEA)),
				(CAST('bob' AS BYTEA), %d, 1, CAST('s' AS BYTEA), CAST('c' AS BYTEA), CAST('y' AS BYTEA))`, idx, idx))
			write(fmt.Sprintf(`INSERT INTO audit_tags (tag, idx) VALUES (CAST('note' AS BYTEA), %d), (CAST('deal' AS BYTEA), %d)`, idx, idx))
		}
		write(`UPDATE audit_head SET size = 4001`)
		db := open()
		all := store.Stretch{Until: 4001}
		for what, look := range map[string]func() ([]int64, int64, error){
			"ann":  func() ([]int64, int64, error) { return db.IndicesOf(t.Context(), []byte("ann"), all, 9) },
			"bob":  func() ([]int64, int64, error) { return db.IndicesOf(t.Context(), []byte("bob"), all, 9) },
			"note": func() ([]int64, int64, error) { return db.IndicesTagged(t.Context(), [][]byte{[]byte("note")}, all, 9) },
		} {
			if got, _, err := look(); !slices.Equal(got, []int64{0, 2000, 4000}) || err != nil {
				t.Errorf("%s is in %v (%v)", what, got, err)
			}
		}
		entries, err := db.EntriesFrom(t.Context(), 2000, 1)
		segment := func(ref, ct string) store.Segment {
			return store.Segment{Ref: []byte(ref), Salt: []byte("s"), Commitment: []byte("c"), Ciphertext: []byte(ct)}
		}
		want := []store.Entry{{Leaf: []byte("leaf"), Sealed: []store.Segment{segment("ann", "x"), segment("bob", "y")}}}
		if diff := cmp.Diff(want, entries); diff != "" || err != nil {
			t.Errorf("an entry is not what it was (%v): %s", err, diff)
		}
	})
}
