package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rolegate/internal/testkit/pgtest"
)

func connect(t *testing.T, url string) (*pgx.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err == nil {
		t.Cleanup(func() { c.Close(context.Background()) })
	}
	return c, err
}

func TestURLsAreApart(t *testing.T) {
	for range 2 {
		c, err := connect(t, pgtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), `CREATE TABLE same_name (id TEXT)`); err != nil {
			t.Error(err)
		}
	}
}

func TestServerKeepsDataThroughKillAndStop(t *testing.T) {
	s := pgtest.Start(t)
	c, err := connect(t, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), `CREATE TABLE kept (id TEXT)`); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"stop": s.Stop, "kill": s.Kill} {
		end()
		if _, err := connect(t, s.URL()); err == nil {
			t.Errorf("%s: the server still answers", name)
		}
		s.Start()
		c, err := connect(t, s.URL())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), `SELECT * FROM kept`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
