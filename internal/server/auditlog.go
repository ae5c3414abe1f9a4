package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/audit/tree"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/reqctx"
	"rolegate/internal/throttle"
	"rolegate/model"
)

// Tree is the log as those see it who hold it to its word. What is not covered by
// a checkpoint yet is CodeBeyondCheckpoint.
type Tree interface {
	Latest(ctx context.Context) (checkpoint.Checkpoint, error)
	Tile(ctx context.Context, t tree.Tile) ([]byte, error)
	Proof(ctx context.Context, index, size int64) ([]byte, error)
	Consistency(ctx context.Context, from, to int64) (checkpoint.Consistency, error)
	// Bundle gives the entries of a tile to a person who may export the log, and
	// records it.
	Bundle(ctx context.Context, caller model.Caller, t tree.Tile) ([]byte, error)
}

// Rolegate's own object that rights over the log are about, and the actions.
const (
	logObject = "rolegate.audit"
	logExport = "export"
)

const (
	typeText  = "text/plain; charset=utf-8"
	typeBytes = "application/octet-stream"
)

// treeReads bounds how often an address may read hashes and proofs: a monitor that
// has everything to catch up with reads a hundred tiles a second, which are 25,600
// entries, and an address that only burdens the database no more than that.
var treeReads = throttle.Bucket{Size: 3000, Every: 10 * time.Millisecond}

const budgetTree = "tree"

// auditor serves what holds hashes and sizes only: to anybody, unless the log is
// kept private; then to clients with the scope audit and to persons who may read
// the log. Nothing of it is recorded while it is public: the checkpoint is read
// every second by whoever watches the log, which would grow by that alone.
func (s *Server) auditor(h func(http.ResponseWriter, *http.Request) error) endpoint {
	const permission = "public or auditor"
	limited := func(w http.ResponseWriter, r *http.Request) error {
		if wait := s.reads.Take(throttle.Address(reqctx.From(r.Context()).Address), time.Now()); wait > 0 {
			s.Metrics.Throttled(budgetTree)
			return throttle.TooMany(wait)
		}
		return h(w, r)
	}
	if s.AuditPublic {
		return endpoint{permission: permission, HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
			x := exchangeOf(r.Context())
			x.limit(requestTimeout)
			defer x.end()
			if err := safely(func() error { return limited(w, r) }); err != nil {
				s.problem(w, r, err)
			}
		}}
	}
	return s.recorded(permission, s.problem, func(w http.ResponseWriter, r *http.Request, caller *model.Caller) error {
		if err := s.mayAudit(r, caller); err != nil {
			return err
		}
		return limited(w, r)
	})
}

// mayAudit lets a client with the scope go on, or a person with the right.
func (s *Server) mayAudit(r *http.Request, caller *model.Caller) error {
	raw, err := bearer(r)
	if err != nil {
		return err
	}
	c, err := s.Login.AuthenticateClient(r.Context(), raw)
	if err == nil {
		if *caller = c; !c.HasScope("audit") {
			return bad(model.CodeForbidden, i18n.ScopeMissing, "", i18n.Words{"scope": "audit"})
		}
		return nil
	}
	if model.CodeOf(err) != model.CodeUnauthorized {
		return err
	}
	session, err := s.Login.AuthenticateUser(r.Context(), raw)
	if err != nil {
		return err
	}
	*caller = session.Caller
	if session.Restricted {
		return errReEnrolOnly
	}
	again := func(ctx context.Context) (login.Session, error) { return s.Login.AuthenticateUser(ctx, raw) }
	_, err = s.Administration.Officer(r.Context(), again, session.Caller.Tenant, logObject, administration.Read)
	return err
}

// logCache says how long caches may keep what is read of the log: a week where it
// never changes (C2SP tlog-tiles), else until the next checkpoint.
func (s *Server) logCache(w http.ResponseWriter, forever bool) {
	scope := "private"
	if s.AuditPublic {
		scope = "public"
	}
	if forever {
		w.Header().Set("Cache-Control", scope+", max-age=604800, immutable")
		return
	}
	w.Header().Set("Cache-Control", scope+", max-age=1")
}

