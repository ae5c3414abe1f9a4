package client

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rolegate/api"
)

// Decision is Rolegate's answer. The zero value is a denial.
type Decision struct {
	Allow   bool
	Context api.DecisionContext // why, on which revision, and what to do about fields

	// Receipt says where in Rolegate's log the answer is recorded; the questions of
	// one call are one entry. nil where Rolegate does not say, as with
	// ROLEGATE_AUDIT=buffered.
	Receipt *Receipt

	fields []string // that the question named to be read; if any, Context.Fields is about those only
}

func (d *Decision) askedBy(q Question) {
	switch q.Action {
	case "create", "update": // Fields are written, and nothing is said of who reads them
		d.fields = q.ReturnFields
	default:
		d.fields = slices.Concat(q.Fields, q.ReturnFields)
	}
}

// Err is nil if the decision allows, else a *StepUpError or a *DeniedError.
func (d Decision) Err() error {
	switch {
	case d.Allow:
		return nil
	case d.Context.Code == "insufficient_user_authentication":
		return &StepUpError{ACRValues: d.Context.ACRValues, MaxAge: d.Context.MaxAge, Decision: d}
	}
	return &DeniedError{d}
}

// Reason is a sentence for the person, in the language that the question named.
func (d Decision) Reason() string { return d.Context.ReasonUser[d.Context.Code] }

// DeniedError is a no.
type DeniedError struct{ Decision Decision }

func (e *DeniedError) Error() string { return "rolegate: denied: " + reason(e.Decision) }

// StepUpError is a no that becomes a yes when the person has proven who they are
// more strongly, or once more.
type StepUpError struct {
	ACRValues string // what they have to prove: "2" a one-time code, "3" a passkey
	MaxAge    int64  // seconds ago, at most; no matter when, if zero
	Decision  Decision
}

func (e *StepUpError) Error() string { return "rolegate: step-up needed: " + reason(e.Decision) }

// Challenge is the value of WWW-Authenticate that says so (RFC 9470, section 3).
func (e *StepUpError) Challenge() string {
	s := `Bearer error="insufficient_user_authentication", error_description="A different authentication level is required"`
	if e.ACRValues != "" {
		s += fmt.Sprintf(", acr_values=%q", quotable(e.ACRValues))
	}
	if e.MaxAge > 0 {
		s += fmt.Sprintf(", max_age=%q", strconv.FormatInt(e.MaxAge, 10))
	}
	return s
}

// quotable leaves what can stand in a quoted string as it is (RFC 6750, section 3).
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}

// ErrUnavailable is what every error wraps that means there is no usable answer:
// Rolegate is down, slow or broken, something else answers in its place, or it is
// not asked for a while after that. Nothing may go through.
var ErrUnavailable = errors.New("rolegate: no answer")

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// RefusedError says that the question cannot be answered as it is, or that this
// client may not ask it: a mistake in the backend or its set-up.
type RefusedError struct {
	Status  int    // of HTTP; 0 if it was not even sent
	Code    string // Rolegate's, such as "invalid_request"
	Detail  string
	TraceID string // by which Rolegate's log has it
}

func (e *RefusedError) Error() string {
	return strings.TrimRight(fmt.Sprintf("rolegate: refused: %d %s: %s (trace %s)", e.Status, e.Code, e.Detail, orElse(e.TraceID, "unknown")), " ")
}

func reason(d Decision) string {
	code := orElse(d.Context.Code, "unknown")
	if text := d.Context.ReasonAdmin[code]; text != "" {
		return code + ": " + text
	}
	return code
}
