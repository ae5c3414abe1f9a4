package policy

import (
	"context"
	"maps"
	"slices"
	"strings"

	"rolegate/internal/store"
	"rolegate/model"
)

// inheritance is what each role inherits at once, "role:id" both.
type inheritance map[string][]string

// closure gives roles and all they inherit, sorted.
func (in inheritance) closure(held []string) []string {
	met := map[string]bool{}
	for todo := slices.Clone(held); len(todo) > 0; {
		role := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !met[role] {
			met[role] = true
			todo = append(todo, in[role]...)
		}
	}
	return slices.Sorted(maps.Keys(met))
}

// inherited counts the roles that different roles inherit together, themselves
// left out.
func (in inheritance) inherited(held ...string) int { return len(in.closure(held)) - len(held) }

// Inheritance counts, under the policy in force, the roles that different roles,
// bare ids, inherit together. It reads the whole document, so get it once an act.
func Inheritance(ctx context.Context, q store.Policies, tenant string) (func(roles []string) int, error) {
	doc, err := currentDocument(ctx, q, tenant)
	if err != nil {
		return nil, err
	}
	in := inheritance{}
	for _, l := range doc.RoleLinks {
		in[l.Role] = append(in[l.Role], l.Inherits)
	}
	return func(roles []string) int { return in.inherited(keysOf(roles)...) }, nil
}

func keysOf(roles []string) []string {
	keys := make([]string, len(roles))
	for i, role := range roles {
		keys[i] = model.RolePrefix + role
	}
	return keys
}

// mayExceed tells whether somebody's roles can inherit too many together at all:
// under most policies no role inherits enough for that, and nobody is looked at.
// Who was given more roles than that under a higher limit keeps them, uncounted.
func (in inheritance) mayExceed(limits model.Limits) bool {
	for role := range in {
		if in.inherited(role)*limits.DirectRoles > limits.InheritedRoles {
			return true
		}
	}
	return false
}

// checkHeld refuses a policy under which the roles of a member or team inherit
// more than one may. Whoever is not registered yet counts too.
func (s *Service) checkHeld(ctx context.Context, tx store.Directory, tenant string, in inheritance) error {
	all, err := tx.Assignments(ctx, tenant, "", "") // by member
	if err != nil {
		return err
	}
	now, most := s.Now(), s.Limits.InheritedRoles
	alike := map[string]int{} // most people hold the same roles as others
	for len(all) > 0 {
		member := all[0].Member
		var held []string
		for len(all) > 0 && all[0].Member == member {
			if !all[0].EndedAt(now) {
				held = append(held, all[0].Role)
			}
			all = all[1:]
		}
		name := strings.Join(held, ",")
		n, known := alike[name]
		if !known {
			n = in.inherited(keysOf(held)...)
			alike[name] = n
		}
		if n > most {
			return model.Exceeded(model.SettingInheritedRoles, int64(most), "the roles of %s would inherit %d others together", member, n)
		}
	}
	return nil
}
