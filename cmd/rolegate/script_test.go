package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Stories of an operator at a terminal: see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// A short path: a local socket's has room for 107 bytes.
			data, err := os.MkdirTemp("", "rg")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(data) })
			e.Setenv("ROLEGATE_DATA", data)
			e.Setenv("ROLEGATE_LISTEN", freeAddress(t))
			e.Setenv("ROLEGATE_ADMIN_LISTEN", freeAddress(t))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":  scriptServe,
			"nobody": scriptNobody,
			"listen": scriptListen,
		},
	})
}

// freeAddress is one that nobody else takes until it is used: the tests of other packages
// listen at 127.0.0.1.
func freeAddress(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.21:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// scriptServe starts the service in the background until the script ends.
func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command("rolegate", append([]string{"serve", "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "ROLEGATE_DATA="+ts.Getenv("ROLEGATE_DATA"), "ROLEGATE_LISTEN="+ts.Getenv("ROLEGATE_LISTEN"),
		"ROLEGATE_ADMIN_LISTEN="+ts.Getenv("ROLEGATE_ADMIN_LISTEN"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", ts.Getenv("ROLEGATE_LISTEN")); err == nil {
			conn.Close()
			return
		}
	}
	ts.Fatalf("serve is not ready")
}

// scriptListen occupies an address until the script ends.
func scriptListen(ts *testscript.TestScript, neg bool, args []string) {
	ln, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { ln.Close() })
}

// scriptNobody runs rolegate as an unprivileged user, since root ignores file modes.
func scriptNobody(ts *testscript.TestScript, neg bool, args []string) {
	path, err := exec.LookPath("rolegate")
	ts.Check(err)
	// Where the test binary lies, nobody may not go.
	copied := filepath.Join(os.TempDir(), fmt.Sprintf("rolegate-nobody-%d", os.Getpid()), "rolegate")
	ts.Check(os.MkdirAll(filepath.Dir(copied), 0o755))
	ts.Check(os.Chmod(filepath.Dir(copied), 0o755))
	b, err := os.ReadFile(path)
	ts.Check(err)
	if _, err := os.Stat(copied); err != nil {
		ts.Check(os.WriteFile(copied, b, 0o755))
	}
	ts.Defer(func() { os.RemoveAll(filepath.Dir(copied)) })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, copied, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=/", "PATH=" + os.Getenv("PATH"), "ROLEGATE_DATA=" + ts.Getenv("ROLEGATE_DATA")}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	ts.Logf("%s", strings.TrimSpace(string(out)))
	if neg == (err == nil) {
		ts.Fatalf("nobody %v: %v", args, err)
	}
	ts.Setenv("NOBODY_SAID", strings.TrimSpace(string(out)))
}
