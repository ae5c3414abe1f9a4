package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// program skips the test where a program is missing, but not in CI.
func program(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// proxied are three processes on one PostgreSQL, each with an address of its own
// and the same two ports, as replicas on three machines have.
type proxied struct {
	t           *testing.T
	hosts       []string
	port, admin string
	start       func(i int) *process
	processes   []*process
	client      string // its token

	answered atomic.Int64

	mu       sync.Mutex
	failed   int      // questions nobody answered
	failures []string // the first of them
	refused  int      // questions a replica answered with a refusal
}

func startProxied(t *testing.T) *proxied {
	t.Helper()
	p := &proxied{t: t, hosts: []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"}, port: free(t), admin: free(t)}
	shared := testkit.NewReplicas(t, len(p.hosts), "")
	p.start = func(i int) *process {
		return serveProcess(t, shared.Dirs[i], append(shared.Settings, "ROLEGATE_LISTEN="+net.JoinHostPort(p.hosts[i], p.port),
			"ROLEGATE_ADMIN_LISTEN="+net.JoinHostPort(p.hosts[i], p.admin), "ROLEGATE_TRUSTED_PROXIES=127.0.0.1/32", "ROLEGATE_DRAIN=2500ms")...)
	}
	for i := range p.hosts {
		p.processes = append(p.processes, p.start(i))
	}
	config, err := app.ReadConfig(append(shared.Settings, "ROLEGATE_DATA="+shared.Dirs[0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.AddUser.Do(t.Context(), config, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Roles: []string{"sales-rep"}}); err != nil {
		t.Fatal(err)
	}
	cr, err := app.AddClient.Do(t.Context(), config, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := caller{p.processes[0].URL}.form("/oauth2/token", "crm", cr.ClientSecret, "grant_type=client_credentials")
	if err != nil || a.status != 200 {
		t.Fatalf("client token: %v %v", a, err)
	}
	p.client = a.text("access_token")
	return p
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// run starts a proxy and waits until it answers.
func (p *proxied) run(address string, env []string, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(cleanEnviron(), env...)
	cmd.Stdout, cmd.Stderr = p.t.Output(), p.t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); !p.asks(address); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s does not answer", name)
		}
	}
}

// asks asks one question, and notes why it was not answered.
func (p *proxied) asks(address string) bool {
	began := time.Now()
	a, err := caller{"http://" + address}.post("/access/v1/evaluation", p.client, question("alice", "read", "contact", map[string]any{"owner": "user:alice"}, nil))
	if err == nil && a.status == 200 && a.body["decision"] == true {
		p.answered.Add(1)
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if code := a.text("code"); code == string(model.CodeAuditUnavailable) || code == string(model.CodeStoreUnavailable) || code == string(model.CodeBusy) {
		p.refused++
		return false
	}
	if p.failed++; p.failed <= 20 {
		p.failures = append(p.failures, fmt.Sprintf("%s: %d %v %v after %s", began.Format("05.000"), a.status, a.body, err, time.Since(began)))
	}
	return false
}

// unanswered is how many questions got no answer of any replica so far.
func (p *proxied) unanswered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// rolls ends and starts the replicas one after the other, as an update does,
// and then kills one, and counts the questions that were not answered.
func (p *proxied) rolls(address string) (ended, killed int) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	var workers sync.WaitGroup
	for range callers {
		workers.Go(func() {
			for ctx.Err() == nil {
				p.asks(address)
			}
		})
	}
	defer workers.Wait()
	defer cancel()
	before := p.unanswered()
	serves := func() {
		p.t.Helper()
		for before, deadline := p.answered.Load(), time.Now().Add(time.Minute); p.answered.Load() < before+100; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				p.t.Fatalf("nothing is answered: %s", strings.Join(p.failures, "\n"))
			}
		}
	}
	for i, process := range p.processes {
		serves()
		process.end(p.t)
		serves()
		p.processes[i] = p.start(i)
		p.ready(i)
	}
	ended = p.unanswered() - before
	p.processes[1].kill()
	serves()
	return ended, p.unanswered() - before - ended
}

// callers ask at the same time, each one question after the other.
const callers = 4

// ready waits until the proxy has found out that a replica is back, and asks it.
func (p *proxied) ready(i int) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if res, err := http.Get(p.processes[i].Admin + "/metrics"); err == nil {
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil && strings.Contains(string(text), `rolegate_decisions_total{code="allowed"`) {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("replica %d is back, and nobody asks it", i)
		}
	}
}

// hold checks a roll: nearly everything is answered while replicas are ended in
// good order, and one that is killed takes what it had in hand, no more. What a
// replica itself refuses, since the machine is too slow to record it, is no
// matter of the proxy's.
func (p *proxied) hold(address string, most int) {
	p.t.Helper()
	ended, killed := p.rolls(address)
	p.t.Logf("%d questions answered; unanswered: %d while three replicas ended in order and came back, %d when one was killed; refused by a replica: %d",
		p.answered.Load(), ended, killed, p.refused)
	if ended > most*len(p.hosts) || killed > most {
		p.t.Errorf("too many unanswered: %d, %d, beginning with\n%s", ended, killed, strings.Join(p.failures, "\n"))
	}
}

// caddy runs the configuration of docker-compose.yml.
func (p *proxied) caddy(address string) {
	p.t.Helper()
	var replicas []string
	for _, h := range p.hosts {
		replicas = append(replicas, net.JoinHostPort(h, p.port))
	}
	home := p.t.TempDir()
	p.run(address, []string{"LISTEN=http://" + address, "REPLICAS=" + strings.Join(replicas, " "), "READY_PORT=" + p.admin, "HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home},
		"caddy", "run", "--config", "../../docs/replicas/Caddyfile", "--adapter", "caddyfile")
}

// nginx runs docs/replicas/nginx.conf on other ports.
func (p *proxied) nginx(address string) {
	p.t.Helper()
	conf := readDoc(p.t, "docs/replicas/nginx.conf")
	for i, h := range p.hosts {
		named := fmt.Sprintf("server %s:8080 ", h)
		if strings.Count(conf, named) != 1 {
			p.t.Fatalf("replica %d is not in the configuration", i)
		}
		conf = strings.Replace(conf, named, fmt.Sprintf("server %s:%s ", h, p.port), 1)
	}
	conf = strings.Replace(conf, "listen 127.0.0.1:8080;", "listen "+address+";", 1)
	dir := p.t.TempDir()
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	main := fmt.Sprintf("daemon off;\npid %s/pid;\nerror_log stderr crit;\nevents {}\nhttp { access_log off;\n%s include %s; }\n", dir, temp, write(p.t, filepath.Join(dir, "rolegate.conf"), conf))
	if os.Getuid() == 0 {
		main = "user root;\n" + main
	}
	p.run(address, nil, "nginx", "-c", write(p.t, filepath.Join(dir, "nginx.conf"), main))
}

// An update of one replica after the other behind Caddy.
func TestRollingUpdateBehindCaddy(t *testing.T) {
	program(t, "caddy")
	p := startProxied(t)
	address := "127.0.0.1:" + free(t)
	p.caddy(address)
	p.hold(address, 12)
}

// The same behind nginx, which sends on what a replica did not take.
func TestRollingUpdateBehindNginx(t *testing.T) {
	program(t, "nginx")
	p := startProxied(t)
	address := "127.0.0.1:" + free(t)
	p.nginx(address)
	p.hold(address, 12)
}
