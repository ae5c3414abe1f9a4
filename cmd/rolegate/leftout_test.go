package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// stand is what a proxy in front of replicas sees of three that are well: they
// are ready, and answer, but refuse what demands a revision, or another replica
// by X-Not. Each can be killed.
func stand(t *testing.T) (p *proxied, kill func(i int)) {
	t.Helper()
	p = &proxied{t: t, hosts: []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"}, port: free(t), admin: free(t)}
	var servers [][]*http.Server
	serve := func(address string, h http.HandlerFunc) *http.Server {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: h}
		s.SetKeepAlivesEnabled(false) // so that each question has to find out for itself who is dead
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
		return s
	}
	for _, host := range p.hosts {
		servers = append(servers, []*http.Server{
			serve(net.JoinHostPort(host, p.admin), func(http.ResponseWriter, *http.Request) {}),
			serve(net.JoinHostPort(host, p.port), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Replica", host)
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					panic(http.ErrAbortHandler)
				}
				if r.Header.Get("Rolegate-Min-Revision") != "" || r.Header.Get("X-Not") == host {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				io.WriteString(w, `{"decision": true}`)
			}),
		})
	}
	return p, func(i int) {
		for _, s := range servers[i] {
			s.Close()
		}
	}
}

// whoAnswers asks a few times and tells which replicas answered.
func whoAnswers(t *testing.T, address string) map[string]bool {
	t.Helper()
	who := map[string]bool{}
	for range 40 {
		a, err := caller{"http://" + address}.post("/access/v1/evaluation", "", map[string]any{})
		if err == nil && a.status == http.StatusOK {
			who[a.header.Get("X-Replica")] = true
		}
	}
	return who
}

// bothProxies runs a test before stands behind each proxy.
func bothProxies(t *testing.T, test func(t *testing.T, p *proxied, address string, kill func(int))) {
	for name, run := range map[string]func(*proxied, string){"caddy": (*proxied).caddy, "nginx": (*proxied).nginx} {
		t.Run(name, func(t *testing.T) {
			program(t, name)
			p, kill := stand(t)
			address := "127.0.0.1:" + free(t)
			run(p, address)
			test(t, p, address, kill)
		})
	}
}

// Somebody who is refused with 503, as whoever demands a revision there is not
// yet, does not put out the replicas that say so, for everybody else.
func TestRefusalsPutNoReplicaOut(t *testing.T) {
	bothProxies(t, func(t *testing.T, p *proxied, address string, _ func(int)) {
		for range 12 {
			req, err := http.NewRequest(http.MethodPost, "http://"+address+"/access/v1/evaluation", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Rolegate-Min-Revision", "9007199254740992")
			if a, err := send(req); err != nil || a.status != http.StatusServiceUnavailable || a.header.Get("X-Replica") == "" {
				t.Errorf("%d %v, want what the replica says", a.status, err)
			}
		}
		if who := whoAnswers(t, address); len(who) != len(p.hosts) {
			t.Errorf("only %v answer", who)
		}
	})
}

// Decisions may be asked twice, so nginx passes over a replica that gives none,
// whichever route they are asked on. What changes something is not sent again.
func TestDecisionsPassOverRefusals(t *testing.T) {
	program(t, "nginx")
	p, _ := stand(t)
	address := "127.0.0.1:" + free(t)
	p.nginx(address)
	for path, decides := range map[string]bool{
		"/access/v1/evaluation": true, "/access/v1/search/subject": true, "/v1/filter": true, "/v1/explain": true, "/v1/permissions?subject=user:ann": true,
		"/v1/forward-auth": true, "/v1/forward-auth/path/x": true,
		"/v1/login": false, "/v1/filters": false, "/v1/admin/import": false, "/oauth2/token": false, "/v1/login/access/": false,
	} {
		refused := 0
		for range 30 {
			req, err := http.NewRequest(http.MethodPost, "http://"+address+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Not", p.hosts[0])
			if a, err := send(req); err != nil || a.status != http.StatusOK {
				refused++
			}
		}
		if decides != (refused == 0) {
			t.Errorf("%s: %d of 30 refused", path, refused)
		}
	}
}

// What Rolegate takes, the proxies let through: an import is larger than a question.
func TestImportsPassProxies(t *testing.T) {
	bothProxies(t, func(t *testing.T, p *proxied, address string, _ func(int)) {
		for _, path := range []string{"/v1/admin/import", "/v1/admin/import?dry_run=true"} {
			a, err := caller{"http://" + address}.post(path, "", map[string]any{"roles": strings.Repeat("x", 32<<20)})
			if err != nil || a.status != http.StatusOK {
				t.Errorf("%s: %d %v", path, a.status, err)
			}
		}
	})
}

// A replica that is killed under a burst takes at most what each caller had in
// hand, and never another replica with it.
func TestDeadReplicaTakesNoOtherAlong(t *testing.T) {
	const many, each = 64, 50
	bothProxies(t, func(t *testing.T, p *proxied, address string, kill func(int)) {
		if who := whoAnswers(t, address); len(who) != len(p.hosts) {
			t.Errorf("only %v answer", who)
		}
		before := p.unanswered()
		kill(0)
		var callers sync.WaitGroup
		for range many {
			callers.Go(func() {
				for range each {
					p.asks(address)
				}
			})
		}
		callers.Wait()
		failed := p.unanswered() - before
		t.Logf("%d of %d not answered", failed, many*each)
		if failed > 2*many {
			t.Errorf("%d of %d not answered, beginning with %q", failed, many*each, p.failures)
		}
		if who := whoAnswers(t, address); len(who) != len(p.hosts)-1 {
			t.Errorf("only %v answer", who)
		}
	})
}
