package checklist

import (
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(136, "unknown, wrong, locked, disabled and password-less users cost the same: one hash, one entry, the same counters; `make long` compares the times", sameWork)
	holds(137, "likewise, each of them, with a password of one character and of 128; an empty one is refused before anybody is looked up, or costs likewise", sameWorkOfLengths)
	holds(138, "likewise of a user just looked up and of one who was not", sameWorkWarmAndCold)
	holds(139, "an invitation that is unknown, used, expired or of a disabled user gets one answer; nobody registers themselves", invitesAlike)
	holds(140, "limits meet names nobody has just as they meet users", limitsAlike)
	holds(141, "before the password is right no answer tells of tries left, factors or a locked code step of an account; a wait is told of names nobody has, too", nothingBeforePassword)
	holds(142, "while the code step is locked, a right and a wrong code get the same answer, and neither is looked at", lockedAlike)
	holds(143, "code check: secrets are compared in constant time, or found by their digest", constantTime)
}

var timing = flag.Bool("timing", false, "compare the times of logins that are refused, as make long does")

// class is a kind of login that is refused. Each attempt has an account and an
// address of its own, or throttling is what is measured.
type class struct {
	name    string
	account func(k *testkit.Kit, id string) // makes it
	warm    bool                            // has just been looked up
}

var unknownUser = class{name: "unknown", account: func(*testkit.Kit, string) {}}

// people makes a class of users with a password, changed by change.
func people(name string, change func(k *testkit.Kit, id string)) class {
	return class{name: name, account: func(k *testkit.Kit, id string) {
		k.Invite(id)
		ctx := context.Background()
		if _, err := k.App.Store.SetPassword(ctx, model.DefaultTenant, id, "", someHash(k)); err != nil {
			k.T.Fatal(err)
		}
		change(k, id)
	}}
}

var hashes = map[*testkit.Kit]string{}

// someHash is a hash of some password, made once: a thousand take long.
func someHash(k *testkit.Kit) string {
	if hashes[k] == "" {
		var err error
		if hashes[k], err = k.App.Login.Hasher.Hash(context.Background(), testkit.Password); err != nil {
			k.T.Fatal(err)
		}
	}
	return hashes[k]
}

