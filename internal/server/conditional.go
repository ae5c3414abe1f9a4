package server

import (
	"net/http"
	"strings"

	"rolegate/internal/directory"
	"rolegate/internal/i18n"
)

// conditionOf reads If-Match and If-None-Match (RFC 9110 section 13.1). If-Match
// compares strongly, so a weak tag never matches there.
func conditionOf(r *http.Request) (c directory.Condition, err error) {
	if c.Match, err = tagsOf(r, "If-Match", false); err != nil {
		return c, err
	}
	c.NoneMatch, err = tagsOf(r, "If-None-Match", true)
	return c, err
}

// tagsOf reads a list of entity tags (RFC 9110 section 8.8.3), nil where there is
// none. A condition that cannot be read is refused, never ignored.
func tagsOf(r *http.Request, header string, weak bool) (*directory.Tags, error) {
	values, there := r.Header[http.CanonicalHeaderKey(header)]
	if !there {
		return nil, nil
	}
	text := strings.Trim(strings.Join(values, ","), " \t")
	if text == "*" {
		return &directory.Tags{Any: true}, nil
	}
	malformed := invalid(i18n.EntityTags, header)
	tags := &directory.Tags{}
	read := 0
	for text != "" {
		if text[0] == ',' { // empty elements count for nothing (section 5.6.1)
			text = strings.TrimLeft(text[1:], " \t")
			continue
		}
		rest, isWeak := strings.CutPrefix(text, "W/")
		rest, ok := strings.CutPrefix(rest, `"`)
		tag, rest, closed := strings.Cut(rest, `"`)
		if !ok || !closed || strings.ContainsFunc(tag, notInTag) {
			return nil, malformed
		}
		if read++; weak || !isWeak {
			tags.List = append(tags.List, tag)
		}
		if text = strings.TrimLeft(rest, " \t"); text != "" && text[0] != ',' {
			return nil, malformed
		}
	}
	if read == 0 {
		return nil, malformed
	}
	return tags, nil
}

// unchanged answers 304 to who has what there is of public or own data already. Of
// a condition that cannot be read, all is sent.
func unchanged(w http.ResponseWriter, r *http.Request, tag string) bool {
	w.Header().Set("ETag", quoteTag(tag))
	known, err := tagsOf(r, "If-None-Match", true)
	if err != nil || known == nil || !known.Has(tag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

func notInTag(r rune) bool { return r < 0x21 || r == 0x7f }

func quoteTag(tag string) string { return `"` + tag + `"` }
