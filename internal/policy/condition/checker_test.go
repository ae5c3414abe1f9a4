package condition

import (
	"regexp"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"pgregory.net/rapid"

	"rolegate/model"
)

// objects tells CEL's checker what is declared: a type for each variable.
type objects struct{ *types.Registry }

func (o objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := roots[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return o.Registry.FindStructType(name)
}

func (o objects) FindStructFieldType(object, field string) (*types.FieldType, bool) {
	var a Attr
	switch object {
	case "record":
		a = (&compiler{schema: generatedSchema}).recordField(0, field)
	case "user":
		a = userBuiltIn[field]
	case "request":
		a = requestBuiltIn[field]
	}
	return &types.FieldType{Type: celType(a.Type)}, true
}

func celType(t Type) *types.Type {
	single := map[Kind]*types.Type{Any: types.DynType, String: types.StringType, Number: types.DoubleType, Bool: types.BoolType, Time: types.TimestampType}[t.Kind]
	if t.Shape == ListOf {
		return types.NewListType(single)
	}
	return single
}

var checkerEnv = func() *cel.Env {
	registry, err := types.NewRegistry()
	if err != nil {
		panic(err)
	}
	opts := []cel.EnvOption{cel.CustomTypeProvider(objects{registry})}
	for root := range roots {
		opts = append(opts, cel.Variable(root, cel.ObjectType(root)))
	}
	return newCEL(opts...)
}()

// celAccepts returns what CEL's checker has against a text, after the one thing
// in which we differ: integer literals are doubles.
func celAccepts(text string) error {
	tree, issues := checkerEnv.Parse(text)
	if issues.Err() != nil {
		return issues.Err()
	}
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		if i, ok := e.AsLiteral().(types.Int); ok {
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(i)))
		}
	}))
	checked, issues := checkerEnv.Check(tree)
	if issues.Err() != nil {
		return issues.Err()
	}
	if checked.OutputType() != cel.BoolType && checked.OutputType() != cel.DynType {
		return &Error{0, model.Say("is %s", checked.OutputType().String())}
	}
	return nil
}

var dateParts = regexp.MustCompile(`request\.time\.getHours\(.*?\)`)

// TestChecker holds our type rules to be at least as strict as those of CEL's
// own checker, with the same declarations. (Ours also refuse what CEL leaves to
// run time, and give reasons an author can read.)
func TestChecker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := condition(t, rapid.IntRange(0, 3).Draw(t, "depth")).text
		text = dateParts.ReplaceAllString(text, "request.acr") // they are CEL's integers, and its doubles are no match
		if _, err := Compile(text, generatedSchema); err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		if err := celAccepts(text); err != nil {
			t.Fatalf("CEL refuses %s: %v", text, err)
		}
	})
	for _, text := range []string{`record.n1 > 'x'`, `record.s1 == 1`, `record.s1`, `record.l1 == 'a'`, `record.t1 < record.n1`, `record.s1 in [1]`, `1 in record.l1`, `record.b1 in record.b1`} {
		if celAccepts(text) == nil {
			t.Errorf("CEL's checker accepts %s: the declarations do not reach it", text)
		}
		if _, err := Compile(text, generatedSchema); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
