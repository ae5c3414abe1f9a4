package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// wantUnavailable also checks that the sentence names the setting and no secret.
func wantUnavailable(t *testing.T, what string, err error, setting string) {
	t.Helper()
	if model.CodeOf(err) != model.CodeStoreUnavailable || !strings.Contains(err.Error(), setting) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%s: got error %v (code %s), want %s naming %s", what, err, model.CodeOf(err), model.CodeStoreUnavailable, setting)
	}
}

func one4k(i int) []store.Entry {
	return []store.Entry{{Leaf: fmt.Append(nil, i, strings.Repeat("x", 4096))}}
}

func TestFullDiskLosesNothing(t *testing.T) {
	db := mustSQLite(t)
	ctx := t.Context()
	var pages, n int
	if err := db.write.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		t.Helper()
		if err := db.write.QueryRow(fmt.Sprintf(`PRAGMA max_page_count(%d)`, pages)).Scan(&pages); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 20)
	var err error
	for n = 0; err == nil && n < 1000; n++ {
		_, err = db.AppendEntries(ctx, one4k(n))
	}
	n-- // the last one failed
	wantCode(t, err, model.CodeStorageFull)
	// Even one that goes on after the failure leaves nothing behind.
	err = db.InTx(ctx, func(tx store.Tx) error {
		for i := range 50 {
			tx.AppendEntries(ctx, one4k(i))
		}
		tx.InsertMeta(ctx, "half", nil)
		return nil
	})
	wantCode(t, err, model.CodeStorageFull)
	if _, err := db.MetaValue(ctx, "half"); err != store.ErrNotFound {
		t.Errorf("a half transaction was committed: %v", err)
	}
	check := func(want int) {
		t.Helper()
		entries, err := db.EntriesFrom(ctx, 0, 2000)
		size, sizeErr := db.LogSize(ctx)
		if err != nil || sizeErr != nil || len(entries) != want || size != int64(want) {
			t.Errorf("%d entries, size %d, %v, %v; want %d", len(entries), size, err, sizeErr, want)
		}
	}
	check(n)
	limit(1 << 20)
	if first, err := db.AppendEntries(ctx, one4k(n)); err != nil || first != int64(n) {
		t.Errorf("AppendEntries with room again = %d, %v", first, err)
	}
	check(n + 1)
}

