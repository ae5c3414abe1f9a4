package review

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rolegate/internal/policy"
	"rolegate/model"
)

// reader walks the YAML tree of cases itself, as the catalogue's reader does: all
// mistakes are found in one reading, each with its line, a key written twice is
// one, and aliases are refused, of which a few lines unfold into gigabytes.
type reader struct {
	problems []model.Detail
}

// maxMistakes bounds the list of mistakes.
const maxMistakes = 1_000

func refused(problems ...model.Detail) error {
	e := model.Errorf(model.CodeCasesInvalid, "the cases have %d mistakes", len(problems))
	if len(problems) == 1 {
		e = model.Errorf(model.CodeCasesInvalid, "the cases have 1 mistake")
	}
	e.Details = problems[:min(len(problems), maxMistakes)]
	return e
}

func (r *reader) refuse(n *yaml.Node, path, format string, args ...any) {
	r.problems = append(r.problems, model.Detail{Line: n.Line, Column: n.Column, Path: path, Reason: model.Say(format, args...)})
}

func (r *reader) cases(text string) (list []expectation) {
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		r.problems = append(r.problems, model.Detail{Line: lineOf(err), Reason: model.Say("not YAML").Noting(err.Error())})
		return nil
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.problems = append(r.problems, model.Detail{Reason: model.Say("more than one YAML document")})
		return nil
	}
	if root := document.Content[0]; root.Kind == yaml.ScalarNode && root.Tag == "!!null" { // nothing but comments
		return nil
	}
	named := map[string]int{}
	r.each(document.Content[0], "", func(n *yaml.Node, path string) {
		e := r.expectation(n, path)
		if first, repeated := named[e.name]; repeated && e.name != "" {
			r.refuse(n, path+".name", "the name %s is that of the case in line %d", strconv.Quote(e.name), first)
		}
		named[e.name] = n.Line
		list = append(list, e)
	})
	if len(list) > maxQuestions {
		r.refuse(document.Content[0], "", "there are %d cases; there may be %d", len(list), maxQuestions)
	}
	return list
}

// lineOf finds the line in what the YAML library says ("yaml: line 3: …").
func lineOf(err error) int {
	_, rest, _ := strings.Cut(err.Error(), "line ")
	number, _, _ := strings.Cut(rest, ":")
	line, _ := strconv.Atoi(number)
	return line
}

func (r *reader) expectation(n *yaml.Node, path string) expectation {
	e := expectation{line: n.Line}
	had := r.mapping(n, path, map[string]func(*yaml.Node, string){
		"name":       func(n *yaml.Node, path string) { e.name = r.text(n, path) },
		"subject":    func(n *yaml.Node, path string) { e.question.Subject = r.subject(n, path) },
		"roles":      func(n *yaml.Node, path string) { e.made, e.roles = true, r.ids(n, path, model.RolePrefix) },
		"teams":      func(n *yaml.Node, path string) { e.subject.Teams = r.ids(n, path, "team:") },
		"unit":       func(n *yaml.Node, path string) { e.subject.Unit = strings.TrimPrefix(r.text(n, path), "unit:") },
		"attributes": func(n *yaml.Node, path string) { e.subject.Attributes = r.object(n, path) },
		"action":     func(n *yaml.Node, path string) { r.action(n, path, &e.question.Action) },
		"resource":   func(n *yaml.Node, path string) { r.resource(n, path, &e.question.Resource) },
		"context":    func(n *yaml.Node, path string) { e.question.Context = r.object(n, path) },
		"fields":     func(n *yaml.Node, path string) { r.fields(n, path, &e.question.Action) },
		"assurance":  func(n *yaml.Node, path string) { r.assurance(n, path, &e) },
		"at":         func(n *yaml.Node, path string) { e.at = r.moment(n, path) },
		"want":       func(n *yaml.Node, path string) { e.want = r.oneOf(n, path, allow, deny) },
		"reason":     func(n *yaml.Node, path string) { e.code = model.Code(r.oneOf(n, path, reasons...)) },
	})
	if had == nil {
		return e
	}
	for _, key := range []string{"name", "action", "resource", "want"} {
		if !had[key] {
			r.refuse(n, path, "%s is missing", key)
		}
	}
	switch {
	case had["subject"] && e.made:
		r.refuse(n, path, "subject and roles exclude each other: roles are those of somebody made up")
	case !had["subject"] && !e.made:
		r.refuse(n, path, "who asks is missing: subject, such as user:ann, or roles")
	case had["subject"] && (had["teams"] || had["unit"] || had["attributes"]):
		r.refuse(n, path, "teams, unit and attributes are for somebody made up: a subject has its own")
	}
	if e.want == allow && e.code != "" && e.code != model.ReasonAllowed || e.want == deny && e.code == model.ReasonAllowed {
		r.refuse(n, path+".reason", "the reason %s is none to %s", e.code, e.want)
	}
	if e.made {
		e.subject.Type, e.subject.ID = madeUpType, madeUpID
		e.question.Subject = model.Entity{Type: madeUpType, ID: madeUpID}
	}
	if bad := policy.CheckQuestion(&e.question); bad != nil {
		r.refuse(n, path, "%s is not what it has to be", bad.Member)
	}
	return e
}

