package server

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// asOfficer answers an officer.
type asOfficer = func(http.ResponseWriter, *http.Request, *administration.Officer) error

// mountPolicies adds the policy in force, what was in force, and the life of a
// change. What is done to a draft is done to the version in If-Match. Compiling a
// large document takes its time, so all have that of an import.
func (s *Server) mountPolicies(r chi.Router) {
	const root, drafts, draft = "/v1/admin/policy", "/v1/admin/policy/drafts", "/v1/admin/policy/drafts/{id}"
	may := func(action string, h asOfficer) endpoint {
		return slowly(s.officer(administration.Policies, action, h))
	}

	r.Method("GET", root, may(administration.Read, s.getPolicy))
	r.Method("GET", root+"/revisions", may(administration.Read, s.listRevisions))
	r.Method("GET", root+"/revisions/{revision}", may(administration.Read, s.getRevision))
	r.Method("GET", root+"/revisions/{revision}/check", may(administration.Read, s.checkRevision))
	r.Method("GET", root+"/revisions/{revision}/applied", may(administration.Read, s.appliedRevision))
	r.Method("GET", root+"/revisions/{revision}/diff", may(administration.Read, s.diffRevision))
	r.Method("POST", root+"/rollback", may(administration.Rollback, s.rollBack))

	r.Method("GET", drafts, may(administration.Read, s.listDrafts))
	r.Method("POST", drafts, may(administration.Import, s.createDraft))
	r.Method("GET", draft, may(administration.Read, s.getDraft))
	r.Method("PUT", draft, may(administration.Import, s.draftSaver()))
	r.Method("DELETE", draft, may(administration.Import, toDraft((*administration.Officer).WithdrawDraft)))
	r.Method("POST", draft+"/submit", may(administration.Import, toDraft((*administration.Officer).SubmitDraft)))
	r.Method("POST", draft+"/rebase", may(administration.Import, s.rebaseDraft))
	r.Method("POST", draft+"/approve", may(administration.Approve, s.decideDraft(true)))
	r.Method("POST", draft+"/reject", may(administration.Approve, s.decideDraft(false)))
	r.Method("POST", draft+"/publish", may(administration.Publish, s.publishDraft))

	r.Method("GET", draft+"/check", may(administration.Read, s.checkDraft))
	r.Method("GET", draft+"/diff", may(administration.Read, s.diffDraft))
	r.Method("POST", draft+"/test", may(administration.Read, s.testDraft))
	r.Method("POST", draft+"/simulate", may(administration.Simulate, s.simulateDraft))
}

func (s *Server) getPolicy(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	p, err := o.Policy(r.Context())
	return replyRevision(w, r, p, err)
}

func (s *Server) getRevision(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	n, err := revisionOf(r)
	if err != nil {
		return err
	}
	p, err := o.Revision(r.Context(), n)
	return replyRevision(w, r, p, err)
}

// revisionOf is the revision in the path.
func revisionOf(r *http.Request) (int64, error) {
	text := chi.URLParam(r, "revision")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != text {
		return 0, &model.Error{Code: model.CodeNotFound}
	}
	return n, nil
}

// replyRevision answers with a document and its cases.
func replyRevision(w http.ResponseWriter, r *http.Request, p change.Revision, err error) error {
	if err != nil {
		return err
	}
	if current, err := versioned(w, r, p.Revision); current || err != nil {
		return err
	}
	a := policyRevision(p)
	a.Document, a.Cases = &p.Text, &p.Cases
	return reply(w, http.StatusOK, a)
}

func policyRevision(p change.Revision) api.PolicyRevision {
	return api.PolicyRevision{Revision: p.Revision, Author: p.Author, Reason: p.Reason, CreatedAt: onWire(p.CreatedAt),
		Draft: p.Draft, ApprovedBy: p.ApprovedBy}
}

// maxRevisions bounds a page of what was published.
const maxRevisions = 100

func (s *Server) listRevisions(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	values, err := query(r, "limit", "token")
	if err != nil {
		return err
	}
	sealer, err := s.sealerOf(o.Caller(), []byte("list revisions"))
	if err != nil {
		return err
	}
	at, err := sealer.readQuery(values, maxRevisions)
	if err != nil {
		return err
	}
	var before int64
	if at.after != "" {
		if before, err = strconv.ParseInt(at.after, 10, 64); err != nil {
			return err
		}
	}
	// One more than the page has room for tells whether there is another.
	found, err := o.Revisions(r.Context(), before, at.limit+1)
	if err != nil {
		return err
	}
	more := len(found) > at.limit
	found = found[:min(len(found), at.limit)]
	a := api.PolicyRevisionList{Results: make([]api.PolicyRevision, len(found)), Page: api.Page{Count: len(found)}}
	for i, p := range found {
		a.Results[i] = policyRevision(p)
	}
	if more {
		if len(found) > 0 {
			at.after = strconv.FormatInt(found[len(found)-1].Revision, 10)
		}
		a.Page.NextToken = sealer.seal(at)
	}
	return reply(w, http.StatusOK, a)
}

// appliedRevision tells which replicas decide by a revision.
func (s *Server) appliedRevision(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	n, err := revisionOf(r)
	if err != nil {
		return err
	}
	now, err := o.AppliedRevision(r.Context(), n)
	if err != nil {
		return err
	}
	reach := now.Reach(n)
	a := api.PolicyApplied{Revision: n, InForce: now.InForce, Applied: reach.By, Unread: reach.Unread, Behind: reach.Behind, Replicas: make([]api.PolicyReplica, len(now.Replicas))}
	for i, p := range now.Replicas {
		a.Replicas[i] = api.PolicyReplica{Host: p.Host, This: p.This, InMemory: p.InMemory, Revision: p.Revision, SeenAt: onWire(p.SeenAt)}
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) rollBack(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.RollBackPolicyRequest](s, w, r)
	if err != nil {
		return err
	}
	done, err := o.Rollback(r.Context(), req.Revision, req.Reason)
	return replyPublished(w, done, err)
}

func replyPublished(w http.ResponseWriter, p policy.Published, err error) error {
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.PolicyPublished{Revision: p.Revision, Rules: p.Rules, RoleLinks: p.Links, Members: p.Members,
		Hash: p.Hash, Unregistered: p.Unregistered})
}

// setVersion makes a version the answer's ETag.
func setVersion(w http.ResponseWriter, version int64) (tag string) {
	tag = strconv.FormatInt(version, 10)
	w.Header().Set("ETag", quoteTag(tag))
	return tag
}

// versioned sets the ETag of a version, and answers 304 to a caller that has it.
func versioned(w http.ResponseWriter, r *http.Request, version int64) (current bool, err error) {
	tag := setVersion(w, version)
	known, err := tagsOf(r, "If-None-Match", true)
	if err != nil || known == nil || !known.Has(tag) {
		return false, err
	}
	w.WriteHeader(http.StatusNotModified)
	return true, nil
}

// versionSeen reads from If-Match the one version that a caller saw of what it is
// about to do something to. Without it, or with several, somebody else's work
// could be done away with unseen.
func versionSeen(r *http.Request) (int64, error) {
	tags, err := tagsOf(r, "If-Match", false)
	if err != nil {
		return 0, err
	}
	if tags == nil || tags.Any || len(tags.List) != 1 {
		return 0, invalid(i18n.OneVersion, "If-Match")
	}
	version, err := strconv.ParseInt(tags.List[0], 10, 64)
	if err != nil || version < 1 || strconv.FormatInt(version, 10) != tags.List[0] {
		return 0, invalid(i18n.OneVersion, "If-Match")
	}
	return version, nil
}
