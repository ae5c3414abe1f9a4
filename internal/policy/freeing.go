package policy

import (
	"iter"
	"slices"
	"strings"

	"rolegate/model"
)

// Freeing compares what somebody gets back who loses something that withholds, as Handing
// compares what is given. What withholds are denials, restrictions, rules that close
// fields, demands for proofs, and the mark by which a role asks for a second factor where
// the tenant goes by marks; what comes back are the rows of what is left to the loser, and
// of everybody, that these touch. So do rows that ask whether the loser has what is lost.
//
// Who loses is "user:bob" a role or a team, "team:emea" a role, or everybody ("") who holds
// a role, now or later, its mark: whether the tenant goes by marks or not, since it stays
// off. What is lost is "role:boss" or "team:emea". Nobody gives anything to themselves:
// where the person is among the losers it is HandingAdministers.
func (c *Giver) Freeing(who, lost string) Handing {
	people := c.view.people
	gone := c.closed(people.heldAs(lost, c.now)...)
	left, kept := map[string]bool{}, map[string]bool{}
	for m := range people.losing(who, lost, c.inherits, c.now) {
		if m.user() == c.person {
			return HandingAdministers
		}
		beside := c.closed(people.heldBeside(m, who, lost, c.now)...)
		left[everything] = true
		for subject := range beside {
			left[subject] = true
		}
		if who == m.key { // of several, one may keep what another loses
			kept = beside
		}
	}
	if who == "" {
		return c.freeing(nil, left, true)
	}
	for subject := range kept {
		delete(gone, subject)
	}
	mark := c.view.tenant.MFA == model.MFAByRole && people.marks(gone) && !people.marks(kept)
	return c.freeing(gone, left, mark)
}

// freeing compares what is left to who loses what is gone; all of it, where a mark goes.
func (c *Giver) freeing(gone, left map[string]bool, mark bool) Handing {
	asked := func(row int, counts func(key string) bool) bool {
		return slices.ContainsFunc(c.asks[row].subjects, func(subject string) bool { return meets(gone, subject, counts) })
	}
	all := func(string) bool { return true }
	own := func(key string) bool { return c.mine[key] }
	var withheld, binds []*Row
	for i := range c.rows {
		r := &c.rows[i]
		subject := r.Cells[colSubject]
		if r.allows() || !gone[subject] && !(left[subject] && asked(i, all)) {
			continue
		}
		withheld = append(withheld, r)
		if r.Kind != Assurance && c.mine[subject] && (gone[subject] || asked(i, own)) {
			binds = append(binds, r)
		}
	}
	return c.compare(part{subjects: left, whole: true, gone: gone, binds: binds, counts: func(i int) bool {
		r := &c.rows[i]
		return r.allows() && (mark || asked(i, all) || slices.ContainsFunc(withheld, func(w *Row) bool { return w.touches(r) }))
	}})
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
