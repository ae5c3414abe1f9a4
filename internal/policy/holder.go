package policy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// binding is what a member may match under one policy for a stretch of time: from
// one beginning or end of a role to the next. It names the policy by its number,
// so that it does not keep an old one in memory.
type binding struct {
	rules, teams uint64
	from, until  int64
	keys         *holder
}

// holderAt is what the member may match under the rules at a moment. Whoever
// asks first works it out; nobody waits.
func (r *roster) holderAt(m *member, rules *ruleset, now int64) *holder {
	b := m.bound.Load()
	if b == nil || b.rules != rules.number || b.teams != r.teams.number || now < b.from || now >= b.until {
		b = r.bind(m, rules, now)
		m.bound.Store(b)
	}
	return b.keys
}

// bind works out what a member holds at a moment, and how long that lasts.
func (r *roster) bind(m *member, rules *ruleset, now int64) *binding {
	b := &binding{rules: rules.number, teams: r.teams.number, from: always, until: never}
	held := slices.Clone(m.roles)
	take := func(given []assignment) {
		for _, a := range given {
			for _, moment := range [2]int64{a.from, a.until} {
				if moment <= now {
					b.from = max(b.from, moment)
				} else {
					b.until = min(b.until, moment)
				}
			}
			if a.activeAt(now) {
				held = append(held, a.role)
			}
		}
	}
	take(m.extra().windowed)
	for _, team := range m.teams {
		take(r.teams.roles[team])
	}
	b.keys = rules.holder(m, held)
	return b
}

// numbers tell policies and team roles apart.
var numbers atomic.Uint64

// holder closes the roles a member holds over what they inherit, and finds the
// holder they make with the member's own key and teams.
func (rs *ruleset) holder(m *member, held []string) *holder {
	var own []subjectID
	if id, named := rs.subjects[m.key]; named {
		own = append(own, id)
	}
	for _, team := range m.teams {
		if id, named := rs.subjects[teamPrefix+team]; named {
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
	made   int64 // all there ever were
	bytes  int64 // that those took, about
}

// size is what the holders take in memory, about, of so many members: those to be
// shared, and those that members keep from before sharing began anew.
func (hs *holders) size(members int) int64 {
	hs.mu.RLock()
	defer hs.mu.RUnlock()
	if hs.made == 0 {
		return 0
	}
	alive := min(hs.made, int64(len(hs.byName)+members))
	return int64(float64(hs.bytes) * float64(alive) / float64(hs.made))
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
	hs.made++
	hs.bytes += int64(128 + 2*len(name) + 8*len(h.bits) + 4*len(h.ids) + 16*len(h.roles))
	hs.byName[name] = h
	return h
}
