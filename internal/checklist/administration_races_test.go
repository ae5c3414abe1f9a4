package checklist

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// atOnce makes requests at the same time, each to the next replica, and counts how
// they were answered: "200", or the code.
func atOnce(kits []*testkit.Kit, requests ...func(k *testkit.Kit) *http.Request) map[string]int {
	answers := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, make := range requests {
		k := kits[i%len(kits)]
		req := make(k)
		wg.Go(func() {
			a, err := testkit.Do(req)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				answers[err.Error()]++
			case a.Status == 200:
				answers["200"]++
			default:
				answers[a.Code()]++
			}
		})
	}
	wg.Wait()
	return answers
}

// Of many decisions about one request for an office, on two replicas, one counts;
// and of two administrators who shut out one another at once, one stays.
func TestOfficersAtOnce(t *testing.T) {
	kits := testkit.StartReplicas(t, 2)
	k := kits[0]
	o := officesOf(t, k)
	sys2, sec2 := officeHolder(k, "sys2", model.SystemAdmin), officeHolder(k, "sec2", model.SecurityAdmin)
	k.MustEnrol("dan")
	for _, p := range []*testkit.Person{o.sys, o.sec, o.aud, sys2, sec2} {
		k.Login(p)
	}
	a := k.Call("POST", "/v1/admin/offices/requests", o.sys.Access, map[string]any{"member": "dan", "office": model.AuditAdmin, "reason": "test"})
	k.Want(a, 201)

	decide := func(who *testkit.Person, what string) func(*testkit.Kit) *http.Request {
		return func(k *testkit.Kit) *http.Request {
			return request(k, "POST", "/v1/admin/offices/requests/"+a.Text("id")+"/"+what, who.Access, nil)
		}
	}
	got := atOnce(kits, decide(o.sec, "approve"), decide(sec2, "approve"), decide(o.aud, "approve"), decide(o.sec, "deny"), decide(sec2, "deny"), decide(o.aud, "deny"))
	if want := map[string]int{"200": 1, string(model.CodeConflict): 5}; !maps.Equal(got, want) {
		t.Errorf("decisions about one request: %v, want %v", got, want)
	}
	if n := countEntries(k, "office_approve") + countEntries(k, "office_deny"); n != 1 {
		t.Errorf("%d entries of it succeeding", n)
	}

	shut := func(who *testkit.Person, whom string) func(*testkit.Kit) *http.Request {
		return func(k *testkit.Kit) *http.Request {
			return request(k, "POST", "/v1/admin/users/"+whom+"/disable", who.Access, map[string]any{"reason": "test"})
		}
	}
	got = atOnce(kits, shut(o.sys, "sys2"), shut(sys2, "sys"))
	if want := map[string]int{"200": 1, string(model.CodeUnauthorized): 1}; !maps.Equal(got, want) {
		t.Errorf("shutting out one another: %v, want %v", got, want)
	}
}

// What cannot be an id, or is the id of somebody else in another spelling, is
// nobody: never a fault of ours, and never a way around what is asked of an id.
func TestSpellingsOfPeople(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		o := officesOf(t, k)
		k.MustEnrol("ann", "sales-rep")
		k.Login(o.sys)
		because := map[string]any{"reason": "test"}
		for _, id := range []string{"a%00b", "%ff", "ann%2Fdisable", "..%2Fann", "%2e%2e", "..", "ann;x=1", "Ann", "%EF%BD%81nn", "ann%20", "%20ann", "ann%0a",
			"*", "user%3Aann", "user:ann", strings.Repeat("x", 5000)} {
			for _, act := range []string{"GET ", "POST /invite", "POST /disable", "POST /enable", "POST /unlock", "DELETE /sessions", "PUT /roles/sales-rep", "DELETE /roles/sales-rep"} {
				method, path, _ := strings.Cut(act, " ")
				var body any
				if method == "PUT" || path == "/disable" || path == "/unlock" {
					body = because
				}
				a, err := testkit.Do(request(k, method, "/v1/admin/users/"+id+path, o.sys.Access, body))
				if err != nil || a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s %.20s%s: %d %s, %v", method, id, path, a.Status, a.Raw, err)
				}
			}
		}
		for _, long := range []testkit.Answer{
			k.Call("POST", "/v1/admin/users", o.sys.Access, map[string]any{"id": "bea", "reason": strings.Repeat("x", 5000)}),
			k.Call("PUT", "/v1/admin/users/ann/roles/sales-manager", o.sys.Access, map[string]any{"reason": strings.Repeat("x", 5000)}),
			k.Call("POST", "/v1/admin/users/ann/disable", o.sys.Access, map[string]any{"reason": strings.Repeat("x", 5000)}),
		} {
			refused(t, "a reason nobody would read", long, 400, model.CodeInvalidRequest)
		}
	})
}
