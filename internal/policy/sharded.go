package policy

import (
	"hash/maphash"
	"iter"
	"maps"
	"slices"
)

// sharded is an immutable map in parts, so that a map that differs in one entry
// copies one part.
type sharded[V any] [shards]map[string]V

const shards = 64

var shardSeed = maphash.MakeSeed()

func shardOf(key string) int { return int(maphash.String(shardSeed, key) % shards) }

func (m *sharded[V]) find(key string) (v V, found bool) {
	if m == nil {
		return v, false
	}
	v, found = m[shardOf(key)][key]
	return v, found
}

// put sets an entry of a map that is being made.
func (m *sharded[V]) put(key string, v V) {
	part := &m[shardOf(key)]
	if *part == nil {
		*part = map[string]V{}
	}
	(*part)[key] = v
}

// with is the map with one entry set; nil is an empty map.
func (m *sharded[V]) with(key string, v V) *sharded[V] {
	return m.edit(key, func(part map[string]V) { part[key] = v })
}

// without is the map with one entry taken out.
func (m *sharded[V]) without(key string) *sharded[V] {
	return m.edit(key, func(part map[string]V) { delete(part, key) })
}

func (m *sharded[V]) edit(key string, change func(map[string]V)) *sharded[V] {
	var edited sharded[V]
	if m != nil {
		edited = *m
	}
	part := &edited[shardOf(key)]
	if *part = maps.Clone(*part); *part == nil {
		*part = map[string]V{}
	}
	change(*part)
	return &edited
}

// keys lists the keys, sorted.
func (m *sharded[V]) keys() []string {
	var keys []string
	for key := range m.all() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// all yields the entries, in no order.
func (m *sharded[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if m == nil {
			return
		}
		for _, part := range m {
			for key, v := range part {
				if !yield(key, v) {
					return
				}
			}
		}
	}
}

func (m *sharded[V]) len() (n int) {
	if m != nil {
		for _, part := range m {
			n += len(part)
		}
	}
	return n
}
