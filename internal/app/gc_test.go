package app

import "testing"

func TestCollectorsPace(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 6400, 1 << 20: 6400, 8 << 20: 800, 64 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(inUse); got != want {
			t.Errorf("%d bytes in use: GOGC %d, want %d", inUse, got, want)
		}
	}
	if heapInUse() > 1<<40 {
		t.Error("the heap is not measured")
	}
}
