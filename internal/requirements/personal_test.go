package requirements

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// personal is something that must not be found where nothing of anybody may be: a
// name, an address, a record's id, a secret.
type personal struct {
	what  string
	value string
	code  bool // a one-time code: six digits, looked for as a word of their own

	spelt [][]byte // once they were asked for
}

// spellings are the ways in which somebody may have written the value: as it is and
// in the encodings that text passes through. Base64 depends on what stands before,
// so it is there for each of three places to begin in.
func (p *personal) spellings() [][]byte {
	if p.spelt != nil {
		return p.spelt
	}
	seen := map[string]bool{}
	add := func(s string) {
		if len(s) >= 6 && !seen[s] {
			seen[s] = true
			p.spelt = append(p.spelt, []byte(s))
		}
	}
	bare := strings.ReplaceAll(p.value, "-", "") // how codes and invitations are typed
	for _, v := range slices.Compact([]string{p.value, strings.ToLower(p.value), strings.ToUpper(p.value), bare}) {
		add(v)
		add(url.QueryEscape(v))
		add(url.PathEscape(v))
		add(html.EscapeString(v))
		quoted, _ := json.Marshal(v)
		add(string(quoted[1 : len(quoted)-1]))
		add(escaped(v))
		add(strings.Trim(fmt.Sprintf("%+q", v), `"`))
		add(hex.EncodeToString([]byte(v)))
		add(strings.ToUpper(hex.EncodeToString([]byte(v))))
		add(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(v)))
		for before := range 3 {
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := enc.EncodeToString(append(make([]byte, before), v...))
				from, to := (before*8+5)/6, len(text)
				if (before+len(v))%3 != 0 {
					to-- // its last letter depends on what comes after
				}
				add(text[min(from, to):to])
			}
		}
	}
	return p.spelt
}

// escaped is JSON with every character as \uXXXX.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r <= 0xffff {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// in tells whether the text has it in any spelling.
func (p *personal) in(text []byte) bool {
	if p.code {
		return regexp.MustCompile(`(^|[^0-9A-Za-z.])` + p.value + `($|[^0-9A-Za-z.])`).Match(text)
	}
	return slices.ContainsFunc(p.spellings(), func(s []byte) bool { return bytes.Contains(text, s) })
}

// found tells what of all is in the text, but for those that may be there.
func found(all []*personal, text []byte, but ...string) (what []string) {
	for _, p := range all {
		if p.in(text) && !slices.ContainsFunc(but, func(b string) bool { return strings.HasPrefix(p.what, b) }) {
			what = append(what, p.what)
		}
	}
	return what
}

// The search finds each thing in each of its spellings, wherever it begins.
func findsWhatIsThere(t *testing.T, all []*personal) {
	t.Helper()
	for _, p := range all {
		texts := []string{`{"a":"` + p.value + `"}`}
		if !p.code {
			texts = append(texts, url.QueryEscape(p.value), hex.EncodeToString([]byte("x"+p.value)), escaped(p.value),
				base64.StdEncoding.EncodeToString([]byte(p.value)), base64.URLEncoding.EncodeToString([]byte("x"+p.value+"yz")),
				base64.StdEncoding.EncodeToString([]byte("xy"+p.value+"z")))
		}
		for _, text := range texts {
			if !p.in([]byte(text)) {
				t.Errorf("the search does not find the %s in %q", p.what, text)
			}
		}
	}
}
