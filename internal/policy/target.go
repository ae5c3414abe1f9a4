package policy

import (
	"strings"
	"unicode/utf8"
)

const (
	// maxTarget bounds the path of a request to the CRM, in bytes; browsers and
	// proxies stop at 8 KiB, query included.
	maxTarget = 4 << 10
	// maxSegments bounds how deep a path is looked at; no route is deeper.
	maxSegments = 64
)

// segmentsOf takes the path of a request target ("/api/contacts/17?tab=notes")
// apart into its segments, each decoded once. Of the query only what no request
// line can hold matters.
//
// Nothing is cleaned: what the server behind the proxy could read differently
// from us is refused, so that what was decided about is what is done. That is
// every spelling that proxies and frameworks are known to rewrite (RFC 3986
// section 6.2): empty and dot segments, a slash or backslash that is encoded, an
// escape within an escape, path parameters (;), control characters, white space
// at either end, which many trim, and what is no UTF-8.
func segmentsOf(target string) (segments []string, ok bool) {
	path, query, _ := strings.Cut(target, "?")
	rest, rooted := strings.CutPrefix(path, "/")
	if !rooted || len(path) > maxTarget || strings.ContainsFunc(query, unsendable) {
		return nil, false
	}
	if rest == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(rest, "/") {
		s, ok := decodeSegment(part)
		if !ok || len(segments) == maxSegments {
			return nil, false
		}
		segments = append(segments, s)
	}
	return segments, true
}

// decodeSegment undoes the escapes of one segment and refuses what could mean
// two things.
func decodeSegment(raw string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c <= ' ' || c >= 0x7f: // never sent bare (RFC 3986 section 2)
			return "", false
		case c == '%':
			if i+2 >= len(raw) {
				return "", false
			}
			high, low := unhex(raw[i+1]), unhex(raw[i+2])
			if high > 15 || low > 15 {
				return "", false
			}
			c = high<<4 | low
			i += 2
		}
		if isAmbiguous(c) {
			return "", false
		}
		b.WriteByte(c)
	}
	s := b.String()
	return s, strings.Trim(s, ".") != "" && strings.TrimSpace(s) == s && utf8.ValidString(s)
}

// unsendable tells what no request line holds (RFC 9112 section 3).
func unsendable(c rune) bool { return c <= ' ' || c == 0x7f }

// isAmbiguous tells of a decoded byte whether somebody could take it for a
// separator, an escape or the end. Encoded or not makes no difference: some
// decode twice.
func isAmbiguous(c byte) bool {
	switch c {
	case '/', '\\', '%', ';', '?', '#', 0x7f:
		return true
	}
	return c < ' '
}

// unhex is the value of a hexadecimal digit, or more than 15.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
