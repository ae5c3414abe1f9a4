package password

import (
	"strings"
	"unicode/utf8"

	"rolegate/model"
)

// Lengths of passwords. Characters are Unicode code points, as NIST SP 800-63B-4
// section 3.1.1.2 counts them.
const (
	MinLengthMFA = 8    // where a second factor is always asked for as well
	MinLength    = 15   // where the password stands alone
	MaxLength    = 128  // characters
	MaxBytes     = 1024 // refused before any work is done on them
)

// Check holds a new password against the rules: valid UTF-8, a length between
// minLength and MaxLength, and not one of the banned words, such as the user
// name, in any case. There are no rules about kinds of characters and none
// about age; NIST SP 800-63B-4 and ASVS 5.0 (6.2.5, 6.2.10) forbid both.
//
// The error is of model.CodePasswordRejected with a sentence for the person.
func Check(password string, minLength int, banned ...string) error {
	if len(password) > MaxBytes {
		return tooLong()
	}
	if !utf8.ValidString(password) {
		return model.Errorf(model.CodePasswordRejected, "The password is not valid UTF-8 text.")
	}
	switch n := utf8.RuneCountInString(password); {
	case n < minLength:
		return model.Errorf(model.CodePasswordRejected, "The password must have at least %d characters; this one has %d.", minLength, n)
	case n > MaxLength:
		return tooLong()
	}
	for _, word := range banned {
		if strings.EqualFold(password, word) {
			return model.Errorf(model.CodePasswordRejected, "The password is too easy to guess: it must not be the user name or another word known to belong to you or to this service.")
		}
	}
	return nil
}

func tooLong() error {
	return model.Errorf(model.CodePasswordRejected, "The password may have at most %d characters.", MaxLength)
}
