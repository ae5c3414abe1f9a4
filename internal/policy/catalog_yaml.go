package policy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"rolegate/model"
)

// catalogReader walks the YAML tree itself instead of decoding into structs, so
// that every bad entry is found in one reading, with its line and path, and a
// key written twice is a mistake and not an overwrite.
type catalogReader struct {
	problems []model.Detail
	places   map[string]*yaml.Node // path → node, for checks across entries

	// partly are the mappings that hold something that could not be read: what
	// is missing there may be it.
	partly map[string]bool
}

// entry is a node and where it stands.
type entry struct {
	node *yaml.Node
	path string
}

func (e entry) at(key string) string {
	if e.path == "" {
		return key
	}
	return e.path + "." + key
}

// placed is the entry at a path, for checks across entries.
func (r *catalogReader) placed(path string) entry { return entry{r.places[path], path} }

func (r *catalogReader) refuse(e entry, format string, args ...any) {
	r.add(e, model.Say(format, args...))
}

func (r *catalogReader) add(e entry, reason model.Phrase) {
	d := model.Detail{Path: e.path, Reason: reason}
	if e.node != nil {
		d.Line, d.Column = e.node.Line, e.node.Column
	}
	r.problems = append(r.problems, d)
}

func (r *catalogReader) read(text string) *Catalog {
	r.places, r.partly = map[string]*yaml.Node{}, map[string]bool{}
	c := &Catalog{Objects: map[string]*Object{}}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // an empty catalogue declares nothing
		return c
	case err != nil:
		r.add(entry{}, model.Say("not YAML").Noting(err.Error()))
		return c
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.refuse(entry{}, "more than one YAML document")
		return c
	}
	r.mapping(entry{document.Content[0], ""}, map[string]func(entry){
		"objects": func(e entry) {
			r.names(e, func(name string, e entry) { c.Objects[name] = r.object(e) })
		},
		"routes": func(e entry) {
			r.list(e, func(e entry) { c.Routes = append(c.Routes, r.route(e)) })
		},
	})
	return c
}

func (r *catalogReader) object(e entry) *Object {
	o := &Object{Enabled: true, Actions: map[string]Action{}, Fields: map[string]Field{}}
	r.mapping(e, map[string]func(entry){
		"enabled":      func(e entry) { r.boolean(e, &o.Enabled) },
		"person":       func(e entry) { r.boolean(e, &o.Person) },
		"data_subject": func(e entry) { r.name(e, &o.DataSubject) },
		"actions": func(e entry) {
			r.names(e, func(name string, e entry) { o.Actions[name] = r.action(e) })
		},
		"fields": func(e entry) {
			r.names(e, func(name string, e entry) { o.Fields[name] = r.field(name, e) })
			if len(o.Fields) > maxFieldNames {
				r.refuse(e, "an object has at most %d fields", maxFieldNames)
			}
		},
	})
	if o.Person && o.DataSubject != "" {
		r.refuse(e, "person and data_subject exclude each other: a record about a person is about itself")
	}
	return o
}

func (r *catalogReader) action(e entry) Action {
	a := Action{Audit: AuditFull}
	r.mapping(e, map[string]func(entry){
		"requires": func(e entry) {
			r.list(e, func(e entry) {
				var name string
				r.name(e, &name)
				a.Requires = append(a.Requires, name)
			})
		},
		"audit": func(e entry) {
			var level string
			r.oneOf(e, &level, []string{string(AuditFull), string(AuditMinimal)})
			a.Audit = AuditLevel(level)
		},
	})
	return a
}

func (r *catalogReader) field(name string, e entry) Field {
	var f Field
	r.mapping(e, map[string]func(entry){
		"type": func(e entry) {
			if r.text(e, &f.Type); f.Type == "" {
				return
			}
			if !validFieldType(f.Type) {
				r.refuse(e, "unknown type %s; there are %s, and list of one of these", shown(f.Type), strings.Join(fieldTypes, ", "))
			} else if reason := unfitType(name, f.Type); !reason.IsZero() {
				r.add(e, reason)
			}
		},
		"class":   func(e entry) { r.oneOf(e, &f.Class, classes) },
		"mask":    func(e entry) { r.oneOf(e, &f.Mask, maskStyles) },
		"secured": func(e entry) { r.boolean(e, &f.Secured) },
	})
	if f.Class != "" && f.Mask == "" {
		f.Mask = defaultMask
	}
	return f
}

