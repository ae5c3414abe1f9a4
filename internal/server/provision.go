package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"

	"rolegate/api"
	"rolegate/internal/directory"
	"rolegate/internal/i18n"
	"rolegate/internal/store"
	"rolegate/model"
)

// Provisioning keeps the directory for clients with the scope directory, in the
// tenant of their token.
type Provisioning struct {
	Subjects    Entries[model.Subject]
	Teams       Entries[model.Team]
	Units       Entries[model.Unit]
	Territories Entries[model.Territory]
	Resources   Entries[model.Resource]
	Assignments Entries[model.Assignment]

	// Import applies a file whole or not at all.
	Import func(ctx context.Context, caller model.Caller, tenant string, file []byte, dryRun bool, reason string) (directory.ImportResult, error)
}

// Entries are the directory's entries of one kind. Each call is recorded.
type Entries[T any] interface {
	Put(ctx context.Context, caller model.Caller, tenant string, entry T, cond directory.Condition) (directory.Written, error)
	Delete(ctx context.Context, caller model.Caller, tenant string, key store.Key, cond directory.Condition) (directory.Written, error)
	Get(ctx context.Context, caller model.Caller, tenant string, key store.Key) (directory.Stored[T], error)
	List(ctx context.Context, caller model.Caller, tenant string, q directory.Query) (directory.Page[T], error)
}

// ProvisioningOf is the directory's own.
func ProvisioningOf(d *directory.Service) Provisioning {
	return Provisioning{d.Subjects(), d.Teams(), d.Units(), d.Territories(), d.Resources(), d.Assignments(), d.Import}
}

// mountProvisioning adds, for each kind of entry, its list, and reading,
// replacing and deleting one; and the import.
func (s *Server) mountProvisioning(r chi.Router) {
	p := s.Provisioning
	mount(s, r, collection[model.Subject]{
		entries: p.Subjects, path: "subjects", key: []string{"type", "id"}, filters: 1, decode: decodeEntry[model.Subject],
		members: func(v *model.Subject) []*string { return []*string{&v.Type, &v.ID} },
	})
	mount(s, r, collection[model.Team]{
		entries: p.Teams, path: "teams", key: []string{"id"}, decode: decodeEntry[model.Team], prefix: "team:",
		members: func(v *model.Team) []*string { return []*string{&v.ID} },
	})
	mount(s, r, collection[model.Unit]{
		entries: p.Units, path: "units", key: []string{"id"}, decode: decodeEntry[model.Unit], prefix: "unit:",
		members: func(v *model.Unit) []*string { return []*string{&v.ID} },
	})
	mount(s, r, collection[model.Territory]{
		entries: p.Territories, path: "territories", key: []string{"id"}, decode: decodeEntry[model.Territory], prefix: "territory:",
		members: func(v *model.Territory) []*string { return []*string{&v.ID} },
	})
	mount(s, r, collection[model.Resource]{
		entries: p.Resources, path: "resources", key: []string{"type", "id"}, filters: 1, decode: decodeEntry[model.Resource],
		members: func(v *model.Resource) []*string { return []*string{&v.Type, &v.ID} },
	})
	mount(s, r, collection[model.Assignment]{
		entries: p.Assignments, path: "assignments", key: []string{"member", "role"}, filters: 2, decode: decodeAssignment, prefix: "role:",
		members: func(v *model.Assignment) []*string { return []*string{&v.Member, &v.Role} },
	})
	r.Method("POST", "/v1/admin/import", slowly(s.client("directory", s.importer())))
}

// collection is one kind of entry as its routes see it.
type collection[T any] struct {
	entries Entries[T]
	path    string   // below /v1/admin
	key     []string // what identifies an entry: members of it, and parameters of its path
	filters int      // how many of those a list can be of
	prefix  string   // which the last of them may have in a body
	decode  func(body []byte, depth int) (T, error)
	members func(*T) []*string // the members of the key
}

const scopeDirectory = "directory"

func mount[T any](s *Server, r chi.Router, c collection[T]) {
	list := "/v1/admin/" + c.path
	entry := list + "/{" + strings.Join(c.key, "}/{") + "}"
	r.Method("GET", list, s.client(scopeDirectory, c.list(s)))
	r.Method("GET", entry, s.client(scopeDirectory, c.get))
	r.Method("PUT", entry, s.client(scopeDirectory, c.put(s)))
	r.Method("DELETE", entry, s.client(scopeDirectory, c.delete))
}

// put makes or replaces the entry of the path. What identifies it may be left
// out of the body, and cannot be another there.
func (c collection[T]) put(s *Server) func(http.ResponseWriter, *http.Request, model.Caller) error {
	return func(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
		if _, err := query(r); err != nil {
			return err
		}
		cond, err := conditionOf(r)
		if err != nil {
			return err
		}
		body, err := readJSON(nil, r, model.CodeUnsupportedMedia, s.decisionBody())
		if err != nil {
			return err
		}
		entry, err := c.decode(body, s.Limits.Nesting)
		if err != nil {
			return err
		}
		if err := c.identify(&entry, pathKey(r, c.key)); err != nil {
			return err
		}
		done, err := c.entries.Put(r.Context(), caller, caller.Tenant, entry, cond)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if done.Outcome == directory.Created {
			status = http.StatusCreated
		}
		return written(w, status, done)
	}
}

