package server

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// jsonWriter holds JSON text being written, spelled as RFC 8785 has it: no white space,
// and only what must be escaped is. Members come in the order they are written.
type jsonWriter struct{ out []byte }

// raw adds JSON as it stands.
func (j *jsonWriter) raw(s string) { j.out = append(j.out, s...) }

// name begins a member, after a comma unless it is the first of its object.
func (j *jsonWriter) name(s string) {
	if j.out[len(j.out)-1] != '{' {
		j.out = append(j.out, ',')
	}
	j.quoted(s)
	j.out = append(j.out, ':')
}

func (j *jsonWriter) integer(n int64) { j.out = strconv.AppendInt(j.out, n, 10) }

func (j *jsonWriter) boolean(v bool) { j.out = strconv.AppendBool(j.out, v) }

// strings is an array, [] where there is nothing in it.
func (j *jsonWriter) strings(ss []string) {
	j.raw("[")
	for i, s := range ss {
		if i > 0 {
			j.raw(",")
		}
		j.quoted(s)
	}
	j.raw("]")
}

// texts is an object of strings, in the order of their names.
func (j *jsonWriter) texts(m map[string]string) {
	j.raw("{")
	for _, name := range slices.Sorted(maps.Keys(m)) {
		j.name(name)
		j.quoted(m[name])
	}
	j.raw("}")
}

func (j *jsonWriter) quoted(s string) { j.out = appendQuoted(j.out, s) }

func (j *jsonWriter) quotedBytes(s []byte) { j.out = appendQuoted(j.out, s) }

// appendQuoted adds s as a JSON string. What is no UTF-8 becomes U+FFFD.
func appendQuoted[Text string | []byte](b []byte, s Text) []byte {
	b = append(b, '"')
	start := 0 // of what is not added yet
	for i := 0; i < len(s); {
		c := s[i]
		if safe[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune([]byte(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = utf8.AppendRune(b, utf8.RuneError)
			start = i + 1
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// safe are the bytes that stand for themselves in a JSON string.
var safe = func() (t [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
