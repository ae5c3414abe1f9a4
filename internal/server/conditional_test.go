package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/directory"
	"rolegate/model"
)

func TestEntityTags(t *testing.T) {
	tags := func(list ...string) *directory.Tags { return &directory.Tags{List: list} }
	for _, c := range []struct {
		values       []string
		match, other *directory.Tags // as If-Match, and as If-None-Match; nil both: refused
	}{
		{[]string{`*`}, &directory.Tags{Any: true}, &directory.Tags{Any: true}},
		{[]string{` * `}, &directory.Tags{Any: true}, &directory.Tags{Any: true}},
		{[]string{`"a"`}, tags("a"), tags("a")},
		{[]string{`"a","b"`}, tags("a", "b"), tags("a", "b")},
		{[]string{`"a" , W/"b",, "c d"`}, nil, nil}, // no blanks inside
		{[]string{`"a" , W/"b",, "c,d"`}, tags("a", "c,d"), tags("a", "b", "c,d")},
		{[]string{`"a"`, `"b"`}, tags("a", "b"), tags("a", "b")},
		{[]string{`W/"a"`}, tags(), tags("a")},
		{[]string{`""`}, tags(""), tags("")},
		{[]string{`"*"`}, tags("*"), tags("*")},
		{[]string{`"é"`}, tags("é"), tags("é")},
		{[]string{``}, nil, nil}, {[]string{`,`}, nil, nil}, {[]string{`a`}, nil, nil}, {[]string{`"a`}, nil, nil}, {[]string{`"a" "b"`}, nil, nil},
		{[]string{`"a"b`}, nil, nil}, {[]string{`w/"a"`}, nil, nil}, {[]string{`*, "a"`}, nil, nil}, {[]string{`W/`}, nil, nil}, {[]string{`"a", *`}, nil, nil},
		{[]string{`*`, `*`}, nil, nil}, {[]string{`'a'`}, nil, nil}, {[]string{"\"a\tb\""}, nil, nil},
	} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Header["If-Match"], r.Header["If-None-Match"] = c.values, c.values
		got, err := conditionOf(r)
		if c.match == nil {
			if model.CodeOf(err) != model.CodeInvalidRequest {
				t.Errorf("%q: %v, %v", c.values, got, err)
			}
			continue
		}
		if len(c.match.List) == 0 && !c.match.Any {
			c.match = &directory.Tags{}
		}
		if diff := cmp.Diff(directory.Condition{Match: c.match, NoneMatch: c.other}, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", c.values, err, diff)
		}
	}
	if got, err := conditionOf(httptest.NewRequest("PUT", "/", nil)); err != nil || got.Match != nil || got.NoneMatch != nil {
		t.Errorf("without headers: %v, %v", got, err)
	}
}

// FuzzEntityTags: nothing panics, and what is read is never an empty demand.
func FuzzEntityTags(f *testing.F) {
	f.Add(`"a", W/"b"`)
	f.Add(`*`)
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"If-None-Match": {value}}}
		c, err := conditionOf(r)
		if err == nil && (c.NoneMatch == nil || !c.NoneMatch.Any && len(c.NoneMatch.List) == 0) {
			t.Errorf("%q demands %+v", value, c.NoneMatch)
		}
	})
}
