package server

import (
	"context"
	"errors"
	"net/http"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/model"
)

func (s *Server) listDrafts(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	if _, err := query(r); err != nil {
		return err
	}
	found, err := o.Drafts(r.Context())
	if err != nil {
		return err
	}
	a := api.PolicyDraftList{Results: make([]api.PolicyDraft, len(found))}
	for i, d := range found {
		a.Results[i] = policyDraft(d)
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) createDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.CreatePolicyDraftRequest](s, w, r)
	if err != nil {
		return err
	}
	d, err := o.CreateDraft(r.Context(), req.Title)
	return replyDraft(w, http.StatusCreated, d, err)
}

func (s *Server) getDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	d, err := o.Draft(r.Context(), target(r))
	if err != nil {
		return err
	}
	if current, err := versioned(w, r, d.Version); current || err != nil {
		return err
	}
	a := policyDraft(d)
	a.Document, a.Cases = &d.Document, &d.Cases
	return reply(w, http.StatusOK, a)
}

// draftSaver answers who saves a draft, with as many large bodies at once as the
// importer has.
func (s *Server) draftSaver() asOfficer {
	files := make(chan struct{}, maxFiles)
	return func(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
		version, err := versionSeen(r)
		if err != nil {
			return err
		}
		select {
		case files <- struct{}{}:
			defer func() { <-files }()
		default:
			return model.Errorf(model.CodeBusy, "%d drafts are being saved already", maxFiles)
		}
		body, err := s.readFile(w, r)
		if err != nil {
			return err
		}
		req, err := decodeBytes[api.SavePolicyDraftRequest](body, s.Limits.Nesting)
		if err != nil {
			return err
		}
		d, err := o.SaveDraft(r.Context(), target(r), version, change.Edit{Title: req.Title, Document: *req.Document, Cases: *req.Cases})
		return replyDraft(w, http.StatusOK, d, err)
	}
}

// toDraft answers who does something to a draft about which there is no more to say.
func toDraft(act func(*administration.Officer, context.Context, string, int64) (change.Draft, error)) asOfficer {
	return func(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
		version, err := versionSeen(r)
		if err != nil {
			return err
		}
		d, err := act(o, r.Context(), target(r), version)
		return replyDraft(w, http.StatusOK, d, err)
	}
}

func (s *Server) decideDraft(approve bool) asOfficer {
	return func(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
		version, err := versionSeen(r)
		if err != nil {
			return err
		}
		req, err := decode[api.DecidePolicyDraftRequest](s, w, r)
		if err != nil {
			return err
		}
		d, err := o.DecideDraft(r.Context(), target(r), version, approve, req.Comment)
		return replyDraft(w, http.StatusOK, d, err)
	}
}

func (s *Server) publishDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	version, err := versionSeen(r)
	if err != nil {
		return err
	}
	req, err := decode[api.PublishPolicyDraftRequest](s, w, r)
	if err != nil {
		return err
	}
	done, err := o.PublishDraft(r.Context(), target(r), version, req.Reason)
	return replyPublished(w, done, err)
}

func (s *Server) rebaseDraft(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	version, err := versionSeen(r)
	if err != nil {
		return err
	}
	d, conflicts, err := o.RebaseDraft(r.Context(), target(r), version)
	if err != nil {
		return err
	}
	a := api.PolicyRebased{Draft: policyDraft(d), Conflicts: make([]api.PolicyConflict, len(conflicts))}
	for i, c := range conflicts {
		a.Conflicts[i] = api.PolicyConflict{Row: c.Row, Yours: append([]string{}, c.Yours...), InForce: append([]string{}, c.InForce...)}
	}
	setVersion(w, d.Version)
	return reply(w, http.StatusOK, a)
}

// replyDraft answers with a draft, without what is in it, and its version.
func replyDraft(w http.ResponseWriter, status int, d change.Draft, err error) error {
	if err != nil {
		return err
	}
	setVersion(w, d.Version)
	return reply(w, status, policyDraft(d))
}

func policyDraft(d change.Draft) api.PolicyDraft {
	return api.PolicyDraft{ID: d.ID, Title: d.Title, State: api.PolicyDraftState(d.State), Base: d.Base, Version: d.Version,
		Author: d.Author, CreatedAt: onWire(d.CreatedAt), EditedBy: d.EditedBy, EditedAt: onWire(d.EditedAt), Editors: append([]string{}, d.Editors...),
		SubmittedBy: d.SubmittedBy, SubmittedAt: moment(onWire(d.SubmittedAt)), AloneFrom: moment(onWire(d.AloneFrom)),
		DecidedBy: d.DecidedBy, DecidedAt: moment(onWire(d.DecidedAt)), Comment: d.Comment,
		Published: d.Published, PublishedAt: moment(onWire(d.PublishedAt))}
}

// movedDraft tells a caller who came second what there is by now: another version
// of the draft, or another policy in force.
func movedDraft(p *api.Problem, err error) {
	if moved, ok := errors.AsType[*change.Moved](err); ok {
		d := moved.Now
		p.Draft = &api.MovedDraft{Version: d.Version, State: string(d.State), EditedBy: d.EditedBy, EditedAt: onWire(d.EditedAt)}
	}
	if outdated, ok := errors.AsType[*change.Outdated](err); ok {
		p.InForce = outdated.InForce
	}
}
