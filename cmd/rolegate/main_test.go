package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary stand in for rolegate: scripts and tests find
// it on the PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rolegate": func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
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
	cmd := exec.Command("rolegate", "serve", "--json")
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
