package store

import (
	"sync"
	"sync/atomic"
)

// Revisions is what this process knows of each tenant's revision: the highest
// it committed or read. It may be behind what other processes committed, never
// ahead of the database. Reads take no lock. The zero value knows nothing.
type Revisions struct {
	tenants sync.Map // string to *atomic.Int64
}

// Known is the tenant's last known revision, 0 if there is none.
func (r *Revisions) Known(tenant string) int64 {
	if v, ok := r.tenants.Load(tenant); ok {
		return v.(*atomic.Int64).Load()
	}
	return 0
}

// Saw notes a committed revision; one that is older than the known is nothing new.
func (r *Revisions) Saw(tenant string, revision int64) {
	v, ok := r.tenants.Load(tenant)
	if !ok {
		v, _ = r.tenants.LoadOrStore(tenant, new(atomic.Int64))
	}
	known := v.(*atomic.Int64)
	for {
		was := known.Load()
		if revision <= was || known.CompareAndSwap(was, revision) {
			return
		}
	}
}
