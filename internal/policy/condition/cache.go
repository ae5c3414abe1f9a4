package condition

import (
	"strings"
	"sync"
)

// maxCached bounds a Cache, in conditions.
const maxCached = 10_000

// Cache keeps compiled conditions, so that a new revision of a policy compiles
// only what is new in it. It holds at most 10,000; of more, those used lately.
// The zero value is empty and ready. It is safe for concurrent use.
type Cache struct {
	mu sync.Mutex

	// Two generations: when young is full it becomes old, and the old are gone.
	// What is used moves to young. That forgets as well as a list in order of
	// use would, at a fraction of the work.
	young, old map[cacheKey]*Condition
}

// cacheKey is all that Compile depends on.
type cacheKey struct{ text, types string }

// Compile is like the package's Compile. types tells the schema from others by
// the types of the fields that the text names; "" for a nil schema. Errors are
// not kept, nor is what text is a part of.
func (c *Cache) Compile(text, types string, schema Schema) (*Condition, error) {
	key := cacheKey{text, types}
	if found := c.get(key); found != nil {
		return found, nil
	}
	key.text = strings.Clone(text)
	compiled, err := Compile(key.text, schema)
	if err != nil {
		return nil, err
	}
	c.put(key, compiled)
	return compiled, nil
}

func (c *Cache) get(key cacheKey) *Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.young[key]; found != nil {
		return found
	}
	found := c.old[key]
	if found != nil {
		c.keep(key, found)
	}
	return found
}

func (c *Cache) put(key cacheKey, compiled *Condition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, compiled)
}

// keep needs mu held.
func (c *Cache) keep(key cacheKey, compiled *Condition) {
	if len(c.young) >= maxCached/2 {
		c.young, c.old = nil, c.young
	}
	if c.young == nil {
		c.young = map[cacheKey]*Condition{}
	}
	c.young[key] = compiled
}
