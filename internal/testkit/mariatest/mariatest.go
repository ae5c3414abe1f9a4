// Package mariatest gives tests a MariaDB: one server for each test binary,
// started from the installed programs when the first test asks, and a database
// of its own for each test. It appears in tests only.
//
//	TEST_MARIADB_DSN  a server to use instead of starting one, in the form of
//	                  github.com/go-sql-driver/mysql: user:password@tcp(host:port)/
//	CI=true           a missing MariaDB fails the test instead of skipping it
package mariatest

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Open gives a fresh, empty database in utf8mb4, dropped when the test ends.
func Open(t testing.TB) *sql.DB {
	t.Helper()
	dsn := os.Getenv("TEST_MARIADB_DSN")
	if dsn == "" {
		s, err := shared()
		if err != nil {
			unavailable(t, err)
		}
		dsn = s.dsn()
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("TEST_MARIADB_DSN is not a data source name")
	}
	name := "t_" + strings.ToLower(rand.Text())
	run(t, config, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	t.Cleanup(func() { run(t, config, "DROP DATABASE "+name) })
	own := config.Clone()
	own.DBName = name
	db := open(t, own)
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t testing.TB, config *mysql.Config) *sql.DB {
	t.Helper()
	c, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(c)
}

func run(t testing.TB, config *mysql.Config, statement string) {
	t.Helper()
	db := open(t, config)
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// shared is the binary's server. Nobody stops it: it goes when this process does.
var shared = sync.OnceValues(newServer)

func unavailable(t testing.TB, err error) {
	t.Helper()
	if missing, ok := err.(errMissing); ok && os.Getenv("CI") != "true" {
		t.Skip(missing)
	}
	t.Fatal(err)
}

// errMissing says what has to be installed.
type errMissing string

func (e errMissing) Error() string {
	return fmt.Sprintf("%s: install it (Debian: apt-get install mariadb-server) or set TEST_MARIADB_DSN", string(e))
}
