package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// doors are the functions, as package.name, that alone may call what makes a
// token or a session. Whoever adds one says here why it is none for people.
var doors = map[string][]string{
	"token.Sign":            {"login.sign"},
	"s.sign":                {"login.pair", "login.ClientToken"}, // a client's token has no session
	"s.pair":                {"login.mint", "login.again"},
	"s.mint":                {"login.issue", "login.renew"},
	"tx.InsertSession":      {"login.issue"},
	"tx.InsertRefreshToken": {"login.mint"},
}

// TestOneDoor holds what makes tokens to its one way: a session is opened by issue,
// after it has looked at what is required now, and refreshed by renew, which looks
// again.
func TestOneDoor(t *testing.T) {
	found := map[string][]string{}
	root := filepath.Join("..", "..")
	touch(t, root)
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "storetest"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				// A mention is as good as a call: a function may be handed on.
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				for door := range doors {
					of, name, _ := strings.Cut(door, ".")
					if sel.Sel.Name != name || of == "token" && !isNamed(sel.X, "token") || of == "s" && file.Name.Name != "login" {
						continue
					}
					if in := file.Name.Name + "." + nameOf(decl); !slices.Contains(found[door], in) {
						found[door] = append(found[door], in)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []map[string][]string{doors, found} {
		for _, in := range m {
			slices.Sort(in)
		}
	}
	if diff := cmp.Diff(doors, found); diff != "" {
		t.Errorf("who makes tokens and sessions (-may +does):\n%s", diff)
	}
}

func isNamed(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// nameOf is the function a declaration is, "" for none.
func nameOf(decl ast.Decl) string {
	if f, ok := decl.(*ast.FuncDecl); ok {
		return f.Name.Name
	}
	return ""
}
