package requirements

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

func init() {
	requires(3, "killed at any moment, service or database, the log has every answered entry, no gap, and the tree of its head", r3)
}

func r3(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := &crash{t: t, dir: dir, open: func() (store.Store, error) {
			return sqlstore.OpenSQLite(context.Background(), filepath.Join(dir, "rolegate.db"))
		}}
		c.rounds(c.killService, c.killService, c.killService, c.killService, c.killService, c.killService)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dir, server := t.TempDir(), pgtest.Start(t)
		if _, err := keyring.CreateFile(filepath.Join(dir, "master.key")); err != nil {
			t.Fatal(err)
		}
		c := &crash{t: t, dir: dir, settings: []string{"ROLEGATE_DATABASE_URL=" + server.URL(), "ROLEGATE_KEYSTORE_URL=" + filepath.Join(dir, "keys.db")},
			open: func() (store.Store, error) { return sqlstore.OpenPostgres(context.Background(), server.URL()) }}
		killDatabase := func() {
			server.Kill()
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			server.Start()
		}
		killBoth := func() {
			server.Kill()
			c.service.Load().Kill()
			server.Start()
			c.start()
		}
		c.rounds(c.killService, killDatabase, killBoth, killDatabase, c.killService, killBoth)
	})
}

// crash is a service that is killed while it is asked.
type crash struct {
	t        *testing.T
	dir      string
	settings []string
	open     func() (store.Store, error)
	service  atomic.Pointer[testkit.Process]
}

func (c *crash) start() {
	c.service.Store(testkit.StartProcess(c.t, c.dir, c.settings...))
}

func (c *crash) killService() {
	c.service.Load().Kill()
	c.start()
}

// rounds lets one thing after the other happen in the middle of answers, and then
// looks at the log.
func (c *crash) rounds(happen ...func()) {
	c.t.Helper()
	c.start()
	a := startAsking(func() string { return c.service.Load().URL }, c.client())
	seen, stop := c.watch()
	for i, do := range happen {
		a.waitFor(c.t, 100)
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // so that it comes in the middle of something
		before, began := a.count.Load(), time.Now()
		do()
		took := time.Since(began)
		a.waitFor(c.t, 1)
		c.t.Logf("round %d: it took %v, answers again after %v; %d so far", i, took.Round(time.Millisecond), (time.Since(began) - took).Round(time.Millisecond), before)
	}
	a.waitFor(c.t, 100)
	c.service.Load().Kill()
	answers := a.stop()
	stop()
	st, err := c.open()
	if err != nil {
		c.t.Fatal(err)
	}
	defer st.Close()
	checkLog(c.t, st, answers, *seen...)
	if len(*seen) == 0 {
		c.t.Error("no checkpoint was seen")
	}
	size, err := st.LogSize(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("%d answers of yes or no, %d entries, %d checkpoints seen", a.count.Load(), size, len(*seen))
}

// watch reads checkpoints as they are published, until stop.
func (c *crash) watch() (seen *[][]byte, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	seen = &[][]byte{}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond) // they come once a second
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.service.Load().URL+"/v1/audit/checkpoint", nil)
			if err != nil {
				continue
			}
			a, err := testkit.Do(req)
			if err != nil || a.Status != http.StatusOK {
				continue
			}
			if n := len(*seen); n == 0 || !bytes.Equal((*seen)[n-1], a.Raw) {
				*seen = append(*seen, a.Raw)
			}
		}
	}()
	return seen, func() { cancel(); <-done }
}

// client makes alice, and a client that may ask about her, and gets its token.
func (c *crash) client() (token string) {
	c.t.Helper()
	cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + c.dir}, c.settings...))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := app.AddUser.Do(ctx, cfg, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Roles: []string{"sales-rep"}}); err != nil {
		c.t.Fatal(err)
	}
	cr, err := app.AddClient.Do(ctx, cfg, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
	if err != nil {
		c.t.Fatal(err)
	}
	k := testkit.Kit{T: c.t, URL: c.service.Load().URL}
	return k.TokenFor("crm", fmt.Sprint(cr.ClientSecret))
}
