package policy

import (
	"cmp"
	"slices"
	"strings"

	"rolegate/model"
)

// MaxCatalog is the size limit of a catalogue, in bytes.
const MaxCatalog = 4 << 20

// Catalog is what a tenant's CRM consists of, as far as decisions care: objects
// with their actions and fields, and the routes of forward-auth. Immutable.
type Catalog struct {
	Text    string // it was read from
	Objects map[string]*Object
	Routes  []Route
}

// Object is a kind of record.
type Object struct {
	Enabled     bool   // false: switched off whole, every action is denied
	Person      bool   // the record is about a person
	DataSubject string // the attribute naming the person the record is about
	Actions     map[string]Action
	Fields      map[string]Field
}

// object is the catalogue's entry of an object, nil for none; a nil catalogue
// has none.
func (c *Catalog) object(name string) *Object {
	if c == nil {
		return nil
	}
	return c.Objects[name]
}

// required lists the actions that an action requires, directly or by others it
// requires, each once, in the order they are asked about: what an action
// requires comes right behind it.
func (o *Object) required(action string) (all []string) {
	met := map[string]bool{action: true}
	var visit func(action string)
	visit = func(action string) {
		for _, r := range o.Actions[action].Requires {
			if !met[r] {
				met[r] = true
				all = append(all, r)
				visit(r)
			}
		}
	}
	visit(action)
	return all
}

// Action is one thing that can be done with an object.
type Action struct {
	Requires []string   // actions of the object that must be allowed too
	Audit    AuditLevel // how much of a decision the log keeps
}

// AuditLevel says what a decision's audit leaf holds; there is no "none".
type AuditLevel string

const (
	AuditFull    AuditLevel = "full"    // the default
	AuditMinimal AuditLevel = "minimal" // without the resource segment
)

// Field is one attribute of an object.
type Field struct {
	Type    string // string, number, bool, time, ref, "list of …" one of these; empty: not declared
	Class   string // personal, sensitive, or empty
	Mask    string // mask style; a field with one shows masked unless unmask is allowed
	Secured bool   // closed unless a rule naming it opens it
}

// Route ties an HTTP route of the CRM to the object and action it means.
type Route struct {
	Method, Path   string // path segments are literal or {name}
	Object, Action string
}

var (
	fieldTypes = []string{"string", "number", "bool", "time", "ref"}
	classes    = []string{"personal", "sensitive"}

	// maskStyles says how a masked value is shown. The CRM's backend, which
	// holds the values, does the masking.
	maskStyles = []string{
		"phone",  // 138****5678
		"email",  // a***@example.com
		"name",   // 王**, A***
		"id",     // all but the first and last few characters
		"amount", // the order of magnitude at most
		"text",   // nothing of the value
	}
	httpMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)

// builtin are the attributes that scopes look at, and what they name. A field
// of this name with another type would never be what a scope finds there.
var builtin = map[string]struct {
	names model.Phrase
	many  bool
}{
	"id":         {model.Say("the record"), false},
	"owner":      {model.Say("one user"), false},
	"created_by": {model.Say("one user"), false},
	"unit":       {model.Say("one unit"), false},
	"territory":  {model.Say("one territory"), false},
	"account":    {model.Say("one account"), false},
	"assignees":  {model.Say("users"), true},
	"teams":      {model.Say("teams"), true},
	"contacts":   {model.Say("contacts"), true},
}

// unfitType tells why a field cannot be declared with a type, or nothing.
func unfitType(field, typ string) (reason model.Phrase) {
	b, ok := builtin[field]
	switch {
	case !ok, !b.many && (typ == "ref" || typ == "string"), b.many && (typ == "list of ref" || typ == "list of string"):
		return reason
	case b.many:
		return model.Say("%s lists %s, so its type is list of ref or list of string, not %s", field, b.names, shown(typ))
	}
	return model.Say("%s names %s, so its type is ref or string, not %s", field, b.names, shown(typ))
}

// defaultMask is the style of a field that has a class and names no style: what
// is personal is not shown for want of a word.
const defaultMask = "text"

func validFieldType(s string) bool {
	element := strings.TrimPrefix(s, "list of ")
	return slices.Contains(fieldTypes, element)
}

// ParseCatalog reads a catalogue in YAML. It is accepted whole or refused whole:
// the error is a *model.Error whose Details list every bad entry, but for circles
// of requirements, which are looked for when nothing else is bad.
func ParseCatalog(text string) (*Catalog, error) {
	if len(text) > MaxCatalog {
		return nil, model.Errorf(model.CodeLimitExceeded, "the catalogue has %d bytes, more than the limit of 4 MiB", len(text))
	}
	r := &catalogReader{}
	c := r.read(text)
	c.Text = text
	r.checkRequires(c)
	r.checkRoutes(c)
	if len(r.problems) == 0 {
		r.checkCircles(c)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b model.Detail) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
		e := model.Errorf(model.CodeCatalogInvalid, "the catalogue has %s", badEntries(len(r.problems)))
		e.Details = capDetails(r.problems, 0)
		return nil, e
	}
	return c, nil
}

func badEntries(n int) model.Phrase {
	if n == 1 {
		return model.Say("1 bad entry")
	}
	return model.Say("%d bad entries", n)
}
