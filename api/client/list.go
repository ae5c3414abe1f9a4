package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"rolegate/api"
	"rolegate/api/filter"
)

// List says which records of a kind the subject may do the action to. The zero
// value is none.
type List struct {
	Decision // as without a record: Allow is false if there is none; its fields are those of every record
	Filter   filter.Filter
}

// Filter asks for which records of q.Object the action is allowed: a list shows
// those for "read". q.ID and q.Record are not looked at. The error is nil only if
// there may be some.
func (c *Client) Filter(ctx context.Context, q Question) (List, error) {
	body, err := encode(api.FilterRequest{Subject: q.subject(), Action: q.action(), Resource: api.ListedResource{Type: q.Object}, Context: q.context()})
	if err != nil {
		return List{}, err
	}
	a, err := c.call(ctx, http.MethodPost, "/v1/filter", q.header(), body)
	if err != nil {
		return List{}, err
	}
	l, err := readList(a.members)
	if err != nil {
		return List{}, unavailable(err)
	}
	l.Receipt = a.receipt
	l.askedBy(q)
	return l, l.Err()
}

// readList reads a filter. It is taken whole or not at all: a word that this
// version does not know could be what narrows it.
func readList(members map[string]json.RawMessage) (List, error) {
	var l List
	for name, to := range map[string]any{"kind": &l.Filter.Kind, "filter": &l.Filter.Expr, "context": &l.Context} {
		raw, ok := members[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return List{}, fmt.Errorf("the answer's %s: %w", name, err)
		}
	}
	if err := l.Filter.Validate(); err != nil {
		return List{}, fmt.Errorf("the answer: %w", err)
	}
	l.Allow = l.Filter.Kind != filter.Never
	return l, nil
}

// Where is the condition of a list's query, to be joined to the caller's own with
// AND, and its parameters. Placeholders are "?", on PostgreSQL "$first" and up.
// columns says where each field is kept; a field that has none, or one that
// cannot be compared as the filter needs it, is a *filter.ColumnError, and there
// is no list.
func (l List) Where(d filter.Dialect, columns map[string]filter.Column, first int) (string, []any, error) {
	if !l.Allow {
		return "FALSE", []any{}, nil
	}
	text, params, err := l.Filter.SQL(d, columns, first)
	if err != nil {
		return "FALSE", []any{}, err
	}
	return "(" + text + ")", params, nil
}
