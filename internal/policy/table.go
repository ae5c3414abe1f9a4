package policy

import (
	"hash/maphash"
	"iter"
	"slices"
	"sync/atomic"
)

// table is an immutable hash table of things by their ids, small enough to be
// copied when one of them changes, and found with few looks at memory: there may
// be a hundred thousand, of as many tenants as are in use. It is at most half
// full; collisions go to the next place.
type table[V comparable] struct {
	idOf  func(V) string
	slots []slotOf[V] // a power of two
	count int
	names atomic.Pointer[[]string] // sorted, once asked for
}

// slotOf is a place in a table; the zero value is free. The hash beside a thing
// spares a look at it when it is another.
type slotOf[V comparable] struct {
	hash  uint64
	thing V
}

var tableSeed = maphash.MakeSeed()

func newTable[V comparable](idOf func(V) string, size int) *table[V] {
	n := 8
	for n < 2*size {
		n *= 2
	}
	return &table[V]{idOf: idOf, slots: make([]slotOf[V], n)}
}

// place is where the id is, or the free place where it would be.
func (t *table[V]) place(id string, hash uint64) *slotOf[V] {
	var none V
	for i := hash; ; i++ {
		s := &t.slots[int(i)&(len(t.slots)-1)]
		if s.thing == none || s.hash == hash && t.idOf(s.thing) == id {
			return s
		}
	}
}

// find gives the thing of an id, the zero value for none.
func (t *table[V]) find(id string) (v V) {
	if t == nil {
		return v
	}
	return t.place(id, maphash.String(tableSeed, id)).thing
}

// put sets a thing in a table that is being made.
func (t *table[V]) put(v V) {
	if 2*(t.count+1) > len(t.slots) {
		larger := t.copied(2 * t.count)
		t.slots, t.count = larger.slots, larger.count
	}
	id := t.idOf(v)
	hash := maphash.String(tableSeed, id)
	s := t.place(id, hash)
	var none V
	if s.thing == none {
		t.count++
	}
	*s = slotOf[V]{hash, v}
}

// copied is a table with the same things and room for more.
func (t *table[V]) copied(size int) *table[V] {
	other := newTable(t.idOf, max(size, t.count+1))
	for v := range t.all() {
		other.put(v)
	}
	return other
}

// with is the table with a thing set.
func (t *table[V]) with(v V) *table[V] {
	other := &table[V]{idOf: t.idOf, slots: slices.Clone(t.slots), count: t.count}
	other.put(v)
	return other
}

// without is the table without the thing of an id.
func (t *table[V]) without(id string) *table[V] {
	other := newTable(t.idOf, t.count)
	for v := range t.all() {
		if t.idOf(v) != id {
			other.put(v)
		}
	}
	return other
}

// all yields the things, in no order.
func (t *table[V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		var none V
		if t == nil {
			return
		}
		for _, s := range t.slots {
			if s.thing != none && !yield(s.thing) {
				return
			}
		}
	}
}

// ids lists the ids of a table that is made, sorted. The list is shared.
func (t *table[V]) ids() []string {
	if t == nil {
		return nil
	}
	if known := t.names.Load(); known != nil {
		return *known
	}
	ids := make([]string, 0, t.count)
	for v := range t.all() {
		ids = append(ids, t.idOf(v))
	}
	slices.Sort(ids)
	t.names.Store(&ids)
	return ids
}

func (t *table[V]) len() int {
	if t == nil {
		return 0
	}
	return t.count
}
