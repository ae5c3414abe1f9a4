package store

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
)

// Revisions is what this process knows of each tenant's revision: the highest
// it committed or read. It may be behind what other processes committed, never
// ahead of the database. Reads take no lock. The zero value knows nothing.
type Revisions struct {
	tenants atomic.Pointer[map[string]*known] // replaced when a tenant is new, never written to
	adding  sync.Mutex                        // held while a tenant is added
}

// known is a tenant's revision, and who waits for the next one.
type known struct {
	revision atomic.Int64
	moved    atomic.Pointer[chan struct{}] // closed at the next move; nil while nobody waits
}

// Known is the tenant's last known revision, 0 if there is none.
func (r *Revisions) Known(tenant string) int64 {
	if k := r.find(tenant); k != nil {
		return k.revision.Load()
	}
	return 0
}

// Saw notes a committed revision; one that is older than the known is nothing new.
func (r *Revisions) Saw(tenant string, revision int64) {
	k := r.find(tenant)
	if k == nil {
		k = r.add(tenant)
	}
	for {
		was := k.revision.Load()
		if revision <= was {
			return
		}
		if k.revision.CompareAndSwap(was, revision) {
			break
		}
	}
	if moved := k.moved.Swap(nil); moved != nil {
		close(*moved)
	}
}

// Wait returns when the tenant is known to have reached the revision, or ctx
// ends, and tells whether it has.
func (r *Revisions) Wait(ctx context.Context, tenant string, revision int64) bool {
	k := r.find(tenant)
	if k == nil {
		k = r.add(tenant)
	}
	for {
		moved := k.next() // before looking, so that no move comes between
		if k.revision.Load() >= revision {
			return true
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return k.revision.Load() >= revision
		}
	}
}

// next is closed when the revision moves.
func (k *known) next() <-chan struct{} {
	for {
		if moved := k.moved.Load(); moved != nil {
			return *moved
		}
		moved := make(chan struct{})
		if k.moved.CompareAndSwap(nil, &moved) {
			return moved
		}
	}
}

func (r *Revisions) find(tenant string) *known {
	if tenants := r.tenants.Load(); tenants != nil {
		return (*tenants)[tenant]
	}
	return nil
}

func (r *Revisions) add(tenant string) *known {
	r.adding.Lock()
	defer r.adding.Unlock()
	if k := r.find(tenant); k != nil {
		return k
	}
	tenants := map[string]*known{}
	if before := r.tenants.Load(); before != nil {
		tenants = maps.Clone(*before)
	}
	k := new(known)
	tenants[tenant] = k
	r.tenants.Store(&tenants)
	return k
}
