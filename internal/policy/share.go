package policy

import (
	"slices"
	"strings"
	"time"
)

// share is one entry of a record's shares: to whom, for which actions, how long.
type share struct {
	to      string // "type:id" of a subject, "team:id", "role:id", or "*"
	actions []string
	until   time.Time // exclusive; zero: for ever
}

// readShare reads {"to", "actions", "until"?}. What is malformed says nothing,
// and least of all that a share never expires.
func readShare(v any) (share, bool) {
	entry, ok := v.(map[string]any)
	if !ok {
		return share{}, false
	}
	to, ok := entry["to"].(string)
	if !ok || to != everything && checkShared(to) != "" {
		return share{}, false
	}
	s := share{to: to}
	actions, sent := entry["actions"]
	list, ok := listOf(actions, sent, func(e any) (string, bool) { a, ok := e.(string); return a, ok })
	if !ok || !list.known {
		return share{}, false
	}
	s.actions = list.list
	switch until := entry["until"].(type) {
	case nil:
		return s, true
	case string:
		t, err := time.Parse(time.RFC3339, until)
		s.until = t
		return s, err == nil
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
func (s share) liveFor(f *Facts) bool {
	return slices.Contains(s.actions, f.action) && (s.until.IsZero() || f.now.Before(s.until))
}

// names tells whether the share is to the subject, one of its roles or one of
// its teams.
func (s share) names(who *member) bool {
	return s.to == who.key || who.hasRole(s.to) || who.inTeamKey(s.to)
}
