package policy

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// Freeing compares what somebody gets back who loses something that withholds, as Handing
// compares what is given. What withholds are denials, restrictions, rules that close
// fields, demands for proofs, and the mark by which a role asks for a second factor; what
// comes back are the rows of what is left to the loser that these touch.
//
// Who loses is "user:bob" a role or a team, "team:emea" a role, or everybody ("") who holds
// a role, now or later, its mark. What is lost is "role:boss" or "team:emea".
func (s *Service) Freeing(ctx context.Context, tenant string, revision int64, person, who, lost string) (Handing, error) {
	view, c, err := s.compares(ctx, tenant, revision, person, time.Time{})
	if err != nil {
		return HandingAdministers, err
	}
	gone := c.closed(view.people.heldAs(lost, s.Now().UnixNano())...)
	left, kept := map[string]bool{}, map[string]bool{}
	for m := range view.people.losing(who, lost, c.inherits, s.Now().UnixNano()) {
		if m.user() == person { // nobody gives anything to themselves
			return HandingAdministers, nil
		}
		mine := c.closed(view.people.heldBeside(m, who, lost, s.Now().UnixNano())...)
		for subject := range mine {
			left[subject] = true
		}
		if who == m.key { // of several, one may keep what another loses
			kept = mine
		}
	}
	if who == "" {
		return c.compare(left, (*Row).allows), nil
	}
	for subject := range kept {
		delete(gone, subject)
	}
	return c.freeing(gone, left, view.people.marks(gone) && !view.people.marks(kept)), nil
}

// freeing compares what is left to who loses what is gone; all of it, where a mark goes.
func (c *comparison) freeing(gone, left map[string]bool, mark bool) Handing {
	lost := func(subject string) bool { return gone[subject] }
	asks := asksOf(c.rows)
	var withheld []*Row
	for i := range c.rows {
		if r := &c.rows[i]; !r.allows() && (gone[r.Cells[colSubject]] || slices.ContainsFunc(asks[i], lost)) {
			withheld = append(withheld, r)
		}
	}
	if !mark && len(withheld) == 0 {
		return HandingNothing
	}
	return c.compare(left, func(r *Row) bool {
		return r.allows() && (mark || slices.ContainsFunc(withheld, func(w *Row) bool { return w.touches(r) }))
	})
}

// heldAs is a role or team, as a subject of rows, with what it holds now or later.
func (r *roster) heldAs(subject string, now int64) []string {
	held := []string{subject}
	if team, is := strings.CutPrefix(subject, teamPrefix); is {
		for _, a := range r.teams.roles[team] {
			if a.until > now {
				held = append(held, a.role)
			}
		}
	}
	return held
}

// losing yields those who lose something.
func (r *roster) losing(who, lost string, inherits inheritance, now int64) iter.Seq[*member] {
	return func(yield func(*member) bool) {
		if m := r.findKey(who); m != nil {
			yield(m)
			return
		}
		team, ofTeam := strings.CutPrefix(who, teamPrefix)
		for m := range r.all() {
			loses := m.inTeam(team)
			if !ofTeam {
				loses = who == "" && slices.Contains(inherits.closure(r.heldBeside(m, "", "", now)), lost)
			}
			if loses && !yield(m) {
				return
			}
		}
	}
}

// heldBeside are a member, its teams and the roles of both, now or later, but for what
// somebody loses.
func (r *roster) heldBeside(m *member, who, lost string, now int64) []string {
	held := []string{m.key}
	add := func(by, role string) {
		if by != who || role != lost {
			held = append(held, role)
		}
	}
	for _, role := range m.roles {
		add(m.key, role)
	}
	for _, a := range m.extra().windowed {
		if a.until > now {
			add(m.key, a.role)
		}
	}
	for _, team := range m.teams {
		key := teamPrefix + team
		if who == m.key && lost == key {
			continue
		}
		held = append(held, key)
		for _, a := range r.teams.roles[team] {
			if a.until > now {
				add(key, a.role)
			}
		}
	}
	return held
}

// marks tells whether one of the subjects is a role that asks for a second factor.
func (r *roster) marks(subjects map[string]bool) bool {
	for subject := range subjects {
		if r.mfa[subject] {
			return true
		}
	}
	return false
}
