package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// Killed again and again while each question is about people whom the log has no
// keys of yet, a service leaves no leaf whose keys are not in the keystore.
func TestKillLeavesNoLeafWithoutItsKey(t *testing.T) {
	databases(t, killOverNewPeople)
	t.Run("buffered", func(t *testing.T) {
		dir := t.TempDir()
		killOverNewPeople(t, dir, func() (store.Store, error) {
			return sqlstore.OpenSQLite(context.Background(), filepath.Join(dir, "rolegate.db"))
		}, "ROLEGATE_AUDIT=buffered")
	})
}

func killOverNewPeople(t *testing.T, dir string, open func() (store.Store, error), settings ...string) {
	t.Helper()
	const people, rounds = 20_000, 4
	ctx := context.Background()
	cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	file.WriteString(`{"subjects":[`)
	for i := range people {
		fmt.Fprintf(&file, `{"type":"user","id":"person-%d"},`, i)
	}
	file.Truncate(file.Len() - 1)
	file.WriteString(`]}`)
	if !json.Valid(file.Bytes()) {
		t.Fatal("the import is no JSON")
	}
	if _, err := app.Migrate.Do(ctx, cfg, app.None{}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.ImportDirectory.Do(ctx, cfg, app.FileRequest{Tenant: model.DefaultTenant, Text: file.Bytes()}); err != nil {
		t.Fatal(err)
	}
	cr, err := app.AddClient.Do(ctx, cfg, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
	if err != nil {
		t.Fatal(err)
	}

	var next, answered atomic.Int64
	for range rounds {
		p := serveProcess(t, dir, settings...)
		c := caller{base: p.URL}
		a, err := c.form("/oauth2/token", "crm", cr.ClientSecret, "grant_type=client_credentials")
		if err != nil || a.status != 200 {
			t.Fatalf("client token: %v %v", a, err)
		}
		token := a.text("access_token")
		asking, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for asking.Err() == nil {
					id := fmt.Sprint("person-", next.Add(1)%people)
					if a, err := c.post("/access/v1/evaluation", token, question(id, "read", "contact", own, nil)); err == nil && a.status == 200 {
						answered.Add(1)
					}
				}
			})
		}
		for deadline, before := time.Now().Add(20*time.Second), answered.Load(); answered.Load() < before+20 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond) // until there is a load
		}
		time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond) // at any moment of it; what is buffered begins to be written
		p.kill()
		stop()
		wg.Wait()
	}

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	known := map[string]bool{}
	for _, query := range []string{`SELECT ref FROM person_keys`, `SELECT class || '/' || month FROM month_keys`} {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var key []byte
			if err := rows.Scan(&key); err != nil {
				t.Fatal(err)
			}
			known[string(key)] = true
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	st, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var entries, segments int64
	refs := map[string]bool{}
	for {
		page, err := st.EntriesFrom(ctx, entries, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			leaf, err := audit.Decode(e.Leaf)
			if err != nil {
				t.Fatalf("entry %d: %v", entries, err)
			}
			for _, s := range leaf.Segments {
				segments++
				refs[string(s.Ref)] = true
				if !known[string(s.Ref)] || !known[s.Epoch] {
					t.Errorf("entry %d: there is no key of %x, %s", entries, s.Ref, s.Epoch)
				}
			}
			entries++
		}
	}
	if len(refs) < 50 || answered.Load() < 50 {
		t.Errorf("only %d people and %d answers: the test tested nothing", len(refs), answered.Load())
	}
	t.Logf("%d answers, %d entries, %d segments, %d people, %d keys", answered.Load(), entries, segments, len(refs), len(known))
	if strings.Contains(fmt.Sprint(settings), "durable") && entries < answered.Load() {
		t.Errorf("%d answers and %d entries", answered.Load(), entries)
	}
}