func (c collection[T]) delete(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	if _, err := query(r); err != nil {
		return err
	}
	cond, err := conditionOf(r)
	if err != nil {
		return err
	}
	done, err := c.entries.Delete(r.Context(), caller, caller.Tenant, pathKey(r, c.key), cond)
	if err != nil {
		return err
	}
	return written(w, http.StatusOK, done)
}

func (c collection[T]) get(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	if _, err := query(r); err != nil {
		return err
	}
	cond, err := conditionOf(r)
	if err != nil {
		return err
	}
	found, err := c.entries.Get(r.Context(), caller, caller.Tenant, pathKey(r, c.key))
	if err != nil {
		return err
	}
	if err := (directory.Condition{Match: cond.Match}).Holds(found.ETag); err != nil {
		return err
	}
	w.Header().Set("ETag", quoteTag(found.ETag))
	if cond.NoneMatch != nil && cond.NoneMatch.Has(found.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return reply(w, http.StatusOK, found.Entry)
}

// identify fills in what the path says, and refuses a body that says otherwise.
func (c collection[T]) identify(entry *T, key store.Key) error {
	for i, member := range c.members(entry) {
		if c.aliased(i, key[i]) {
			return invalid(i18n.PathSpelling, c.key[i])
		}
		said := *member
		if *member = key[i]; said == "" || said == key[i] {
			continue
		}
		if i == len(c.key)-1 && c.prefix != "" && said == c.prefix+key[i] {
			continue
		}
		if c.key[i] == "member" && directory.MemberKey(said) == key[i] {
			continue
		}
		return invalid(i18n.NotAsPath, c.key[i])
	}
	return nil
}

// aliased tells a part of a path that has another spelling, by which alone the
// entry is found: one entry has one address.
func (c collection[T]) aliased(i int, part string) bool {
	if c.key[i] == "member" {
		return !strings.Contains(part, ":")
	}
	return i == len(c.key)-1 && c.prefix != "" && strings.HasPrefix(part, c.prefix)
}

// pathKey is what the path names, decoded once. The router gives parts of the
// path as it was sent only where it was not spelled as we would.
func pathKey(r *http.Request, names []string) (key store.Key) {
	for i, name := range names {
		key[i] = chi.URLParam(r, name)
		if r.URL.RawPath == "" {
			continue
		}
		if decoded, err := url.PathUnescape(key[i]); err == nil { // which net/http has seen to
			key[i] = decoded
		}
	}
	return key
}

func written(w http.ResponseWriter, status int, done directory.Written) error {
	if done.ETag != "" {
		w.Header().Set("ETag", quoteTag(done.ETag))
	}
	return reply(w, status, api.Written{Outcome: api.WrittenOutcome(done.Outcome), Revision: done.Revision})
}

// decodeEntry reads an entry strictly. It need not say what the path does.
func decodeEntry[T any](body []byte, depth int) (T, error) {
	var v T
	if _, err := parse(body, depth); err != nil {
		return v, err
	}
	if err := json.Unmarshal(body, &v, json.RejectUnknownMembers(true)); err != nil {
		return v, semantic(err)
	}
	return v, nil
}

func decodeAssignment(body []byte, depth int) (model.Assignment, error) {
	sent, err := decodeEntry[directory.AssignmentEntry](body, depth)
	if err != nil {
		return model.Assignment{}, err
	}
	return sent.Assignment()
}

// query reads the parameters of a request's query: none but those named, each
// once, none of them empty.
func query(r *http.Request, names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid(i18n.QuerySyntax, "")
	}
	found := map[string]string{}
	for name, v := range values {
		switch {
		case !slices.Contains(names, name):
			return nil, invalid(i18n.QueryUnknown, clipped(name))
		case len(v) > 1:
			return nil, invalid(i18n.FormTwice, name)
		case v[0] == "" || len(v[0]) > maxQuery:
			return nil, invalid(i18n.QueryText, name)
		}
		found[name] = v[0]
	}
	return found, nil
}

// yesOrNo reads a parameter that is true or false; left out it is false.
func yesOrNo(values map[string]string, name string) (bool, error) {
	v, there := values[name]
	if there && v != "true" && v != "false" {
		return false, invalid(i18n.QueryBool, name)
	}
	return v == "true", nil
}

// maxQuery bounds a parameter of a query, in bytes: page tokens are the longest.
const maxQuery = 1024

// number is a whole number, or none where there is no such parameter.
func number(values map[string]string, name string) (n int, there bool, err error) {
	text, there := values[name]
	if !there {
		return 0, false, nil
	}
	n, err = strconv.Atoi(text)
	if err != nil || n < 0 || text[0] == '+' || len(text) > 9 {
		return 0, true, invalid(i18n.QueryWhole, name)
	}
	return n, true, nil
}
