package server

import (
	"errors"
	"net/http"
	"strconv"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// answerOf puts a decision into the wire's words. What does not apply is left
// out, never null.
func answerOf(lang i18n.Lang, q model.Question, d model.Decision) api.Decision {
	return answerWith(i18n.DecisionWords(lang, q, d), lang, d)
}

func answerWith(words i18n.Words, lang i18n.Lang, d model.Decision) api.Decision {
	code := string(d.Code)
	c := api.DecisionContext{
		Code:           code,
		Revision:       d.Revision,
		ReasonUser:     map[string]string{code: i18n.UserReason(lang, d.Code, words)},
		ReasonAdmin:    map[string]string{code: i18n.AdminReason(lang, d.Code, words)},
		ClosedFields:   d.Closed,
		RequiredAction: d.Required,
		AnyRecord:      d.AnyRecord,
	}
	if !d.Rule.IsZero() {
		c.Rule = api.Rule{Row: d.Rule.Text, Name: d.Rule.Name, Line: d.Rule.Line}
	}
	if f := d.Fields; f != nil {
		c.Fields = api.Fields{Hidden: list(f.Hidden), Masked: list(f.Masked), Readonly: list(f.ReadOnly), Masks: f.Masks}
	}
	if d.StepUp != nil {
		stepUp(&c, *d.StepUp)
	}
	return api.Decision{Decision: d.Allow, Context: c}
}

// itemAnswer is the answer of one item of a batch, which may be no question at
// all (AuthZEN section 7.2.1).
func itemAnswer(lang i18n.Lang, it item, d model.Decision) api.Decision {
	words := i18n.DecisionWords(lang, it.Question, d)
	var input *inputError
	if errors.As(it.err, &input) {
		// Whatever the decider made of it, this was no question.
		d.Allow, d.Code = false, model.ReasonItemInvalid
		words["reason"] = input.in(lang)
	}
	a := answerWith(words, lang, d)
	switch {
	case input != nil:
		a.Context.Error = api.ItemError{Status: http.StatusBadRequest, Message: words["reason"]}
	case d.Code == model.ReasonItemInvalid:
		a.Context.Error = api.ItemError{Status: http.StatusBadRequest, Message: a.Context.ReasonAdmin[a.Context.Code]}
	case d.Code == model.CodeInternal:
		a.Context.Error = api.ItemError{Status: http.StatusInternalServerError, Message: i18n.Detail(lang, d.Code)}
	}
	return a
}

// stepUp says what would change the answer, as RFC 9470 and as the draft of
// AuthZEN's obligations spell it.
func stepUp(c *api.DecisionContext, s model.StepUp) {
	c.ACRValues = strconv.Itoa(s.ACR)
	c.MaxAge = int64(seconds(s.MaxAge))
	c.Obligations = []api.Obligation{{ID: "step-up", Type: api.ObligationTypeStepUp,
		Properties: api.StepUp{ACRValue: c.ACRValues, AMRValues: methodsOf(s.ACR), MaxAge: c.MaxAge}}}
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

// list is never nil, so that an empty list is [] on the wire.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
