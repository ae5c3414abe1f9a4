package checklist

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// withheld is what is a secret where most hashes are public, as those of the log are.
var withheld = regexp.MustCompile(`(?i)(secret|password|mac|token|ticket|verifier)s?(hash)?\b`)

// harmless are comparisons there of which nobody learns anything, each with the reason.
var harmless = map[string]string{
	"a.MAC, b.MAC":      "two rows of ours: whether the head moved meanwhile",
	"name, accessToken": "the name of a member",
}

// What constantTime reads of the packages that know secrets holds of the log, the server
// and the pages, too: no secret is compared by what ends at the first byte that differs,
// and the codes that say who wrote the log's head and a sink's mark are compared in
// constant time.
func TestSecretsOfOthersAreComparedInConstantTime(t *testing.T) {
	constant := map[string]bool{}
	for _, pkg := range []string{"audit", "server", "console"} {
		files := 0
		err := filepath.WalkDir(filepath.Join("..", pkg), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "audittest") {
				return err
			}
			files++
			syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			compared := secretsCompared(syntax)
			ast.Inspect(syntax, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 2 {
					return true
				}
				switch name := types.ExprString(call.Fun); name {
				case "bytes.Equal", "bytes.Compare", "bytes.HasPrefix", "slices.Equal", "strings.EqualFold", "strings.Compare", "reflect.DeepEqual":
					if slices.ContainsFunc(call.Args, func(x ast.Expr) bool { return secretName.MatchString(calledAs(x)) }) {
						compared = append(compared, types.ExprString(call.Args[0])+", "+types.ExprString(call.Args[1]))
					}
				case "hmac.Equal", "subtle.ConstantTimeCompare":
					constant[filepath.ToSlash(path)] = true
				}
				return true
			})
			for _, pair := range compared {
				if withheld.MatchString(pair) && harmless[pair] == "" {
					t.Errorf("%s compares %s", path, pair)
				}
			}
			return nil
		})
		if err != nil || files < 5 {
			t.Fatalf("%d files of %s, %v", files, pkg, err)
		}
	}
	for _, path := range []string{"../audit/head.go", "../audit/sink/lease.go"} {
		if !constant[path] {
			t.Errorf("%s compares nothing in constant time", path)
		}
	}
}
