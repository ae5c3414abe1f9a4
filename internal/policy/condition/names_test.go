package condition

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hard are names that a catalogue accepts, though not all of its fields'.
var hard = []string{
	"金额", "合同 金额（元）", "2月", "２月", "é", "e\u0301", "ß_", "客户.名称", "a'b", `a"b`, `a\`, `\`, "//", "//名", "名!!", "[x]", "(",
	"🙂", "r'", "x'''", `b"""`, "_==_", "_&&_", "@in", "-", "a-b", " ", "　", "in", "true", "for", "a,b*", "<EOF>", "exists",
	strings.Repeat("长", 85), "\u2028", "\ue000",
}

func quoted(name string) string { return "`" + name + "`" }

// TestNames reads each name where there are names at all.
func TestNames(t *testing.T) {
	for _, name := range hard {
		facts := Facts{
			Record: attributes{name: 1.0}, User: attributes{name: 1.0},
			Action: map[string]any{name: 1.0}, Context: map[string]any{name: 1.0},
		}
		for _, root := range []string{"record", "user", "action", "request.context"} {
			text := fmt.Sprintf("'金额`' != '' && %s . // `\n %s == 1", root, quoted(name))
			c := mustCompile(t, text, nil)
			if c.Eval(&facts) != True {
				t.Errorf("%s does not read %q", text, name)
			}
			if root == "record" && !reflect.DeepEqual(c.Fields(), []string{name}) {
				t.Errorf("%s is of %q", text, c.Fields())
			}
		}
	}
	for text, name := range map[string]string{
		"record.金额 == 1":                  "金额",
		"record.naïve == 1":               "naïve",
		"record.a金1_ == 1":                "a金1_",
		"record.２月 == 1":                  "２月",
		"record.𠮷 == 1":                   "𠮷",
		"record._ == 1":                   "_",
		"record.`_` == 1":                 "_",
		"record.标签.exists(标, 标 in ['a'])": "标签",
	} {
		if got := mustCompile(t, text, nil).Fields(); !reflect.DeepEqual(got, []string{name}) {
			t.Errorf("%s is of %q", text, got)
		}
	}
}

var member = regexp.MustCompile(`\b(record|user|action|request\.context)\.(\w+)`)

// renaming gives the attributes of random conditions other names.
type renaming struct{ there, back map[string]string }

func drawRenaming(t *rapid.T) renaming {
	r := renaming{map[string]string{}, map[string]string{}}
	bases := rapid.Permutation(hard).Draw(t, "names")
	for _, a := range plain {
		name := a.name()
		if _, done := r.there[name]; done || wellKnown[name] != (Attr{}) {
			continue
		}
		other := bases[len(r.there)]
		r.there[name], r.back[other] = other, name
	}
	return r
}

// text renames the members in a text, with or without backticks.
func (r renaming) text(t *rapid.T, text string) string {
	return member.ReplaceAllStringFunc(text, func(path string) string {
		i := strings.LastIndex(path, ".")
		name, renamed := r.there[path[i+1:]]
		if !renamed {
			return path
		}
		if !bare.MatchString(name) || reserved[name] || rapid.Bool().Draw(t, "backticks") {
			name = quoted(name)
		}
		return path[:i] + rapid.SampledFrom([]string{".", " . ", ".// `\n"}).Draw(t, "dot") + name
	})
}

var reserved = map[string]bool{"in": true, "true": true, "for": true}

func (r renaming) keys(m map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range m {
		if other, ok := r.there[name]; ok {
			name = other
		}
		out[name] = v
	}
	return out
}

func (r renaming) facts(f *Facts) *Facts {
	g := *f
	g.Record, g.User = attributes(r.keys(f.Record.(attributes))), attributes(r.keys(f.User.(attributes)))
	g.Action, g.Context = r.keys(f.Action), r.keys(f.Context)
	return &g
}

func (r renaming) schema(field string) string {
	if name, ok := r.back[field]; ok {
		field = name
	}
	return generatedSchema(field)
}

// undo gives a compiled condition its old names.
func (r renaming) undo(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			r.undo(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.undo(v.Index(i))
		}
	case reflect.Struct:
		if a, ok := v.Addr().Interface().(*Attr); ok {
			if name, ok := r.back[a.Name]; ok {
				a.Name = name
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				r.undo(v.Field(i))
			}
		}
	}
}

// TestRenamed holds that names are only names: a condition with those of ASCII
// and one with others compile to the same, and CEL's interpreter, asked the
// former, gives the answer of the latter.
func TestRenamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, r := condition(t, rapid.IntRange(0, 3).Draw(t, "depth")), drawRenaming(t)
		text := r.text(t, w.text)
		before, err := Compile(w.text, generatedSchema)
		if err != nil {
			t.Fatalf("%s is refused: %v", w.text, err)
		}
		after, err := Compile(text, r.schema)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		p := celProgram(t, w.cel)
		for range 20 {
			d := drawFacts(t)
			f := r.facts(d.build())
			if got, want := after.Eval(f), ask(t, p, d); got != want {
				t.Fatalf("%s is %v, CEL says %v of %s, of %+v", text, got, want, w.cel, d)
			}
		}
		if r.undo(reflect.ValueOf(&after.root)); !reflect.DeepEqual(after.root, before.root) {
			t.Fatalf("%s and %s are not the same", text, w.text)
		}
	})
}
