package logbook

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// TestEventsAreSaid: whatever the log can tell of, its pages say in words.
func TestEventsAreSaid(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../audit/entry.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Activity" {
			return true
		}
		for _, v := range spec.Values {
			word, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if _, said := events["event."+word]; !said {
				t.Errorf("pages have no words for %s", word)
			}
			n++
		}
		return true
	})
	if n < 100 || n != said() {
		t.Errorf("%d events, and words for %d", n, said())
	}
}

// TestCodesAreSaid: and why it came out so.
func TestCodesAreSaid(t *testing.T) {
	all := words()
	for _, file := range []string{"decision.go", "error.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), "../../../model/"+file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
				return true
			}
			for _, v := range spec.Values {
				code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if text := all["code."+code]; err != nil || text.EN == "" || text.ZH == "" {
					t.Errorf("%v: pages have no words for %s", err, code)
				}
			}
			return true
		})
	}
}

func said() (n int) {
	for key := range events {
		if len(key) > 6 && key[:6] == "event." {
			n++
		}
	}
	return n
}
