package reasons

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/console/page"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Form is a question as a person writes it.
type Form struct {
	Subject string // "user:ann", or "ann" for a user; where who can is asked, a type
	Action  string
	Object  string
	Record  string            // an id; "" asks about none in particular
	Fields  map[string]string // attributes of the record, by name, as entered
	// JSON objects, as entered: attributes of the record, context, and what the action
	// itself says, such as the fields it reads.
	Properties, Context, Details string
	Entry                        string // the log's entry that the question is of
}

// fieldPrefix marks inputs of attributes.
const fieldPrefix = "field."

// readForm takes the question out of a form that was sent, or out of an address.
func readForm(v *page.Visit) Form {
	of := v.Query
	if v.R.PostForm != nil {
		of = v.Form
	}
	f := Form{Subject: of("subject"), Action: of("action"), Object: of("object"), Record: of("record"),
		Properties: v.Form("properties"), Context: v.Form("context"), Details: v.Form("details"), Entry: of("entry"), Fields: map[string]string{}}
	if f.Record == model.AnyRecord {
		f.Record = ""
	}
	for name := range v.R.PostForm {
		if field, ok := strings.CutPrefix(name, fieldPrefix); ok && v.Form(name) != "" {
			f.Fields[field] = v.Form(name)
		}
	}
	return f
}

// Complete tells whether enough is said to ask.
func (f Form) Complete(subject bool) bool {
	return f.Action != "" && f.Object != "" && (f.Subject != "" || !subject)
}

// Named are the attributes' names as entered, in order.
func (f Form) Named() []string { return slices.Sorted(maps.Keys(f.Fields)) }

// question puts the form, about an object that is known so far, into the words of the
// API, which checks it.
func (p *pages) question(f *Form, known policy.KnownObject) (policy.ExplainRequest, error) {
	typ, id, named := strings.Cut(f.Subject, ":")
	if !named {
		typ, id = "user", f.Subject
	}
	record := f.Record
	if record == "" {
		record = model.AnyRecord
	}
	properties, err := object(model.Say("attributes"), f.Properties)
	if err != nil {
		return policy.ExplainRequest{}, err
	}
	for _, name := range f.Named() {
		if _, twice := properties[name]; twice {
			return policy.ExplainRequest{}, model.Errorf(model.CodeInvalidRequest, "the attribute %q is given twice: in its field, and as JSON", name)
		}
		if properties == nil {
			properties = map[string]jsontext.Value{}
		}
		if properties[name], err = value(name, typeOf(known, name), f.Fields[name]); err != nil {
			return policy.ExplainRequest{}, err
		}
	}
	context, err := object(model.Say("context"), f.Context)
	if err != nil {
		return policy.ExplainRequest{}, err
	}
	details, err := object(model.Say("details"), f.Details)
	if err != nil {
		return policy.ExplainRequest{}, err
	}
	q := map[string]any{
		"subject":  map[string]any{"type": typ, "id": id},
		"action":   with(map[string]any{"name": f.Action}, details),
		"resource": with(map[string]any{"type": f.Object, "id": record}, properties),
	}
	if context != nil {
		q["context"] = context
	}
	body, err := json.Marshal(q)
	if err != nil {
		return policy.ExplainRequest{}, err
	}
	return p.read(body)
}

func with(o map[string]any, properties map[string]jsontext.Value) map[string]any {
	if properties != nil {
		o["properties"] = properties
	}
	return o
}

// object reads a JSON object; nil where nothing was entered. What is in it the API
// checks.
func object(what model.Phrase, text string) (o map[string]jsontext.Value, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil || o == nil {
		return nil, model.Errorf(model.CodeInvalidRequest, "the %s must be a JSON object, such as %s", what, `{"owner": "ann"}`)
	}
	return o, nil
}

func typeOf(o policy.KnownObject, name string) string {
	i := slices.IndexFunc(o.Fields, func(f policy.KnownField) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return o.Fields[i].Type
}

// value is an attribute as its type means it: a list by its commas, numbers and yes or
// no as such, and everything else as text. What JSON can say beyond that is entered as
// JSON.
func value(name, typ, text string) (jsontext.Value, error) {
	element, list := strings.CutPrefix(typ, "list of ")
	if !list {
		return scalar(name, typ, text)
	}
	values := []jsontext.Value{}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '，' }) {
		v, err := scalar(name, element, strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return json.Marshal(values)
}

func scalar(name, typ, text string) (jsontext.Value, error) {
	switch typ {
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err == nil && jsontext.Value(text).IsValid() {
			return jsontext.Value(text), nil
		}
		return nil, model.Errorf(model.CodeInvalidRequest, "the attribute %q must be a number", name)
	case "bool":
		if text == "true" || text == "false" {
			return jsontext.Value(text), nil
		}
		return nil, model.Errorf(model.CodeInvalidRequest, "the attribute %q must be true or false", name)
	}
	return json.Marshal(text)
}
