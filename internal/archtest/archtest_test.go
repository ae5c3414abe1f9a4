// Package archtest holds the arrows between the packages, so that nobody has to
// remember them. It has no code of its own: the table below is what it is for.
//
//	cmd ─▶ app ─▶ {server, console} ─▶ administration ─▶ {login, directory, policy, privacy} ─▶ audit
//	    ─▶ {password, totp, token, keyring, store} ─▶ model
//
// Left may import right, any distance. The same layer may not, but for the
// exceptions in the table, each with its reason.
package archtest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

const module = "rolegate"

// Groups of packages, to be named in the table. Paths are below the module.
var (
	mechanisms   = []string{"internal/password", "internal/totp", "internal/token", "internal/keyring", "internal/throttle"}
	capabilities = []string{"internal/login", "internal/directory", "internal/policy", "internal/privacy"}
	surfaces     = []string{"internal/server", "internal/console"}
	logs         = []string{"internal/audit/bundle", "internal/audit/checkpoint", "internal/audit/ocsf", "internal/audit/search", "internal/audit/selfverify", "internal/audit/sink", "internal/audit/verify"}                                                                        // what is made of the log; the append path knows none of it
	areas        = []string{"internal/console/account", "internal/console/changes", "internal/console/clients", "internal/console/entrance", "internal/console/logbook", "internal/console/page", "internal/console/people", "internal/console/policies", "internal/console/reasons"} // of the pages
	compositions = []string{"internal/administration", "internal/change"}                                                                                                                                                                                                             // of capabilities: it asks the policy, then changes the directory
	leaves       = []string{"internal/i18n", "internal/reqctx", "internal/tracing", "internal/framing"}                                                                                                                                                                               // any layer above the mechanisms may use them
)

