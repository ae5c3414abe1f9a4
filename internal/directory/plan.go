package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/go-json-experiment/json"

	"rolegate/internal/store"
	"rolegate/model"
)

// Step is what an import does to one entry that is not stored like that already.
type Step struct {
	Place   string  `json:"-"` // in the file, as in "subjects[3]"
	Outcome Outcome `json:"outcome"`
	// Was and Is are of one type: model.Subject, model.Team, model.Unit,
	// model.Territory, model.Role, model.Assignment or model.Resource. Was is nil of an
	// entry that is made.
	Was any `json:"was"`
	Is  any `json:"is"`
}

// Plan is what an import would do to the directory as it is.
type Plan struct {
	Steps  []Step // kind by kind, in the order of the file
	Counts ImportResult
	// Digest is the same for the same steps from the same state: who applies a plan
	// by its digest does what was shown, or nothing.
	Digest string
}

// Plan works out what an import would do, and names every entry that is bad, as
// Import does. It writes nothing and is no act of its own: nothing is recorded.
func (s *Service) Plan(ctx context.Context, caller model.Caller, tenant string, file []byte) (Plan, error) {
	in, bad, err := s.readImport(caller, file)
	if err != nil {
		return Plan{}, err
	}
	there, err := s.Store.LoadDirectory(ctx, tenant)
	if err != nil {
		return Plan{}, err
	}
	bad.add(in.check(there)...)
	if len(bad.list) > 0 {
		return Plan{}, bad.err()
	}
	var p Plan
	diff, err := in.compare(ctx, s.Store, tenant, there, &p.Counts)
	if err != nil {
		return Plan{}, err
	}
	p.Steps = append(p.Steps, steps("roles", made(diff.Roles), nil)...)
	p.Steps = append(p.Steps, steps("teams", diff.Teams, among(there.Teams, func(t model.Team) string { return t.ID }))...)
	p.Steps = append(p.Steps, steps("units", diff.Units, among(there.Units, func(u model.Unit) string { return u.ID }))...)
	p.Steps = append(p.Steps, steps("territories", diff.Territories, among(there.Territories, func(t model.Territory) string { return t.ID }))...)
	p.Steps = append(p.Steps, steps("subjects", diff.Subjects, among(there.Subjects, model.Subject.Key))...)
	p.Steps = append(p.Steps, steps("assignments", diff.Assignments, among(there.Assignments, assignmentKey))...)
	var failed error
	p.Steps = append(p.Steps, steps("resources", diff.Resources, func(r model.Resource) (model.Resource, bool) {
		was, err := s.Store.Resource(ctx, tenant, r.Type, r.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = err
		}
		return was, err == nil
	})...)
	if failed != nil {
		return Plan{}, failed
	}
	text, err := json.Marshal(p.Steps, json.Deterministic(true))
	if err != nil {
		return Plan{}, err
	}
	sum := sha256.Sum256(text)
	p.Digest = base64.RawURLEncoding.EncodeToString(sum[:])
	return p, nil
}

// steps are those of one list; stored is nil where each entry is new.
func steps[T any](list string, entries []numbered[T], stored func(T) (T, bool)) []Step {
	var all []Step
	for _, e := range entries {
		s := Step{Place: place(list, e.i), Outcome: Created, Is: e.v}
		if stored != nil {
			if was, ok := stored(e.v); ok {
				s.Outcome, s.Was = Changed, was
			}
		}
		all = append(all, s)
	}
	return all
}

// made are roles as an import makes them.
func made(roles []numbered[string]) []numbered[model.Role] {
	out := make([]numbered[model.Role], len(roles))
	for i, r := range roles {
		out[i] = numbered[model.Role]{r.i, model.Role{ID: r.v}}
	}
	return out
}
