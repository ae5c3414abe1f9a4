package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rolegate/model"
)

// Snapshot is one tenant at one revision, ready to answer. It never changes and
// is safe for concurrent use: a change of policy, catalogue or directory, or the
// passing of ValidUntil, makes a new one.
type Snapshot struct {
	tenant model.Tenant
	doc    *Document
	cat    *Catalog
	org    *org
	people *roster
	teams  map[string]bool // registered teams, bare ids
	mfa    map[string]bool // roles whose holders need a second factor, "role:id"
	words  *vocabulary
	engine Engine

	denials    []*Row // p rows that deny
	assurances []*Row // p4 rows
}

// NewSnapshot compiles a tenant as of now.
func NewSnapshot(tenant model.Tenant, doc *Document, cat *Catalog, dir model.Directory, now time.Time) (*Snapshot, error) {
	if doc == nil || cat == nil {
		return nil, errors.New("a snapshot needs a policy document and a catalogue")
	}
	s := &Snapshot{
		tenant: tenant, doc: doc, cat: cat,
		org:    newOrg(dir),
		people: newRoster(dir, doc.RoleLinks, now),
		teams:  map[string]bool{},
		mfa:    map[string]bool{},
		words:  newVocabulary(doc, cat),
	}
	for _, t := range dir.Teams {
		s.teams[bare("team", t.ID)] = true
	}
	for _, r := range dir.Roles {
		s.mfa[r.Key()] = r.RequireMFA
	}
	for _, office := range model.Offices {
		s.mfa[model.RolePrefix+office] = true
	}
	for _, r := range doc.Rules {
		switch {
		case r.Kind == "p" && r.Row[5] == deny:
			s.denials = append(s.denials, r)
		case r.Kind == "p4":
			s.assurances = append(s.assurances, r)
		}
	}
	engine, err := newCasbin(doc, s.people)
	if err != nil {
		return nil, fmt.Errorf("compile the policy of tenant %s: %w", tenant.ID, err)
	}
	s.engine = engine
	return s, nil
}

// ValidUntil is when the next role assignment begins or ends; from then on the
// snapshot's answers are out of date. The zero time means never.
func (s *Snapshot) ValidUntil() time.Time { return s.people.validUntil }

// PolicyHash returns the SHA-256 of the policy document.
func (s *Snapshot) PolicyHash() []byte { return s.doc.Hash }

// RequiresMFA tells whether a subject, "type:id", holds a role that needs a
// second factor: one marked so, or an office.
func (s *Snapshot) RequiresMFA(key string) bool {
	return slices.ContainsFunc(s.RolesOf(key), func(role string) bool { return s.mfa[role] })
}

// RolesOf lists the effective roles of a subject, "type:id", as "role:id" in
// order: its own, its teams', and those they inherit. The slice is shared: do
// not change it.
func (s *Snapshot) RolesOf(key string) []string {
	if m := s.people.members[key]; m != nil {
		return m.roles
	}
	return nil
}

// matching yields the rules that are about the subject, object and action.
func matching(rules []*Row, who *member, object, action string) func(yield func(*Row) bool) {
	applies := func(cell, word string) bool { return cell == everything || cell == word }
	return func(yield func(*Row) bool) {
		for _, r := range rules {
			if applies(r.Row[colObject], object) && applies(r.Row[colAction], action) && who.answersTo(r.Row[colSubject]) && !yield(r) {
				return
			}
		}
	}
}