// reasons are the codes a case may name.
var reasons = []string{
	string(model.ReasonAllowed), string(model.ReasonSubjectUnknown), string(model.ReasonSubjectDisabled), string(model.ReasonObjectUnknown),
	string(model.ReasonActionUnknown), string(model.ReasonObjectDisabled), string(model.ReasonNotGranted), string(model.ReasonDenied),
	string(model.ReasonRestricted), string(model.ReasonStepUp), string(model.ReasonFieldsClosed), string(model.ReasonRequiredAction),
	string(model.ReasonTenantDisabled),
}

func (r *reader) subject(n *yaml.Node, path string) model.Entity {
	typ, id, found := strings.Cut(r.text(n, path), ":")
	if (!found || typ == "" || id == "") && n.Value != "" {
		r.refuse(n, path, "%s is not spelled type:id, such as user:ann", strconv.Quote(n.Value))
	}
	return model.Entity{Type: typ, ID: id}
}

// action is a name, or a name with properties.
func (r *reader) action(n *yaml.Node, path string, into *model.Action) {
	if n.Kind == yaml.ScalarNode {
		into.Name = r.text(n, path)
		return
	}
	r.mapping(n, path, map[string]func(*yaml.Node, string){
		"name": func(n *yaml.Node, path string) { into.Name = r.text(n, path) },
		"properties": func(n *yaml.Node, path string) {
			for key, v := range r.object(n, path) {
				set(&into.Properties, key, v)
			}
		},
	})
	if into.Name == "" {
		r.refuse(n, path, "name is missing")
	}
}

// fields are the action's property of that name, which most cases about fields
// need nothing but.
func (r *reader) fields(n *yaml.Node, path string, into *model.Action) {
	var names []any
	r.each(n, path, func(n *yaml.Node, path string) { names = append(names, r.text(n, path)) })
	set(&into.Properties, "fields", names)
}

func set(properties *map[string]any, key string, v any) {
	if *properties == nil {
		*properties = map[string]any{}
	}
	(*properties)[key] = v
}

// resource is a type, or a type with id and properties. Without either there is no
// record in particular; properties without an id are those of some record.
func (r *reader) resource(n *yaml.Node, path string, into *model.Entity) {
	if n.Kind == yaml.ScalarNode {
		into.Type, into.ID = r.text(n, path), model.AnyRecord
		return
	}
	r.mapping(n, path, map[string]func(*yaml.Node, string){
		"type":       func(n *yaml.Node, path string) { into.Type = r.text(n, path) },
		"id":         func(n *yaml.Node, path string) { into.ID = r.text(n, path) },
		"properties": func(n *yaml.Node, path string) { into.Properties = r.object(n, path) },
	})
	if into.Type == "" {
		r.refuse(n, path, "type is missing")
	}
	switch {
	case into.ID != "":
	case into.Properties != nil:
		into.ID = "some"
	default:
		into.ID = model.AnyRecord
	}
}

