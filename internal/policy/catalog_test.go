package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

func TestParseCatalog(t *testing.T) {
	got := mustCatalog(t, `
objects:
  contact:
    person: true
    actions: {open: {}, read: ~, export: {requires: [read, open], audit: minimal}}
    fields:
      phone: {type: string, class: personal, mask: phone}
      notes: {type: list of string, class: sensitive}
      salary: {type: number, secured: true}
  deal:
    enabled: false
    data_subject: contact
    actions: {read: {audit: full}}
routes:
  - {method: GET, path: "/api/contacts/{id}", object: contact, action: read}
  - {method: GET, path: /api/contacts/mine, object: contact, action: read}
`)
	want := &Catalog{
		Text: got.Text,
		Objects: map[string]*Object{
			"contact": {Enabled: true, Person: true,
				Actions: map[string]Action{"open": {Audit: AuditFull}, "read": {Audit: AuditFull}, "export": {Requires: []string{"read", "open"}, Audit: AuditMinimal}},
				Fields: map[string]Field{
					"phone":  {Type: "string", Class: "personal", Mask: "phone"},
					"notes":  {Type: "list of string", Class: "sensitive", Mask: "text"}, // what has a class is masked
					"salary": {Type: "number", Secured: true},
				}},
			"deal": {DataSubject: "contact", Actions: map[string]Action{"read": {Audit: AuditFull}}, Fields: map[string]Field{}},
		},
		Routes: []Route{{"GET", "/api/contacts/{id}", "contact", "read"}, {"GET", "/api/contacts/mine", "contact", "read"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseCatalog (-want +got):\n%s", diff)
	}
	for _, empty := range []string{"", "# nothing\n", "objects:\nroutes:\n", "{}"} {
		if c := mustCatalog(t, empty); len(c.Objects)+len(c.Routes) != 0 {
			t.Errorf("ParseCatalog(%q) = %v", empty, c)
		}
	}
}

func TestBadCatalogs(t *testing.T) {
	const contact = "objects:\n  contact:\n    "
	const routes = "objects: {contact: {actions: {read: {}}}}\nroutes:\n"
	for _, c := range []struct{ text, want string }{
		{"objects: [", `not YAML`},
		{"- objects", `a mapping is wanted here, not a list`},
		{"objects: {}\n---\nobjects: {}", `more than one YAML document`},
		{"object: {}", `object: unknown key "object"; there are objects, routes`},
		{"objects: {}\nobjects: {}", `objects: the key "objects" is already in line 1`},
		{contact + "color: red", `objects.contact.color: unknown key "color"; there are actions, data_subject, enabled, fields, person`},
		{contact + "enabled: maybe", `objects.contact.enabled: true or false is wanted here, not "maybe"`},
		{contact + "enabled: \"true\"", `true or false is wanted here`},
		{contact + "actions: [read]", `objects.contact.actions: a mapping is wanted here, not a list`},
		{contact + "actions: {read: {}, read: {}}", `objects.contact.actions.read: the key "read" is already in line 3`},
		{contact + "actions: {\"*\": {}}", `the name "*" contains *`},
		{contact + "actions: {\"\": {}}", `the name "" is empty`},
		{contact + "actions: {read: {needs: [x]}}", `objects.contact.actions.read.needs: unknown key "needs"; there are audit, requires`},
		{contact + "actions: {read: {audit: none}}", `objects.contact.actions.read.audit: "none" is not one of full, minimal`},
		{contact + "actions: {read: {requires: open}}", `a list is wanted here, not "open"`},
		{contact + "actions: {read: {requires: [1]}}", `text is wanted here, not "1"`},
		{contact + "actions: {export: {requires: [read]}}", `objects.contact.actions.export.requires[0]: "export" requires "read", which is no action of "contact"`},
		{contact + "actions: {a: {}, b: {requires: [a, a]}}", `"b" requires "a" twice`},
		{contact + "actions: {a: {requires: [a]}}", `actions require each other in a circle: a → a`},
		{contact + "actions: {a: {requires: [b]}, b: {requires: [c]}, c: {requires: [b]}}", `objects.contact.actions.b: actions require each other in a circle: b → c → b`},
		{contact + "actions: {a: {requires: [" + strings.Repeat("a, ", 65) + "]}}", `"a" requires more than 64 actions`},
		{contact + "fields: {" + manyFields(2049) + "}", `objects.contact.fields: an object has at most 2048 fields`},
		{contact + "fields: {x: {type: text}}", `objects.contact.fields.x.type: unknown type "text"; there are string, number`},
		{contact + "fields: {x: {type: list of list of string}}", `unknown type`},
		{contact + "fields: {owner: {type: number}}", `objects.contact.fields.owner.type: owner names one user, so its type is ref or string, not "number"`},
		{contact + "fields: {created_by: {type: list of ref}}", `created_by names one user, so its type is ref or string`},
		{contact + "fields: {unit: {type: bool}}", `unit names one unit`},
		{contact + "fields: {territory: {type: time}}", `territory names one territory`},
		{contact + "fields: {account: {type: number}}", `account names one account`},
		{contact + "fields: {id: {type: number}}", `id names the record, so its type is ref or string`},
		{contact + "fields: {assignees: {type: ref}}", `assignees lists users, so its type is list of ref or list of string, not "ref"`},
		{contact + "fields: {teams: {type: string}}", `teams lists teams`},
		{contact + "fields: {contacts: {type: list of number}}", `contacts lists contacts`},
		{contact + "fields: {x: {class: secret}}", `objects.contact.fields.x.class: "secret" is not one of personal, sensitive`},
		{contact + "fields: {x: {mask: stars}}", `"stars" is not one of phone, email, name, id, amount, text`},
		{contact + "fields: {x: {secured: 1}}", `true or false is wanted here, not "1"`},
		{contact + "fields: {x: &a {}, y: *a}", `objects.contact.fields.y: a mapping is wanted here, not an alias`},
		{contact + "fields: {x: {<<: {secured: true}}}", `a key must be a plain word`},
		{contact + "person: true\n    data_subject: owner", `objects.contact: person and data_subject exclude each other`},
		{routes + "  - {method: GET, path: /x, object: contact}", `routes[0]: a route needs method, path, object and action, and lacks action`},
		{routes + "  - {method: get, path: /x, object: contact, action: read}", `routes[0].method: "get" is not one of GET, HEAD`},
		{routes + "  - {method: GET, path: \"/x/{a}\", object: contact, action: read}", `ends in {a}; what it names is the record, and that is spelled {id}`},
		{routes + "  - {method: GET, path: /x;y, object: contact, action: read}", `is not a clean path`},
		{routes + "  - {method: GET, path: x, object: contact, action: read}", `routes[0].path: the path "x" does not begin with /`},
		{routes + "  - {method: GET, path: /x/../y, object: contact, action: read}", `is not a clean path`},
		{routes + "  - {method: GET, path: /x/, object: contact, action: read}", `is not a clean path`},
		{routes + "  - {method: GET, path: \"/x/a{id}\", object: contact, action: read}", `neither literal nor {name}`},
		{routes + "  - {method: GET, path: \"/x/{}\", object: contact, action: read}", `neither literal nor {name}`},
		{routes + "  - {method: GET, path: \"/{id}/{id}\", object: contact, action: read}", `has the parameter id twice`},
		{routes + "  - {method: GET, path: /x, object: kontact, action: read}", `routes[0].object: no object "kontact" is declared`},
		{routes + "  - {method: GET, path: /x, object: contact, action: write}", `routes[0].action: "write" is no action of "contact"`},
		{routes + "  - {method: GET, path: \"/x/{a}/y\", object: contact, action: read}\n  - {method: GET, path: \"/x/{b}/y\", object: contact, action: read}", `routes[1]: the route matches the same requests as routes[0]`},
	} {
		_, err := ParseCatalog(c.text)
		got := details(t, err, model.CodeCatalogInvalid)
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("ParseCatalog(%.90q): %q, want %q", c.text, got, c.want)
		}
	}
	_, err := ParseCatalog("objects:\n  a: {actions: {b: {audit: no}}, x: 1}\n  c: {fields: {d: {type: e}}}\nroutes: 5\n")
	if got := details(t, err, model.CodeCatalogInvalid); len(got) != 4 {
		t.Errorf("four bad entries, listed: %q", got)
	}
	if e := err.(*model.Error); e.Details[0].Line != 2 || e.Details[3].Line != 4 || e.Details[0].Column == 0 {
		t.Errorf("places: %+v", e.Details)
	}
	mustCatalog(t, contact+"fields: {owner: {}, unit: {type: string}, account: {type: ref}, teams: {type: list of string}, contacts: {type: list of ref}, id: {type: string}}")
	_, err = ParseCatalog(strings.Repeat(" ", MaxCatalog+1))
	if model.CodeOf(err) != model.CodeLimitExceeded {
		t.Errorf("a catalogue over the limit: %v", err)
	}
}

// What the shape of some entries hides is listed beside it; what follows from a
// bad entry only is not.
func TestBadCatalogsAreListedWhole(t *testing.T) {
	for _, c := range []struct {
		text  string
		wants []string
	}{
		{"objects:\n  a: {enabled: 7, actions: {x: {requires: [y]}}}\nroutes:\n  - {method: GET, path: x, object: a, action: x}\n  - {method: GET, path: /x, object: b, action: x}",
			[]string{"objects.a.enabled: ", "objects.a.actions.x.requires[0]: ", "routes[0].path: ", "routes[1].object: no object"}},
		// Each mistake of a route.
		{"objects: {a: {actions: {x: {}}}}\nroutes: [{method: get, path: x, object: b}, 7]",
			[]string{"routes[0]: a route needs method, path, object and action, and lacks action", "routes[0].method: ", "routes[0].path: ", "routes[0].object: ", "routes[1]: a mapping"}},
		{"objects: {a: {actions: {x: {}}}}\nroutes: [{method: GET, path: /x, object: a, action: x}, {method: GET, path: /x, object: b, action: y}]",
			[]string{"routes[1]: the route matches the same requests as routes[0]", `routes[1].object: no object "b"`}},
		{"objects: {a: {actions: {x: {}}}}\nroutes: [{color: red, path: x/, object: a, action: y}]",
			[]string{"routes[0].color: ", "routes[0].path: ", `routes[0].action: "y" is no action`}},
		{"objects: {a: {actions: {x: {requires: [y, \"*\", x, x]}}}}", []string{"requires[0]: ", "requires[1]: ", "requires[3]: "}},
		// Left out: requirements that are bad themselves, and what may mean something that could not be read.
		{"objects: {a: {actions: {x: {requires: [y]}, \"*\": {}}}}\nroutes: [{method: GET, path: /x, object: a, action: y}]", []string{"objects.a.actions.*: "}},
		{"objects: {a: {action: {x: {}}}}\nroutes: [{method: GET, path: /x, object: a, action: x}]", []string{"objects.a.action: unknown key"}},
		{"objects: {a: 7}\nroutes: [{method: GET, path: /x, object: a, action: x}]", []string{"objects.a: a mapping"}},
		{"objects: {\"a*\": {}}\nroutes: [{method: GET, path: /x, object: a, action: x}]", []string{"objects.a*: "}},
		{"object: {}\nroutes: [{method: GET, path: /x, object: a, action: x}]", []string{"object: unknown key"}},
		{"objects: {a: {actions: 7}, b: {actions: {x: {}}}}\nroutes: [{method: GET, path: /x, object: a, action: x}, {method: GET, path: /y, object: b, action: y}]",
			[]string{"objects.a.actions: ", `routes[1].action: "y" is no action of "b"`}},
		// Circles come last.
		{"objects: {a: {enabled: 7, actions: {x: {requires: [x]}}}}", []string{"objects.a.enabled: "}},
		{"objects: {a: {actions: {x: {requires: [x]}}}, b: {actions: {x: {requires: [y]}}}}", []string{"objects.b.actions.x.requires[0]: "}},
	} {
		_, err := ParseCatalog(c.text)
		got := details(t, err, model.CodeCatalogInvalid)
		ok := len(got) == len(c.wants)
		for i := range min(len(got), len(c.wants)) {
			ok = ok && strings.Contains(got[i], c.wants[i])
		}
		if !ok {
			t.Errorf("%s:\n%q, want\n%q", c.text, got, c.wants)
		}
	}
}

func FuzzParseCatalog(f *testing.F) {
	f.Add(dealCatalog)
	f.Add("objects: {a: {fields: {x: &a {}, y: *a}}}\nroutes: [{method: GET}]")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseCatalog(text); err != nil && model.CodeOf(err) != model.CodeCatalogInvalid {
			t.Fatal(err)
		}
	})
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: {type: string}, ", i)
	}
	return b.String()
}
