package app_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rolegate/internal/keyring"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// grants are those of docs/operations.md for another schema and other roles.
func grants(t *testing.T, schema string, roles map[string]string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "```sql\nGRANT ")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !closed {
		t.Fatal("docs/operations.md has no grants")
	}
	var words []string
	for from, to := range roles {
		for _, end := range []string{";", ","} {
			words = append(words, from+end, to+end)
		}
	}
	return strings.NewReplacer(append(words, "SCHEMA public", "SCHEMA "+schema)...).Replace("GRANT " + text)
}

// With the roles of docs/operations.md the service does all it does, and can change
// nothing of the log, nor can who reads it or erases from it.
func TestServesUnderARoleThatCannotChangeTheLog(t *testing.T) {
	ctx := t.Context()
	admin := pgtest.URL(t)
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	schema := u.Query().Get("search_path")
	suffix := strings.TrimPrefix(schema, "t")
	c, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	as := map[string]string{} // URLs
	roles := map[string]string{}
	for _, role := range []string{"rolegate", "rg_eraser", "rg_auditor"} {
		roles[role] = role + suffix
		password := rand.Text()
		if _, err := c.Exec(ctx, "CREATE ROLE "+roles[role]+" LOGIN PASSWORD '"+password+"'"); err != nil {
			t.Fatal(err)
		}
		v := *u
		v.User = url.UserPassword(roles[role], password)
		as[role] = v.String()
	}
	t.Cleanup(func() { // before the schema is dropped
		for _, role := range roles {
			if _, err := c.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		}
		c.Close(context.Background())
	})
	migrated, err := sqlstore.OpenPostgres(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	migrated.Close()
	if _, err := c.Exec(ctx, grants(t, schema, roles)); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	if _, err := keyring.CreateFile(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	k := testkit.Start(t, dir, "ROLEGATE_DATABASE_URL="+as["rolegate"], "ROLEGATE_KEYSTORE_URL="+filepath.Join(dir, "keys.db"))
	ann := k.MustEnrol("ann", "sales-rep")
	k.Login(ann)
	k.AddClient(model.Client{ID: "directory", Tenant: model.DefaultTenant, Scopes: []string{"directory"}})
	crm := k.ClientToken("crm")
	if a := k.Evaluate(crm, "ann", "read", "contact", map[string]any{"owner": "ann"}); a.Body["decision"] != true {
		t.Errorf("%s", a.Raw)
	}
	k.Stop()

	for role, forbidden := range map[string][]string{
		"rolegate": {
			`UPDATE audit_entries SET leaf = leaf`, `DELETE FROM audit_entries`, `TRUNCATE audit_entries`,
			`UPDATE audit_sealed SET ct = ct`, `DELETE FROM audit_sealed`, `TRUNCATE audit_sealed`, `DELETE FROM audit_tags`,
			`DELETE FROM audit_checkpoints`, `UPDATE audit_tiles SET n = n`, `DELETE FROM audit_head`, `ALTER TABLE audit_entries DISABLE TRIGGER ALL`,
			`DROP TRIGGER audit_entries_kept ON audit_entries`, `DROP TABLE audit_entries`, `DELETE FROM schema_version`,
		},
		"rg_eraser":  {`DELETE FROM audit_entries`, `UPDATE audit_sealed SET ct = ct`, `UPDATE audit_head SET size = 0`, `SELECT * FROM users`, `TRUNCATE audit_sealed`},
		"rg_auditor": {`DELETE FROM audit_sealed`, `INSERT INTO audit_entries VALUES (1000, 'x')`, `UPDATE audit_head SET size = 0`, `SELECT * FROM users`},
	} {
		c, err := pgx.Connect(ctx, as[role])
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range forbidden {
			var denied *pgconn.PgError
			if _, err := c.Exec(ctx, statement); !errors.As(err, &denied) || denied.Code != "42501" { // insufficient_privilege
				t.Errorf("%s: %s: %v", role, statement, err)
			}
		}
		var entries int
		if err := c.QueryRow(ctx, `SELECT count(*) FROM audit_entries`).Scan(&entries); err != nil || entries == 0 {
			t.Errorf("%s reads %d entries, %v", role, entries, err)
		}
		if role == "rg_eraser" {
			if _, err := c.Exec(ctx, `DELETE FROM audit_sealed WHERE idx = 0; DELETE FROM audit_tags WHERE idx = 0`); err != nil {
				t.Error(err)
			}
		}
		c.Close(ctx)
	}
}
