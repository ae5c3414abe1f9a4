package throttle

import (
	"sync"
	"time"

	"rolegate/internal/store"
)

// maxRemembered bounds how many keys are remembered in each of two generations.
const maxRemembered = 1 << 15

// generations remembers the latest of what it is told: when the young are as many as
// may be, they become the old, and the old are forgotten. Its zero value is ready.
type generations[V any] struct{ young, old map[string]V }

func (g *generations[V]) get(key string) (v V, ok bool) {
	if v, ok = g.young[key]; !ok {
		v, ok = g.old[key]
	}
	return v, ok
}

func (g *generations[V]) put(key string, v V) {
	if _, there := g.young[key]; !there && (g.young == nil || len(g.young) >= maxRemembered) {
		g.young, g.old = map[string]V{}, g.young
	}
	g.young[key] = v
}

// Meter is a bucket for each key, in the memory of this process: for what has to
// be bounded, not counted. It is safe for concurrent use.
type Meter struct {
	Rule Bucket

	mu   sync.Mutex
	keys generations[store.Counter]
}

// Take counts one for the key, or tells how long it will be until it would.
func (m *Meter) Take(key string, now time.Time) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, _ := m.keys.get(key)
	wait = m.Rule.take(&c, now)
	m.keys.put(key, c)
	return wait
}

// Back takes one back that Take counted.
func (m *Meter) Back(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.keys.get(key); ok {
		m.Rule.undo(&c)
		m.keys.put(key, c)
	}
}
