package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

func readmeBlocks(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range shellBlock.FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// Every snippet of the README does what it says: `make run` is started as it
// stands there, the others run in order in one shell beside it, and each line
// "# → text" is what the command before it prints.
func TestREADME(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "README.md")
	if len(blocks) < 3 || blocks[0] != "make run\n" || blocks[len(blocks)-1] != "make test\n" {
		t.Fatalf("the README begins with make run and ends with make test; its blocks are %q", blocks)
	}
	// This very run is `make test`; the rest is run here.
	dir, address := shortDir(t), freeAddress(t)
	environ := append(cleanEnviron(), "ROLEGATE_DATA="+dir, "ROLEGATE_LISTEN="+address, "ROLEGATE_ADMIN_LISTEN="+freeAddress(t),
		"ROLEGATE_ISSUER=http://"+address, "LANG=C.UTF-8", "CGO_ENABLED=0", "GOFLAGS=")
	makeRun(t, blocks[0], environ, address)

	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, b := range blocks[1 : len(blocks)-1] {
		b = strings.ReplaceAll(b, "localhost:8080", address)
		b = regexp.MustCompile(`(> |-d > )(\w+\.(json|png))`).ReplaceAllString(b, "$1$$work/$2")
		b = regexp.MustCompile(`(\s)((enrol|alice|crm)\.json|log\.key|kept\.checkpoint|november)\b`).ReplaceAllString(b, "$1$$work/$2")
		for _, line := range strings.SplitAfter(b, "\n") {
			if want, ok := strings.CutPrefix(line, "# → "); ok {
				line = "echo '→ " + strings.TrimSpace(want) + "'\n"
			}
			script.WriteString(line)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = "../.."
	cmd.Env = append(environ, "work="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compareArrows(t, string(out))
}

// compareArrows holds each line "→ text" against the lines printed before it:
// as many of those as there are arrows in a row.
func compareArrows(t *testing.T, out string) {
	t.Helper()
	var printed, wanted []string
	check := func() {
		for i, want := range wanted {
			at := len(printed) - len(wanted) + i
			if at < 0 || !strings.HasPrefix(printed[at], want) {
				t.Errorf("printed %q, the README says %q", printed, wanted)
				break
			}
		}
		if len(wanted) > 0 {
			printed, wanted = nil, nil
		}
	}
	arrows := 0
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if want, ok := strings.CutPrefix(line, "→ "); ok {
			wanted = append(wanted, want)
			arrows++
			continue
		}
		check()
		printed = append(printed, line)
	}
	check()
	if arrows < 5 {
		t.Errorf("only %d promises were checked", arrows)
	}
}

// makeRun runs the README's first command and waits until the service answers.
func makeRun(t *testing.T, command string, environ []string, address string) {
	t.Helper()
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir, cmd.Env = "../..", environ
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
		if !strings.Contains(out.String(), "user add alice --role sales-rep") {
			t.Errorf("make run does not say what to do next:\n%s", out.String())
		}
	})
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("make run does not serve:\n%s", out.String())
}

// The Chinese README shows the same commands.
func TestREADMEsAgree(t *testing.T) {
	en, zh := readmeBlocks(t, "README.md"), readmeBlocks(t, "README.zh-CN.md")
	if strings.Join(en, "\n") != strings.Join(zh, "\n") {
		t.Errorf("the snippets differ:\n%s\n%s", en, zh)
	}
}

// shortDir is a temporary directory whose path leaves room for a local socket.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "rg")
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
