package server

import (
	"errors"
	"net/http"
	"strconv"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// What follows is the answer as the contract's own types spell it, encoded by a
// library: slow, and plainly right. The server's answers are held to it.

func answerOf(lang i18n.Lang, q model.Question, d model.Decision) api.Decision {
	return answerWith(i18n.Told{Question: &q, Decision: &d}, lang)
}

func answerWith(told i18n.Told, lang i18n.Lang) api.Decision {
	d := *told.Decision
	code := string(d.Code)
	c := api.DecisionContext{
		Code:           code,
		Revision:       d.Revision,
		ReasonUser:     map[string]string{code: string(i18n.AppendUserReason(nil, lang, told))},
		ReasonAdmin:    map[string]string{code: string(i18n.AppendAdminReason(nil, lang, told))},
		ClosedFields:   d.Closed,
		RequiredAction: d.Required,
		AnyRecord:      d.AnyRecord,
	}
	if !d.Rule.IsZero() {
		c.Rule = api.Rule{Row: d.Rule.Text, Name: d.Rule.Name, Line: d.Rule.Line}
	}
	if f := d.Fields; f != nil {
		c.Fields = api.Fields{Hidden: list(f.Hidden), Masked: list(f.Masked), Readonly: list(f.ReadOnly), Masks: f.Masks, Open: f.Open}
	}
	if d.StepUp != nil {
		stepUp(&c, *d.StepUp)
	}
	return api.Decision{Decision: d.Allow, Context: c}
}

func itemAnswerOf(lang i18n.Lang, q model.Question, failure error, d model.Decision) api.Decision {
	told := i18n.Told{Question: &q, Decision: &d}
	var input *inputError
	if errors.As(failure, &input) {
		d.Allow, d.Code = false, model.ReasonItemInvalid
		told.Invalid = input.in(lang)
	}
	a := answerWith(told, lang)
	switch {
	case input != nil:
		a.Context.Error = api.ItemError{Status: http.StatusBadRequest, Message: told.Invalid}
	case d.Code == model.ReasonItemInvalid:
		a.Context.Error = api.ItemError{Status: http.StatusBadRequest, Message: a.Context.ReasonAdmin[a.Context.Code]}
	case d.Code == model.CodeRevisionBehind:
		a.Context.Error = api.ItemError{Status: http.StatusServiceUnavailable, Message: i18n.Detail(lang, d.Code)}
	case d.Code == model.CodeInternal:
		a.Context.Error = api.ItemError{Status: http.StatusInternalServerError, Message: i18n.Detail(lang, d.Code)}
	}
	return a
}

func stepUp(c *api.DecisionContext, s model.StepUp) {
	c.ACRValues = strconv.Itoa(s.ACR)
	c.MaxAge = int64(seconds(s.MaxAge))
	c.Obligations = []api.Obligation{{ID: "step-up", Type: api.ObligationTypeStepUp,
		Properties: api.StepUp{ACRValue: c.ACRValues, AMRValues: methodsOf(s.ACR), MaxAge: c.MaxAge}}}
}

func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