// replyBytes answers with what is read too often to tell of each time.
func replyBytes(w http.ResponseWriter, r *http.Request, contentType string, body []byte) error {
	eventOf(r.Context()).routine = true
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // an error means the caller is gone
	return nil
}

// logCheckpoint is the latest C2SP tlog-checkpoint.
func (s *Server) logCheckpoint(w http.ResponseWriter, r *http.Request) error {
	c, err := s.Tree.Latest(r.Context())
	if err != nil {
		return err
	}
	s.logCache(w, false)
	return replyBytes(w, r, typeText, c.Note)
}

// logTile is a C2SP tile of hashes.
func (s *Server) logTile(w http.ResponseWriter, r *http.Request) error {
	t, err := tree.ParseTilePath("tile/" + chi.URLParam(r, "level") + "/" + chi.URLParam(r, "*"))
	if err != nil || t.Level == tree.EntryLevel {
		return &model.Error{Code: model.CodeNotFound}
	}
	hashes, err := s.Tree.Tile(r.Context(), t)
	if err != nil {
		return err
	}
	s.logCache(w, true)
	return replyBytes(w, r, typeBytes, hashes)
}

// logBundle is a C2SP bundle of entries. No cache keeps it: each reading is
// recorded.
func (s *Server) logBundle(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	t, err := tree.ParseTilePath("tile/entries/" + chi.URLParam(r, "*"))
	if err != nil {
		return &model.Error{Code: model.CodeNotFound}
	}
	if o.Caller().Level < 2 {
		return &model.Error{Code: model.CodeStepUp}
	}
	bundle, err := s.Tree.Bundle(r.Context(), o.Caller(), t)
	if err != nil {
		return err
	}
	return replyBytes(w, r, typeBytes, bundle)
}

// logProof is a C2SP tlog-proof.
func (s *Server) logProof(w http.ResponseWriter, r *http.Request) error {
	index, ok := wholeNumber(chi.URLParam(r, "index"))
	if !ok {
		return invalid(i18n.TreeIndex, "index")
	}
	sizes, err := treeSizes(r, "size")
	if err != nil {
		return err
	}
	proof, err := s.Tree.Proof(r.Context(), index, sizes["size"])
	if err != nil {
		return err
	}
	s.logCache(w, sizes["size"] > 0)
	return replyBytes(w, r, typeText, proof)
}

func (s *Server) logConsistency(w http.ResponseWriter, r *http.Request) error {
	sizes, err := treeSizes(r, "from", "to")
	switch {
	case err != nil:
		return err
	case sizes["from"] == 0:
		return invalid(i18n.FormMissing, "from")
	case sizes["to"] != 0 && sizes["to"] < sizes["from"]:
		return invalid(i18n.TreeOrder, "to")
	}
	c, err := s.Tree.Consistency(r.Context(), sizes["from"], sizes["to"])
	if err != nil {
		return err
	}
	answer := api.ConsistencyProof{From: c.From, To: c.To, Hashes: make([]string, len(c.Hashes))}
	for i, h := range c.Hashes {
		answer.Hashes[i] = base64.StdEncoding.EncodeToString(h)
	}
	s.logCache(w, sizes["to"] > 0)
	return reply(w, http.StatusOK, answer)
}

// treeSizes reads sizes of trees from the query: whole numbers from 1; one that is
// not there is 0.
func treeSizes(r *http.Request, names ...string) (map[string]int64, error) {
	values, err := query(r, names...)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for name, text := range values {
		n, ok := wholeNumber(text)
		if !ok || n == 0 {
			return nil, invalid(i18n.TreeSize, name)
		}
		sizes[name] = n
	}
	return sizes, nil
}

// wholeNumber reads a number as C2SP spells it: decimal, without leading zeros.
func wholeNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && n < maxRevision && strconv.FormatInt(n, 10) == text
}
