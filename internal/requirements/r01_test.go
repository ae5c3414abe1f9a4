package requirements

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(1, "every request for a decision or of a login, whatever comes of it, has one entry or is in the count of a flood; a crash can lose counts only, and is told", func(t *testing.T) {
		t.Run("storm", storm)
		t.Run("kill", killedInAFlood)
	})
}

// requestsOf gives requests of every kind to what must be accounted for.
type requestsOf struct {
	url, crm string // and a client's token
	ticket   string
}

func (r requestsOf) post(path, bearer, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req
}

// question is one about a person's own record, or another's.
func question(person, owner string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"contact","id":"1","properties":{"owner":%q}}}`, person, "user:"+owner)
}

func (r requestsOf) decision(n int) *http.Request {
	const evaluation = "/access/v1/evaluation"
	switch n % 12 {
	case 0, 1:
		return r.post(evaluation, r.crm, question("alice", "alice"))
	case 2, 3:
		return r.post(evaluation, r.crm, question("alice", "bob"))
	case 4:
		return r.post(evaluation, r.crm, question(fmt.Sprint("stranger", n), "bob"))
	case 5:
		return r.post("/access/v1/evaluations", r.crm, `{"evaluations":[`+question("alice", "alice")+`,`+question("alice", "bob")+`]}`)
	case 6:
		return r.post("/access/v1/search/action", r.crm, `{"subject":{"type":"user","id":"alice"},"resource":{"type":"contact","id":"1"}}`)
	case 7:
		return r.post(evaluation, "", question("alice", "alice"))
	case 8:
		return r.post(evaluation, r.crm, `{"subject":`)
	case 9:
		return r.post(evaluation, r.crm, `"`+string(bytes.Repeat([]byte("x"), 2<<20))+`"`)
	case 10:
		return r.post("/access/v1/nowhere", r.crm, `{}`)
	}
	req := r.post(evaluation, "not.a.token", question("alice", "alice"))
	req.Method = http.MethodPut
	return req
}

func (r requestsOf) login(n int) *http.Request {
	switch n % 7 {
	case 0:
		return r.post("/v1/login", "", `{"username":"alice","password":"`+testkit.Password+`"}`)
	case 1:
		return r.post("/v1/login", "", `{"username":"bob","password":"mistyped"}`)
	case 2:
		return r.post("/v1/login", "", fmt.Sprintf(`{"username":"nobody%d","password":"mistyped"}`, n))
	case 3:
		return r.post("/v1/login/totp", "", `{"ticket":"`+r.ticket+`","code":"000000"}`)
	case 4:
		return r.post("/v1/login/recovery", "", `{"ticket":"none","code":"AAAA"}`)
	case 5:
		return r.post("/v1/login/enrol", "", `no JSON`)
	}
	return r.post("/v1/login/nowhere", "", `{}`)
}

func storm(t *testing.T) {
	run := func(t *testing.T, k *testkit.Kit) {
		crm := k.ClientToken("crm")
		k.MustEnrol("alice", "sales-rep")
		k.MustEnrol("bob")
		from := requestsOf{k.URL, crm, k.Ticket("alice")}
		before, err := k.App.Store.LogSize(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answers := answersTo(t, func(sender, n int) *http.Request {
			if n == 400 {
				return nil
			}
			if sender%2 == 0 {
				return from.decision(n)
			}
			return from.login(n)
		})
		k.Stop()
		a := accountOf(audittest.From(t, reopened(t, k.Config), before))
		if missing := a.unrecorded(t, answers); missing != a.counted || a.counted == 0 || a.gaps > 0 {
			t.Errorf("%d of %d answers have no entry, and the counts say %d", missing, len(answers), a.counted)
		}
		statuses := map[int]int{}
		for _, status := range answers {
			statuses[status]++
		}
		for _, status := range []int{200, 400, 401, 404, 405, 413, 429} {
			if statuses[status] == 0 {
				t.Errorf("nothing was answered %d", status)
			}
		}
		for trace := range a.own {
			if answers[trace] == 0 {
				t.Errorf("an entry is of no answer: %s", trace)
			}
		}
		t.Logf("%v: %d entries of their own, %d counted in %d", statuses, len(a.own), a.counted, a.counts)
	}
	const strict = "ROLEGATE_LOGIN_RATE=5"
	t.Run("sqlite", func(t *testing.T) { run(t, testkit.New(t, strict)) })
	t.Run("postgres", func(t *testing.T) { run(t, testkit.NewPostgres(t, strict)) })
	t.Run("buffered", func(t *testing.T) { run(t, testkit.New(t, strict, "ROLEGATE_AUDIT=buffered")) })
}

// killedInAFlood kills the real service while it counts denials, and while it does
// not.
func killedInAFlood(t *testing.T) {
	testkit.Directories(t, func(t *testing.T, dir string, settings ...string) {
		for _, flooded := range []bool{true, false} {
			p := testkit.StartProcess(t, dir, settings...)
			cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprint("crm-", flooded)
			cr, err := app.AddClient.Do(context.Background(), cfg, app.ClientRequest{Client: model.Client{ID: name, Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
			if err != nil {
				t.Fatal(err)
			}
			if flooded {
				if _, err := app.AddUser.Do(context.Background(), cfg, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Roles: []string{"sales-rep"}}); err != nil {
					t.Fatal(err)
				}
			}
			k := &testkit.Kit{T: t, URL: p.URL}
			from := requestsOf{p.URL, k.TokenFor(name, cr.ClientSecret), "none"}
			st := reopened(t, cfg)
			before, err := st.LogSize(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var sent atomic.Int64
			const many = 3000
			answers := answersTo(t, func(sender, n int) *http.Request {
				switch count := sent.Add(1); {
				case count == many:
					p.Kill()
					return nil
				case count > many:
					return nil
				}
				if !flooded || sender == 0 {
					return from.post("/access/v1/evaluation", from.crm, question("alice", "alice"))
				}
				return from.decision(2 + 5*(n%2)) // denied, and without a token
			})
			next := startedLater(t, dir, settings...)
			next.Stop()
			a := accountOf(audittest.From(t, st, before))
			switch missing := a.unrecorded(t, answers); {
			case flooded && (a.gaps != 1 || missing < many/2 || a.counted != 0):
				t.Errorf("killed in a flood: of %d answers %d have no entry, %d are counted, %d gaps are told", len(answers), missing, a.counted, a.gaps)
			case !flooded && (a.gaps != 0 || missing != 0):
				t.Errorf("killed without one: of %d answers %d have no entry, %d gaps are told", len(answers), missing, a.gaps)
			}
		}
	})
}
