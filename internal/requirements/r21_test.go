package requirements

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(21, "a flood of denials from one source grows the log by few entries, and they account for each of them", floods)
}

func floods(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		const many, fewer = 10_000, 2_000 // the way is the same for all, only what is counted differs
		crm := k.ClientToken("crm")
		bob := k.MustEnrol("bob", "sales-rep")
		question := map[string]any{"subject": map[string]any{"type": "user", "id": "bob"}, "action": map[string]any{"name": "delete"},
			"resource": map[string]any{"type": "contact", "id": "1"}}
		ending := func() *http.Request {
			req := k.Request("/v1/me/sessions/none", bob.Access, nil)
			req.Method = http.MethodDelete
			return req
		}
		before, err := k.App.Store.LogSize(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := []struct {
			what   string
			many   int
			status int
			most   int // entries a minute, and what comes until the store knows of counts
			is     func(l audit.Leaf) bool
			ask    func() *http.Request
		}{
			{"denied decisions", many, 200, 300, func(l audit.Leaf) bool { return l.Activity == audit.Evaluated },
				func() *http.Request { return k.Request("/access/v1/evaluation", crm, question) }},
			{"without a token", fewer, 401, 60, func(l audit.Leaf) bool { return l.Code == model.CodeUnauthorized },
				func() *http.Request { return k.Request("/access/v1/evaluation", "", question) }},
			{"what is not there", fewer, 404, 300, func(l audit.Leaf) bool { return l.Code == model.CodeNotFound && l.Actor == "user" }, ending},
			{"no route", fewer, 404, 60, func(l audit.Leaf) bool { return l.Code == model.CodeNotFound && l.Actor == "anonymous" },
				func() *http.Request { return k.Request("/access/v1/nowhere", crm, question) }},
		}
		minutes := make([]int, len(all))
		for i, f := range all {
			began := time.Now()
			answers := answersTo(t, func(_, n int) *http.Request {
				if n == f.many/8 {
					return nil
				}
				return f.ask()
			})
			minutes[i] = 2 + int(time.Since(began)/time.Minute)
			for _, status := range answers {
				if status != f.status {
					t.Fatalf("%s: answered %d", f.what, status)
				}
			}
			if len(answers) != f.many {
				t.Fatalf("%s: %d answers", f.what, len(answers))
			}
			t.Logf("%s: %d in %v", f.what, f.many, time.Since(began).Round(time.Millisecond))
		}
		k.Stop()
		leaves := audittest.From(t, reopened(t, k.Config), before)
		for i, f := range all {
			entries, denials := 0, int64(0)
			for _, l := range leaves {
				switch {
				case !f.is(l.Leaf):
					continue
				case l.Since != 0:
					denials += l.Count
				default:
					denials++
				}
				entries++
				if l.Outcome != audit.OutcomeDeny {
					t.Errorf("%s: an entry with the outcome %s", f.what, l.Outcome)
				}
			}
			if denials != int64(f.many) || entries > minutes[i]*(f.most+200) {
				t.Errorf("%s: %d entries stand for %d of %d denials", f.what, entries, denials, f.many)
			}
			t.Logf("%s: %s", f.what, fmt.Sprint(entries, " entries"))
		}
	})
}
