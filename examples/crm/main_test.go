package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain builds Rolegate from the tree around this module.
func TestMain(m *testing.M) {
	build := exec.Command("make", "-s", "-C", "../..", "build")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build Rolegate:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const gateBinary = "../../bin/rolegate"

// rolegate is a real one on loopback, set up as the README says.
type rolegate struct {
	t    *testing.T
	env  []string
	url  string
	stop func()
}

func newRolegate(t *testing.T) *rolegate {
	t.Helper()
	address := freeAddress(t)
	g := &rolegate{t: t, url: "http://" + address, env: append(cleanEnviron(),
		"ROLEGATE_DATA="+shortDir(t), "ROLEGATE_LISTEN="+address, "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0", "ROLEGATE_ISSUER=http://"+address)}
	g.start()
	g.run("tenant", "set", "default", "--catalog", "catalog.yaml")
	g.run("policy", "import", "policy.csv")
	g.run("import", "people.json")
	return g
}

// start serves until stop or the test's end.
func (g *rolegate) start() {
	g.t.Helper()
	cmd := exec.Command(gateBinary, "serve", "--json")
	cmd.Env, cmd.Stderr = g.env, g.t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	stopped := false
	g.stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	g.t.Cleanup(g.stop)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), `"url"`) {
			return // it says so once it is ready
		}
	}
	g.t.Fatal("rolegate ended before it was ready")
}

// run runs a command of Rolegate and returns what it prints.
func (g *rolegate) run(args ...string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, gateBinary, args...)
	cmd.Env = g.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("rolegate %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// cleanEnviron is this process's environment without settings of either.
func cleanEnviron() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ROLEGATE_") && !strings.HasPrefix(kv, "CRM_") {
			out = append(out, kv)
		}
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// shortDir is a temporary directory whose path leaves room for a local socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "crm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// A merge asks about exactly the gaps that it fills, with what it fills them with.
func TestFillTellsItsChanges(t *testing.T) {
	changes := map[string]any{}
	kept := contact{ID: "1", Name: "Zoe", Phone: "1"}
	kept = fill(kept, contact{ID: "2", Name: "Z", Phone: "2", Email: "z@example.com"}, changes)
	kept = fill(kept, contact{ID: "3", Email: "other@example.com", Title: "Buyer"}, changes)
	want := contact{ID: "1", Name: "Zoe", Phone: "1", Email: "z@example.com", Title: "Buyer"}
	if !reflect.DeepEqual(kept, want) || !reflect.DeepEqual(changes, map[string]any{"email": "z@example.com", "title": "Buyer"}) {
		t.Errorf("%+v by %v", kept, changes)
	}
}
