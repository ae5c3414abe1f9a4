package policy

import (
	"context"
	"maps"
	"slices"
)

// Applied gives the revisions of the snapshots in memory, of the first so many
// tenants by name, and how many revisions all of them together are behind what
// this process knows.
func (c *Snapshots) Applied(most int) (revisions map[string]int64, lag int64) {
	slots := c.slots.Load()
	if slots == nil {
		return map[string]int64{}, 0
	}
	loaded := map[string]int64{}
	for tenant, s := range *slots {
		if v := s.view.Load(); v != nil {
			loaded[tenant] = v.Revision()
			lag += max(0, c.Store.Revisions().Known(tenant)-v.Revision())
		}
	}
	if len(loaded) <= most {
		return loaded, lag
	}
	revisions = map[string]int64{}
	for _, tenant := range slices.Sorted(maps.Keys(loaded))[:most] {
		revisions[tenant] = loaded[tenant]
	}
	return revisions, lag
}

// Unreadable is how many tenants there are of those that were asked about whose stored
// policy or catalogue could not be read when it was last tried: nothing is allowed there.
func (c *Snapshots) Unreadable() (n int) {
	if slots := c.slots.Load(); slots != nil {
		for _, s := range *slots {
			if s.spoiled.Load() {
				n++
			}
		}
	}
	return n
}

// Readable is nil where some tenant's questions can be answered by its policy. It reads
// the database where none is in memory: then the first policy that can be read will do.
func (c *Snapshots) Readable(ctx context.Context) error {
	if slots := c.slots.Load(); slots != nil {
		for _, s := range *slots {
			if s.view.Load() != nil && !s.spoiled.Load() {
				return nil
			}
		}
	}
	tenants, err := c.Store.ListTenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if t.Disabled { // nobody asks
			continue
		}
		_, err = c.loadRules(ctx, &slot{}, t)
		if err != nil && !isSpoiled(err) {
			return err
		}
		if c.slot(t.ID).spoiled.Store(err != nil); err == nil {
			return nil
		}
	}
	return err
}
