package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// Killed in the middle of logins and decisions, again and again: every answer
// that was given has its entry in the log, and the entries have no gap.
func TestKillLosesNoAnsweredEntry(t *testing.T) { databases(t, killUnderLoad) }

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func killUnderLoad(t *testing.T, dir string, open func() (store.Store, error), settings ...string) {
	t.Helper()
	const rounds = 3
	settings = append(settings, "ROLEGATE_LOGIN_RATE=100000")
	answered := &sync.Map{} // trace id → what was answered
	var client string
	for round := range rounds {
		p := serveProcess(t, dir, settings...)
		cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if _, err := app.AddUser.Do(context.Background(), cfg, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Roles: []string{"sales-rep"}}); err != nil {
				t.Fatal(err)
			}
			cr, err := app.AddClient.Do(context.Background(), cfg, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
			if err != nil {
				t.Fatal(err)
			}
			client = cr.ClientSecret
		}
		before := size(answered)
		stop := load(t, p.URL, client, answered)
		time.Sleep(400*time.Millisecond + time.Duration(rand.IntN(400))*time.Millisecond)
		for deadline := time.Now().Add(20 * time.Second); size(answered) < before+10 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond) // on a busy machine, until there is a load
		}
		p.kill()
		stop()
	}

	st, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	recorded := map[string]int{}
	var entries int64
	for {
		page, err := st.EntriesFrom(context.Background(), entries, 1000)
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
			recorded[leaf.Request]++
			entries++
		}
	}
	if size, err := st.LogSize(context.Background()); err != nil || size != entries {
		t.Errorf("the head says %d entries, there are %d (%v)", size, entries, err)
	}
	count := 0
	answered.Range(func(id, what any) bool {
		count++
		if recorded[id.(string)] != 1 {
			t.Errorf("%s was answered under %s and has %d entries", what, id, recorded[id.(string)])
		}
		return true
	})
	if count < 20 {
		t.Errorf("only %d answers before the kills: the test tested nothing", count)
	}
	t.Logf("%d answers, %d entries", count, entries)
}

// load asks for decisions and logs in from several goroutines until stop, and
// notes the trace id of everything that was answered.
func load(t *testing.T, url, secret string, answered *sync.Map) (stop func()) {
	t.Helper()
	c := caller{base: url}
	a, err := c.form("/oauth2/token", "crm", secret, "grant_type=client_credentials")
	if err != nil || a.status != 200 {
		t.Fatalf("client token: %v %v", a, err)
	}
	answered.Store(a.header.Get("X-Request-Id"), "a client token")
	token := a.text("access_token")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				what, a, err := "a decision", reply{}, error(nil)
				if i == 0 {
					what = "a failed login"
					a, err = c.post("/v1/login", "", map[string]any{"username": fmt.Sprint("alice", n), "password": "wrong password"})
				} else {
					a, err = c.post("/access/v1/evaluation", token, question("alice", "read", "contact", own, nil))
				}
				if err == nil && a.status < 500 {
					answered.Store(a.header.Get("X-Request-Id"), fmt.Sprintf("%s (%d)", what, a.status))
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// Killed while it keeps records in memory, a service leaves a gap that the next
// start records, once; a service that ends by itself leaves none.
func TestKillOfABufferedServiceIsRecorded(t *testing.T) {
	dir := t.TempDir()
	gaps := func() (n int) {
		t.Helper()
		st, err := sqlstore.OpenSQLite(context.Background(), filepath.Join(dir, "rolegate.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		rows, err := st.EntriesFrom(context.Background(), 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			leaf, err := audit.Decode(r.Leaf)
			if err != nil {
				t.Fatal(err)
			}
			if leaf.Activity == audit.Gap {
				if leaf.Count != -1 {
					t.Errorf("the gap's count is %d", leaf.Count)
				}
				n++
			}
		}
		return n
	}
	serveProcess(t, dir, "ROLEGATE_AUDIT=buffered").kill()
	if n := gaps(); n != 0 {
		t.Errorf("%d gaps before anybody looked", n)
	}
	for _, mode := range []string{"durable", "buffered", "durable"} {
		serveProcess(t, dir, "ROLEGATE_AUDIT="+mode).end(t)
		if n := gaps(); n != 1 {
			t.Errorf("%d gaps after a start in %s mode, want 1", n, mode)
		}
	}
}
