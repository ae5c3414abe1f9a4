package policy

import (
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