// lockCodes locks a user's code step by ten wrong codes for a first device.
func lockCodes(k *testkit.Kit, id string) {
	k.T.Helper()
	for range 2 {
		ticket := k.Ticket(id)
		k.Want(k.Post("/v1/login/enrol", "", map[string]any{"ticket": ticket}), 200)
		for range 5 {
			k.Want(k.Post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": "000000"}), 401)
		}
	}
}

var refusedClasses = []class{
	unknownUser,
	people("wrong password", func(*testkit.Kit, string) {}),
	people("locked", lockCodes),
	people("disabled", disableUser),
	{name: "no password", account: func(k *testkit.Kit, id string) { k.Invite(id) }},
}

var someAddress = 0

// refuse makes one attempt of an account, from an address nobody had.
func refuse(k *testkit.Kit, id, password string) (time.Duration, testkit.Answer) {
	k.T.Helper()
	someAddress++
	req := testkit.From(k.Request("/v1/login", "", passwordBody(id, password)),
		fmt.Sprintf("10.%d.%d.1", someAddress/256, someAddress%256))
	began := time.Now()
	a, err := testkit.Do(req)
	took := time.Since(began)
	if err != nil {
		k.T.Fatal(err)
	}
	if a.Status != http.StatusUnauthorized {
		k.T.Fatalf("%s: %d %s", id, a.Status, a.Raw)
	}
	return took, a
}

func warmUp(k *testkit.Kit, id string) {
	if _, err := k.App.Store.UserByName(context.Background(), model.DefaultTenant, id); err != nil {
		k.T.Fatal(err)
	}
}

// compare holds each class to the first, by the work it makes, and with -timing
// by the times it takes.
func compare(t *testing.T, password string, classes ...class) {
	var alter func(*app.App)
	if *timing { // the times are those of earnest
		alter = testkit.RealHashes
	}
	k := testkit.StartAltered(t, t.TempDir(), alter, testkit.Proxied)
	for _, c := range classes {
		id := "one-" + strings.ReplaceAll(c.name, " ", "-")
		c.account(k, id)
		if c.warm {
			warmUp(k, id)
		}
		hashed, kept := k.App.Login.Hasher.Stats().Done, counters(k)
		entries := recordedWhile(k, func() { refuse(k, id, password) })
		hashed, kept = k.App.Login.Hasher.Stats().Done-hashed, counters(k)-kept
		if hashed != 1 || len(entries) != 1 || kept != 4 {
			t.Errorf("%s: %d hashes, %d counters, entries %v", c.name, hashed, kept, entries)
		}
	}
	if !*timing {
		return
	}
	const n = 300
	worst := 0.0
	for run := range 3 {
		ids := map[string][]string{}
		for _, c := range classes {
			for i := range n {
				id := fmt.Sprintf("r%d-%d-%s", run, i, strings.ReplaceAll(c.name, " ", "-"))
				c.account(k, id)
				ids[c.name] = append(ids[c.name], id)
			}
		}
		times := map[string][]time.Duration{}
		for i := range n { // interleaved, in an order of its own each time
			for _, j := range rand.Perm(len(classes)) {
				c := classes[j]
				if c.warm {
					warmUp(k, ids[c.name][i])
				}
				took, _ := refuse(k, ids[c.name][i], password)
				times[c.name] = append(times[c.name], took)
			}
		}
		worst = 0.5
		for _, c := range classes[1:] {
			a := auc(times[classes[0].name], times[c.name])
			t.Logf("run %d: AUC of %s against %s: %.3f", run+1, c.name, classes[0].name, a)
			if max(a, 1-a) > max(worst, 1-worst) {
				worst = a
			}
		}
		if worst >= 0.4 && worst <= 0.6 {
			return
		}
	}
	t.Errorf("the times of refused logins tell classes apart in three runs: AUC %.3f", worst)
}

// auc is the chance that one of b takes longer than one of a: the statistic of
// Mann and Whitney over its range, 0.5 where nothing tells them apart.
func auc(a, b []time.Duration) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case y > x:
				u++
			case y == x:
				u += 0.5
			}
		}
	}
	return u / float64(len(a)*len(b))
}

func sameWork(t *testing.T) { compare(t, "wrong", refusedClasses...) }

func sameWorkOfLengths(t *testing.T) {
	compare(t, "x", refusedClasses...)
	compare(t, strings.Repeat("x", 128), refusedClasses...)
	emptyAlike(t)
}

// emptyAlike sends no password. The API refuses the request before anybody is looked up;
// the page takes it for a wrong one, of everybody alike.
func emptyAlike(t *testing.T) {
	k := testkit.New(t)
	answers := map[string]testkit.Answer{}
	for _, c := range refusedClasses {
		id := "none-" + strings.ReplaceAll(c.name, " ", "-")
		c.account(k, id)
		hashes := func(do func()) int64 {
			before := k.App.Login.Hasher.Stats().Done
			do()
			return k.App.Login.Hasher.Stats().Done - before
		}
		kept := counters(k)
		var entries []audit.Activity
		n := hashes(func() {
			entries = recordedWhile(k, func() { answers[c.name] = k.Post("/v1/login", "", passwordBody(id, "")) })
		})
		if kept = counters(k) - kept; n != 0 || kept != 0 || len(entries) != 1 {
			t.Errorf("%s, by the API: %d hashes, %d counters, entries %v", c.name, n, kept, entries)
		}
		visitor := k.Visitor(t)
		visitor.Get("/login").Want(t, 200, "/login")
		n = hashes(func() {
			entries = recordedWhile(k, func() {
				visitor.Submit("form[action='/login']", "username", id, "password", "").Want(t, http.StatusUnauthorized, "/login")
			})
		})
		if n != 1 || len(entries) != 1 {
			t.Errorf("%s, by the page: %d hashes, entries %v", c.name, n, entries)
		}
	}
	sameAnswers(t, http.StatusBadRequest, answers)
}

func sameWorkWarmAndCold(t *testing.T) {
	cold, warm := refusedClasses[1], refusedClasses[1]
	cold.name, warm.name, warm.warm = "cold", "warm", true
	compare(t, "wrong", unknownUser, cold, warm)
}

