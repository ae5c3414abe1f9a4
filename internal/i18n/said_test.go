package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rolegate/model"
)

// onHost is what only the command line says, which is in English.
var onHost = []string{
	"the next key %s is published already, and signs from %s",
	"password_hash: %v",
	"mfa is %q or %q, not %q",
	"a client belongs to one tenant (--tenant) or serves several (--tenants), not both",
	"a tenant's name is 1 to 63 lower-case letters, digits and hyphens, and %q is not",
	"an invitation cannot expire before it is made",
	"an invitation waits %d days at the most",
}

// sayers are where formats of phrases are written, by the name of the function: the
// place of the format among its arguments.
var sayers = map[string]int{"Say": 0, "Exceeded": 2}

// theirs are more of them, by the package; there are others of these names. That of a
// method is written with a dot before it.
var theirs = map[string]map[string]int{
	"policy":           {"bad": 1, ".refuse": 1},
	"policy/condition": {".refuse": 1, ".unsayable": 0},
	"policy/review":    {".refuse": 2},
	"../api/filter":    {"because": 0, ".refuse": 1},
}

// exact are the codes whose errors are told by their message, and those of one entry
// of a file.
var exact = []string{
	"CodeForbidden", "CodeConflict", "CodeInUse", "CodeLastOfficeHolder", "CodeOfficeConflict", "CodeOfficeReserved",
	"CodeInvalidRequest", "CodeLimitExceeded", "CodeInvalidScope", "CodeCheckpointUnknown", "CodeFilterTooLarge", "CodeInexpressible",
	"CodePolicyInvalid", "CodeCatalogInvalid", "CodeCasesInvalid", "CodeCasesFailed", "CodeImportInvalid", "CodePrecondition",
}

// telling are the packages whose errors and phrases people are told.
var telling = []string{
	"administration", "change", "directory", "login", "policy", "policy/condition", "policy/rewrite", "policy/review", "token",
	"console/policies", "console/reasons", "console/logbook", "console/people", "console/clients", "console/changes", "console/page",
	"console/account", "console/entrance",
	"audit/search", "server", "../api/filter", "../model",
}

// Whatever people can be told of what they may not, or not yet, and of what is wrong
// with what they wrote, is there in both languages, with the same things filled in.
func TestSaid(t *testing.T) {
	everything := map[string]bool{"%s": true}
	told := 0
	tell := func(where token.Position, english string) {
		everything[english] = true
		told++
		if _, ok := chinese(english); !ok && !slices.Contains(onHost, english) {
			t.Errorf("%s: nobody says in Chinese: %q", where, english)
		}
	}
	for _, dir := range telling {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				where, name := set.Position(call.Pos()), called(call)
				at, says := sayers[strings.TrimPrefix(name, ".")]
				if own, ok := theirs[dir][name]; ok {
					at, says = own, true
				}
				if says {
					if english, ok := literal(call, at); ok {
						tell(where, english)
					} else if computed(call, at) {
						t.Errorf("%s: the format is not written here", where)
					}
					return true
				}
				english, ok := literal(call, 1)
				if !ok {
					return true
				}
				everything[english] = true
				code, ok := call.Args[0].(*ast.SelectorExpr)
				if name == "exists" || ok && slices.Contains(exact, code.Sel.Name) { // exists: a conflict
					tell(where, english)
				}
				return true
			})
		}
	}
	if told < 300 {
		t.Errorf("only %d formats were found", told)
	}
	twice := map[string]bool{}
	for _, table := range tables {
		for english, chinese := range table {
			if twice[english] {
				t.Errorf("%q is said twice", english)
			}
			twice[english] = true
			if !everything[english] {
				t.Errorf("nobody says any more: %q", english)
			}
			if !slices.Equal(filled(english), filled(chinese)) {
				t.Errorf("%q is filled in otherwise: %q", english, chinese)
			}
			if halfWidth.MatchString(chinese) {
				t.Errorf("%q has not Chinese punctuation", chinese)
			}
		}
	}
	e := model.Errorf(model.CodeConflict, "the role %q is already there", "rep")
	if got := Said(Chinese, e); got != `角色 "rep" 已存在。` {
		t.Error(got)
	}
	if Said(English, e) != "" || Said(Chinese, &model.Error{}) != "" {
		t.Error("English, or nothing, is translated")
	}
}

// called is the name of a function that is called, with a dot before it where it is
// another package's or a method.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return "." + f.Sel.Name
	}
	return ""
}

// literal is an argument that is written as text.
func literal(call *ast.CallExpr, at int) (string, bool) {
	if len(call.Args) <= at {
		return "", false
	}
	lit, ok := call.Args[at].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// computed tells whether a format is put together, so that nobody finds it: it is
// neither what the caller was given itself nor a phrase.
func computed(call *ast.CallExpr, at int) bool {
	if len(call.Args) <= at {
		return true
	}
	switch arg := call.Args[at].(type) {
	case *ast.Ident:
		return arg.Name != "format"
	case *ast.SelectorExpr: // of a bad cell
		return arg.Sel.Name != "reason"
	case *ast.CallExpr:
		return called(arg) != ".Say"
	case *ast.UnaryExpr: // another function of the name
		return false
	}
	return true
}

// halfWidth is punctuation of English beside Chinese.
var halfWidth = regexp.MustCompile(`\p{Han}[,;:!?]|[,;!?] ?\p{Han}`)

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-z%])`)

// filled is what is filled into a format: which argument, and how. Languages may
// differ in the order, and in how often they say a thing.
func filled(format string) (all []string) {
	next := 1
	for _, v := range verb.FindAllStringSubmatch(format, -1) {
		if v[2] == "%" {
			continue
		}
		if v[1] != "" {
			next, _ = strconv.Atoi(v[1])
		}
		all = append(all, strconv.Itoa(next)+v[2])
		next++
	}
	slices.Sort(all)
	return slices.Compact(all)
}
