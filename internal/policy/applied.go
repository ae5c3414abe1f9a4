package policy

import (
	"context"
	"maps"
	"slices"
	"time"

	"rolegate/model"
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

// lookFor is a search for a policy that can be read; err is there once done is closed.
type lookFor struct {
	done chan struct{}
	err  error
}

// readFor is how long such a search may take.
const readFor = 30 * time.Second

// Readable is nil where some tenant's questions can be answered by its policy. Where none
// is in memory the first that can be read is loaded, and stays for its tenant's questions.
// That goes on when ctx ends, so whoever asks again finds what took longer; one such search
// goes on at a time, however many ask. The error is the last tenant's, of a search
// that found none, or model.CodeStoreUnavailable.
func (c *Snapshots) Readable(ctx context.Context) error {
	if c.holdsOne() {
		return nil
	}
	c.searching.Lock()
	r := c.reading
	if r == nil {
		r = &lookFor{done: make(chan struct{})}
		c.reading = r
		go c.search(context.WithoutCancel(ctx), r)
	}
	c.searching.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return model.Errorf(model.CodeStoreUnavailable, "no policy has been read yet").Because(ctx.Err())
	}
}

// holdsOne tells whether a snapshot in memory is of a tenant that could be read when
// that was last tried.
func (c *Snapshots) holdsOne() bool {
	if slots := c.slots.Load(); slots != nil {
		for _, s := range *slots {
			if s.view.Load() != nil && !s.spoiled.Load() {
				return true
			}
		}
	}
	return false
}

func (c *Snapshots) search(ctx context.Context, r *lookFor) {
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	defer func() {
		if v := recover(); v != nil { // as a question's would be: no policy stops the process
			r.err = model.Errorf(model.CodeInternal, "a policy could not be read: %v", v)
		}
		c.searching.Lock()
		c.reading = nil
		c.searching.Unlock()
		close(r.done)
	}()
	r.err = c.loadOne(ctx)
}

// loadOne loads the first tenant, by id, that can be read.
func (c *Snapshots) loadOne(ctx context.Context) error {
	revisions, err := c.Store.TenantRevisions(ctx) // all tenants, without their catalogues
	if err != nil {
		return err
	}
	for _, tenant := range slices.Sorted(maps.Keys(revisions)) {
		t, found := c.Store.TenantHead(ctx, tenant)
		if found != nil {
			return found
		}
		if t.Disabled { // nobody asks
			continue
		}
		if _, err = c.Current(ctx, tenant); err == nil || !isSpoiled(err) {
			return err
		}
	}
	return err
}
