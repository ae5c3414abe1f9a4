package i18n

import (
	"strings"
	"testing"

	"rolegate/internal/password"
)

func TestEveryPasswordReasonHasItsTexts(t *testing.T) {
	for _, l := range Langs {
		seen := map[string]bool{}
		look := func(code, text string) {
			if text == "" || strings.ContainsAny(text, "{}…") || seen[text] {
				t.Errorf("%s in %s: %q", code, l, text)
			}
			seen[text] = true
		}
		for _, r := range password.AllReasons {
			look(string(r), PasswordReason(l, string(r), "15"))
		}
		for _, h := range password.AllHints {
			look(string(h), PasswordHint(l, string(h)))
		}
	}
	if len(passwordReasons) != len(password.AllReasons) || len(passwordHints) != len(password.AllHints) {
		t.Error("there are texts for codes that nobody gives")
	}
}
