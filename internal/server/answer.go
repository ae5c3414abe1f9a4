package server

import (
	"errors"
	"net/http"
	"strconv"
	"sync"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// answerWriter writes decisions as the contract spells them (api.Decision),
// members in the order of their names. What does not apply is left out, never
// null. It is filled and sent by one request at a time.
type answerWriter struct {
	jsonWriter
	lang i18n.Lang
	text []byte // a reason, before it is quoted
}

// maxKept is how large a buffer may be, in bytes, to be kept for the next request.
const maxKept = 128 << 10

var answerWriters = sync.Pool{New: func() any { return new(answerWriter) }}

func newAnswerWriter(lang i18n.Lang) *answerWriter {
	a := answerWriters.Get().(*answerWriter)
	a.out, a.lang = a.out[:0], lang
	return a
}

// send answers the request in one write, and gives the buffers back.
func (a *answerWriter) send(w http.ResponseWriter, r *http.Request) error {
	eventOf(r.Context()).routine = true
	a.raw("\n")
	h := w.Header()
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(a.out))}
	w.WriteHeader(http.StatusOK)
	w.Write(a.out) // an error means the caller is gone
	if cap(a.out)+cap(a.text) <= maxKept {
		answerWriters.Put(a)
	}
	return nil
}

// item is one question with its decision, or with why it is no question at all
// (AuthZEN section 7.2.1).
func (a *answerWriter) item(q *model.Question, failure error, d *model.Decision) {
	var input *inputError
	if failure == nil || !errors.As(failure, &input) {
		a.decision(q, d, "")
		return
	}
	no := *d // whatever the decider made of it, this was no question
	no.Allow, no.Code = false, model.ReasonItemInvalid
	a.decision(q, &no, input.in(a.lang))
}

// decision is one decision. invalid says what is wrong with the question, where
// something is.
func (a *answerWriter) decision(q *model.Question, d *model.Decision, invalid string) {
	a.raw(`{"context":`)
	a.context(q, d, invalid)
	a.raw(`,"decision":`)
	a.boolean(d.Allow)
	a.raw("}")
}

// context is why a decision is what it is.
func (a *answerWriter) context(q *model.Question, d *model.Decision, invalid string) {
	told := i18n.Told{Question: q, Decision: d, Invalid: invalid}
	a.raw("{")
	if d.StepUp != nil {
		a.name("acr_values")
		a.quoted(strconv.Itoa(d.StepUp.ACR))
	}
	if d.AnyRecord {
		a.name("any_record")
		a.raw("true")
	}
	if len(d.Closed) > 0 {
		a.name("closed_fields")
		a.strings(d.Closed)
	}
	a.name("code")
	a.quoted(string(d.Code))
	a.failure(told)
	if d.Fields != nil {
		a.name("fields")
		a.fields(d.Fields)
	}
	if d.StepUp != nil {
		a.stepUp(d.StepUp)
	}
	a.name("reason_admin")
	a.reason(d.Code, i18n.AppendAdminReason(a.text[:0], a.lang, told))
	a.name("reason_user")
	a.reason(d.Code, i18n.AppendUserReason(a.text[:0], a.lang, told))
	if d.Required != "" {
		a.name("required_action")
		a.quoted(d.Required)
	}
	a.name("revision")
	a.integer(d.Revision)
	a.rule(d.Rule)
	a.raw("}")
}

// reason is a text by its code.
func (a *answerWriter) reason(code model.Code, text []byte) {
	a.text = text // which may have grown
	a.raw("{")
	a.name(string(code))
	a.quotedBytes(text)
	a.raw("}")
}

// failure says with what status the item of a batch would have been answered
// alone.
func (a *answerWriter) failure(t i18n.Told) {
	code := t.Decision.Code
	switch code {
	case model.ReasonItemInvalid:
		a.text = append(a.text[:0], t.Invalid...)
		if t.Invalid == "" {
			a.text = i18n.AppendAdminReason(a.text, a.lang, t)
		}
	case model.CodeInternal, model.CodeRevisionBehind:
		a.text = append(a.text[:0], i18n.Detail(a.lang, code)...)
	default:
		return
	}
	a.name("error")
	a.raw(`{"message":`)
	a.quotedBytes(a.text)
	a.raw(`,"status":`)
	a.integer(int64(outcomes[code].status))
	a.raw("}")
}

func (a *answerWriter) fields(f *model.Fields) {
	a.raw(`{"hidden":`)
	a.strings(f.Hidden)
	a.raw(`,"masked":`)
	a.strings(f.Masked)
	a.raw(`,"masks":`)
	a.texts(f.Masks)
	if len(f.Open) > 0 {
		a.raw(`,"open":`)
		a.strings(f.Open)
	}
	a.raw(`,"readonly":`)
	a.strings(f.ReadOnly)
	a.raw("}")
}

// stepUp says what would change the answer, as RFC 9470 and as the draft of
// AuthZEN's obligations spell it.
func (a *answerWriter) stepUp(s *model.StepUp) {
	maxAge := int64(seconds(s.MaxAge))
	if maxAge != 0 {
		a.name("max_age")
		a.integer(maxAge)
	}
	a.name("obligations")
	a.raw(`[{"id":"step-up","properties":{"acr_value":`)
	a.quoted(strconv.Itoa(s.ACR))
	a.raw(`,"amr_values":`)
	a.strings(methodsOf(s.ACR))
	if maxAge != 0 {
		a.name("max_age")
		a.integer(maxAge)
	}
	a.raw(`},"type":"step-up"}]`)
}

// methodsOf names the authentication methods (RFC 8176) that reach a level.
func methodsOf(acr int) []string {
	switch acr {
	case 1:
		return []string{"pwd"}
	case 2:
		return []string{"mfa", "otp"}
	}
	return []string{"mfa", "hwk"}
}

func (a *answerWriter) rule(r model.Rule) {
	if r.IsZero() || r.Line == 0 && r.Name == "" && r.Text == "" {
		return
	}
	a.name("rule")
	a.raw("{")
	if r.Line != 0 {
		a.name("line")
		a.integer(int64(r.Line))
	}
	if r.Name != "" {
		a.name("name")
		a.quoted(r.Name)
	}
	a.name("row")
	a.quoted(r.Text)
	a.raw("}")
}
