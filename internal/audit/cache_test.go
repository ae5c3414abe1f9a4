package audit

import "testing"

// What was read before a cache was cleared is not kept after it.
func TestCacheKeepsNothingOfBefore(t *testing.T) {
	var c cache[string, int]
	turn := c.turn()
	c.clear() // while somebody reads
	c.putRead("a", 1, turn)
	if _, there := c.get("a"); there {
		t.Error("it is there")
	}
	c.putRead("a", 2, c.turn())
	if v, there := c.get("a"); !there || v != 2 {
		t.Errorf("%d, %v", v, there)
	}
}
