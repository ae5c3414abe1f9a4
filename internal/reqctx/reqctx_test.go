package reqctx

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.77":               "192.0.2.0/24",
		"::ffff:192.0.2.77":        "192.0.2.0/24",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"":                         "",
		"192.0.2.77:8080":          "",
		"somebody@example.com\x00": "",
	} {
		if got := (&Request{Address: address}).Network(); got != want {
			t.Errorf("%q is in %q, want %q", address, got, want)
		}
	}
}

func TestAgent(t *testing.T) {
	for agent, want := range map[string]string{
		"Firefox/1":                           "Firefox/1",
		"a\x00b\r\nc\x1b[31m\u0085":           "abc[31m",
		"\xff\xfe火狐":                          "火狐",
		strings.Repeat("a", maxAgent-1) + "火": strings.Repeat("a", maxAgent-1),
	} {
		got := (&Request{UserAgent: agent}).Agent()
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q is kept as %q, want %q", agent, got, want)
		}
	}
}
