package store

import (
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
