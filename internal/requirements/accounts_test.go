package requirements

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/testkit"
)

// reopened is the store of a service that has ended.
func reopened(t *testing.T, cfg app.Config) store.Store {
	t.Helper()
	var st store.Store
	var err error
	if cfg.DatabaseURL != "" {
		st, err = sqlstore.OpenPostgres(t.Context(), cfg.DatabaseURL)
	} else {
		st, err = sqlstore.OpenSQLite(t.Context(), filepath.Join(cfg.Data, "rolegate.db"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// account is what a part of the log says of requests.
type account struct {
	own     map[string]int // entries of a request, by its trace id
	begun   map[string]int // those that tell that a limit was reached, beside or instead of them
	counted int64          // denials that stand in a count
	counts  int            // such entries
	gaps    int
}

func accountOf(entries []audittest.Entry) account {
	a := account{own: map[string]int{}, begun: map[string]int{}}
	for _, l := range entries {
		switch {
		case l.Since != 0:
			a.counted += l.Count
			a.counts++
		case l.Activity == audit.Gap:
			a.gaps++
		case l.Activity == audit.LoginFailMax, l.Activity == audit.LoginLocked:
			a.begun[l.Request]++
		case l.Request != "":
			a.own[l.Request]++
		}
	}
	return a
}

// unrecorded counts the answers without an entry of their own, and fails for those
// with more than one.
func (a account) unrecorded(t *testing.T, answers map[string]int) (n int64) {
	t.Helper()
	for trace, status := range answers {
		switch own := a.own[trace]; {
		case own > 1:
			t.Errorf("an answer %d has %d entries", status, own)
		case own == 0 && a.begun[trace] == 0:
			n++
		}
	}
	return n
}

// answersTo sends requests from several goroutines, each until next gives none, and
// returns the status of what was answered by its trace id.
func answersTo(t *testing.T, next func(sender, n int) *http.Request) map[string]int {
	t.Helper()
	answers := map[string]int{}
	var mu sync.Mutex
	var work sync.WaitGroup
	for sender := range 8 {
		work.Go(func() {
			for n := 0; ; n++ {
				req := next(sender, n)
				if req == nil {
					return
				}
				a, err := testkit.Do(req)
				if err != nil {
					continue // not answered
				}
				mu.Lock()
				answers[a.Header.Get("X-Request-Id")] = a.Status
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return answers
}

// startedLater starts a service when a killed one must be taken for dead.
func startedLater(t *testing.T, dir string, settings ...string) *testkit.Kit {
	t.Helper()
	return testkit.StartAltered(t, dir, func(a *app.App) {
		a.Now = func() time.Time { return time.Now().Add(time.Minute) }
	}, settings...)
}
