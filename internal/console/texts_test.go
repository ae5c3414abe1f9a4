package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"rolegate/internal/i18n"
)

// area is the source of a package of pages, as far as it speaks to people.
type area struct {
	name   string
	texts  map[string]i18n.Text
	asked  map[string][]string // key → where it is asked for
	spoken []string            // every other string: keys, and what keys begin with
}

// TestTexts holds the texts of all pages together: each that is asked for is written,
// in both languages with the same words to fill in, and each that is written is used.
func TestTexts(t *testing.T) {
	dirs, err := filepath.Glob("*/text.go")
	if err != nil || len(dirs) < 2 {
		t.Fatalf("%v, %v", dirs, err)
	}
	var areas []*area
	var common *area
	for _, file := range dirs {
		a := readArea(t, filepath.Dir(file))
		areas = append(areas, a)
		if a.name == "page" {
			common = a
		}
	}
	for _, a := range areas {
		for key, where := range a.asked {
			_, own := a.texts[key]
			if _, shared := common.texts[key]; !own && !shared {
				t.Errorf("%s: no text %q, which %s asks for", a.name, key, strings.Join(where, ", "))
			}
		}
		for key, text := range a.texts {
			if _, shared := common.texts[key]; shared && a != common {
				t.Errorf("%s: %q is a text of all pages", a.name, key)
			}
			sound(t, a.name+": "+key, text)
			users := []*area{a, common} // whose templates ask for texts of every area
			if a == common {
				users = areas
			}
			if !slices.ContainsFunc(users, func(u *area) bool { return u.uses(key) }) {
				t.Errorf("%s: nobody says %q", a.name, key)
			}
		}
	}
}

// uses tells whether an area says a text: by its key, or by one put together of how it
// begins, up to a dot, and something that is known only then.
func (a *area) uses(key string) bool {
	if len(a.asked[key]) > 0 || slices.Contains(a.spoken, key) {
		return true
	}
	return slices.ContainsFunc(a.spoken, func(s string) bool {
		begins, _, _ := strings.Cut(s, "%")
		return strings.HasSuffix(begins, ".") && strings.HasPrefix(key, begins)
	})
}

var toFill = regexp.MustCompile(`\{\w+\}`)

// sound finds what is wrong with one text.
func sound(t *testing.T, what string, text i18n.Text) {
	t.Helper()
	en, zh := toFill.FindAllString(text.EN, -1), toFill.FindAllString(text.ZH, -1)
	slices.Sort(en)
	slices.Sort(zh)
	switch {
	case text.EN == "" || text.ZH == "":
		t.Errorf("%s is not in both languages", what)
	case !slices.Equal(slices.Compact(en), slices.Compact(zh)):
		t.Errorf("%s is filled with %v in English and %v in Chinese", what, en, zh)
	case text.EN == text.ZH && strings.Contains(text.EN, " "):
		t.Errorf("%s is not translated", what)
	case han(text.EN)*2 > len([]rune(text.EN)):
		t.Errorf("%s has Chinese for its English", what)
	}
}

func han(s string) (n int) {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			n++
		}
	}
	return n
}

// readArea reads a package's Go files and templates.
func readArea(t *testing.T, dir string) *area {
	t.Helper()
	a := &area{name: dir, texts: map[string]i18n.Text{}, asked: map[string][]string{}}
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		a.readGo(t, file, f)
	}
	for _, kind := range []string{"templates", "states"} {
		pages, err := filepath.Glob(filepath.Join(dir, kind, "*.html"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range pages {
			a.readTemplate(t, file)
		}
	}
	return a
}

// readGo takes the texts out of a file, the keys it asks for by T and Done, and what
// it says besides.
func (a *area) readGo(t *testing.T, file string, f *ast.File) {
	keys := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			value, ok := n.Value.(*ast.CompositeLit)
			key, isText := literal(n.Key)
			if !ok || !isText || len(value.Elts) == 0 {
				return true
			}
			text, said := i18n.Text{}, false
			for _, e := range value.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					switch name, _ := kv.Key.(*ast.Ident); {
					case name == nil:
					case name.Name == "EN":
						text.EN, said = spelled(kv.Value), true
					case name.Name == "ZH":
						text.ZH, said = spelled(kv.Value), true
					}
				}
			}
			if said {
				if _, twice := a.texts[key]; twice {
					t.Errorf("%s: %q is written twice", file, key)
				}
				a.texts[key] = text
				keys[n.Key] = true
			}
		case *ast.CallExpr:
			method, ok := n.Fun.(*ast.SelectorExpr)
			at := map[string]int{"T": 0, "Done": 1}
			if i, known := at[nameOf(method, ok)]; known && len(n.Args) > i {
				if key, ok := literal(n.Args[i]); ok {
					a.asked[key] = append(a.asked[key], file)
				}
			}
		case *ast.BasicLit:
			if s, ok := literal(n); ok && !keys[n] {
				a.spoken = append(a.spoken, s)
			}
		}
		return true
	})
}

func nameOf(s *ast.SelectorExpr, ok bool) string {
	if !ok {
		return ""
	}
	return s.Sel.Name
}

func literal(e ast.Node) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// spelled is a text of one or more literals joined by +.
func spelled(e ast.Expr) string {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return spelled(sum.X) + spelled(sum.Y)
	}
	s, _ := literal(e)
	return s
}

// readTemplate takes the keys that a template asks for by t, and its other strings.
func (a *area) readTemplate(t *testing.T, file string) {
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(string(source), "", "", trees); err != nil {
		t.Fatal(err)
	}
	for _, of := range trees {
		if of.Root != nil {
			a.walk(file, of.Root)
		}
	}
}

func (a *area) walk(file string, n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				a.walk(file, c)
			}
		}
	case *parse.ActionNode:
		a.walk(file, n.Pipe)
	case *parse.TemplateNode:
		a.walk(file, n.Pipe)
	case *parse.IfNode:
		a.branch(file, &n.BranchNode)
	case *parse.WithNode:
		a.branch(file, &n.BranchNode)
	case *parse.RangeNode:
		a.branch(file, &n.BranchNode)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				a.walk(file, c)
			}
		}
	case *parse.CommandNode:
		for i, arg := range n.Args {
			s, isString := arg.(*parse.StringNode)
			switch {
			case !isString:
				a.walk(file, arg)
			case i == 1 && n.Args[0].String() == "t":
				a.asked[s.Text] = append(a.asked[s.Text], file)
			default:
				a.spoken = append(a.spoken, s.Text)
			}
		}
	}
}

func (a *area) branch(file string, n *parse.BranchNode) {
	a.walk(file, n.Pipe)
	a.walk(file, n.List)
	if n.ElseList != nil {
		a.walk(file, n.ElseList)
	}
}