func invitesAlike(t *testing.T) {
	k := testkit.New(t)
	used, expired, off := k.Invite("used"), k.Invite("expired"), k.Invite("off")
	accept := func(invite string) testkit.Answer {
		return k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": testkit.Password})
	}
	k.Want(accept(used), 200)
	disableUser(k, "off")
	answers := map[string]testkit.Answer{"unknown": accept("made up"), "used": accept(used), "disabled": accept(off)}
	k.Advance(73 * time.Hour)
	answers["expired"] = accept(expired)
	sameAnswers(t, http.StatusUnauthorized, answers)
}

func limitsAlike(t *testing.T) {
	k := testkit.New(t, testkit.Proxied)
	k.StandStill()
	k.MustEnrol("alice")
	k.Invite("invited")
	k.MustEnrol("gone")
	disableUser(k, "gone")
	type seen struct {
		Status int
		Wait   string
	}
	var first []seen
	for _, user := range []string{"alice", "nobody", "gone", "invited", "no name at all"} {
		var got []seen
		for range 12 { // one network, then many until the account's own limit
			a := k.TryPassword("203.0.113.7", user, "wrong")
			got = append(got, seen{a.Status, a.Header.Get("Retry-After")})
		}
		for i := range 205 {
			k.TryPassword(fmt.Sprintf("198.%d.%d.7", i/100, i%100), user, "wrong")
		}
		a := k.TryPassword("192.0.2.9", user, "wrong")
		got = append(got, seen{Status: a.Status})
		for i := range got {
			if got[i].Status == 429 && got[i].Wait != "" {
				got[i].Wait = "said" // 5 s, less the time that passed
			}
		}
		if first == nil {
			first = got
		}
		if !slices.Equal(first, got) {
			t.Errorf("%s: %v, others %v", user, got, first)
		}
	}
	if first[4].Status != 401 || first[5].Status != 429 || first[len(first)-1].Status != 429 {
		t.Errorf("nothing was limited: %v", first)
	}
}

func nothingBeforePassword(t *testing.T) {
	k := testkit.New(t)
	k.MustEnrol("alice")
	codeLocked(k, "locked")
	for _, user := range []string{"alice", "locked", "nobody"} {
		for range 5 {
			a := k.Post("/v1/login", "", passwordBody(user, "wrong"))
			k.Want(a, 401)
			if a.Header.Get("Retry-After") != "" || len(a.Body) != 7 || a.Body["factors"] != nil {
				t.Errorf("%s: %v %s", user, a.Header, a.Raw)
			}
		}
	}
	// Nor does a right password tell of the lock; only a code does.
	k.Advance(time.Minute)
	a := k.Post("/v1/login", "", passwordBody("locked", testkit.Password))
	k.Want(a, 200, "status", "mfa_required")
	if len(a.Body) != 4 {
		t.Errorf("a right password tells %s", a.Raw)
	}
}

func lockedAlike(t *testing.T) {
	k := testkit.New(t)
	alice := codeLocked(k, "alice")
	ticket, code := k.Ticket("alice"), k.NextCode(alice)
	sameAnswers(t, http.StatusTooManyRequests, map[string]testkit.Answer{
		"right": secondStep(k, ticket, code), "wrong": secondStep(k, ticket, wrongCode(k, alice)), "malformed": secondStep(k, ticket, "12345"),
	})
	if _, err := app.UnlockUser.Run(reqctx.With(context.Background(), &reqctx.Request{}), k.App, testkit.Operator,
		app.UserRequest{Tenant: model.DefaultTenant, User: "alice"}); err != nil {
		t.Fatal(err)
	}
	k.Want(secondStep(k, ticket, code), 200) // it was not used up by being refused
}

