package client

import (
	"encoding/json"
	"fmt"
	"net/http"

	"rolegate/api"
)

// anyRecord on the wire is no record in particular. It is never what a backend
// has for an id, which may come from a URL: Question.AnyRecord says it apart.
const anyRecord = "*"

// Subject is who wants to do something: usually a person, of whom the token is at
// hand.
type Subject struct {
	Type  string // "user" when empty
	ID    string // needed
	Token string // the person's own access token: Rolegate looks whether it is ID's and alive, and how it was proven
}

// Question asks whether the subject may do the action to a record. What is sent
// of the record is all that Rolegate knows of it, but for what was registered
// there: what is left out is unknown, and unknown opens nothing.
type Question struct {
	Subject Subject        // needed
	Action  string         // needed: "read"
	Object  string         // needed: the kind of record, "contact"
	ID      string         // needed, but with AnyRecord: of the record
	Record  map[string]any // the record as it is stored, "owner" and such included; of a new one, as it would be

	// AnyRecord asks, instead of ID, whether there may be any record at all to do it
	// to: to show or to hide a button, say. It is no leave to do it to one.
	AnyRecord bool

	// What is done with which fields. Reading without Fields is about all of them.
	Fields       []string       // that are read, or written
	ReturnFields []string       // that are read back after writing
	FilterFields []string       // that the caller's own search looks at
	SortFields   []string       // that a list is sorted by
	GroupFields  []string       // that are grouped or summed up
	StrictFields bool           // refuse to read hidden fields, where reading would leave them out
	Changes      map[string]any // of an update: the new values

	Context  map[string]any // further facts of the request, such as "ip"
	Language string         // of sentences for the person, as in Accept-Language
}

// A question in the wire's words.
func (q *Question) subject() api.Subject {
	return api.Subject{Type: orElse(q.Subject.Type, "user"), ID: q.Subject.ID}
}

func (q *Question) resource() api.Resource {
	if q.AnyRecord {
		return api.Resource{Type: q.Object, ID: anyRecord}
	}
	return api.Resource{Type: q.Object, ID: q.ID, Properties: q.Record}
}

func (q *Question) action() api.Action {
	p := map[string]any{}
	for name, fields := range map[string][]string{
		"fields": q.Fields, "return_fields": q.ReturnFields, "filter_fields": q.FilterFields,
		"sort_fields": q.SortFields, "aggregate_fields": q.GroupFields,
	} {
		if len(fields) > 0 {
			p[name] = fields
		}
	}
	if q.StrictFields {
		p["strict_fields"] = true
	}
	if q.Changes != nil {
		p["changes"] = q.Changes
	}
	return api.Action{Name: q.Action, Properties: p}
}

func (q *Question) context() api.Context {
	c := api.Context{AdditionalProperties: q.Context}
	if q.Subject.Token != "" {
		c.AccessToken = &q.Subject.Token
	}
	return c
}

func (q *Question) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if q.Language != "" {
		h.Set("Accept-Language", q.Language)
	}
	return h
}

// aboutOne refuses an id by which a question about one record would turn into
// that about any.
func (q *Question) aboutOne() error {
	if !q.AnyRecord && (q.ID == anyRecord || q.ID == "") {
		return &RefusedError{Code: "invalid_request", Detail: fmt.Sprintf("%q is no record's id", q.ID)}
	}
	return nil
}

// encode writes a request. What JSON cannot say is a mistake of whoever asks.
func encode(request any) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, &RefusedError{Code: "invalid_request", Detail: fmt.Sprintf("the question is no JSON: %v", err)}
	}
	return body, nil
}
