package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestRevisionsOnlyRise(t *testing.T) {
	var r Revisions
	if got := r.Known("t"); got != 0 {
		t.Errorf("before anything Known = %d", got)
	}
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			for n := range int64(1000) {
				before := r.Known("t")
				r.Saw("t", n*8+i)
				if after := r.Known("t"); after < before || after < n*8+i {
					t.Errorf("Known went from %d to %d past %d", before, after, n*8+i)
				}
			}
		})
	}
	wg.Wait()
	if got := r.Known("t"); got != 7999 {
		t.Errorf("Known = %d, want the highest that was seen", got)
	}
	if got := r.Known("other"); got != 0 {
		t.Errorf("another tenant's Known = %d", got)
	}
}

func TestCompact(t *testing.T) {
	ann := Change{ChangedSubject, "user:ann"}
	if got := Compact([]Change{ann, {Kind: ChangedGroups}, ann}); !slices.Equal(got, []Change{ann, {Kind: ChangedGroups}}) {
		t.Errorf("twice the same: %v", got)
	}
	many := []Change{{Kind: ChangedPolicy}, {Kind: ChangedTenant}}
	for i := range MaxChanges - 2 {
		many = append(many, Change{ChangedMember, fmt.Sprint("user:", i)})
	}
	if got := Compact(many); !slices.Equal(got, many) {
		t.Errorf("%d changes became %d", len(many), len(got))
	}
	want := []Change{{Kind: ChangedDirectory}, {Kind: ChangedPolicy}, {Kind: ChangedTenant}}
	if got := Compact(append(many, ann)); !slices.Equal(got, want) {
		t.Errorf("too many: %v", got)
	}
	if got := Compact(nil); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}

func TestResourceChange(t *testing.T) {
	if got := ResourceChange("deal", "a:b"); got != (Change{ChangedResource, "deal:a:b"}) {
		t.Error(got)
	}
	if got := ResourceChange("a:b", "c"); got != (Change{Kind: ChangedDirectory}) {
		t.Error(got)
	}
}

// Whoever waits for a revision is woken by it, and by none before it.
func TestWaitForARevision(t *testing.T) {
	var r Revisions
	r.Saw("t", 3)
	if !r.Wait(t.Context(), "t", 3) {
		t.Error("a revision that is known is waited for")
	}
	woken := make(chan int64, 8)
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			if !r.Wait(t.Context(), "t", 4+i) {
				t.Errorf("revision %d did not come", 4+i)
			}
			if known := r.Known("t"); known < 4+i {
				t.Errorf("woken at %d, waiting for %d", known, 4+i)
			}
			woken <- 4 + i
		})
	}
	r.Saw("other", 100)
	for n := int64(4); n < 12; n++ {
		r.Saw("t", n)
		<-woken // one at a time: those that wait for more go on waiting
	}
	wg.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if r.Wait(gone, "t", 12) || r.Wait(gone, "new", 1) {
		t.Error("the wait ended well with its context")
	}
	if !r.Wait(gone, "t", 11) {
		t.Error("what is known needs no waiting")
	}
}
