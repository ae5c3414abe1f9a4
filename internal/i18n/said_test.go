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
var onHost = []string{"the next key %s is published already, and signs from %s"}

// Whatever people can be told of what they may not, or not yet, is there in both
// languages, with the same things filled in in the same order.
func TestSaid(t *testing.T) {
	exact := []string{"CodeForbidden", "CodeConflict", "CodeInUse", "CodeLastOfficeHolder", "CodeOfficeConflict"}
	everything, told := map[string]bool{}, 0
	for _, dir := range []string{"administration", "change", "directory", "login", "policy"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 2 {
					return true
				}
				format, ok := call.Args[1].(*ast.BasicLit)
				if !ok || format.Kind != token.STRING {
					return true
				}
				english, err := strconv.Unquote(format.Value)
				if err != nil {
					t.Fatal(err)
				}
				everything[english] = true
				code, ok := call.Args[0].(*ast.SelectorExpr)
				of := ok && slices.Contains(exact, code.Sel.Name)
				if helper, ok := call.Fun.(*ast.Ident); ok && helper.Name == "exists" { // a conflict
					of = true
				}
				if !of || slices.Contains(onHost, english) {
					return true
				}
				told++
				if said[english] == "" {
					t.Errorf("%s: nobody says in Chinese: %s", file, english)
				}
				return true
			})
		}
	}
	if told < 15 {
		t.Errorf("only %d sentences were found", told)
	}
	verbs := regexp.MustCompile(`%.`)
	for english, chinese := range said {
		if !everything[english] {
			t.Errorf("nobody says any more: %s", english)
		}
		if !slices.Equal(verbs.FindAllString(english, -1), verbs.FindAllString(chinese, -1)) {
			t.Errorf("%s: %s", english, chinese)
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
