package policies

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/policy"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// What the page says of a role's fields is what the engine decides for who holds it.
func TestFieldStatesAreTheEngines(t *testing.T) {
	shape := workload.CRM.Tiny()
	shape.FieldRules, shape.Fields = 400, 20
	firm := shape.Tenant(0)
	rows := firm.Policy + "p3, *, object001, phone, read, deny\np3, *, *, stage, update, deny\np3, role:r0001, *, *, unmask, allow\np3, role:r0002, object002, *, read, deny\n"
	cat, err := policy.ParseCatalog(firm.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policy.ParseFor(rows, cat, model.HighestLimits())
	if err != nil {
		t.Fatal(err)
	}
	var dir model.Directory
	for _, role := range doc.Roles() {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: "u-" + role})
		dir.Assignments = append(dir.Assignments, model.Assignment{Member: "user:u-" + role, Role: role})
	}
	compared := 0
	for _, strict := range []bool{false, true} {
		d := &desk{Base: "/", Vocabulary: administration.Vocabulary{Catalog: cat, Strict: strict}, reading: &reading{Doc: doc, index: newIndex(doc, cat)}}
		s, err := policy.NewSnapshot(model.Tenant{ID: "t", StrictFields: strict}, doc, cat, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range doc.Roles() {
			reached := d.reach("role:"+role, "p3")
			for object, entry := range cat.Objects {
				p, err := s.Permissions(model.Entity{Type: "user", ID: "u-" + role}, object, &policy.Inputs{Now: time.Unix(0, 0)}, "")
				if err != nil {
					t.Fatal(err)
				}
				f := p.Objects[object].Fields
				for name, field := range entry.Fields {
					for access, listed := range map[string][]string{"read": f.Readable, "update": f.Writable, "create": f.Creatable} {
						compared++
						if got := open(d.fieldState(reached, object, name, access)); slices.Contains(listed, name) != got {
							t.Fatalf("strict %v: %s, %s.%s: %s is %v, and the engine has %v", strict, role, object, name, access, got, listed)
						}
					}
					if _, masked := f.Masked[name]; field.Mask != "" && slices.Contains(f.Readable, name) {
						if got := open(d.fieldState(reached, object, name, "unmask")); masked == got {
							t.Fatalf("strict %v: %s, %s.%s: unmask is %v, masked are %v", strict, role, object, name, got, f.Masked)
						}
					}
				}
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d compared", compared)
	}
}

func open(s fieldState) bool { return s.State == fieldOpen || s.State == fieldFollows }

// Every text a template asks for is there in both languages, and so is one for every
// scope there is.
func TestTexts(t *testing.T) {
	keys := regexp.MustCompile(`\(?\bt "([a-z0-9._]+)"`)
	files, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, file := range files {
		b, err := templates.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keys.FindAllStringSubmatch(string(b), -1) {
			asked[m[1]] = true
		}
	}
	short, err := os.ReadFile("../page/scopetext.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scopes {
		asked["scope."+s] = true
		if !strings.Contains(string(short), `"short.`+s+`":`) {
			t.Errorf("no word for %q", s)
		}
		if _, err := policy.Parse("p, role:a, deal, read, " + strings.Replace(s, "_n", ":2", 1) + ", , allow\n"); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for key := range asked {
		if strings.HasPrefix(key, "page.") || strings.HasPrefix(key, "short.") { // of all pages
			continue
		}
		if text, ok := texts[key]; !ok || text.EN == "" || text.ZH == "" {
			t.Errorf("no text %q", key)
		}
	}
}

// What is shown as an example can be written.
func TestExamples(t *testing.T) {
	for _, e := range examples {
		f := rowForm{Kind: "p2", Subject: "*", Object: "deal", Action: "read", Condition: e.Condition, Effect: "deny"}
		if _, err := policy.Parse(f.written().Line() + "\n"); err != nil {
			t.Errorf("%s: %v", e.Condition, err)
		}
		if texts[e.Text].ZH == "" {
			t.Errorf("no text %s", e.Text)
		}
	}
}

// A picture has every role once, nothing on top of anything, and arrows to the right.
func TestPicture(t *testing.T) {
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, "g, role:r%d, role:r%d\n", i, 40+i%7)
		fmt.Fprintf(&rows, "g, role:r%d, role:r%d\n", 40+i%7, 50+i%3)
	}
	doc, err := policy.Parse(strings.Join(slices.Compact(slices.Sorted(strings.Lines(rows.String()))), ""))
	if err != nil {
		t.Fatal(err)
	}
	x := newIndex(doc, &policy.Catalog{})
	p := draw(x.subjects, x.links, func(string) string { return "" })
	if len(p.Boxes) != 50 || len(p.Arrows) != len(doc.RoleLinks) {
		t.Errorf("%d boxes, %d arrows", len(p.Boxes), len(p.Arrows))
	}
	for i, a := range p.Boxes {
		if a.X < 0 || a.X+a.W > p.Width || a.Y+a.H > p.Height {
			t.Errorf("%v is outside", a)
		}
		for _, b := range p.Boxes[:i] {
			if a.X == b.X && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s is on top of %s", a.Role, b.Role)
			}
		}
	}
	for role := range x.links {
		for _, l := range x.links[role] {
			from := slices.IndexFunc(p.Boxes, func(b box) bool { return b.Role == role })
			to := slices.IndexFunc(p.Boxes, func(b box) bool { return b.Role == l.Inherits })
			if p.Boxes[from].X >= p.Boxes[to].X {
				t.Errorf("%s is not left of %s", role, l.Inherits)
			}
		}
	}
}

// What a form carries along comes back as it was, and nothing that is no such thing.
func TestPack(t *testing.T) {
	for _, text := range []string{"", "# a\n", strings.Repeat("p, role:长, deal, read, all, , allow\n", 1000)} {
		got, ok := unpackUpTo(pack(text), 1<<20)
		if !ok || got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	bomb := pack(strings.Repeat("\x00", 2<<20))
	for _, packed := range []string{"", "%", "AAAA", bomb} {
		if _, ok := unpackUpTo(packed, 1<<20); ok {
			t.Errorf("%.20q is unpacked", packed)
		}
	}
}
