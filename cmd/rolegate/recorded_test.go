package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store/sqlstore"
)

// recorded are commands with arguments, in an order in which they can run; each leaves an
// entry by the host's operator, whether it does something, only shows it, or is refused.
// DIR is a folder with the files they take.
var recorded = []struct {
	command, args string
	refused       bool
}{
	{"init", "", false},
	{"tenant list", "", false},
	{"tenant add", "beta", false},
	{"tenant set", "beta --strict-fields", false},
	{"tenant set", "beta --strict-fields", false},
	{"tenant disable", "beta", false},
	{"tenant enable", "beta", false},
	{"tenant enable", "beta", false},
	{"user list", "", false},
	{"user add", "ann", false},
	{"user add", "ann", true},
	{"user invite", "ann", false},
	{"user import", "DIR/users.json", false},
	{"user import", "DIR/more.json --dry-run", false},
	{"user disable", "ann", false},
	{"user disable", "ann", false},
	{"user enable", "ann", false},
	{"user unlock", "ann", false},
	{"user end-sessions", "ann", false},
	{"role list", "", false},
	{"role add", "visitor", false},
	{"role set", "visitor --require-mfa", false},
	{"role set", "visitor --require-mfa", false},
	{"user assign", "ann --role visitor", false},
	{"user assign", "ann --role visitor", false},
	{"user unassign", "ann --role visitor", false},
	{"role assign", "visitor ann", false},
	{"role unassign", "visitor ann", false},
	{"role remove", "visitor", false},
	{"client list", "", false},
	{"client add", "crm --scope decide", false},
	{"client rotate", "crm", false},
	{"client disable", "crm", false},
	{"client disable", "crm", false},
	{"client enable", "crm", false},
	{"import", "DIR/people.json", false},
	{"import", "DIR/people.json", false},
	{"import", "DIR/people.json --dry-run", false},
	{"policy export", "", false},
	{"policy import", "DIR/policy.csv", false},
	{"policy import", "DIR/policy.csv", false},
	{"policy revisions", "", false},
	{"policy export", "--revision 4711", true},
	{"policy rollback", "4711 --dry-run", true},
	{"policy rollback", "4711 --reason test", true},
	{"policy drafts", "", false},
	{"policy publish", "none", true},
	{"policy explain", "--subject user:ann --action read --resource contact:1", false},
	{"policy diff", "DIR/policy.csv --tenant default", false},
	{"policy test", "DIR/policy.csv --cases DIR/cases.yaml --tenant default", false},
	{"keys list", "", false},
	{"keys rotate", "", false},
	{"keys rotate", "", true},
	{"keys revoke", "none", true},
	{"keys kek add", "", false},
	{"keys kek use", "00000000", true},
	{"keys kek drop", "00000000", true},
	{"keys rotate", "--kek", false},
	{"keys reseal", "", false},
	{"audit search", "", false},
	{"audit show", "0 --platform", false},
	{"audit export", "DIR/bundle", false},
	{"audit verify", "--live", false},
	{"audit resume", "--reason drill", false},
	{"restored", "", false},
}

// unrecorded are commands that leave none, and why.
var unrecorded = map[string]string{
	"serve":            "is the service: that it starts and stops are entries of the system",
	"demo":             "plays on a log of its own, which it throws away",
	"version":          "opens no database",
	"healthcheck":      "asks the service whether it is well, as anybody may",
	"hash-worker":      "is a part of the service",
	"migrate":          "tells the version of the schema, and nothing that is kept in it",
	"policy check":     "reads files, and opens no database",
	"keys init":        "makes the key file: what is sealed with it comes later, and its first use is an entry",
	"audit key":        "prints the public key, which is for everybody",
	"audit checkpoint": "prints what is published: sizes and hashes",
}

// TestCommandsAreRecorded runs every command there is.
func TestCommandsAreRecorded(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ROLEGATE_DATA", filepath.Join(dir, "data"))
	for name, text := range map[string]string{
		"users.json":  `{"users": [{"id": "cleo", "password_hash": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}]}`,
		"more.json":   `{"users": [{"id": "dora", "password_hash": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}]}`,
		"people.json": `{"teams": [{"id": "emea"}]}`,
		"policy.csv":  "p, role:sales-rep, contact, read, own, , allow\n",
		"cases.yaml":  "- name: reps read\n  roles: [sales-rep]\n  action: read\n  resource: {type: contact, id: \"1\", properties: {owner: me}}\n  want: allow\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	command := func(line string) int {
		if err := said.Truncate(0); err != nil {
			t.Fatal(err)
		}
		return run(strings.Fields(strings.ReplaceAll(line, "DIR", dir)), said, said)
	}
	if status := command("migrate"); status != 0 {
		t.Fatal("no database is made")
	}
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "data", "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	covered := map[string]bool{}
	for _, c := range recorded {
		covered[c.command] = true
		status := 0
		left := audittest.Left(t, st, func() { status = command(c.command + " " + c.args) })
		if (status != 0) != c.refused {
			b, _ := os.ReadFile(said.Name())
			t.Errorf("%s %s: exit status %d\n%s", c.command, c.args, status, b)
		}
		if !slices.ContainsFunc(left, func(e audittest.Entry) bool {
			return e.Actor == "operator" && (e.Activity == audit.OperationFailed) == c.refused
		}) {
			t.Errorf("%s %s: in the log stands %v", c.command, c.args, audittest.Activities(left))
		}
	}
	for _, name := range leafCommands((&cli{stdout: said, stderr: said}).root()) {
		if why := unrecorded[name]; covered[name] == (why != "") {
			t.Errorf("%s: runs: %v, leaves no entry because: %q", name, covered[name], why)
		}
		delete(unrecorded, name)
	}
	if len(unrecorded) > 0 {
		t.Errorf("there are no such commands: %v", unrecorded)
	}
}

// leafCommands are those that do something, with the groups they are in.
func leafCommands(cmd *cobra.Command) (names []string) {
	if len(cmd.Commands()) == 0 {
		return []string{strings.TrimPrefix(cmd.CommandPath(), "rolegate ")}
	}
	for _, sub := range cmd.Commands() {
		names = append(names, leafCommands(sub)...)
	}
	return names
}
