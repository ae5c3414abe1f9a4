package totp

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel bounds issuer and account, in bytes each, so that the QR code stays
// coarse enough for a poor camera.
const maxLabel = 64

// URI is the otpauth address an authenticator app reads from the QR code, in
// the Key URI Format of Google Authenticator:
//
//	otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER&algorithm=SHA1&digits=6&period=30
//
// Issuer and account may hold anything. Every character with a meaning in a URI
// is percent-encoded, so neither can add or change a parameter. The format
// allows no colon in either, even encoded, as apps split the decoded label at
// the first one: it becomes a hyphen. Invisible control and formatting
// characters are dropped, as they only serve to make one account look like
// another.
func URI(issuer, account string, d Device) string {
	issuer, account = escape(labelText(issuer)), escape(labelText(account))
	label, issuerParam := account, ""
	if issuer != "" {
		label = issuer + ":" + account
		issuerParam = "&issuer=" + issuer // the same text: apps refuse two issuers that differ
	}
	return fmt.Sprintf("otpauth://totp/%s?secret=%s%s&algorithm=%s&digits=%d&period=%d",
		label, Base32(d.Secret), issuerParam, escape(d.Algorithm), d.Digits, d.Period)
}

// labelText is the part of s that may stand in a label.
func labelText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == ':':
			return '-'
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r // the replacement character where s is not UTF-8
	}, s)
	if len(s) > maxLabel {
		end := maxLabel
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return strings.TrimSpace(s)
}

// escape percent-encodes all but the unreserved characters of RFC 3986,
// section 2.3. The functions of net/url keep more than that, or write a space
// as a plus sign, which apps show as one.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
