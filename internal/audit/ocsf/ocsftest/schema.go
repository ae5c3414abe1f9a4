// Package ocsftest holds events to the text of the Open Cybersecurity Schema
// Framework, a part of which lies in testdata with its licence. It appears in tests
// only.
package ocsftest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Version is that of the schema in testdata, and digest SHA-256 over the names and
// contents of its files.
const (
	Version = "1.8.0"
	digest  = "8cdae97065756667d8f1b42b04dd7d8ebbb83530aa73a3019e3a406f55653ed0"
)

//go:embed all:testdata
var files embed.FS

// text is the schema's own.
func text(t testing.TB) fs.FS {
	sub, err := fs.Sub(files, "testdata/ocsf-schema-"+Version)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// Schema is the pinned text of the framework, read as its own compiler does: an
// event or object takes on what it extends, included profiles bring attributes that
// count only where the event names the profile, and the dictionary says the rest.
type Schema struct {
	version    string
	categories map[string]int
	dictionary map[string]attribute
	types      map[string]typ
	classes    map[int]*thing
	objects    map[string]*thing
}

// thing is an event class or an object.
type thing struct {
	Name        string                     `json:"name"`
	Caption     string                     `json:"caption"`
	UID         int                        `json:"uid"`
	Category    string                     `json:"category"`
	Extends     string                     `json:"extends"`
	Raw         map[string]json.RawMessage `json:"attributes"`
	Constraints map[string][]string        `json:"constraints"`
	attributes  map[string]attribute
}

type attribute struct {
	Requirement string                              `json:"requirement"`
	Type        string                              `json:"type"`
	Array       bool                                `json:"is_array"`
	Sibling     string                              `json:"sibling"`
	Enum        map[string]struct{ Caption string } `json:"enum"`
	Deprecated  json.RawMessage                     `json:"@deprecated"`
	found       bool                                // what the dictionary says is in it
	Profile     *string                             `json:"profile"`
}

type typ struct {
	Type   string  `json:"type"`
	Regex  pattern `json:"regex"`
	MaxLen int     `json:"max_len"`
}

// pattern is a regular expression of the schema, compiled once.
type pattern struct{ *regexp.Regexp }

func (p *pattern) UnmarshalText(b []byte) (err error) {
	p.Regexp, err = regexp.Compile(string(b))
	return err
}

func readJSON[T any](t testing.TB, name string) T {
	t.Helper()
	b, err := fs.ReadFile(text(t), name)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// Load reads the schema, and makes sure that it is the one that is pinned.
func Load(t testing.TB) *Schema {
	t.Helper()
	if got := digestOf(t); got != digest {
		t.Fatalf("the digest of the schema is %s", got)
	}
	s := &Schema{categories: map[string]int{}, classes: map[int]*thing{}, objects: map[string]*thing{}}
	s.version = readJSON[struct{ Version string }](t, "version.json").Version
	if s.version != Version {
		t.Fatalf("the schema is of version %s", s.version)
	}
	for name, c := range readJSON[struct {
		Attributes map[string]struct{ UID int }
	}](t, "categories.json").Attributes {
		s.categories[name] = c.UID
	}
	d := readJSON[struct {
		Attributes map[string]attribute
		Types      struct{ Attributes map[string]typ }
	}](t, "dictionary.json")
	s.dictionary, s.types = d.Attributes, d.Types.Attributes
	for _, c := range s.things(t, "events/*.json", "events/*/*.json") {
		if c.UID > 0 || c.Name == "base_event" {
			uid := s.categories[c.Category]*1000 + c.UID
			s.classes[uid] = c
			// The compiler gives each class its own numbers for the base event's.
			for name, id := range map[string]int{"class_uid": uid, "category_uid": s.categories[c.Category]} {
				a := c.attributes[name]
				a.Enum = map[string]struct{ Caption string }{strconv.Itoa(id): {c.Caption}}
				c.attributes[name] = a
			}
		}
	}
	for _, o := range s.things(t, "objects/*.json") {
		s.objects[o.Name] = o
	}
	return s
}

func digestOf(t testing.TB) string {
	h := sha256.New()
	err := fs.WalkDir(text(t), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(text(t), name)
		fmt.Fprintf(h, "%s %d\n%s", path.Clean(name), len(b), b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Caption is the name of a class, and of an activity in it; "" where there is none.
func (s *Schema) Caption(class, activity int) (of, what string) {
	c := s.classes[class]
	if c == nil {
		return "", ""
	}
	a, _ := s.find(c, "activity_id")
	return c.Caption, a.Enum[strconv.Itoa(activity)].Caption
}

// things reads files, and resolves what extends what.
func (s *Schema) things(t testing.TB, patterns ...string) map[string]*thing {
	all := map[string]*thing{}
	for _, pattern := range patterns {
		names, err := fs.Glob(text(t), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			th := readJSON[thing](t, name)
			all[th.Name] = &th
		}
	}
	for _, th := range all {
		s.resolve(t, all, th)
	}
	return all
}

func (s *Schema) resolve(t testing.TB, all map[string]*thing, th *thing) {
	if th.attributes != nil {
		return
	}
	th.attributes = map[string]attribute{}
	if th.Extends != "" {
		parent := all[th.Extends]
		if parent == nil {
			t.Fatalf("%s extends %s, which is not here", th.Name, th.Extends)
		}
		s.resolve(t, all, parent)
		maps.Copy(th.attributes, parent.attributes)
		if th.Constraints == nil {
			th.Constraints = parent.Constraints
		}
		if th.Category == "" {
			th.Category = parent.Category
		}
	}
	if include, ok := th.Raw["$include"]; ok {
		var files []string
		if err := json.Unmarshal(include, &files); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			profile := readJSON[thing](t, f)
			for name, raw := range profile.Raw {
				th.attributes[name] = merge(t, th.attributes[name], raw, &profile.Name)
			}
		}
		delete(th.Raw, "$include")
	}
	for name, raw := range th.Raw {
		th.attributes[name] = merge(t, th.attributes[name], raw, th.attributes[name].Profile)
	}
}

// merge lays an attribute's text over what was there.
func merge(t testing.TB, a attribute, raw json.RawMessage, profile *string) attribute {
	a.Enum = maps.Clone(a.Enum)
	a.Profile = profile
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// find is the attribute of a thing with what the dictionary says of it.
func (s *Schema) find(th *thing, name string) (own attribute, ok bool) {
	own, ok = th.attributes[name]
	if own.found {
		return own, ok
	}
	own.found = true
	if ok {
		defer func() { th.attributes[name] = own }()
	}
	d := s.dictionary[name]
	own.Type, own.Array, own.Sibling = d.Type, d.Array, d.Sibling
	enum := maps.Clone(d.Enum)
	if enum == nil {
		enum = own.Enum
	} else {
		maps.Copy(enum, own.Enum)
	}
	own.Enum = enum
	return own, ok
}

// Check says all that is wrong with an event; want is the class it should be of.
func (s *Schema) Check(event map[string]any, want int) (wrong []string) {
	class := s.classes[want]
	if class == nil {
		return []string{fmt.Sprintf("there is no class %d", want)}
	}
	uid, activity := number(event["class_uid"]), number(event["activity_id"])
	if uid != want {
		wrong = append(wrong, fmt.Sprintf("class_uid: %d, want %d", uid, want))
	}
	if got := number(event["type_uid"]); got != uid*100+activity {
		wrong = append(wrong, fmt.Sprintf("type_uid: %d of class %d and activity %d", got, uid, activity))
	}
	if got := number(event["category_uid"]); got != s.categories[class.Category] {
		wrong = append(wrong, fmt.Sprintf("category_uid: %d, want %d", got, s.categories[class.Category]))
	}
	metadata, _ := event["metadata"].(map[string]any)
	if metadata["version"] != s.version {
		wrong = append(wrong, fmt.Sprintf("metadata.version: %v, want %s", metadata["version"], s.version))
	}
	var profiles []string
	if list, ok := metadata["profiles"].([]any); ok {
		for _, p := range list {
			profiles = append(profiles, fmt.Sprint(p))
		}
	}
	return append(wrong, s.object("", class, event, profiles)...)
}

func number(v any) int {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) {
		return -1
	}
	return int(f)
}

func (s *Schema) object(path string, th *thing, object map[string]any, profiles []string) (wrong []string) {
	say := func(name, format string, args ...any) {
		wrong = append(wrong, path+name+": "+fmt.Sprintf(format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		a, ok := s.find(th, name)
		switch {
		case !ok:
			say(name, "no attribute of %s", th.Name)
			continue
		case a.Deprecated != nil:
			say(name, "deprecated")
		case a.Profile != nil && *a.Profile != "" && !slices.Contains(profiles, *a.Profile):
			say(name, "of profile %s, which the event does not name", *a.Profile)
		}
		wrong = append(wrong, s.values(path+name, a, object[name], profiles)...)
		if a.Sibling == "" {
			continue
		}
		label, labelled := object[a.Sibling]
		caption := a.Enum[fmt.Sprint(object[name])].Caption
		if a.Enum != nil && number(object[name]) == 99 && !labelled {
			say(name, "99 without %s", a.Sibling)
		}
		if labelled && number(object[name]) != 99 && label != caption && !strings.EqualFold(fmt.Sprint(label), caption) && a.Sibling != "type" {
			say(a.Sibling, "%v, want %q", label, caption)
		}
	}
	for name, a := range th.attributes {
		if _, there := object[name]; !there && a.Requirement == "required" && (a.Profile == nil || slices.Contains(profiles, *a.Profile)) {
			say(name, "missing, and required")
		}
	}
	for kind, names := range th.Constraints {
		n := 0
		for _, name := range names {
			if _, there := object[name]; there {
				n++
			}
		}
		if n == 0 || kind == "just_one" && n > 1 {
			say("", "%s of %v, and %d are there", kind, names, n)
		}
	}
	slices.Sort(wrong)
	return wrong
}

func (s *Schema) values(path string, a attribute, v any, profiles []string) []string {
	if !a.Array {
		return s.value(path, a, v, profiles)
	}
	list, ok := v.([]any)
	if !ok {
		return []string{path + ": not an array"}
	}
	var wrong []string
	for i, v := range list {
		wrong = append(wrong, s.value(path+"["+strconv.Itoa(i)+"]", a, v, profiles)...)
	}
	return wrong
}

func (s *Schema) value(path string, a attribute, v any, profiles []string) []string {
	wrong := func(format string, args ...any) []string { return []string{path + ": " + fmt.Sprintf(format, args...)} }
	basic := a.Type
	limits, isType := s.types[a.Type]
	if isType && limits.Type != "" {
		basic = limits.Type
	}
	if a.Enum != nil {
		key := fmt.Sprint(v)
		if f, ok := v.(float64); ok {
			key = strconv.FormatFloat(f, 'f', -1, 64)
		}
		if _, ok := a.Enum[key]; !ok {
			return wrong("%v is none of its values", v)
		}
	}
	switch basic {
	case "string_t":
		text, ok := v.(string)
		switch {
		case !ok:
			return wrong("not a string")
		case limits.MaxLen > 0 && len(text) > limits.MaxLen:
			return wrong("longer than %d", limits.MaxLen)
		case limits.Regex.Regexp != nil && !limits.Regex.MatchString(text):
			return wrong("%q is no %s", text, a.Type)
		}
	case "integer_t", "long_t":
		if f, ok := v.(float64); !ok || f != math.Trunc(f) || basic == "integer_t" && math.Abs(f) > math.MaxInt32 {
			return wrong("%v is no %s", v, a.Type)
		}
	case "boolean_t":
		if _, ok := v.(bool); !ok {
			return wrong("not a boolean")
		}
	case "float_t":
		if _, ok := v.(float64); !ok {
			return wrong("not a number")
		}
	case "json_t":
	case "object":
		if _, ok := v.(map[string]any); !ok {
			return wrong("not an object")
		}
	default:
		o := s.objects[a.Type]
		if o == nil {
			return wrong("there is no type %q here", a.Type)
		}
		m, ok := v.(map[string]any)
		if !ok {
			return wrong("not a %s", a.Type)
		}
		return s.object(path+".", o, m, profiles)
	}
	return nil
}
