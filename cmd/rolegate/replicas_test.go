package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// Three processes on one PostgreSQL, each by a way of its own. In the middle of
// decisions and changes on all of them replicas are killed and stopped, their
// connections cut and frozen, and the database is killed, again and again:
//
//   - what was taken away is allowed by no later answer of any replica;
//   - what was acknowledged is there, unless it was taken away;
//   - every answer has its entry in the log, which has no gap;
//   - all of them are ready again afterwards, and only those that were killed
//     have been started anew.
func TestReplicasSurviveEverything(t *testing.T) {
	server := pgtest.Start(t)
	w := &world{t: t, replicas: startReplicas(t, 3, server), people: map[string]*person{}, answered: &sync.Map{}}
	w.client = w.firstClient()
	stop := w.live()

	for round, happens := range []struct {
		name string
		do   func(r *replica)
	}{
		{"a replica is killed", func(r *replica) { r.kill() }},
		{"its connections are cut", func(r *replica) { r.link.Cut() }},
		{"the database breaks all connections", func(*replica) { w.terminate(server) }},
		{"its connections freeze", func(r *replica) {
			r.link.Freeze()
			time.Sleep(5 * time.Second) // longer than anything waits for them
			r.link.Thaw()
		}},
		{"the database is killed", func(*replica) {
			server.Kill()
			time.Sleep(500 * time.Millisecond)
			server.Start()
		}},
		{"a replica is stopped for a while", func(r *replica) {
			r.signal(syscall.SIGSTOP)
			time.Sleep(4 * time.Second)
			r.signal(syscall.SIGCONT)
		}},
		{"the database is killed, and a replica with it", func(r *replica) {
			server.Kill()
			r.kill()
			server.Start()
		}},
		{"another replica is killed", func(r *replica) { r.kill() }},
	} {
		r := w.replicas[round%len(w.replicas)]
		time.Sleep(time.Duration(300+rand.IntN(300)) * time.Millisecond) // so that it comes in the middle of something
		before := w.sure.Load()
		happens.do(r)
		r.ensure()
		w.recovers(happens.name, before)
	}
	stop()
	w.look(server.URL())
	if w.sure.Load() < 200 || len(w.people) < 20 {
		t.Errorf("%d answers about %d people: too little happened", w.sure.Load(), len(w.people))
	}
	t.Logf("%d answers that had to be right about %d people, %d changes acknowledged", w.sure.Load(), len(w.people), w.changes.Load())
}

// replica is one of the processes.
type replica struct {
	t        *testing.T
	dir      string
	settings []string
	config   app.Config
	link     *pgtest.Link

	mu      sync.RWMutex // for reading while a command runs beside it; for writing while it is started
	process atomic.Pointer[process]
	killed  atomic.Bool
}

func startReplicas(t *testing.T, n int, server *pgtest.Server) (rs []*replica) {
	t.Helper()
	shared := testkit.NewReplicas(t, n, server.URL())
	for _, dir := range shared.Dirs {
		r := &replica{t: t, dir: dir, link: pgtest.NewLink(t, server.URL())}
		r.settings = append(append([]string{}, shared.Settings...), "ROLEGATE_DATABASE_URL="+r.link.URL)
		var err error
		if r.config, err = app.ReadConfig(append(r.settings, "ROLEGATE_DATA="+dir)); err != nil {
			t.Fatal(err)
		}
		r.process.Store(serveProcess(t, dir, r.settings...))
		rs = append(rs, r)
	}
	return rs
}

func (r *replica) kill() {
	r.killed.Store(true)
	r.process.Load().kill()
}

func (r *replica) signal(s syscall.Signal) {
	if err := r.process.Load().cmd.Process.Signal(s); err != nil {
		r.t.Error(err)
	}
}

// ensure starts a replica again that was killed, and only such a one.
func (r *replica) ensure() {
	if r.killed.CompareAndSwap(true, false) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.process.Store(serveProcess(r.t, r.dir, r.settings...))
	}
}

func (r *replica) url() string { return r.process.Load().URL }

// person is somebody with one role, and what is known for sure about it.
type person struct {
	mu    sync.Mutex
	state state
}

type state int

const (
	unsure  state = iota // a change is under way, or its outcome is unknown
	granted              // the role was given, and that was acknowledged
	revoked              // it was taken away, and that was acknowledged
)

func (p *person) set(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
}

func (p *person) get() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// world is what goes on while things break.
type world struct {
	t        *testing.T
	replicas []*replica
	client   string // its token, good on each
	answered *sync.Map
	sure     atomic.Int64 // answers that had to be right
	changes  atomic.Int64

	mu     sync.RWMutex
	names  []string
	people map[string]*person
}

