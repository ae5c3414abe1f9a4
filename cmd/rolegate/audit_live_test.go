package main

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"regexp"
	"rolegate/internal/testkit"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// A log that was altered is told with what names the findings; by that name, and with
// a reason, somebody answers for them, until there are others.
func TestFindingsAreAccepted(t *testing.T) {
	dir := t.TempDir()
	rolegate := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command("rolegate", append(args, "--data", dir)...)
		cmd.Env = cleanEnviron()
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%v: %v, want %d\n%s", args, err, want, out)
		}
		return string(out)
	}
	alter := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rolegate.db")+"?_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		testkit.Unguard(t, db)
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	rolegate(0, "init")
	rolegate(0, "audit", "checkpoint")
	rolegate(0, "audit", "verify", "--live")
	alter(`DELETE FROM audit_sealed WHERE idx = (SELECT min(idx) FROM audit_sealed)`)
	out := rolegate(20, "audit", "verify", "--live")
	found := regexp.MustCompile(`These findings are ([0-9a-f]{16})\.`).FindStringSubmatch(out)
	if found == nil || !strings.Contains(out, "TAMPERED") {
		t.Fatal(out)
	}
	rolegate(1, "audit", "verify", "--live", "--accept", "0123456789abcdef", "--reason", "a drill")
	rolegate(1, "audit", "verify", "--live", "--accept", found[1])
	if out := rolegate(20, "audit", "verify", "--live", "--accept", found[1], "--reason", "a drill"); !strings.Contains(out, "no alarm") {
		t.Error(out)
	}
	alter(`DELETE FROM audit_sealed WHERE idx = (SELECT min(idx) FROM audit_sealed)`)
	if out := rolegate(20, "audit", "verify", "--live"); strings.Contains(out, found[1]) || !strings.Contains(out, "These findings are") {
		t.Error(out)
	}
}
