package testkit

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Process is a `rolegate serve` of its own, which a test can kill.
type Process struct {
	URL   string // public
	Admin string // admin listener

	cmd *exec.Cmd
}

// program builds rolegate once for each test binary, beside it: go test removes both.
var program = sync.OnceValues(func() (string, error) {
	test, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(test), "rolegate")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "rolegate")
	build := exec.Command("go", "build", "-o", path, "rolegate/cmd/rolegate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped, whatever this test was built with: no third build of everything
	out, err := build.CombinedOutput()
	if err != nil {
		os.RemoveAll(dir)
		return "", &buildError{err, out}
	}
	return path, nil
})

type buildError struct {
	error
	out []byte
}

func (b *buildError) Error() string { return b.error.Error() + "\n" + string(b.out) }

// Program is the path of rolegate, built for the test.
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build rolegate: %v", err)
	}
	return path
}

// StartProcess starts the service on a data directory, with settings and none of
// this process's, and waits until it is ready.
func StartProcess(t testing.TB, data string, settings ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(Program(t), "serve", "--json")}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ROLEGATE_") {
			p.cmd.Env = append(p.cmd.Env, kv)
		}
	}
	p.cmd.Env = append(append(p.cmd.Env, "ROLEGATE_DATA="+data, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0",
		"ROLEGATE_LOGIN_RATE=100000"), settings...)
	p.cmd.Stderr = t.Output()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), `"admin": "`); ok {
			p.Admin = strings.TrimSuffix(rest, `",`)
		}
		if _, rest, ok := strings.Cut(lines.Text(), `"url": "`); ok {
			p.URL = strings.TrimSuffix(rest, `"`)
			return p
		}
	}
	t.Fatal("serve ended before it was ready")
	return nil
}

// Kill is SIGKILL: the process gets no chance to tidy up.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
