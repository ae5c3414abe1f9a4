package filter_test

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rolegate/api/filter"
)

// The SQLite that people have is older than the one these tests link: there a
// day that never was could pass for one.
func TestClocksOnTheSystemsSQLite(t *testing.T) {
	shell, err := osexec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	version, err := osexec.Command(shell, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("SQLite %s", version)
	literal := func(s string) string { return "CAST(x'" + fmt.Sprintf("%x", s) + "' AS TEXT)" }
	const after = "0000-01-01T00:00:00Z"
	e := filter.Expr{Op: filter.GreaterOrEqual, Field: "x", Type: filter.Time, Value: after}
	where, params, err := filter.Filter{Kind: filter.Conditional, Expr: &e}.SQL(filter.SQLite, map[string]filter.Column{"x": {Name: "x", Type: filter.Text}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		where = strings.Replace(where, "?", fmt.Sprint(p), 1) // integers all
	}
	var script strings.Builder
	script.WriteString("CREATE TABLE t (id INTEGER, x TEXT);\n")
	texts := slices.Concat(clocks, wrongClocks)
	want := []string{}
	for i, s := range texts {
		fmt.Fprintf(&script, "INSERT INTO t VALUES (%d, %s);\n", i, literal(s))
		passes, err := e.Eval(func(string) (any, bool) { return s, true })
		if err != nil {
			t.Fatal(err)
		}
		if passes == filter.Yes {
			want = append(want, fmt.Sprint(i))
		}
	}
	fmt.Fprintf(&script, "SELECT id FROM t WHERE %s ORDER BY id;\n", where)
	cmd := osexec.Command(shell, "-batch", filepath.Join(t.TempDir(), "t.db"))
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := strings.Fields(string(out))
	for i, s := range texts {
		if id := fmt.Sprint(i); slices.Contains(got, id) != slices.Contains(want, id) {
			t.Errorf("%q passes: %t", s, slices.Contains(got, id))
		}
	}
}
