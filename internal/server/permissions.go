package server

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// accessTokenHeader carries the person's own token where there is no body to put
// it in: Authorization holds the client's.
const accessTokenHeader = "Rolegate-Access-Token"

// permissions lists what a subject may do at all. The ETag is of the answer: a
// window that opens changes it, though no revision does. It is for a copy that whoever
// asked keeps itself: caches on the way keep no rights (no-store, as everywhere).
func (s *Server) permissions(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	q, err := readPermissions(r)
	if err != nil {
		return err
	}
	out, err := s.Decider.Permissions(r.Context(), caller, q)
	if err != nil {
		return err
	}
	body, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if unchanged(w, r, hex.EncodeToString(sum[:16])) {
		return nil
	}
	return reply(w, http.StatusOK, out)
}

// readPermissions checks the parameters: each once, none that is unknown.
func readPermissions(r *http.Request) (q policy.PermissionsRequest, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, invalid(i18n.FormSyntax, "")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case name != "subject" && name != "object":
			return q, invalid(i18n.QueryUnknown, clipped(name))
		case len(values[name]) > 1:
			return q, invalid(i18n.QueryTwice, name)
		}
	}
	if !values.Has("subject") {
		return q, invalid(i18n.FormMissing, "subject")
	}
	typ, id, found := strings.Cut(values.Get("subject"), ":")
	if !found || typ == "" || id == "" {
		return q, invalid(i18n.SubjectKey, "subject")
	}
	for _, part := range []string{typ, id} {
		if _, err := (member{part, "subject"}).name(); err != nil {
			return q, err
		}
	}
	q.Subject = model.Entity{Type: typ, ID: id}
	if values.Has("object") {
		if q.Object, err = (member{values.Get("object"), "object"}).name(); err != nil {
			return q, err
		}
	}
	switch tokens := r.Header[accessTokenHeader]; len(tokens) {
	case 0:
	case 1:
		q.AccessToken = &tokens[0]
	default:
		return q, invalid(i18n.HeaderTwice, accessTokenHeader)
	}
	return q, nil
}
