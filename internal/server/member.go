package server

import (
	"math"
	"strconv"
	"strings"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// maxName bounds ids, types and action names, in bytes.
const maxName = 256

// member is a value somewhere in a request, with its path for complaints.
// Absent and null are both nil.
type member struct {
	value any
	path  string
}

// object is the member as an object it has to be.
func (m member) object() (map[string]any, error) {
	if m.value == nil {
		return nil, invalid(i18n.Missing, m.path)
	}
	o, ok := m.value.(map[string]any)
	if !ok {
		return nil, invalid(i18n.WantObject, m.path)
	}
	return o, nil
}

// optionalObject is the member as an object, nil when there is none.
func (m member) optionalObject() (map[string]any, error) {
	if m.value == nil {
		return nil, nil
	}
	return m.object()
}

// optionalArray is the member as an array, nil when there is none.
func (m member) optionalArray() ([]any, error) {
	if m.value == nil {
		return nil, nil
	}
	a, ok := m.value.([]any)
	if !ok {
		return nil, invalid(i18n.WantArray, m.path)
	}
	return a, nil
}

// optionalBool is the member as true or false, false when there is none.
func (m member) optionalBool() (bool, error) {
	v, ok := m.value.(bool)
	if m.value != nil && !ok {
		return false, invalid(i18n.WantBool, m.path)
	}
	return v, nil
}

// name is the member as the id, type or name it has to be: any string that is
// neither empty nor too long. It is not trimmed, folded or matched.
func (m member) name() (string, error) {
	if m.value == nil {
		return "", invalid(i18n.Missing, m.path)
	}
	s, ok := m.value.(string)
	switch {
	case !ok:
		return "", invalid(i18n.WantString, m.path)
	case s == "":
		return "", invalid(i18n.EmptyString, m.path)
	case strings.ContainsRune(s, 0): // no database holds it, so nothing has this name
		return "", invalid(i18n.HasNUL, m.path)
	case len(s) > maxName:
		return "", over(model.CodeInvalidRequest, i18n.TooLong, m.path, maxName)
	}
	return s, nil
}

// count is the member as a number of things: whole, not negative, and of any size
// a double has.
func (m member) count() (float64, error) {
	n, ok := m.value.(float64)
	if !ok || n < 0 || n != math.Trunc(n) {
		return 0, invalid(i18n.WantWhole, m.path)
	}
	return n, nil
}

// element is the place of an array's i-th element.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// get is the member of the object o, which stands at path.
func get(o map[string]any, path, name string) member {
	m := member{value: o[name], path: name}
	if path != "" {
		m.path = path + "." + name
	}
	return m
}
