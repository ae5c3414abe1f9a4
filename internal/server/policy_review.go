package server

import (
	"cmp"
	"net/http"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// listOf is an answer that is a list and no more.
type listOf[T any] struct {
	Results []T `json:"results"`
}

// tested is what came of the cases of a draft.
type tested struct {
	Passed  int                `json:"passed"`
	Failed  int                `json:"failed"`
	Results []model.CaseResult `json:"results"`
}

func (s *Server) checkDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	found, err := o.CheckDraft(r.Context(), target(r))
	if err != nil {
		return err
	}
	return replyFindings(w, r, found)
}

// checkRevision tells of a rollback what checkDraft tells of a draft.
func (s *Server) checkRevision(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	b, err := lookBack(r, o)
	if err != nil {
		return err
	}
	return replyFindings(w, r, b.Findings)
}

func (s *Server) diffRevision(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	b, err := lookBack(r, o)
	if err != nil {
		return err
	}
	return replyChanges(w, r, b.Changes)
}

func lookBack(r *http.Request, o *administration.Officer) (change.Back, error) {
	n, err := revisionOf(r)
	if err != nil {
		return change.Back{}, err
	}
	b, err := o.LookBack(r.Context(), n)
	return b, cmp.Or(err, b.Bad)
}

func replyFindings(w http.ResponseWriter, r *http.Request, found []model.Finding) error {
	i18n.Findings(localized(w, r), found)
	return reply(w, http.StatusOK, listOf[model.Finding]{append([]model.Finding{}, found...)})
}

func replyChanges(w http.ResponseWriter, r *http.Request, found []model.RowChange) error {
	i18n.Changes(localized(w, r), found)
	return reply(w, http.StatusOK, listOf[model.RowChange]{append([]model.RowChange{}, found...)})
}

func (s *Server) diffDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	found, err := o.DiffDraft(r.Context(), target(r))
	if err != nil {
		return err
	}
	return replyChanges(w, r, found)
}

func (s *Server) testDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	found, err := o.TestDraft(r.Context(), target(r))
	if err != nil {
		return err
	}
	i18n.CaseResults(localized(w, r), found)
	a := tested{Results: append([]model.CaseResult{}, found...)}
	for _, c := range found {
		if c.Passed {
			a.Passed++
		} else {
			a.Failed++
		}
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) simulateDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	values, err := query(r, "requests")
	if err != nil {
		return err
	}
	recorded, err := yesOrNo(values, "requests")
	if err != nil {
		return err
	}
	found, err := o.SimulateDraft(r.Context(), target(r), recorded)
	if err != nil {
		return err
	}
	i18n.Simulated(localized(w, r), &found)
	return reply(w, http.StatusOK, found)
}
