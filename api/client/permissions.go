package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"rolegate/api"
)

// Permissions is what a subject may do at all, object by object: what a user
// interface shows and hides. What is not in it is never allowed, and nothing in
// it is a decision about a record.
type Permissions struct {
	Code     string                       `json:"code"` // "allowed", or what closes everything
	Revision int64                        `json:"revision"`
	Objects  map[string]ObjectPermissions `json:"objects"`
}

// ObjectPermissions are those of one kind of record.
type ObjectPermissions struct {
	Actions map[string]ActionPermission `json:"actions"`
	Fields  FieldPermissions            `json:"fields"`
}

// ActionPermission says on which records an action is allowed.
type ActionPermission struct {
	Kind   string       `json:"kind"` // "never", "conditional" or "always"
	Code   string       `json:"code"`
	StepUp *NeededProof `json:"step_up"` // what has to be proven first, nil for nothing
}

// NeededProof is what has to be proven, and how many seconds ago at most.
type NeededProof struct {
	ACR    int   `json:"acr"`
	MaxAge int64 `json:"max_age"`
}

// FieldPermissions are the fields of the records that are reached; "*" stands for
// all that are not in Named.
type FieldPermissions struct {
	Readable  []string          `json:"readable"`
	Writable  []string          `json:"writable"`
	Creatable []string          `json:"creatable"`
	Masked    map[string]string `json:"masked"` // readable, and shown in this mask style
	Named     []string          `json:"named"`  // each is in a list or is closed
}

// May tells whether there may be a record to which the action is allowed now.
func (p Permissions) May(action, object string) bool {
	a := p.Objects[object].Actions[action]
	return (a.Kind == "always" || a.Kind == "conditional") && a.StepUp == nil
}

// Permissions asks for all that the subject may do, or only for one object's if
// that is not empty. A subject to whom everything is closed, by an ended session,
// say, is an error as a denial is; one that merely has no rights has none.
func (c *Client) Permissions(ctx context.Context, s Subject, object string) (Permissions, error) {
	query := url.Values{"subject": {orElse(s.Type, "user") + ":" + s.ID}}
	if object != "" {
		query.Set("object", object)
	}
	header := http.Header{}
	if s.Token != "" {
		header.Set("Rolegate-Access-Token", s.Token)
	}
	a, err := c.call(ctx, http.MethodGet, "/v1/permissions?"+query.Encode(), header, nil)
	if err != nil {
		return Permissions{}, err
	}
	var p Permissions
	for name, to := range map[string]any{"code": &p.Code, "revision": &p.Revision, "objects": &p.Objects} {
		if err := json.Unmarshal(a.members[name], to); err != nil {
			return Permissions{}, unavailable(fmt.Errorf("the answer's %s: %w", name, err))
		}
	}
	if p.Code != "allowed" {
		return Permissions{}, Decision{Context: api.DecisionContext{Code: p.Code}}.Err()
	}
	return p, nil
}
