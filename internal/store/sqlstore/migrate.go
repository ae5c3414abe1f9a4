package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"rolegate/model"
)

// One text of each migration serves both databases; see Dialect.words. One that
// has to part is two files, whose names end with the dialect.
//
//go:embed migrations/*.sql keystore/*.sql
var migrationFiles embed.FS

// schema is a set of migrations. Each keeps its version in a table of its own,
// so the one database is never taken for the other.
type schema struct {
	dir      string
	versions string // the table of applied migrations
	other    string // the other schema's
}

var (
	mainSchema     = schema{dir: "migrations", versions: "schema_version", other: "keystore_version"}
	keystoreSchema = schema{dir: "keystore", versions: "keystore_version", other: "schema_version"}
)

// migrate brings the tables up to date. On PostgreSQL processes that start
// together wait for each other up to five minutes; on SQLite the caller's
// process lock has seen to that.
func (p *pool) migrate(ctx context.Context, db *sql.DB, s schema) error {
	if err := p.refuseOther(ctx, db, s); err != nil {
		return err
	}
	m, err := p.provider(ctx, db, s)
	if err != nil {
		return p.fail(ctx, "migrate", err)
	}
	if _, err := m.Up(ctx); err != nil {
		return p.fail(ctx, "migrate", err)
	}
	// A newer schema has all our migrations, so Up has changed nothing in it.
	have, err := m.GetDBVersion(ctx)
	if err != nil {
		return p.fail(ctx, "migrate", err)
	}
	sources := m.ListSources()
	if known := sources[len(sources)-1].Version; have > known {
		return model.Errorf(model.CodeStoreUnavailable,
			"the database (%s) was last used by a newer Rolegate: its tables are at version %d, this one knows %d; start that release or a later one",
			p.setting, have, known)
	}
	return nil
}

// SchemaVersion is the number of the newest migration the database has.
func (db *DB) SchemaVersion(ctx context.Context) (int64, error) {
	return one(ctx, db.conn, scanValue[int64], `SELECT max(version_id) FROM schema_version`)
}

func (p *pool) provider(ctx context.Context, db *sql.DB, s schema) (*goose.Provider, error) {
	dir, err := fs.Sub(migrationFiles, s.dir)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(s.versions),
		goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true),
	}
	if p.dialect == Postgres {
		locker, err := sessionLocker(ctx, db, s)
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(p.dialect.goose(), db, dialectFS{dir, p.dialect}, options...)
}

// sessionLocker locks this schema of this database, once a second for five
// minutes; two installations in two schemas do not wait for each other.
func sessionLocker(ctx context.Context, db *sql.DB, s schema) (lock.SessionLocker, error) {
	var name sql.NullString
	if err := db.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&name); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "rolegate/%s/%s", s.dir, name.String)
	return lock.NewPostgresSessionLocker(
		lock.WithLockID(int64(h.Sum64())),
		lock.WithLockTimeout(1, 300),
	)
}

// refuseOther keeps the keystore out of the main database and the main tables
// out of the keystore: a key beside what it seals erases nothing.
func (p *pool) refuseOther(ctx context.Context, db *sql.DB, s schema) error {
	there, err := p.hasTable(ctx, db, s.other)
	if err != nil {
		return p.fail(ctx, "migrate", err)
	}
	if there {
		return model.Errorf(model.CodeSettingInvalid,
			"the database of %s holds the tables of the other one; the main database and the keystore must be two", p.setting)
	}
	return nil
}

func (p *pool) hasTable(ctx context.Context, db *sql.DB, name string) (bool, error) {
	query := `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`
	if p.dialect == SQLite {
		query = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1`
	}
	var n int
	err := db.QueryRowContext(ctx, query, name).Scan(&n)
	return n > 0, err
}

// HasTables tells whether the main database at a postgres:// URL has been migrated
// before. It changes nothing there.
func HasTables(ctx context.Context, url string) (bool, error) {
	cfg, err := postgresConfig(url, settingURL)
	if err != nil {
		return false, err
	}
	p := &pool{dialect: Postgres, setting: settingURL}
	db := openPostgresForMigration(cfg)
	defer db.Close()
	there, err := p.hasTable(ctx, db, mainSchema.versions)
	if err != nil {
		return false, p.fail(ctx, "open", err)
	}
	return there, nil
}

// dialectFS shows the migrations of one dialect, in its words.
type dialectFS struct {
	fs.FS
	dialect Dialect
}

func (d dialectFS) ReadDir(name string) ([]fs.DirEntry, error) {
	files, err := fs.ReadDir(d.FS, name)
	return slices.DeleteFunc(files, func(f fs.DirEntry) bool {
		return strings.HasSuffix(f.Name(), "_"+string(d.dialect.other())+".sql")
	}), err
}

func (d dialectFS) Open(name string) (fs.File, error) {
	f, err := d.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return dialectFile{f, strings.NewReader(d.dialect.words().Replace(string(text)))}, nil
}

type dialectFile struct {
	fs.File
	text io.Reader
}

func (f dialectFile) Read(b []byte) (int, error) { return f.text.Read(b) }
