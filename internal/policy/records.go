package policy

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// records are the registered records of a tenant at one revision. Most tenants
// register few or none: those of a type are kept in memory once one is asked
// for, unless they are too many.
type records struct {
	types map[string]*recordSet // the types that have any
	grown func()                // called when some were loaded: makes room for them
}

// recordSet is the records of one type. kept is nil until they are loaded, and
// stays nil where they are too many to keep.
type recordSet struct {
	kept    atomic.Pointer[table[*model.Resource]]
	tooMany atomic.Bool
	bytes   atomic.Int64
	loading sync.Mutex   // held by the one who loads; the others read their own record
	again   atomic.Int64 // Unix nanoseconds before which loading is not tried again
}

// maxKept bounds the records of a type kept in memory.
const maxKept = 50_000

// pageSize is how many records are read at once.
const pageSize = 1_000

func recordID(r *model.Resource) string { return r.ID }

func newRecords(types []string, grown func()) *records {
	r := &records{make(map[string]*recordSet, len(types)), grown}
	for _, typ := range types {
		r.types[typ] = &recordSet{}
	}
	return r
}

// record is the registered record a question is about, or nil. What is read
// from the database may be newer than the view. Then the tenant's revision has
// moved as well; it is read after the record, so that this process knows of it
// before the answer is recorded, and the answer is made again.
func (v *View) record(ctx context.Context, st store.Store, r model.Entity) (*model.Resource, error) {
	set := v.records.types[r.Type]
	if set == nil || r.ID == model.AnyRecord {
		return nil, nil
	}
	kept := set.kept.Load()
	if kept == nil && !set.tooMany.Load() && time.Now().UnixNano() >= set.again.Load() && set.loading.TryLock() {
		var err error
		kept, err = set.load(ctx, st, v.tenant, r.Type)
		set.loading.Unlock()
		if err != nil {
			return nil, err
		}
		if kept != nil {
			v.records.grown()
		}
	}
	if kept != nil {
		return kept.find(r.ID), nil
	}
	found, err := st.Resource(ctx, v.tenant.ID, r.Type, r.ID)
	missing := errors.Is(err, store.ErrNotFound)
	if err == nil || missing {
		_, err = st.TenantHead(ctx, v.tenant.ID)
	}
	if err != nil || missing {
		return nil, err
	}
	return &found, nil
}

// Registered is the registered record that a question is about, or nil. It may be newer
// than the view: it is for looking, and not for answering.
func (v *View) Registered(ctx context.Context, st store.Store, r model.Entity) (*model.Resource, error) {
	return v.record(ctx, st, r)
}

// load reads the records of a type and keeps them, if they are not too many and
// the tenant is still the one the set belongs to.
func (s *recordSet) load(ctx context.Context, st store.Store, t model.Tenant, typ string) (*table[*model.Resource], error) {
	kept := newTable(recordID, 0)
	n, bytes, after := 0, int64(0), ""
	for {
		page, err := st.Resources(ctx, t.ID, typ, after, pageSize)
		if err != nil {
			return nil, err
		}
		for i := range page {
			kept.put(&page[i])
			bytes += recordBytes(&page[i])
		}
		if n += len(page); n > maxKept {
			s.tooMany.Store(true)
			return nil, nil
		}
		if len(page) < pageSize {
			break
		}
		after = page[len(page)-1].ID
	}
	now, err := st.TenantHead(ctx, t.ID)
	if err != nil || now.SnapshotRevision != t.SnapshotRevision {
		s.again.Store(time.Now().Add(loadPause).UnixNano())
		return nil, err
	}
	s.bytes.Store(bytes)
	s.kept.Store(kept)
	return kept, nil
}

// loadPause is how long a type whose tenant changed while it was loaded is looked
// up record by record.
const loadPause = time.Second

// recordSize is a kept record without its attributes, in bytes, about.
const recordSize = 200

// recordBytes is what a kept record takes in memory, about; nothing for none.
func recordBytes(r *model.Resource) int64 {
	if r == nil {
		return 0
	}
	return recordSize + sizeOf(r.Attributes)
}

// reread is the records with one of them read again.
func (r *records) reread(ctx context.Context, st store.Store, tenant, typ, id string) (*records, error) {
	edited := &records{maps.Clone(r.types), r.grown}
	before := r.types[typ]
	if before == nil {
		edited.types[typ] = &recordSet{}
		return edited, nil
	}
	kept := before.kept.Load()
	if kept == nil {
		// A set of its own: who loads for the view before keeps what was true then.
		fresh := &recordSet{}
		fresh.tooMany.Store(before.tooMany.Load())
		edited.types[typ] = fresh
		return edited, nil
	}
	found, err := st.Resource(ctx, tenant, typ, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	bytes := before.bytes.Load() - recordBytes(kept.find(id))
	if err != nil {
		kept = kept.without(id)
	} else {
		kept = kept.with(&found)
		bytes += recordBytes(&found)
	}
	after := &recordSet{}
	edited.types[typ] = after
	if kept.len() > maxKept {
		after.tooMany.Store(true)
		return edited, nil
	}
	after.bytes.Store(bytes)
	after.kept.Store(kept)
	return edited, nil
}

func (r *records) size() (n int64) {
	for _, set := range r.types {
		n += set.bytes.Load()
	}
	return n
}
