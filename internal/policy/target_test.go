package policy

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

// What could be read in two ways is refused; what cannot is decoded once.
func TestSegmentsOf(t *testing.T) {
	for target, want := range map[string]string{
		"/":                                  "",
		"/?a=/../b":                          "",
		"/api/contacts":                      "api|contacts",
		"/api/contacts/17?tab=%2F#x;y":       "api|contacts|17",
		"/api/contacts/a%20b":                "api|contacts|a b",
		"/api/contacts/%41%6c%69":            "api|contacts|Ali",
		"/api/%E8%81%94%E7%B3%BB%E4%BA%BA/1": "api|联系人|1",
		"/api/a.b/...x/~u":                   "api|a.b|...x|~u",
		"/api/a:b@c+d,e=f&g!h$i'(j)*":        "api|a:b@c+d,e=f&g!h$i'(j)*",
	} {
		if got, ok := segmentsOf(target); !ok || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v, want %q", target, got, ok, want)
		}
	}
	for _, target := range []string{
		"", "api/contacts", "*", "http://crm/api", "?", "#", // no origin form
		"//api", "/api//contacts", "/api/contacts/", "/api/contacts/?x", "//", // empty segments
		"/.", "/..", "/api/./contacts", "/api/../contacts", "/api/contacts/..", "/api/.../x", "/api/%2e/x", "/api/%2E%2e/x", "/api/.%2e/x",
		"/api/%2Fcontacts", "/api%2fcontacts", "/api/a%5Cb", "/api/a\\b", "/api\\contacts", // separators
		"/api/a%252Fb", "/api/%2525", "/api/%25", // escapes within escapes
		"/api/contacts;x=1/17", "/api/contacts/17;jsessionid=1", "/api/contacts/17%3Bx", "/api/..;/admin", // parameters
		"/api/a#b", "/api/a%23b", "/api/a%3Fb",
		"/api/a%00", "/api/a%0d%0aX: y", "/api/a%7f", "/api/a\x00", "/api/a\tb", "/api/a b", "/api/a\x7f", "/api/a?b c", "/api/a?\r\nX: y",
		"/api/%", "/api/%4", "/api/%zz", "/api/%u0041", "/api/a%2", // broken escapes
		"/api/%ff", "/api/%c0%af", "/api/%c0%ae%c0%ae/x", "/api/%ed%a0%80", "/api/\xff", "/api/联系人", // no UTF-8, or not escaped
		"/api/contacts/17%20", "/api/%2017", "/api/%20", "/api/contacts%20/17", "/api/%C2%A017", "/api/17%E3%80%80", "/api/17%C2%85", // white space that some trim
		"/" + strings.Repeat("a", maxTarget), "/a" + strings.Repeat("/a", maxSegments),
	} {
		if got, ok := segmentsOf(target); ok {
			t.Errorf("%q was read as %q", target, got)
		}
	}
}

// FuzzSegmentsOf: whoever reads an accepted path, by whatever rules, finds the
// segments that were decided about.
func FuzzSegmentsOf(f *testing.F) {
	for _, s := range []string{"/", "/api/contacts/17?x", "/a%20b/%E4%B8%AD", "/a/%2e%2e/b", "/a%252f", "/a;b/c", "/a\\b", "/*", "/?\x1b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		segments, ok := segmentsOf(target)
		if !ok {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatalf("%q is no request target: %v", target, err)
		}
		want := "/" + strings.Join(segments, "/")
		readers := map[string]string{
			"decoded":       u.Path,
			"cleaned":       path.Clean(u.Path),
			"cleaned first": func() string { p, _ := url.PathUnescape(path.Clean(u.EscapedPath())); return p }(),
			"resolved":      (&url.URL{Path: "/"}).ResolveReference(u).Path,
			"re-encoded":    func() string { v, _ := url.ParseRequestURI((&url.URL{Path: u.Path}).EscapedPath()); return v.Path }(),
			"backslashes":   strings.ReplaceAll(u.Path, "\\", "/"),
			"parameters":    func() string { p, _, _ := strings.Cut(u.Path, ";"); return p }(),
			"fragment":      func() string { p, _, _ := strings.Cut(u.Path, "#"); return p }(),
		}
		if twice, err := url.PathUnescape(u.Path); err != nil || twice != u.Path {
			t.Errorf("%q: decoded twice it is %q, %v", target, twice, err)
		}
		for reader, got := range readers {
			if got != want {
				t.Errorf("%q: %s it is %q, not %q", target, reader, got, want)
			}
		}
		if slices.Contains(segments, "") || strings.ContainsFunc(want, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' && !strings.Contains(target, "%") }) {
			t.Errorf("%q: %q", target, segments)
		}
	})
}