func (w *world) firstClient() string {
	w.t.Helper()
	cr, err := app.AddClient.Do(context.Background(), w.replicas[0].config,
		app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := caller{w.replicas[1].url()}.form("/oauth2/token", "crm", cr.ClientSecret, "grant_type=client_credentials")
	if err != nil || a.status != 200 {
		w.t.Fatalf("client token: %v %v", a, err)
	}
	return a.text("access_token")
}

// live changes and asks on all replicas until stop.
func (w *world) live() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i, r := range w.replicas {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				w.hire(r, fmt.Sprintf("p%d-%d", i, n))
			}
		})
		for range 2 {
			all.Go(func() {
				for ctx.Err() == nil {
					if !w.ask(r) {
						time.Sleep(10 * time.Millisecond) // it is away: there is no use in asking faster
					}
				}
			})
		}
	}
	return func() { cancel(); all.Wait() }
}

// hire gives somebody new a role and takes every second one's away again.
func (w *world) hire(r *replica, name string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	_, err := app.AddUser.Do(ctx, r.config, app.UserRequest{Tenant: model.DefaultTenant, User: name, Roles: []string{"sales-rep"}})
	if err != nil {
		time.Sleep(20 * time.Millisecond)
		return
	}
	p := &person{state: granted}
	w.mu.Lock()
	w.names = append(w.names, name)
	w.people[name] = p
	odd := len(w.names)%2 == 1
	w.mu.Unlock()
	w.changes.Add(1)
	if odd {
		return
	}
	p.set(unsure)
	change, err := app.Unassign.Do(ctx, r.config, app.RoleRequest{Tenant: model.DefaultTenant, Member: name, Role: "sales-rep"})
	if err != nil {
		return
	}
	if change.Revision == 0 {
		w.t.Error("a change without a revision")
	}
	p.set(revoked)
	w.changes.Add(1)
	for _, r := range w.replicas { // before they can have heard of it by any other way
		w.askAbout(r, name, p)
	}
}

// ask asks a replica about somebody, one of the latest mostly.
func (w *world) ask(r *replica) (answered bool) {
	w.mu.RLock()
	n := len(w.names)
	if n == 0 {
		w.mu.RUnlock()
		return false
	}
	name := w.names[max(0, n-1-rand.IntN(1+rand.IntN(n)))]
	p := w.people[name]
	w.mu.RUnlock()
	return w.askAbout(r, name, p)
}

// askAbout holds the answer to what was sure before the question and still is.
func (w *world) askAbout(r *replica, name string, p *person) (answered bool) {
	before := p.get()
	a, err := caller{r.url()}.post("/access/v1/evaluation", w.client, question(name, "read", "contact", map[string]any{"owner": "user:" + name}, nil))
	if err != nil || a.status != http.StatusOK {
		return false // no answer is no wrong answer
	}
	w.answered.Store(a.header.Get("X-Request-Id"), name)
	allowed := a.body["decision"] == true
	switch {
	case before == revoked && allowed:
		w.t.Errorf("%s lost the role, and %s allows", name, r.url())
	case before == granted && !allowed && p.get() == granted:
		w.t.Errorf("%s has the role, and %s denies: %v", name, r.url(), a.body)
	case before != unsure:
		w.sure.Add(1)
	}
	return true
}

// recovers waits until every replica is ready and answers again.
func (w *world) recovers(after string, before int64) {
	w.t.Helper()
	began := time.Now()
	deadline := began.Add(60 * time.Second)
	for _, r := range w.replicas {
		for !w.ready(r) || !w.ask(r) {
			if time.Now().After(deadline) {
				w.t.Fatalf("%s: %s is not ready a minute after", after, r.url())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	w.t.Logf("%s: all answer again after %v; %d answers meanwhile", after, time.Since(began).Round(10*time.Millisecond), w.sure.Load()-before)
}

func (w *world) ready(r *replica) bool {
	a, err := caller{r.process.Load().Admin}.get("/readyz", "")
	return err == nil && a.status == http.StatusOK
}

func (w *world) terminate(server *pgtest.Server) {
	if n := pgtest.Terminate(w.t, server.URL()); n == 0 {
		w.t.Error("no connection was broken")
	}
}

// look reads what is left when all has ended.
func (w *world) look(url string) {
	w.t.Helper()
	ctx := context.Background()
	st, err := sqlstore.OpenPostgres(ctx, url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	for name, p := range w.people {
		held, err := st.Assignments(ctx, model.DefaultTenant, "user:"+name, "")
		if err != nil {
			w.t.Fatal(err)
		}
		switch {
		case p.state == granted && len(held) != 1:
			w.t.Errorf("%s was given a role, which is lost", name)
		case p.state == revoked && len(held) != 0:
			w.t.Errorf("%s's role was taken away, and is back", name)
		}
	}
	recorded := map[string]int{}
	var entries int64
	for {
		page, err := st.EntriesFrom(ctx, entries, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			leaf, err := audit.Decode(e.Leaf)
			if err != nil {
				w.t.Fatalf("entry %d: %v", entries, err)
			}
			recorded[leaf.Request]++
			entries++
		}
	}
	if size, err := st.LogSize(ctx); err != nil || size != entries {
		w.t.Errorf("the head says %d entries, there are %d (%v)", size, entries, err)
	}
	w.answered.Range(func(id, name any) bool {
		if recorded[id.(string)] != 1 {
			w.t.Errorf("an answer about %s, %s, has %d entries", name, id, recorded[id.(string)])
		}
		return true
	})
}
