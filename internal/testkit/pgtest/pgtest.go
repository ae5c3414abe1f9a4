// Package pgtest gives tests a PostgreSQL: one server for each test binary,
// started from the installed programs when the first test asks, and a schema of
// its own for each test. It appears in tests only.
//
//	TEST_DATABASE_URL  a postgres:// URL to use instead of starting a server
//	CI=true            a missing PostgreSQL fails the test instead of skipping it
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URL names a fresh, empty schema, dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("TEST_DATABASE_URL")
	if base == "" {
		s, err := shared()
		if err != nil {
			unavailable(t, err)
		}
		base = s.URL()
	}
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		t.Fatal("TEST_DATABASE_URL is not a postgres:// URL")
	}
	schema := "t_" + strings.ToLower(rand.Text())
	if err := run(base, "CREATE SCHEMA "+schema); err != nil {
		t.Fatalf("make a schema: %v", err)
	}
	t.Cleanup(func() {
		if err := run(base, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Logf("drop the schema: %v", err)
		}
	})
	q := u.Query()
	q.Set("search_path", schema)
	q.Set("application_name", schema) // for Terminate
	u.RawQuery = q.Encode()
	return u.String()
}

// Terminate breaks off all connections of Rolegate's that were made with a URL of
// this package, as an operator, a failover or a firewall might, and counts them.
func Terminate(t testing.TB, of string) (broken int) {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	name := q.Get("application_name")
	if name == "" { // of a server of its own
		name = "rolegate"
	}
	q.Set("application_name", "terminator")
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	const statement = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1`
	if err := c.QueryRow(ctx, statement, name).Scan(&broken); err != nil {
		t.Fatal(err)
	}
	return broken
}

// Start gives the test a server of its own, on which nothing is lost when it is
// killed, unlike on the shared one.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := newServer(durable)
	if err != nil {
		unavailable(t, err)
	}
	s.t = t
	t.Cleanup(s.Remove)
	return s
}

// Run is Start for programs that are no tests: whoever runs it ends it by Remove.
// fsync is on.
func Run() (*Server, error) { return newServer(durable) }

// Missing tells whether an error of Run means that PostgreSQL is not installed.
func Missing(err error) bool {
	_, missing := err.(errMissing)
	return missing
}

// shared is the binary's server. Nobody stops it: it goes when this process does.
var shared = sync.OnceValues(func() (*Server, error) { return newServer(fast) })

func unavailable(t testing.TB, err error) {
	t.Helper()
	if Missing(err) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// errMissing says what has to be installed.
type errMissing string

func (e errMissing) Error() string {
	return fmt.Sprintf("%s: install it (Debian: apt-get install postgresql) or set TEST_DATABASE_URL", string(e))
}

func run(url, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement)
	return err
}