func (r *reader) assurance(n *yaml.Node, path string, e *expectation) {
	r.mapping(n, path, map[string]func(*yaml.Node, string){
		"acr": func(n *yaml.Node, path string) { e.acr = r.whole(n, path, 1, 3) },
		"age": func(n *yaml.Node, path string) {
			e.age = time.Duration(r.whole(n, path, 0, math.MaxInt32)) * time.Second
		},
	})
	if e.acr == 0 {
		r.refuse(n, path, "acr is missing: the level that was proven, 1 to 3")
	}
}

func (r *reader) whole(n *yaml.Node, path string, from, to int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < from || v > to {
		r.refuse(n, path, "a whole number from %d to %d is wanted here", from, to)
		return from
	}
	return v
}

func (r *reader) moment(n *yaml.Node, path string) time.Time {
	t, err := time.Parse(time.RFC3339, n.Value)
	if err != nil {
		r.refuse(n, path, "a time such as 2026-03-01T12:00:00Z is wanted here (RFC 3339)")
	}
	return t
}

// text is a text that is not empty.
func (r *reader) text(n *yaml.Node, path string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		r.refuse(n, path, "text is wanted here; put numbers and the like in quotes")
		return ""
	}
	return n.Value
}

// ids is a list of ids without their kind, or with it.
func (r *reader) ids(n *yaml.Node, path, kind string) (ids []string) {
	r.each(n, path, func(n *yaml.Node, path string) { ids = append(ids, strings.TrimPrefix(r.text(n, path), kind)) })
	return ids
}

func (r *reader) oneOf(n *yaml.Node, path string, words ...string) string {
	s := r.text(n, path)
	if s != "" && !slices.Contains(words, s) {
		r.refuse(n, path, "%s is not one of %s", strconv.Quote(s), strings.Join(words, ", "))
		return ""
	}
	return s
}

// each reads a list.
func (r *reader) each(n *yaml.Node, path string, read func(*yaml.Node, string)) {
	if n.Kind != yaml.SequenceNode {
		r.refuse(n, path, "a list is wanted here")
		return
	}
	for i, e := range n.Content {
		read(e, fmt.Sprintf("%s[%d]", path, i))
	}
}

// mapping reads a mapping with known keys and tells which there were; nil if it is
// none.
func (r *reader) mapping(n *yaml.Node, path string, known map[string]func(*yaml.Node, string)) map[string]bool {
	if n.Kind != yaml.MappingNode {
		r.refuse(n, path, "a mapping is wanted here")
		return nil
	}
	had := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		read := known[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || read == nil:
			keys := make([]string, 0, len(known))
			for k := range known {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			r.refuse(key, at, "unknown key; there are %s", strings.Join(keys, ", "))
		case had[key.Value]:
			r.refuse(key, at, "the key %s is there twice", key.Value)
		default:
			had[key.Value] = true
			read(value, at)
		}
	}
	return had
}

// maxDepth bounds the nesting of values, as that of requests is.
const maxDepth = 64

// object is a mapping of values as JSON has them.
func (r *reader) object(n *yaml.Node, path string) map[string]any {
	if n.Kind != yaml.MappingNode {
		r.refuse(n, path, "a mapping is wanted here")
		return nil
	}
	m, _ := r.value(n, path, 0).(map[string]any)
	return m
}

func (r *reader) value(n *yaml.Node, path string, depth int) any {
	switch {
	case depth > maxDepth:
		r.refuse(n, path, "nested more than %d deep", maxDepth)
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			list[i] = r.value(e, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
		return list
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := m[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				r.refuse(key, path, "a key must be a plain word, and there once")
				continue
			}
			m[key.Value] = r.value(n.Content[i+1], path+"."+key.Value, depth+1)
		}
		return m
	case n.Kind == yaml.ScalarNode:
		return r.scalar(n, path)
	default:
		r.refuse(n, path, "an alias is not wanted here; write the value out")
	}
	return nil
}

func (r *reader) scalar(n *yaml.Node, path string) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!str", "!!timestamp": // times are text, as in requests
		return n.Value
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	}
	r.refuse(n, path, "%s is no value a request could have", strconv.Quote(n.Value))
	return nil
}
