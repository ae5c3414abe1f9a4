package policy

import (
	"time"

	"rolegate/model"
)

// Facts is everything the functions of crm.conf (within, holds, assured) look
// at. They are gathered once per question and action, and never change after.
type Facts struct {
	who       *member
	org       *org
	record    *record
	action    string
	assurance model.Assurance
	now       time.Time

	// anyRecord marks a question without a record; denied then is what the
	// subject's denials take away everywhere (see reach).
	anyRecord bool
	denied    reach
}

// record holds the attributes scopes compare, normalised: ids bare, and each
// given, known to be none, or unknown. Its zero value is unknown throughout.
type record struct {
	owner, createdBy         one
	unit, territory, account one
	assignees, teams         ids
	contacts                 ids
	shares                   many[share]
}

// newRecord reads the properties sent over what is stored. Of a stored record
// every attribute is known: what is not stored is null.
func newRecord(sent map[string]any, stored *model.Resource) *record {
	get := func(name string) (v any, known bool) {
		if v, ok := sent[name]; ok {
			return v, true
		}
		if stored == nil {
			return nil, false
		}
		return stored.Attributes[name], true
	}
	single := func(kind, name string) one {
		v, known := get(name)
		return oneOf(kind, v, known)
	}
	list := func(kind, name string) ids {
		v, known := get(name)
		return idsOf(kind, v, known)
	}
	shares, known := get("shares")
	r := &record{
		owner:     single("user", "owner"),
		createdBy: single("user", "created_by"),
		assignees: list("user", "assignees"),
		teams:     list("team", "teams"),
		unit:      single("unit", "unit"),
		territory: single("territory", "territory"),
		account:   single("account", "account"),
		contacts:  list("contact", "contacts"),
	}
	r.shares, _ = listOf(shares, known, readShare)
	return r
}

// within is the scope test of a p row. An allow row reaches a record only if its
// scope surely does; a deny row reaches it unless its scope surely does not. A
// condition, which the parser refuses until there are any, is unknown.
func within(f *Facts, scopeText, condition, effect string) bool {
	s, ok := parseScope(scopeText)
	denies := effect != allow
	if !ok || condition != "" {
		return denies
	}
	if f.anyRecord {
		return s.reachesAny(f, denies)
	}
	t := s.reaches(f)
	if denies {
		return t != no
	}
	return t == yes
}

// holds is the condition test of a p2 row. The parser refuses p2 rows until
// there are conditions, so nothing holds.
func holds(*Facts, string) bool { return false }
