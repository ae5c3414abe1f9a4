package condition

import (
	"fmt"
	"sync"
	"testing"
)

func TestCache(t *testing.T) {
	var c Cache
	compile := func(text, object, hash string) *Condition {
		t.Helper()
		got, err := c.Compile(text, object+hash, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := compile(`record.x == 'a'`, "deal", "1")
	if compile(`record.x == 'a'`, "deal", "1") != first {
		t.Error("the same condition is compiled twice")
	}
	for _, other := range []*Condition{compile(`record.x == 'b'`, "deal", "1"), compile(`record.x == 'a'`, "lead", "1"), compile(`record.x == 'a'`, "deal", "2")} {
		if other == first {
			t.Error("a condition is taken for another")
		}
	}
	if _, err := c.Compile(`record`, "1", nil); err == nil {
		t.Error("what is refused is accepted")
	}

	for i := range 3 * maxCached {
		compile("true", "deal", fmt.Sprint(i))
		if i%1000 == 0 && compile(`record.x == 'a'`, "deal", "1") != first {
			t.Fatal("what is in use is forgotten")
		}
	}
	if n := len(c.young) + len(c.old); n > maxCached {
		t.Errorf("the cache holds %d conditions, more than %d", n, maxCached)
	}
	if compile("true", "deal", "0"); len(c.young) == 0 {
		t.Error("what was forgotten is not kept again")
	}
}

func TestCacheConcurrently(t *testing.T) {
	var c Cache
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				got, err := c.Compile(fmt.Sprintf("record.x == %d", i%50), "", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if got.Eval(&Facts{Record: attributes{"x": float64(i % 50)}}) != True {
					t.Errorf("record.x == %d is not true", i%50)
				}
			}
		})
	}
	wg.Wait()
}
