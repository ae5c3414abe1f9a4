package policy

import (
	"slices"
	"strings"
	"time"

	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// record is what is known about the record of a question: what the request
// sends over what is stored, over both what an update would change, and above
// all what the directory itself says. Its zero value knows nothing.
type record struct {
	id      string
	changes map[string]any // of an update, when the record is asked about as it would be
	sent    map[string]any
	own     map[string]any // what the directory says of a user or team
	stored  map[string]any // of a registered record
	known   bool           // the record is registered: what is not stored is null
}

// Attribute is an attribute as it was decoded. Not sent, it is unknown.
func (r *record) Attribute(name string) (value any, sent bool) {
	if name == "id" {
		return r.id, r.id != ""
	}
	if v, ok := r.own[name]; ok {
		return v, true
	}
	if v, ok := r.changes[name]; ok {
		return v, true
	}
	if v, ok := r.sent[name]; ok {
		return v, true
	}
	return r.stored[name], r.known
}

// one asks an attribute that names one thing of a kind. Null and "" are known to
// be none; a value of another type says nothing.
func (r *record) one(kind, name string, is func(id string) bool) truth {
	v, sent := r.Attribute(name)
	switch v := v.(type) {
	case nil:
		if sent {
			return no
		}
	case string:
		id := bare(kind, v)
		return truthOf(id != "" && is(id))
	}
	return unknown
}

// isNone tells whether an attribute that names one thing is known to name none.
func (r *record) isNone(kind, name string) truth {
	return r.one(kind, name, func(string) bool { return true }).not()
}

// some asks an attribute that lists things of a kind whether one of them is.
// A list with one element of another type says nothing at all: half a list would
// be a guess.
func (r *record) some(kind, name string, is func(id string) bool) truth {
	list, t := r.list(name)
	if t != yes {
		return t
	}
	found := no
	for _, e := range list {
		id, ok := e.(string)
		if !ok {
			return unknown
		}
		if found == no && is(bare(kind, id)) {
			found = yes
		}
	}
	return found
}

// list is a list attribute: yes where there is one, no where it is null.
func (r *record) list(name string) ([]any, truth) {
	v, sent := r.Attribute(name)
	switch v := v.(type) {
	case nil:
		if sent {
			return nil, no
		}
	case []any:
		return v, yes
	}
	return nil, unknown
}

// bare drops the kind in front of an id of that kind: "user:bob" where users
// are named means bob. Any other id is left alone, colons and all.
func bare(kind, id string) string {
	if n := len(kind); len(id) > n+1 && id[n] == ':' && id[:n] == kind {
		return id[n+1:]
	}
	return id
}

// share is one entry of a record's shares: to whom, for which actions, how long.
type share struct {
	to      string // "type:id" of a subject, "team:id", "role:id", or "*"
	actions []any  // strings
	ends    bool
	until   time.Time // exclusive, if it ends
}

// shares asks the record's shares whether one is to somebody, for the action and
// not expired. One malformed entry, and they say nothing.
func (r *record) shares(action string, now time.Time, to func(string) bool) truth {
	list, t := r.list("shares")
	if t != yes {
		return t
	}
	found := no
	for _, e := range list {
		s, ok := readShare(e)
		if !ok {
			return unknown
		}
		if found == no && s.liveFor(action, now) && to(s.to) {
			found = yes
		}
	}
	return found
}

// readShare reads {"to", "actions", "until"?}. What is malformed says nothing,
// and least of all that a share never expires.
func readShare(v any) (s share, ok bool) {
	entry, ok := v.(map[string]any)
	if !ok {
		return share{}, false
	}
	if s.to, ok = entry["to"].(string); !ok || s.to != everything && checkShared(s.to) != "" {
		return share{}, false
	}
	switch actions := entry["actions"].(type) {
	case []any:
		s.actions = actions
	case nil:
		if _, sent := entry["actions"]; !sent {
			return share{}, false
		}
	default:
		return share{}, false
	}
	for _, a := range s.actions {
		if _, ok := a.(string); !ok {
			return share{}, false
		}
	}
	switch until := entry["until"].(type) {
	case nil:
		return s, true
	case string:
		s.until, s.ends = condition.ParseTime(until)
		return s, s.ends
	}
	return share{}, false
}

// checkShared tells why to is not spelled type:id. The id may hold anything:
// it only ever is compared.
func checkShared(to string) (reason string) {
	if kind, id, found := strings.Cut(to, ":"); !found || kind == "" || id == "" {
		return "is not spelled type:id"
	}
	return ""
}

// liveFor tells whether the share is for the action asked about and has not
// expired. Actions are literal: a share names each action it is for.
func (s share) liveFor(action string, now time.Time) bool {
	return slices.ContainsFunc(s.actions, func(a any) bool { return a == any(action) }) &&
		(!s.ends || now.Before(s.until))
}

// Objects whose records are the directory's own: setting the owner or the teams
// of a record is linking it to one of these, by the action assign.
const (
	userObject = "user"
	teamObject = "team"

	// nobody is the user who is assigned where an owner is taken away. It has
	// no attributes, and they are known to be none.
	nobody = "*nobody"
)

// directoryRecord gives what the directory itself knows about a record that is a
// user or a team, above what is registered of it: a user's owner is that user,
// its teams and unit are the user's; a team's team is itself.
func (r *roster) directoryRecord(object, id string) (attributes map[string]any, known bool) {
	switch {
	case object == userObject && id == nobody:
		return map[string]any{"owner": nil, "teams": nil, "unit": nil}, true
	case object == userObject:
		if m := r.find("user", id); m != nil {
			return ofUser(id, m.teams, m.unit), true
		}
	case object == teamObject && r.known[id]:
		return map[string]any{"teams": []any{id}}, true
	}
	return nil, false
}

// ofUser is the record of a user who is in teams and a unit.
func ofUser(id string, teams []string, unit string) map[string]any {
	return map[string]any{"owner": id, "teams": anyList(teams), "unit": unit}
}

// ownAttributes are what directoryRecord says of records of the object.
func (o *object) ownAttributes() []string {
	switch o.name {
	case userObject:
		return []string{"owner", "teams", "unit"}
	case teamObject:
		return []string{"teams"}
	}
	return nil
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// newRecord puts together what is known about the record of a question.
func (r *roster) newRecord(resource model.Entity, stored *model.Resource) record {
	rec := record{sent: resource.Properties}
	if resource.ID != model.AnyRecord {
		rec.id = resource.ID
	}
	if stored != nil {
		rec.stored, rec.known = stored.Attributes, true
	}
	if resource.Type == userObject || resource.Type == teamObject {
		if own, known := r.directoryRecord(resource.Type, resource.ID); known {
			rec.own, rec.known = own, true
		}
	}
	return rec
}