func (r *catalogReader) route(e entry) Route {
	var route Route
	r.mapping(e, map[string]func(entry){
		"method": func(e entry) { r.oneOf(e, &route.Method, httpMethods) },
		"path":   func(e entry) { r.text(e, &route.Path) },
		"object": func(e entry) { r.name(e, &route.Object) },
		"action": func(e entry) { r.name(e, &route.Action) },
	})
	return route
}

// mapping reads a mapping with known keys. A null stands for an empty mapping,
// as in "read:" without more.
func (r *catalogReader) mapping(e entry, known map[string]func(entry)) {
	r.pairs(e, func(key string, value entry, at entry) {
		read := known[key]
		if read == nil {
			keys := make([]string, 0, len(known))
			for k := range known {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			r.partly[e.path] = true
			r.refuse(at, "unknown key %s; there are %s", shown(key), strings.Join(keys, ", "))
			return
		}
		read(value)
	})
}

// names reads a mapping whose keys are names given by whoever wrote it.
func (r *catalogReader) names(e entry, read func(name string, e entry)) {
	r.pairs(e, func(key string, value entry, at entry) {
		if reason := checkName(key); !reason.IsZero() {
			r.partly[e.path] = true
			r.refuse(at, "the name %s %s", shown(key), reason)
			return
		}
		read(key, value)
	})
}

// pairs reads any mapping. at is where the key stands.
func (r *catalogReader) pairs(e entry, read func(key string, value, at entry)) {
	r.places[e.path] = e.node
	if isNull(e.node) {
		return
	}
	if e.node.Kind != yaml.MappingNode {
		r.partly[e.path] = true
		r.refuse(e, "a mapping is wanted here, not %s", kindOf(e.node))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		key, value := e.node.Content[i], e.node.Content[i+1]
		if key.Kind != yaml.ScalarNode || isNull(key) || key.Tag == "!!merge" {
			r.partly[e.path] = true
			r.refuse(entry{key, e.path}, "a key must be a plain word")
			continue
		}
		at := entry{key, e.at(key.Value)}
		if first, repeated := lines[key.Value]; repeated {
			r.refuse(at, "the key %s is already in line %d", shown(key.Value), first)
			continue
		}
		lines[key.Value] = key.Line
		r.places[at.path] = value
		read(key.Value, entry{value, at.path}, at)
	}
}

func (r *catalogReader) list(e entry, read func(entry)) {
	if isNull(e.node) {
		return
	}
	if e.node.Kind != yaml.SequenceNode {
		r.refuse(e, "a list is wanted here, not %s", kindOf(e.node))
		return
	}
	for i, n := range e.node.Content {
		at := entry{n, fmt.Sprintf("%s[%d]", e.path, i)}
		r.places[at.path] = n
		read(at)
	}
}

func (r *catalogReader) boolean(e entry, into *bool) {
	if e.node.Kind != yaml.ScalarNode || e.node.Tag != "!!bool" || e.node.Decode(into) != nil {
		r.refuse(e, "true or false is wanted here, not %s", kindOf(e.node))
	}
}

func (r *catalogReader) text(e entry, into *string) {
	if e.node.Kind != yaml.ScalarNode || e.node.Tag != "!!str" || e.node.Value == "" {
		r.refuse(e, "text is wanted here, not %s", kindOf(e.node))
		return
	}
	*into = e.node.Value
}

func (r *catalogReader) name(e entry, into *string) {
	var s string
	if r.text(e, &s); s == "" {
		return
	}
	if reason := checkName(s); !reason.IsZero() {
		r.refuse(e, "the name %s %s", shown(s), reason)
		return
	}
	*into = s
}

func (r *catalogReader) oneOf(e entry, into *string, words []string) {
	var s string
	if r.text(e, &s); s == "" {
		return
	}
	if !slices.Contains(words, s) {
		r.refuse(e, "%s is not one of %s", shown(s), strings.Join(words, ", "))
		return
	}
	*into = s
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf names what was found instead of what was wanted. Aliases are refused
// everywhere by not being wanted anywhere: a few lines of them unfold into
// gigabytes.
func kindOf(n *yaml.Node) model.Phrase {
	switch n.Kind {
	case yaml.MappingNode:
		return model.Say("a mapping")
	case yaml.SequenceNode:
		return model.Say("a list")
	case yaml.AliasNode:
		return model.Say("an alias")
	}
	if n.Value == "" {
		return model.Say("nothing")
	}
	return model.Verbatim(shown(n.Value))
}
