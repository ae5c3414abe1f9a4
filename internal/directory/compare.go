package directory

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"rolegate/internal/store"
	"rolegate/model"
)

// compare is the part of the file that is not stored so already, and counts
// what becomes of each entry.
func (in importFile) compare(ctx context.Context, q store.Directory, tenant string, there model.Directory, res *ImportResult) (importFile, error) {
	var changed importFile
	changed.Teams = differing(&res.Teams, in.Teams, among(there.Teams, func(t model.Team) string { return t.ID }))
	changed.Units = differing(&res.Units, in.Units, among(there.Units, func(u model.Unit) string { return u.ID }))
	changed.Territories = differing(&res.Territories, in.Territories, among(there.Territories, func(t model.Territory) string { return t.ID }))
	changed.Subjects = differing(&res.Subjects, in.Subjects, among(there.Subjects, model.Subject.Key))
	changed.Assignments = differing(&res.Assignments, in.Assignments, among(there.Assignments, assignmentKey))

	// Of a role nothing but its being there is the file's.
	roles := map[string]bool{}
	for _, r := range there.Roles {
		roles[r.ID] = true
	}
	changed.Roles = differing(&res.Roles, in.Roles, func(r string) (string, bool) { return r, roles[r] })

	var failed error
	changed.Resources = differing(&res.Resources, in.Resources, func(r model.Resource) (model.Resource, bool) {
		if failed != nil {
			return r, true
		}
		was, err := q.Resource(ctx, tenant, r.Type, r.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = err
		}
		return was, err == nil
	})
	return changed, failed
}

// among finds the stored entry with the key of another.
func among[T any](stored []T, key func(T) string) func(T) (T, bool) {
	at := make(map[string]int, len(stored))
	for i, v := range stored {
		at[key(v)] = i
	}
	return func(v T) (was T, ok bool) {
		i, ok := at[key(v)]
		if ok {
			was = stored[i]
		}
		return was, ok
	}
}

// differing are the entries that are not stored, or not like that.
func differing[T any](n *Counts, entries []numbered[T], stored func(T) (T, bool)) (changed []numbered[T]) {
	for _, e := range entries {
		switch was, ok := stored(e.v); {
		case !ok:
			n.Created++
		case same(was, e.v):
			n.Unchanged++
			continue
		default:
			n.Changed++
		}
		changed = append(changed, e)
	}
	return changed
}

// same tells whether two entries have the same entity tag.
func same(a, b any) bool {
	x, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return false
	}
	y, err := json.Marshal(b, json.Deterministic(true))
	return err == nil && bytes.Equal(x, y)
}