func TestReadOnlySQLite(t *testing.T) {
	db := mustSQLite(t)
	ctx := t.Context()
	if _, err := db.write.Exec(`PRAGMA query_only(1)`); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, "Ping", db.Ping(ctx), settingData)
	wantUnavailable(t, "InsertMeta", db.InsertMeta(ctx, "k", nil), settingData)
	_, err := db.AppendEntries(ctx, one4k(1))
	wantUnavailable(t, "AppendEntries", err, settingData)
	if _, err := db.ListTenants(ctx); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := db.write.Exec(`PRAGMA query_only(0)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.AppendEntries(ctx, one4k(1)); err != nil {
		t.Errorf("writing again: %v", err)
	}

	ro, err := sql.Open("sqlite", sqliteDSN(filepath.Join(t.TempDir(), "none.db"), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	missing := &pool{dialect: SQLite, setting: settingData, write: ro, read: ro}
	wantUnavailable(t, "Ping of a missing file", missing.Ping(ctx), settingData)
}

func TestUnwritableDirectory(t *testing.T) {
	const helper = "SQLSTORE_TEST_UNWRITABLE"
	if dir := os.Getenv(helper); dir != "" { // in the process of somebody with no rights
		for _, path := range []string{"new.db", "old.db", "missing/x.db"} {
			_, err := OpenSQLite(t.Context(), filepath.Join(dir, path))
			wantUnavailable(t, path, err, settingData)
			_, err = OpenKeystoreSQLite(t.Context(), filepath.Join(dir, path))
			wantUnavailable(t, path, err, settingKeystore)
		}
		return
	}
	dir, err := os.MkdirTemp("", "unwritable")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := OpenSQLite(t.Context(), filepath.Join(dir, "old.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	program := filepath.Join(dir, "program")
	if err := copyFile(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"old.db": 0o444, "program": 0o755, "": 0o555} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(dir, 0o755)
	c := exec.Command(program, "-test.run=^TestUnwritableDirectory$")
	c.Dir = dir
	c.Env = append(os.Environ(), helper+"="+dir)
	if os.Getuid() == 0 { // modes mean nothing to root
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rolegate.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is a letter\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenSQLite(t.Context(), path)
	wantUnavailable(t, "OpenSQLite", err, settingData)
}

func TestUnreachablePostgres(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	defer silent.Close()
	for name, addr := range map[string]net.Addr{"closed": closed.Addr(), "silent": silent.Addr()} {
		start := time.Now()
		url := fmt.Sprintf("postgres://u:hunter2@%s/db?sslmode=disable&connect_timeout=1", addr)
		_, err := OpenPostgres(t.Context(), url)
		wantUnavailable(t, name, err, settingURL)
		_, err = OpenKeystorePostgres(t.Context(), url)
		wantUnavailable(t, name, err, settingKeystore)
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("%s: it took %v to say so", name, took)
		}
	}
}

func TestPostgresGoesAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	db := mustPostgres(t, server.URL())
	var acknowledged atomic.Int64
	write := func(ctx context.Context) error {
		_, err := db.AppendEntries(ctx, []store.Entry{{Leaf: []byte("x")}})
		if err == nil {
			acknowledged.Add(1)
		}
		return err
	}
	for name, end := range map[string]func(){"stopped": server.Stop, "killed": server.Kill} {
		// Several write while it goes: some fail, none hangs, none lies.
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		for range 4 {
			go func() {
				for {
					if err := write(ctx); err != nil {
						done <- err
						return
					}
				}
			}()
		}
		time.Sleep(200 * time.Millisecond)
		end()
		for range 4 {
			select {
			case err := <-done:
				wantUnavailable(t, name, err, settingURL)
			case <-time.After(15 * time.Second):
				t.Fatalf("%s: a writer hangs", name)
			}
		}
		cancel()

		start := time.Now()
		wantUnavailable(t, name, db.Ping(t.Context()), settingURL)
		wantUnavailable(t, name, write(t.Context()), settingURL)
		_, err := db.ListTenants(t.Context())
		wantUnavailable(t, name, err, settingURL)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: it took %v to say so", name, took)
		}

		server.Start()
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("%s: ping after the restart: %v", name, err)
		}
		if err := write(t.Context()); err != nil {
			t.Errorf("%s: write after the restart: %v", name, err)
		}
		size, err := db.LogSize(t.Context())
		entries, listErr := db.EntriesFrom(t.Context(), 0, 1<<20)
		if err != nil || listErr != nil || size < acknowledged.Load() || int64(len(entries)) != size {
			t.Errorf("%s: size %d, %d entries, %d acknowledged; %v, %v", name, size, len(entries), acknowledged.Load(), err, listErr)
		}
	}
}

func TestReadOnlyPostgres(t *testing.T) {
	url := pgtest.URL(t)
	mustPostgres(t, url)
	db := mustPostgres(t, url+"&default_transaction_read_only=on")
	wantUnavailable(t, "Ping", db.Ping(t.Context()), settingURL)
	_, err := db.AppendEntries(t.Context(), one4k(1))
	wantUnavailable(t, "AppendEntries", err, settingURL)
	if _, err := db.ListTenants(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
}

// A backup tool that holds the file for a moment.
func TestSQLiteWaitsForAForeignWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rolegate.db")
	db, err := OpenSQLite(t.Context(), path)
	opened(t, db, err)
	other, err := sql.Open("sqlite", sqliteDSN(path, "_txlock=immediate"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { tx.Rollback() })
	if err := db.InsertMeta(t.Context(), "k", nil); err != nil {
		t.Error(err)
	}
}

func TestPostgresFaults(t *testing.T) {
	for code, want := range map[string]fault{
		"23505": faultDuplicate, "23503": faultNoParent, "40001": faultConflict, "40P01": faultConflict,
		"53100": faultFull, "53300": faultUnavailable, "57014": faultTimeout, "55P03": faultTimeout,
		"57P01": faultLost, "08006": faultLost, "25006": faultUnavailable, "28P01": faultUnavailable,
		"42P01": faultOther, "": faultOther,
	} {
		if got := faultOf(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("faultOf(%q) = %v, want %v", code, got, want)
		}
	}
	full := fmt.Errorf("write: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	if got := faultOf(full); got != faultFull {
		t.Errorf("faultOf(%v) = %v, want %v", full, got, faultFull)
	}
}