// constantTime reads the code that handles secrets: nothing in it compares by a
// function, nor by ==, that ends at the first byte that differs, and where a secret is
// compared, subtle does it. All else is looked up by digest.
func constantTime(t *testing.T) {
	compares := map[string]bool{"bytes.Equal": true, "bytes.Compare": true, "bytes.HasPrefix": true, "strings.EqualFold": true, "strings.Compare": true, "reflect.DeepEqual": true}
	subtle := map[string]bool{}
	for _, pkg := range []string{"login", "totp", "token", "password", "keyring"} {
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, compared := range secretsCompared(syntax) {
				if comparable[compared] == "" {
					t.Errorf("%s compares %s", file, compared)
				}
			}
			ast.Inspect(syntax, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				from, ok := s.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch name := from.Name + "." + s.Sel.Name; {
				case pkg == "password" && name == "strings.EqualFold": // a new password against words it must not be
				case compares[name]:
					t.Errorf("%s uses %s", file, name)
				case name == "subtle.ConstantTimeCompare", name == "hmac.Equal":
					subtle[pkg] = true
				}
				return true
			})
		}
	}
	for _, pkg := range []string{"login", "totp", "password", "keyring"} {
		if !subtle[pkg] {
			t.Errorf("package %s compares nothing in constant time", pkg)
		}
	}
}

// secretName is how a variable, field or function is called that holds or makes
// what nobody may find out byte by byte.
var secretName = regexp.MustCompile(`(?i)(secret|password|hash|mac|digest|token|ticket|verifier)s?(hash|256)?$|^(sum|sum256)$`)

// comparable are comparisons of which nobody learns anything, each with the reason.
var comparable = map[string]string{
	"now.PasswordHash, user.PasswordHash": "two rows of ours: whether the password was changed meanwhile",
	"hex.EncodeToString(got[:]), sum":     "of a list that is published, when it is made part of the program",
}

// secretsCompared lists what a file compares by == or !=, in a switch too, that
// is called as a secret is, but for whether there is one at all.
func secretsCompared(file *ast.File) (pairs []string) {
	secret := func(x, y ast.Expr) bool {
		name := calledAs(x)
		return secretName.MatchString(name) && !strings.HasPrefix(name, "err") && !nothing(y)
	}
	compare := func(x, y ast.Expr) {
		if secret(x, y) || secret(y, x) {
			pairs = append(pairs, types.ExprString(x)+", "+types.ExprString(y))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				compare(n.X, n.Y)
			}
		case *ast.SwitchStmt:
			if n.Tag != nil {
				for _, c := range n.Body.List {
					for _, value := range c.(*ast.CaseClause).List {
						compare(n.Tag, value)
					}
				}
			}
		}
		return true
	})
	return pairs
}

// calledAs is the last name of an expression, through conversions and slices: of
// string(c.SecretHash[:]) it is SecretHash.
func calledAs(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.ParenExpr:
		return calledAs(e.X)
	case *ast.StarExpr:
		return calledAs(e.X)
	case *ast.SliceExpr:
		return calledAs(e.X)
	case *ast.IndexExpr:
		return calledAs(e.X)
	case *ast.CallExpr:
		switch name := calledAs(e.Fun); {
		case name == "len":
			return ""
		case len(e.Args) == 1 && !secretName.MatchString(name): // string(hash), digest(hash), hex.EncodeToString(hash)
			return calledAs(e.Args[0])
		default:
			return name
		}
	}
	return ""
}

// nothing tells the values that say that there is no secret.
func nothing(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Value == `""` || e.Value == "0"
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}

// The scan sees each way to compare a secret byte by byte, and takes nothing else for one.
func TestSecretsComparedAreSeen(t *testing.T) {
	for code, seen := range map[string]bool{
		"string(c.SecretHash) == string(hash)": true, "string(sent[:]) != string(x.mac)": true, "token.Hash(raw) == d": true,
		"hex.EncodeToString(digest) == header": true, "password == other": true, "sha256.Sum256(a) == b": true, "d.Hash == *other": true,
		`secret == ""`: false, "hash != nil": false, "len(hash) == 32": false, "user.ID == id": false, "len(token) == len(other)": false,
		"algorithm == argon2id": false, "err == errPassword": false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nvar x = "+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := secretsCompared(file); (len(got) > 0) != seen {
			t.Errorf("%s: %v", code, got)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() { switch string(hash) { case other: } }", 0)
	if err != nil || len(secretsCompared(file)) != 1 {
		t.Errorf("a switch: %v, %v", secretsCompared(file), err)
	}
}
