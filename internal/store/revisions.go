package store

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Revisions is what this process knows of each tenant's revision: the highest
// it committed or read. It may be behind what other processes committed, never
// ahead of the database. Reads take no lock. The zero value knows nothing.
type Revisions struct {
	tenants atomic.Pointer[map[string]*atomic.Int64] // replaced when a tenant is new, never written to
	adding  sync.Mutex                               // held while a tenant is added
}

// Known is the tenant's last known revision, 0 if there is none.
func (r *Revisions) Known(tenant string) int64 {
	if known := r.find(tenant); known != nil {
		return known.Load()
	}
	return 0
}

// Saw notes a committed revision; one that is older than the known is nothing new.
func (r *Revisions) Saw(tenant string, revision int64) {
	known := r.find(tenant)
	if known == nil {
		known = r.add(tenant)
	}
	for {
		was := known.Load()
		if revision <= was || known.CompareAndSwap(was, revision) {
			return
		}
	}
}

func (r *Revisions) find(tenant string) *atomic.Int64 {
	if tenants := r.tenants.Load(); tenants != nil {
		return (*tenants)[tenant]
	}
	return nil
}

func (r *Revisions) add(tenant string) *atomic.Int64 {
	r.adding.Lock()
	defer r.adding.Unlock()
	if known := r.find(tenant); known != nil {
		return known
	}
	tenants := map[string]*atomic.Int64{}
	if before := r.tenants.Load(); before != nil {
		tenants = maps.Clone(*before)
	}
	known := new(atomic.Int64)
	tenants[tenant] = known
	r.tenants.Store(&tenants)
	return known
}