// arrows says what each package may import of ours. A package without a row is
// an error: whoever adds one says here where it belongs. Tests are not held by
// it; they may import what the compiler allows.
var arrows = []struct {
	pkg string
	may []string
}{
	{"model", nil},
	{"api", nil},
	{"api/client", list("api", "api/filter")},
	{"api/filter", nil},
	{"", nil}, // package rolegate: embeds policy.csv, no more

	{"internal/i18n", list("model")},
	{"internal/reqctx", list("model")},
	{"internal/tracing", list("internal/reqctx")},
	{"internal/framing", nil},

	{"internal/password", list("model", "internal/tracing")},
	{"internal/totp", list("model")},
	{"internal/token", list("model")},
	{"internal/keyring", list("model")},
	{"internal/store", list("model")},
	{"internal/store/sqlstore", list("model", "internal/store")},
	{"internal/throttle", list("model", "internal/store")}, // a rule is worked out between two statements

	{"internal/audit/tree", nil},
	{"internal/audit/wire", nil},
	{"internal/audit", list("model", "internal/store", "internal/audit/tree", "internal/audit/wire", leaves, mechanisms)},
	{"internal/audit/skim", list("internal/audit/wire")},
	{"internal/audit/verify", list("model", "internal/store", "internal/audit", "internal/audit/tree", "internal/audit/skim")}, // what an auditor trusts: no keys, no network
	{"internal/audit/bundle", list("model", "internal/store", "internal/audit/tree", "internal/audit/wire", "internal/audit/skim", "internal/audit/verify")},
	{"internal/audit/selfverify", list("model", "internal/store", "internal/audit", "internal/audit/verify")},
	{"internal/audit/checkpoint", list("model", "internal/store", "internal/audit", "internal/audit/tree", "internal/keyring")},
	{"internal/audit/ocsf", list("model", "internal/audit")},
	{"internal/audit/sink", list("model", "internal/store", "internal/audit", "internal/audit/tree", "internal/audit/ocsf")},
	{"internal/audit/search", list("model", "internal/store", "internal/audit", "internal/audit/tree", "internal/audit/ocsf")},

	{"internal/login", list("model", "internal/store", "internal/audit", leaves, mechanisms)},
	{"internal/directory", list("model", "internal/store", "internal/audit", leaves, mechanisms)},
	{"internal/policy/condition", list("model", "api/filter")},
	{"internal/policy", list("model", "api/filter", "internal/policy/condition", "internal/store", "internal/audit", leaves, mechanisms)},
	{"internal/policy/review", list("model", "internal/policy")}, // pure: what a new document would change
	{"internal/policy/rewrite", list("model")},                   // single rows of a text
	{"internal/privacy", list("model", "internal/store", "internal/audit", leaves, mechanisms)},

	{"internal/change", list("model", "internal/store", "internal/audit", "internal/policy/review", "internal/policy/rewrite", leaves, mechanisms, capabilities)},
	{"internal/administration", list("model", "internal/store", "internal/audit", "internal/audit/search", "internal/change", "internal/policy/review", leaves, mechanisms, capabilities)},

	{"internal/server", list("model", "api", "api/filter", "internal/store", "internal/audit", "internal/audit/tree", "internal/audit/checkpoint", "internal/audit/search", leaves, mechanisms, capabilities, compositions)},
	{"internal/console/page", list("model", "api", leaves, mechanisms, capabilities, compositions)},                            // it draws QR codes and tells of passwords
	{"internal/console/account", list("model", "internal/console/page", "internal/login", "internal/store", "internal/audit")}, // what it shows: sessions, and activities of a history
	{"internal/console/entrance", list("model", "internal/console/page", leaves, mechanisms, capabilities)},
	{"internal/console/reasons", list("model", "internal/console/page", "internal/i18n", "internal/policy", "internal/administration")},
	{"internal/console/logbook", list("model", "internal/console/page", "internal/console/reasons", "internal/audit", "internal/audit/search", "internal/administration", "internal/i18n")},
	{"internal/console/policies", list("model", "internal/console/page", "internal/policy/rewrite", leaves, capabilities, compositions)},
	{"internal/console/changes", list("model", "internal/console/page", leaves, mechanisms, capabilities, compositions)},
	{"internal/console/people", list("model", "internal/console/page", "internal/store", leaves, capabilities, compositions)},
	{"internal/console/clients", list("model", "internal/console/page", leaves, capabilities, compositions)},
	{"internal/console", list("model", areas, leaves, capabilities, compositions)},

	// The only package that sees all others.
	{"internal/app", list("", "model", "api", "internal/store", "internal/store/sqlstore", "internal/audit", logs, leaves, mechanisms, capabilities, "internal/policy/review", compositions, surfaces)},

	// What commands need of the store or the surfaces they get from app.
	{"cmd/rolegate", list("", "model", "api", "api/client", "internal/app", "internal/audit", "internal/audit/search", "internal/audit/selfverify", "internal/audit/tree", "internal/audit/verify", "internal/audit/bundle", "internal/policy/review", leaves, mechanisms, capabilities)},
}

// testHelpers hold code for tests and may import everything; only tests, and
// one another, may import them. Otherwise they, and the testing libraries they
// bring along, end up in the binary of every user.
var testHelpers = []string{"internal/testkit", "internal/testkit/pgtest", "internal/testkit/mariatest", "internal/testkit/witness", "internal/testkit/workload", "internal/testkit/logkit", "internal/testkit/smalldisk", "internal/testkit/bench", "internal/testkit/browser", "internal/store/storetest", "internal/audit/ocsf/ocsftest", "internal/audit/audittest", "internal/archtest", "internal/checklist", "internal/requirements"}

