package policy

import (
	"slices"
	"strings"
	"sync"
)

// holder is what somebody may match: the subjects of rows that are the subject
// itself, its teams, its roles with all they inherit, or the star. Whoever has
// the same shares one. Immutable.
type holder struct {
	bits  []uint64    // ids as a set; nil where a policy names too many subjects for one
	few   [2]uint64   // what bits are in where they fit, beside it in memory
	ids   []subjectID // sorted
	roles []string    // effective role keys, sorted, also those no row names
}

// maxHolders bounds the holders kept to be shared.
const maxHolders = 1 << 17

// maxBits bounds the subjects a holder keeps as a set of bits: 512 bytes.
const maxBits = 4096

func newHolder(ids []subjectID, subjects int, roles []string) *holder {
	slices.Sort(ids)
	h := &holder{ids: slices.Compact(ids), roles: roles}
	if subjects <= maxBits {
		if n := (subjects + 63) / 64; n <= len(h.few) {
			h.bits = h.few[:n]
		} else {
			h.bits = make([]uint64, n)
		}
		for _, id := range h.ids {
			h.bits[id>>6] |= 1 << (id & 63)
		}
	}
	return h
}

// has tells whether rows of the subject apply.
func (h *holder) has(id subjectID) bool {
	if h.bits != nil {
		return h.bits[id>>6]&(1<<(id&63)) != 0
	}
	_, found := slices.BinarySearch(h.ids, id)
	return found
}

func (h *holder) hasRole(key string) bool {
	_, found := slices.BinarySearch(h.roles, key)
	return found
}

// binding is what a member may match under one policy, over time: each holder
// from its moment on.
type binding struct {
	rules *ruleset
	teams *teamRoles
	first *holder // from always on
	later []span  // by time
}

type span struct {
	from int64
	keys *holder
}

// holderAt is what the member may match under the rules at a moment. Whoever
// asks first works it out; nobody waits.
func (r *roster) holderAt(m *member, rules *ruleset, now int64) *holder {
	b := m.bound.Load()
	if b == nil || b.rules != rules || b.teams != r.teams {
		b = r.bind(m, rules)
		m.bound.Store(b)
	}
	for i := len(b.later) - 1; i >= 0; i-- {
		if b.later[i].from <= now {
			return b.later[i].keys
		}
	}
	return b.first
}

// bind cuts time at every moment one of the member's roles begins or ends.
func (r *roster) bind(m *member, rules *ruleset) *binding {
	given := slices.Clone(m.extra().windowed)
	for _, team := range m.teams {
		given = append(given, (*r.teams)[team]...)
	}
	moments := []int64{always}
	for _, a := range given {
		if a.from != always {
			moments = append(moments, a.from)
		}
		if a.until != never {
			moments = append(moments, a.until)
		}
	}
	slices.Sort(moments)
	b := &binding{rules: rules, teams: r.teams}
	for _, from := range slices.Compact(moments) {
		held := slices.Clone(m.roles)
		for _, a := range given {
			if a.activeAt(from) {
				held = append(held, a.role)
			}
		}
		keys := rules.holder(m, held)
		if from == always {
			b.first = keys
		} else {
			b.later = append(b.later, span{from, keys})
		}
	}
	return b
}

// holder closes the roles a member holds over what they inherit, and finds the
// holder they make with the member's own key and teams.
func (rs *ruleset) holder(m *member, held []string) *holder {
	var own []subjectID
	for _, key := range append([]string{m.key}, m.teams...) {
		if key != m.key {
			key = teamPrefix + key
		}
		if id, named := rs.subjects[key]; named {
			own = append(own, id)
		}
	}
	slices.Sort(held)
	held = slices.Compact(held)
	var name strings.Builder
	for _, role := range held {
		name.WriteString(role)
		name.WriteByte(0)
	}
	for _, id := range own {
		name.WriteByte(1)
		name.WriteString(rs.names[id])
	}
	if h := rs.holders.find(name.String()); h != nil {
		return h
	}
	roles := inheritance(rs.inherits).closure(held)
	ids := append(own, star)
	for _, role := range roles {
		if id, named := rs.subjects[role]; named {
			ids = append(ids, id)
		}
	}
	return rs.holders.keep(name.String(), newHolder(ids, len(rs.names), roles))
}

// holders are those made so far, by what they were made from. They are looked at
// when a member is bound, not in each decision.
type holders struct {
	mu     sync.RWMutex
	byName map[string]*holder
}

func (hs *holders) find(name string) *holder {
	hs.mu.RLock()
	defer hs.mu.RUnlock()
	return hs.byName[name]
}

// keep keeps a holder, unless an equal one is there: then that one is used.
func (hs *holders) keep(name string, h *holder) *holder {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if first := hs.byName[name]; first != nil {
		return first
	}
	if hs.byName == nil || len(hs.byName) >= maxHolders {
		hs.byName = map[string]*holder{} // members keep theirs; only sharing begins anew
	}
	hs.byName[name] = h
	return h
}

// links yields who is given what in Casbin's g at a moment: subject → role,
// subject → team, team → role. A row whose subject is a team so reaches the
// team's members.
func (r *roster) links(now int64, yield func(member, role string)) {
	for team, given := range *r.teams {
		for _, a := range given {
			if a.activeAt(now) {
				yield(teamPrefix+team, a.role)
			}
		}
	}
	for m := range r.all() {
		for _, role := range m.roles {
			yield(m.key, role)
		}
		for _, a := range m.extra().windowed {
			if a.activeAt(now) {
				yield(m.key, a.role)
			}
		}
		for _, team := range m.teams {
			yield(m.key, teamPrefix+team)
		}
	}
}

// requiresMFA tells whether one of the roles is marked, or is an office.
func (r *roster) requiresMFA(roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return r.mfa[role] })
}
