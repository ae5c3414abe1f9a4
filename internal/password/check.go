package password

import (
	"fmt"
	"slices"
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

// Reason is why a password is not accepted, for machines.
type Reason string

const (
	TooShort     Reason = "too_short"     // fewer than Rules.MinLength characters
	TooLong      Reason = "too_long"      // more than MaxLength characters
	NotText      Reason = "not_text"      // no valid UTF-8
	Common       Reason = "common"        // in the embedded list, or made of what is: see leastGuesses
	Breached     Reason = "breached"      // in the operator's files of breached passwords
	ContainsName Reason = "contains_name" // little but the person's, or the service's, name
	Unchanged    Reason = "unchanged"     // the password it should replace
)

// leastGuesses is how many a new password has to last, as a decimal logarithm (see
// Estimate): what falls to fewer is a common password with a few characters more, or twice.
// A part that is as good is enough, wherever in a long password it stands.
// Throttled guessing over the network gets as far (zxcvbn's score of 1).
const leastGuesses = 6

// AllReasons lists them, for those who have a text for each.
var AllReasons = []Reason{TooShort, TooLong, NotText, Common, Breached, ContainsName, Unchanged}

// Rules are what a new password is held against. There are none about kinds of
// characters and none about age; NIST SP 800-63B-4 section 3.1.1.2 and OWASP
// ASVS 5.0 (6.2.5, 6.2.10) forbid both.
type Rules struct {
	MinLength int          // in characters
	Names     []string     // of the person and of the service
	Breaches  *BreachFiles // nil for none
}

// Reasons lists all that speaks against a password, and nothing for a good one.
// The error is that of the breach files.
//
// Lists and names are compared folded: case, width and composition make no other
// password for somebody who guesses.
func (r Rules) Reasons(password string) (reasons []Reason, err error) {
	switch n := utf8.RuneCountInString(password); {
	case len(password) > MaxBytes:
		return []Reason{TooLong}, nil // nothing else is worth the work
	case !utf8.ValidString(password):
		return []Reason{NotText}, nil
	case n < r.MinLength:
		reasons = append(reasons, TooShort)
	case n > MaxLength:
		reasons = append(reasons, TooLong)
	}
	folded := fold(password)
	if isCommon(folded) {
		reasons = append(reasons, Common)
	}
	if leansOn(folded, r.Names) || slices.ContainsFunc(r.Names, func(n string) bool { return n != "" && fold(n) == folded }) {
		reasons = append(reasons, ContainsName)
	}
	breached, err := r.Breaches.Has(password)
	if breached {
		reasons = append(reasons, Breached)
	}
	if err == nil && len(reasons) == 0 && Estimate(password, r.Names).Guesses < leastGuesses {
		reasons = append(reasons, Common)
	}
	return reasons, err
}

// Check is Reasons as an error: a *Rejected where there is one.
func (r Rules) Check(password string) error {
	reasons, err := r.Reasons(password)
	if err != nil || len(reasons) == 0 {
		return err
	}
	return &Rejected{Reasons: reasons, MinLength: r.MinLength}
}

// Rejected is why a new password was not accepted: an error of
// model.CodePasswordRejected that holds nothing of the password.
type Rejected struct {
	Reasons   []Reason // at least one
	MinLength int      // what TooShort was held against
}

func (e *Rejected) Error() string {
	switch e.Reasons[0] {
	case TooShort:
		return fmt.Sprintf("the password must have at least %d characters", e.MinLength)
	case TooLong:
		return fmt.Sprintf("the password may have at most %d characters", MaxLength)
	case NotText:
		return "the password is not valid UTF-8 text"
	case ContainsName:
		return "the password is little more than a name known to belong to you or to this service"
	case Unchanged:
		return "the new password is the one it should replace"
	}
	return "the password is one of those that are tried first"
}

// Limit is the number a reason speaks of, 0 where it speaks of none.
func (e *Rejected) Limit(r Reason) int {
	switch r {
	case TooShort:
		return e.MinLength
	case TooLong:
		return MaxLength
	}
	return 0
}

// Unwrap gives model.CodeOf its code.
func (e *Rejected) Unwrap() error { return model.Errorf(model.CodePasswordRejected, "%s", e.Error()) }

func tooLong() error { return &Rejected{Reasons: []Reason{TooLong}} }