// owners says who may import a module of others (a path prefix), so that each
// lives behind one package of ours. A module that is not listed is free, but
// for the packages in narrow. The test helpers may import all of them.
var owners = []struct {
	path string
	by   []string
}{
	{"github.com/casbin", list("internal/policy")},
	{"cel.dev", list("internal/policy/condition")},
	{"github.com/google/cel-go", list("internal/policy/condition")}, // its path of old

	{"modernc.org", list("internal/store/sqlstore")},
	{"github.com/jackc", list("internal/store/sqlstore")},
	{"github.com/pressly/goose", list("internal/store/sqlstore")},
	{"database/sql", list("internal/store/sqlstore")},

	{"github.com/golang-jwt", list("internal/token")},
	{"github.com/pquerna/otp", list("internal/totp", "cmd/rolegate")}, // the demo plays the person with the authenticator
	{"golang.org/x/crypto/argon2", list("internal/password")},
	{"golang.org/x/crypto/bcrypt", list("internal/password")},
	{"crypto/pbkdf2", list("internal/password")},
	{"github.com/ccojocar/zxcvbn-go", list("internal/password")},
	{"github.com/tink-crypto", list("internal/keyring")},

	{"github.com/transparency-dev/merkle", list("internal/audit/tree")},
	{"github.com/transparency-dev/formats", list("internal/audit/verify")},

	{"go.opentelemetry.io", list("internal/tracing")},
	{"github.com/go-chi", list(surfaces, "internal/console/page")},
	{"github.com/caarlos0/env", list("internal/app")},
	{"github.com/spf13", list("cmd/rolegate")},
	{"github.com/oapi-codegen", list("api")},
	{"github.com/sony/gobreaker", list("api/client")},

	// Tests only.
	{"testing", nil},
	{"github.com/google/go-cmp", nil},
	{"pgregory.net/rapid", nil},
	{"github.com/go-sql-driver", nil},        // what filters mean on a customer's MySQL
	{"github.com/andybalholm/cascadia", nil}, // pages are looked at by CSS selectors
	{"github.com/chromedp", nil},             // and in a real browser
	{"go.uber.org/goleak", nil},
	{"github.com/rogpeppe/go-internal", nil},
	{"github.com/getkin/kin-openapi", nil},
	{"github.com/coreos/go-oidc", nil},
	{"github.com/zitadel/oidc", nil}, // how most backends introspect and revoke
}

// narrow lists all that a package may import beyond the standard library and
// its arrows, for packages whose smallness is a promise.
var narrow = map[string][]string{
	"model":           nil,
	"":                nil,
	"api":             list("github.com/oapi-codegen/runtime"),
	"api/client":      list("github.com/sony/gobreaker"),
	"api/filter":      nil,
	"internal/i18n":   list("golang.org/x/text"),
	"internal/reqctx": nil,
	"internal/store":  nil,

	"internal/policy/condition": list("cel.dev/cel-go"),
}

// vague names say where code was put, not what it provides.
var vague = list("util", "utils", "common", "types", "helpers", "helper", "misc", "shared", "lib")

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Doc        string // the first sentence of the package comment
	Imports    []string
	Deps       []string
}

func TestArrows(t *testing.T) {
	pkgs := load(t)
	if len(pkgs) < 10 {
		t.Fatalf("go list found %d packages, too few to be Rolegate", len(pkgs))
	}
	for _, complaint := range check(pkgs) {
		t.Error(complaint)
	}
}

// check holds the packages against the tables and says what is wrong.
func check(pkgs []pkg) []string {
	var bad []string
	complain := func(p pkg, what string) { bad = append(bad, p.ImportPath+" "+what) }
	for _, p := range pkgs {
		path := below(p.ImportPath)
		if slices.Contains(vague, last(p.ImportPath)) || slices.Contains(vague, p.Name) {
			complain(p, "has a name that does not say what it provides")
		}
		if p.Name != "main" && !strings.HasPrefix(p.Doc, "Package "+p.Name+" ") && path != "internal/archtest" {
			complain(p, `has no package comment that begins "Package `+p.Name+`"`)
		}
		if slices.Contains(testHelpers, path) {
			continue
		}
		may, known := arrowsOf(path)
		if !known {
			complain(p, "is in no row of archtest's table")
			continue
		}
		for _, imp := range p.Imports {
			if why := refused(path, may, imp); why != "" {
				complain(p, "must not import "+imp+": "+why)
			}
		}
		// What a library of others drags in is no import of ours, but is linked all the same.
		for _, dep := range p.Deps {
			if ours(dep) && slices.Contains(testHelpers, below(dep)) && !slices.Contains(p.Imports, dep) {
				complain(p, "depends on "+dep+", which is for tests only")
			}
		}
	}
	return bad
}

