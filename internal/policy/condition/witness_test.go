package condition

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"
	"pgregory.net/rapid"
)

// CEL's own interpreter is the witness of what conditions mean. It is asked the
// same text, by way of its other parser, about normalised facts: what was not
// sent is one of its unknowns, a null is missing, and a value of another type is
// an error. Both of these, like ours, lose against false in && and true in ||.

var celEnv = newCEL(
	cel.Variable("record", celFacts), cel.Variable("user", celFacts), cel.Variable("action", celFacts), cel.Variable("request", celFacts),
)

var celFacts = cel.MapType(cel.StringType, cel.DynType)

// newCEL is an environment with our functions.
func newCEL(variables ...cel.EnvOption) *cel.Env {
	env, err := cel.NewEnv(append(variables,
		cel.EnableIdentifierEscapeSyntax(),
		cel.Function("below", cel.Overload("below", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(celBelow))),
		cel.Function("inCIDR", cel.Overload("inCIDR", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType, cel.BinaryBinding(celInCIDR))),
	)...)
	if err != nil {
		panic(err)
	}
	return env
}

func celBelow(unit, root ref.Val) ref.Val {
	u, r := string(unit.(types.String)), string(root.(types.String))
	return types.Bool(u != "" && r != "" && (u == r || strings.HasPrefix(u, r+"/")))
}

func celInCIDR(ip, nets ref.Val) ref.Val {
	addr, err := netip.ParseAddr(string(ip.(types.String)))
	if err != nil || addr.Zone() != "" {
		return types.NewErr("no address")
	}
	list, _ := nets.ConvertToNative(reflect.TypeFor[[]string]())
	for _, n := range list.([]string) {
		if netip.MustParsePrefix(n).Contains(addr.Unmap()) {
			return types.True
		}
	}
	return types.False
}

// failer is a testing.T or a rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func celProgram(t failer, text string) cel.Program {
	t.Helper()
	tree, issues := celEnv.Parse(text)
	if issues.Err() != nil {
		t.Fatalf("CEL refuses %s: %v", text, issues.Err())
	}
	p, err := celEnv.Program(tree, cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		t.Fatalf("CEL cannot run %s: %v", text, err)
	}
	return p
}

// ask returns CEL's answer; unknown and error are Unknown.
func ask(t failer, p cel.Program, d drawn) Truth {
	t.Helper()
	facts, unknowns := d.vars()
	vars, err := cel.PartialVars(facts, unknowns...)
	if err != nil {
		t.Fatalf("CEL refuses the facts: %v", err)
	}
	got, _, _ := p.Eval(vars)
	if b, ok := got.(types.Bool); ok {
		return truthOf(bool(b))
	}
	return Unknown
}

// vars puts the facts in their places, as CEL sees them.
func (d drawn) vars() (vars map[string]any, unknowns []*cel.AttributePatternType) {
	record, user, action, context := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	f := d.facts
	request := map[string]any{"context": context, "time": f.Time, "acr": float64(f.ACR)}
	user["id"], user["roles"], user["teams"] = f.UserID, list0(f.Roles), list0(f.Teams)
	if f.Unit != "" {
		user["unit"] = f.Unit
	}
	unknown := func(path ...string) {
		p := cel.AttributePattern(path[0])
		for _, q := range path[1:] {
			p = p.QualString(q)
		}
		unknowns = append(unknowns, p)
	}
	place := func(m map[string]any, known bool, v any, path ...string) {
		if known {
			m[path[len(path)-1]] = v
		} else {
			unknown(path...)
		}
	}
	place(request, f.IP != "", f.IP, "request", "ip")
	place(request, f.Client != "", f.Client, "request", "client")
	place(request, f.HasAuth, f.AuthAge.Seconds(), "request", "auth_age")
	place(request, f.HasAuth, list0(f.AMR), "request", "amr")
	for _, a := range plain {
		path := strings.Split(a.path, ".")
		m := map[string]map[string]any{"record": record, "user": user, "action": action, "request": context}[path[0]]
		switch g := d.plain[a.path]; g.state {
		case unsent:
			unknown(path...)
		case null:
		case wrong:
			// It is something, so has is true, unless it contradicts its type.
			place(m, a.declared == "" && (notRecord(a) || wellKnown[a.name()].Type == Type{}), types.NewErr("of another type"), path...)
		default:
			m[a.name()] = g.cel
		}
	}
	return map[string]any{"record": record, "user": user, "action": action, "request": request}, unknowns
}

func list0(l []string) []string { return append([]string{}, l...) }

// TestWitness holds Eval and CEL equal. It also holds what must be true of any
// condition: nothing opens by leaving something out, and Possible leaves out
// nothing.
//
// Each check asks one condition about many facts; -rapid.checks makes more.
func TestWitness(t *testing.T) {
	const questions = 120
	var asked, definite int
	rapid.Check(t, func(t *rapid.T) {
		w := condition(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		c, err := Compile(w.text, generatedSchema)
		if err != nil {
			t.Fatalf("%s is refused: %v", w.text, err)
		}
		p := celProgram(t, w.cel)
		for range questions {
			d := drawFacts(t)
			f := d.build()
			got, want := c.Eval(f), ask(t, p, d)
			if got != want {
				t.Fatalf("%s is %v, CEL says %v, of %+v", w.text, got, want, d)
			}
			asked++
			if got != Unknown {
				definite++
			}

			possible := c.Possible(f)
			if !possible.Has(got) {
				t.Fatalf("%s is %v, which Possible (%03b) leaves out, of %+v", w.text, got, possible, d)
			}
			unseen := *f
			unseen.Record = nil
			if again := c.Possible(&unseen); again != possible {
				t.Fatalf("Possible of %s depends on the record", w.text)
			}
			if len(c.Fields()) == 0 && possible != only(got) {
				t.Fatalf("%s does not use the record, and Possible is %03b", w.text, possible)
			}

			dropped := rapid.SliceOfN(rapid.SampledFrom(paths), 1, 8).Draw(t, "dropped")
			if less := c.Eval(d.without(dropped).build()); less != got && less != Unknown {
				t.Fatalf("%s goes from %v to %v without %v, of %+v", w.text, got, less, dropped, d)
			}
		}
	})
	t.Logf("%d questions, %d of them with an answer", asked, definite)
	if definite < asked/4 {
		t.Error("too few to say anything")
	}
}

var paths = func() (all []string) {
	for _, a := range plain {
		all = append(all, a.path)
	}
	return all
}()

// TestParsers holds CEL's two parsers equal: ours is the newer.
func TestParsers(t *testing.T) {
	antlr := newParser(parser.EnablePrattParser(false))
	rapid.Check(t, func(t *rapid.T) {
		text := condition(t, rapid.IntRange(0, 4).Draw(t, "depth")).text
		ours, err := Compile(text, generatedSchema)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		theirs, err := compile(newSource(text), text, generatedSchema, antlr)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		if !reflect.DeepEqual(ours.root, theirs.root) {
			t.Fatalf("%s has two readings: %+v and %+v", text, ours.root, theirs.root)
		}
	})
}
