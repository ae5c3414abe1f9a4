package policy

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Policies gives the revisions of the policies by which the snapshots in memory
// decide, of the first so many tenants by name.
func (c *Snapshots) Policies(most int) map[string]int64 {
	loaded := c.inMemory()
	revisions := map[string]int64{}
	for _, tenant := range slices.Sorted(maps.Keys(loaded))[:min(most, len(loaded))] {
		revisions[tenant] = loaded[tenant].PolicyRevision()
	}
	return revisions
}

// FollowPolicies brings those snapshots in memory up to date that are known to be
// behind, and decide by another policy than is in force: nobody need ask first. What
// else has changed waits for the next question. looked is the caller's, empty at first:
// at which revision each tenant was looked at last.
func (c *Snapshots) FollowPolicies(ctx context.Context, looked map[string]int64) error {
	loaded := c.inMemory()
	maps.DeleteFunc(looked, func(tenant string, _ int64) bool { return loaded[tenant] == nil })
	var behind []string
	for tenant, v := range loaded {
		if known := c.Store.Revisions().Known(tenant); known > max(v.Revision(), looked[tenant]) {
			looked[tenant] = known
			behind = append(behind, tenant)
		}
	}
	if len(behind) == 0 {
		return nil
	}
	inForce, err := c.Store.PolicyRevisions(ctx, behind...)
	errs := []error{err}
	for _, tenant := range behind {
		if err == nil && inForce[tenant] > loaded[tenant].PolicyRevision() {
			_, failed := c.Latest(ctx, tenant)
			errs = append(errs, failed)
		}
		if errs[len(errs)-1] != nil {
			delete(looked, tenant) // to be tried again
		}
	}
	return errors.Join(errs...)
}

// inMemory are the snapshots in memory, by tenant.
func (c *Snapshots) inMemory() map[string]*View {
	loaded := map[string]*View{}
	if slots := c.slots.Load(); slots != nil {
		for tenant, s := range *slots {
			if v := s.view.Load(); v != nil {
				loaded[tenant] = v
			}
		}
	}
	return loaded
}