// refused says why the package at path must not import imp, or nothing.
func refused(path string, may []string, imp string) string {
	if ours(imp) {
		switch {
		case slices.Contains(testHelpers, below(imp)):
			return "it is for tests only"
		case !slices.Contains(may, below(imp)):
			return "there is no such arrow"
		}
		return ""
	}
	if allowed, ok := narrow[path]; ok && !std(imp) && !within(imp, allowed) {
		return "the package keeps to the standard library" + except(allowed)
	}
	for _, o := range owners {
		if within(imp, []string{o.path}) && !slices.Contains(o.by, path) {
			if len(o.by) == 0 {
				return "it is for tests only"
			}
			return "only " + strings.Join(o.by, ", ") + " may"
		}
	}
	return ""
}

func except(allowed []string) string {
	if len(allowed) == 0 {
		return ""
	}
	return " and " + strings.Join(allowed, ", ")
}

func arrowsOf(path string) (may []string, known bool) {
	for _, a := range arrows {
		if a.pkg == path {
			return a.may, true
		}
	}
	return nil, false
}

// TestCheck breaks every rule once, in a module that does not exist.
func TestCheck(t *testing.T) {
	fine := pkg{ImportPath: "rolegate/internal/login", Name: "login", Doc: "Package login is fine.",
		Imports: list("context", "rolegate/internal/audit", "rolegate/internal/store", "rolegate/model", "golang.org/x/text/secure/precis")}
	if got := check([]pkg{fine}); len(got) > 0 {
		t.Errorf("a sound package is refused: %q", got)
	}

	for _, c := range []struct {
		name string
		path string
		doc  string // "" means a sound one
		imp  string
		dep  string
		want string
	}{
		{name: "upwards", path: "internal/store", imp: "rolegate/internal/audit", want: "rolegate/internal/store must not import rolegate/internal/audit: there is no such arrow"},
		{name: "sideways", path: "internal/login", imp: "rolegate/internal/policy", want: "rolegate/internal/login must not import rolegate/internal/policy: there is no such arrow"},
		{name: "around app", path: "cmd/rolegate", imp: "rolegate/internal/store/sqlstore", want: "rolegate/cmd/rolegate must not import rolegate/internal/store/sqlstore: there is no such arrow"},
		{name: "client", path: "api/client", imp: "rolegate/model", want: "rolegate/api/client must not import rolegate/model: there is no such arrow"},
		{name: "library in model", path: "model", imp: "golang.org/x/text/language", want: "rolegate/model must not import golang.org/x/text/language: the package keeps to the standard library"},
		{name: "library in client", path: "api/client", imp: "golang.org/x/sync/singleflight", want: "rolegate/api/client must not import golang.org/x/sync/singleflight: the package keeps to the standard library and github.com/sony/gobreaker"},
		{name: "library in api", path: "api", imp: "github.com/getkin/kin-openapi/openapi3", want: "rolegate/api must not import github.com/getkin/kin-openapi/openapi3: the package keeps to the standard library and github.com/oapi-codegen/runtime"},
		{name: "second owner", path: "internal/directory", imp: "github.com/casbin/casbin/v2", want: "rolegate/internal/directory must not import github.com/casbin/casbin/v2: only internal/policy may"},
		{name: "test helper", path: "internal/app", imp: "rolegate/internal/testkit", want: "rolegate/internal/app must not import rolegate/internal/testkit: it is for tests only"},
		{name: "test helper far away", path: "cmd/rolegate", dep: "rolegate/internal/store/storetest", want: "rolegate/cmd/rolegate depends on rolegate/internal/store/storetest, which is for tests only"},
		{name: "test library", path: "internal/audit", imp: "testing", want: "rolegate/internal/audit must not import testing: it is for tests only"},
		{name: "unknown package", path: "internal/webhook", want: "rolegate/internal/webhook is in no row of archtest's table"},
		{name: "no comment", path: "internal/totp", doc: "TOTP codes.", want: `rolegate/internal/totp has no package comment that begins "Package totp"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pkg{ImportPath: module + "/" + c.path, Name: last(c.path), Doc: c.doc}
			if p.Doc == "" {
				p.Doc = "Package " + p.Name + " is an example."
			}
			if c.imp != "" {
				p.Imports = list(c.imp)
			}
			if c.dep != "" {
				p.Deps = list(c.dep)
			}
			if diff := cmp.Diff([]string{c.want}, check([]pkg{p})); diff != "" {
				t.Error(diff)
			}
		})
	}

	odd := pkg{ImportPath: "rolegate/internal/util", Name: "util", Doc: "Package util is a drawer."}
	if got := check([]pkg{odd}); len(got) != 2 || !strings.Contains(got[0], "does not say what it provides") {
		t.Errorf("a package named util: %q", got)
	}
}

// TestTables finds rows that hold nothing: an arrow to a package nobody knows.
func TestTables(t *testing.T) {
	known := map[string]bool{}
	for _, a := range arrows {
		if known[a.pkg] {
			t.Errorf("two rows for %q", a.pkg)
		}
		known[a.pkg] = true
	}
	for _, a := range arrows {
		for _, to := range a.may {
			if !known[to] {
				t.Errorf("%s may import %q, which has no row", a.pkg, to)
			}
		}
	}
	for path := range narrow {
		if !known[path] {
			t.Errorf("narrow names %q, which has no row", path)
		}
	}
	for _, o := range owners {
		for _, by := range o.by {
			if !known[by] {
				t.Errorf("%s is owned by %q, which has no row", o.path, by)
			}
		}
	}
}

// load asks `go list` for every package of the module.
func load(t *testing.T) []pkg {
	t.Helper()
	root := filepath.Join("..", "..")
	touch(t, root)
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Doc,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Name != "" { // -e also lists folders without Go files
			pkgs = append(pkgs, p)
		}
	}
	return pkgs
}

// touch looks at every Go file, so that a cached result of this test, which go
// test keeps by the files a test looked at, ends with the next change of one.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root, d.IsDir() && (d.Name() == "data" || d.Name() == "bin"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// list makes one list of strings and lists.
func list(parts ...any) []string {
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

// within tells whether path is one of the roots or below one.
func within(path string, roots []string) bool {
	for _, r := range roots {
		if path == r || strings.HasPrefix(path, r+"/") {
			return true
		}
	}
	return false
}

func ours(path string) bool { return within(path, []string{module}) }

// below is a package's path inside the module; "" for its root.
func below(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

// std tells whether a path is in the standard library: those have no dot in
// their first element.
func std(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// modernc.org/sqlite is code made for one release of modernc.org/libc, and asks who
// uses it for no other ("Fragile modernc.org/libc dependency", its package doc). A
// module that wants a newer one would bring it in unseen: go.mod excludes that.
func TestLibcIsSQLites(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite").Output()
	if err != nil {
		t.Fatal(err)
	}
	wanted := required(t, strings.TrimSpace(string(out)), "modernc.org/libc")
	for _, dir := range []string{".", "examples/crm", "interop"} {
		if used := required(t, filepath.Join("..", "..", dir, "go.mod"), "modernc.org/libc"); used != wanted {
			t.Errorf("%s: libc %s, where SQLite asks for %s", dir, used, wanted)
		}
	}
}

// required is the version of a module that a go.mod asks for.
func required(t *testing.T, file, module string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.ParseLax(file, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return r.Mod.Version
		}
	}
	t.Fatalf("%s does not name %s", file, module)
	return ""
}
