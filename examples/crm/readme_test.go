package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Every block of the README does what it says. They run in one shell, those that
// begin with "# keeps running" in its background, and each line "# → text" is what
// the command before it prints.
func TestREADME(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	work, gate, crm := shortDir(t), freeAddress(t), freeAddress(t)
	here := strings.NewReplacer("$PWD/run", work, "localhost:8080", gate, "localhost:9000", crm)
	servers := []string{gate, crm}

	// The servers are of the shell's process group, and end with it.
	script := "set -euo pipefail\ntrap 'trap \"\" TERM; kill 0; wait' EXIT\n"
	for _, m := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		block := here.Replace(m[1])
		switch {
		case block == "go test ./...\n": // this very run
		case strings.HasPrefix(block, "# keeps running\n"):
			script += "(\n" + block + ") &\nuntil (: < /dev/tcp/" + strings.Replace(servers[0], ":", "/", 1) + ") 2> /dev/null; do kill -0 $!; sleep 0.05; done\n"
			servers = servers[1:]
		default:
			for line := range strings.Lines(block) {
				if want, ok := strings.CutPrefix(line, "# → "); ok {
					line = "printf '%s\\n' " + quote("→ "+strings.TrimSuffix(want, "\n")) + "\n"
				}
				script += line
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Env = append(cleanEnviron(), "ROLEGATE_LISTEN="+gate, "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0", "ROLEGATE_ISSUER=http://"+gate,
		"CRM_ROLEGATE_URL=http://"+gate, "CRM_LISTEN="+crm, "LANG=C.UTF-8", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if n := compareArrows(t, out.String()); n < 30 {
		t.Errorf("only %d promises were checked", n)
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// compareArrows holds each line "→ text" against the lines printed before it: as
// many of those as there are arrows in a row.
func compareArrows(t *testing.T, out string) (arrows int) {
	t.Helper()
	var printed, wanted []string
	check := func() {
		if len(wanted) > 0 && strings.Join(printed[max(0, len(printed)-len(wanted)):], "\n") != strings.Join(wanted, "\n") {
			t.Errorf("printed\n%s\nthe README says\n%s", strings.Join(printed, "\n"), strings.Join(wanted, "\n"))
		}
		if len(wanted) > 0 {
			printed, wanted = nil, nil
		}
	}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if want, ok := strings.CutPrefix(line, "→ "); ok {
			wanted = append(wanted, want)
			arrows++
			continue
		}
		check()
		printed = append(printed, line)
	}
	check()
	return arrows
}
