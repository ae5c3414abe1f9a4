package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rolegate/model"
)

// Snapshot is one tenant at one revision, ready to answer. It never changes and
// is safe for concurrent use; a change makes another, which shares what stayed
// the same. Windows of role assignments are looked at in each decision.
type Snapshot struct {
	tenant model.Tenant
	rules  *ruleset
	people *roster
}

// NewSnapshot compiles a tenant.
func NewSnapshot(tenant model.Tenant, doc *Document, cat *Catalog, dir model.Directory) (*Snapshot, error) {
	if doc == nil || cat == nil {
		return nil, errors.New("a snapshot needs a policy document and a catalogue")
	}
	rules, err := compile(doc, cat, toPublish)
	if err != nil {
		return nil, fmt.Errorf("compile the policy of tenant %s: %w", tenant.ID, err)
	}
	return &Snapshot{tenant: tenant, rules: rules, people: newRoster(dir)}, nil
}

// PolicyHash returns the SHA-256 of the policy document.
func (s *Snapshot) PolicyHash() []byte { return s.rules.hash }

// RequiresMFA tells whether a subject, "type:id", holds at a moment a role that
// needs a second factor: one marked so, or an office.
func (s *Snapshot) RequiresMFA(key string, now time.Time) bool {
	return s.people.requiresMFA(s.RolesOf(key, now))
}

// RolesOf lists the effective roles of a subject, "type:id", at a moment as
// "role:id" in order: its own, its teams', and those they inherit. The slice is
// shared: do not change it.
func (s *Snapshot) RolesOf(key string, now time.Time) []string {
	m := s.people.findKey(key)
	if m == nil {
		return nil
	}
	return s.people.holderAt(m, s.rules, now.UnixNano()).roles
}

// addresses are the e-mail addresses among the attributes of a subject, in order.
func addresses(attributes map[string]any) (out []string) {
	for _, value := range attributes {
		values, ok := value.([]any)
		if !ok {
			values = []any{value}
		}
		for _, v := range values {
			if text, ok := v.(string); ok && strings.Contains(text, "@") {
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return out
}

// knows tells whether the subject is registered in the tenant.
func (s *Snapshot) knows(subject model.Entity) bool {
	return s.people.find(subject.Type, subject.ID) != nil
}

// dataSubject is the key of the person a record is about, as the catalogue says:
// the record itself ("contact:17"), or whom its attribute names.
func (s *Snapshot) dataSubject(r model.Entity, stored *model.Resource) string {
	o := s.rules.catalog.Objects[r.Type]
	switch {
	case o == nil || r.ID == model.AnyRecord:
		return ""
	case o.Person:
		return r.Type + ":" + r.ID
	case o.DataSubject == "":
		return ""
	}
	value, sent := r.Properties[o.DataSubject]
	if !sent && stored != nil {
		value = stored.Attributes[o.DataSubject]
	}
	id, _ := value.(string)
	if id == "" || len(id) > maxID {
		return ""
	}
	return o.DataSubject + ":" + strings.TrimPrefix(id, o.DataSubject+":")
}

// minimal tells whether the record of a question leaves out which record was
// asked about.
func (s *Snapshot) minimal(q *model.Question) bool {
	o := s.rules.catalog.Objects[q.Resource.Type]
	return o != nil && o.Actions[q.Action.Name].Audit == AuditMinimal
}
