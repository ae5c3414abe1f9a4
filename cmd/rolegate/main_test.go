package main

import (
	"bufio"
	"context"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit/pgtest"
)

// watched names this test binary where it stands in for rolegate: the same program, with
// the race detector where the tests have it.
const watched = "rolegate-watched"

// TestMain puts two programs on the PATH: rolegate as it is shipped, for scripts, which
// start it hundreds of times, and watched, for what runs for long.
func TestMain(m *testing.M) {
	testscript.Main(shipped{m}, map[string]func(){
		watched: func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

type shipped struct{ *testing.M }

// Run builds rolegate as `make build` does, and runs the tests.
func (s shipped) Run() int {
	dir, err := os.MkdirTemp("", "rolegate-shipped")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		log.Fatalf("build rolegate: %v\n%s", err, out)
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return s.M.Run()
}

// process is a running `rolegate serve`.
type process struct {
	cmd   *exec.Cmd
	URL   string
	Admin string        // of the admin listener
	Ready time.Duration // from start to ready
}

// serveProcess starts `rolegate serve` on a data directory and waits until it is ready.
func serveProcess(t testing.TB, data string, settings ...string) *process {
	t.Helper()
	cmd := exec.Command(watched, "serve", "--json")
	cmd.Env = append(cleanEnviron(), append([]string{
		"ROLEGATE_DATA=" + data, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0",
	}, settings...)...)
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), `"admin": "`); ok {
			p.Admin = strings.TrimSuffix(rest, `",`)
		}
		if _, rest, ok := strings.Cut(lines.Text(), `"url": "`); ok {
			p.URL, p.Ready = strings.TrimSuffix(rest, `"`), time.Since(began)
			return p
		}
	}
	t.Fatal("serve ended before it was ready")
	return nil
}

// databases runs a test on SQLite and on PostgreSQL, with a data directory, the settings
// of a service in it, and what opens its store.
func databases(t *testing.T, test func(t *testing.T, dir string, open func() (store.Store, error), settings ...string)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, dir, func() (store.Store, error) {
			return sqlstore.OpenSQLite(context.Background(), filepath.Join(dir, "rolegate.db"))
		})
	})
	t.Run("postgres", func(t *testing.T) {
		dir, url := t.TempDir(), pgtest.URL(t)
		if _, err := keyring.CreateFile(filepath.Join(dir, "master.key")); err != nil {
			t.Fatal(err)
		}
		test(t, dir, func() (store.Store, error) { return sqlstore.OpenPostgres(context.Background(), url) },
			"ROLEGATE_DATABASE_URL="+url, "ROLEGATE_KEYSTORE_URL="+filepath.Join(dir, "keys.db"))
	})
}

// kill is SIGKILL: the process gets no chance to tidy up.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// end asks the process to end and waits until it has.
func (p *process) end(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// cleanEnviron is this process's environment without settings of Rolegate.
func cleanEnviron() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ROLEGATE_") {
			out = append(out, kv)
		}
	}
	return out
}
