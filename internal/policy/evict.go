package policy

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Usage is what the snapshots in memory cost.
type Usage struct {
	Tenants int
	Bytes   int64 // about
}

// Usage counts the snapshots in memory.
func (c *Snapshots) Usage() (u Usage) {
	for _, s := range c.loaded() {
		u.Tenants++
		u.Bytes += s.bytes
	}
	return u
}

// inUse is a snapshot in memory.
type inUse struct {
	tenant string
	slot   *slot
	view   *View
	used   int64
	bytes  int64
}

// loaded lists the snapshots in memory, the one not used longest first.
func (c *Snapshots) loaded() []inUse {
	var list []inUse
	if slots := c.slots.Load(); slots != nil {
		for tenant, s := range *slots {
			if view := s.view.Load(); view != nil {
				bytes := view.bytes()
				if o := s.offered.Load(); o != nil {
					bytes += o.rules.size()
				}
				list = append(list, inUse{tenant, s, view, s.used.Load(), bytes})
			}
		}
	}
	slices.SortFunc(list, func(a, b inUse) int { return cmp.Or(cmp.Compare(a.used, b.used), cmp.Compare(a.tenant, b.tenant)) })
	return list
}

// makeRoom gives up the snapshots not used longest until the others fit the
// budget. The one that was just loaded stays: somebody waits for it. So does one
// that is larger than the whole budget, beside what fits it, see beyond. All
// snapshots together so take the budget and one such tenant at most.
func (c *Snapshots) makeRoom(keep string) {
	if c.Budget <= 0 {
		return
	}
	c.evict.Lock()
	defer c.evict.Unlock()
	list := c.loaded()
	beyond := c.beyond(list, keep)
	var sum int64
	for _, s := range list {
		large := s.bytes > c.Budget
		c.warn(s, large)
		switch {
		case !large:
			sum += s.bytes
		case s.tenant != beyond:
			s.giveUp()
		}
	}
	for _, s := range list {
		if sum <= c.Budget {
			return
		}
		if s.bytes <= c.Budget && s.tenant != keep {
			s.giveUp()
			sum -= s.bytes
		}
	}
}

// stillUsed is for how many seconds a tenant counts as in use, beside those that
// are used.
const stillUsed = 60

// beyond is the tenant larger than the whole budget that stays all the same, or
// "": the one just loaded, or the last used of them while it is in use. It would
// be back with its next question; and were it to take room from others, each of
// them would go whenever the next was loaded.
func (c *Snapshots) beyond(list []inUse, keep string) (tenant string) {
	for _, s := range slices.Backward(list) {
		switch {
		case s.bytes <= c.Budget:
		case s.tenant == keep:
			return keep
		case tenant == "" && list[len(list)-1].used-s.used <= stillUsed:
			tenant = s.tenant
		}
	}
	return tenant
}

// warn says that a tenant alone is larger than the budget, once until it fits
// again. It may have been loaded small and have grown since.
func (c *Snapshots) warn(s inUse, large bool) {
	if large && !s.slot.warned && c.Logger != nil {
		c.Logger.Warn("one tenant's snapshot is larger than the budget of all", "tenant", s.tenant, "bytes", s.bytes, "budget", c.Budget)
	}
	s.slot.warned = large
}

// Sweep gives up the snapshots nobody has asked for in the last Idle, and those
// that do not fit the budget any more: snapshots grow while they answer.
func (c *Snapshots) Sweep() {
	c.makeRoom("")
	if c.Idle <= 0 {
		return
	}
	before := c.Now().Add(-c.Idle).Unix()
	for _, s := range c.loaded() {
		if s.used < before {
			s.giveUp()
		}
	}
}

// giveUp drops the snapshot, unless a newer has taken its place, and what was
// offered to it. Whoever answers from it still does.
func (s inUse) giveUp() {
	if s.slot.view.CompareAndSwap(s.view, nil) {
		s.slot.offered.Store(nil)
	}
}

// sweepEvery is how often idle snapshots are looked for: often enough that none
// is kept half as long again as Idle, and that snapshots which grow are seen.
func (c *Snapshots) sweepEvery() time.Duration {
	if c.Idle <= 0 {
		return time.Minute
	}
	return max(time.Second, min(time.Minute, c.Idle/2))
}

// Run sweeps until ctx ends.
func (c *Snapshots) Run(ctx context.Context) {
	tick := time.NewTicker(c.sweepEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.Sweep()
		}
	}
}

// bytes is what the view takes in memory, about: with what was made while it
// answered.
func (v *View) bytes() int64 {
	return v.size + v.records.size() + v.rules.holders.size(v.people.len()) + v.rules.fieldBytes.Load() + v.rules.fieldViews.bytes.Load()
}

// Sizes of what a snapshot is made of, in bytes, about: measured by make bench.
const (
	ruleSize   = 20  // a row in its list, and its place in the text
	memberSize = 260 // a member, its key and its place in a map
)

func (rs *ruleset) size() int64 {
	return int64(len(rs.text)) + int64(len(rs.places))*ruleSize + int64(len(rs.objects)+len(rs.names))*200 + int64(len(rs.catalog.Routes))*500
}

// len counts the members.
func (r *roster) len() (n int) {
	for _, of := range r.types {
		n += of.len()
	}
	return n
}

func (r *roster) size() int64 {
	nodes := len(r.units.nodes) + len(r.territories.nodes) + len(r.reporting.nodes)
	return int64(r.len())*memberSize + r.attributes + int64(nodes)*76
}

// sizeOf is about what a JSON value takes in memory.
func sizeOf(v any) (n int64) {
	switch v := v.(type) {
	case string:
		return 32 + int64(len(v))
	case []any:
		for _, e := range v {
			n += sizeOf(e)
		}
		return 32 + n
	case map[string]any:
		for name, e := range v {
			n += 48 + int64(len(name)) + sizeOf(e)
		}
		return 64 + n
	}
	return 24
}
