package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// exchange is a request that was answered, by the trace id its entries have.
type exchange struct {
	who, method, path, trace string
	status                   int
}

// accounts notes every exchange of a kit with whoever is set, and holds the log to them.
type accounts struct {
	who   string
	notes []exchange
}

func (n *accounts) saw(req *http.Request, a testkit.Answer) {
	n.notes = append(n.notes, exchange{n.who, req.Method, req.URL.Path, a.Header.Get("X-Request-Id"), a.Status})
}

// entries are those of each trace id.
func (w *town) entries() map[string][]audittest.Entry {
	of := map[string][]audittest.Entry{}
	for _, e := range audittest.From(w.t, w.App.Store, 0) {
		of[e.Request] = append(of[e.Request], e)
	}
	return of
}

// TestRefusalsAreRecorded sends every form that anybody finds as everybody, with a fresh
// factor, and once more without one: each request that is refused has an entry that says
// so, whatever it has read before.
func TestRefusalsAreRecorded(t *testing.T) {
	w := newTown(t, testkit.New(t))
	all, mux := routes(t)
	permission := map[string]string{}
	for _, r := range all {
		permission[r.method+" "+r.pattern] = r.permission
	}
	pattern := func(method, path string) string { return mux.Find(chi.NewRouteContext(), method, path) }
	type sending struct {
		action string
		values url.Values
	}
	n := &accounts{}
	w.Saw = n.saw
	var forms []sending
	known := map[string]bool{}
	add := func(action string, values url.Values) {
		key := pattern(http.MethodPost, action) + " " + strings.Join(slices.Sorted(maps.Keys(values)), " ")
		kind := permission["POST "+pattern(http.MethodPost, action)]
		if !known[key] && action != "/logout" && kind != "public" && kind != "open" {
			known[key] = true
			forms = append(forms, sending{action, values})
		}
	}
	for _, s := range w.walk(func(string, *testkit.Visitor) { n.who = "walks" }) {
		if !s.page {
			continue
		}
		v := w.visitor(s.who)
		for _, form := range v.Get(s.path).All("form") {
			action, values, _ := filled(v.Page, form, "x")
			if strings.EqualFold(testkit.Attr(form, "method"), "post") && !strings.HasPrefix(action, "/account/devices/") && !w.ofThePeople(action+"?"+values.Encode()) { // who removes their own logs in no more
				add(action, values)
			}
		}
	}
	for _, r := range all {
		if r.method == http.MethodPost {
			add(parameter.ReplaceAllString(r.pattern, "404"), url.Values{"version": {"1"}})
		}
	}
	for _, old := range []bool{false, true} {
		for _, who := range everybody[1:] {
			n.who = ""
			v := w.visitor(who)
			if old {
				w.Advance(login.FreshFor + time.Minute)
			}
			n.who = who
			for _, f := range forms {
				v.Page = nil
				v.PostForm(f.action, f.values)
			}
		}
	}
	w.callAll(n)
	logged := w.entries()
	refused, bare := 0, map[string]int{}
	for _, x := range n.notes {
		at := pattern(x.method, x.path)
		if p := permission[x.method+" "+at]; x.status < 400 && p != "" && p != "public" && len(logged[x.trace]) == 0 {
			bare[x.method+" "+at+" "+p]++
		}
		if x.who == "" || x.status < 400 || permission[x.method+" "+at] == "" && !strings.HasPrefix(x.path, "/v1/") && !strings.HasPrefix(x.path, "/access/") {
			continue
		}
		refused++
		if !slices.ContainsFunc(logged[x.trace], failed) {
			t.Errorf("%q: %s %s was refused with %d, and in the log stands %v", x.who, x.method, x.path, x.status, told(logged[x.trace]))
		}
	}
	t.Log("bare:", strings.Join(slices.Sorted(maps.Keys(bare)), "\n"))
	t.Logf("%d forms, %d exchanges, %d refused", len(forms), len(n.notes), refused)
	if refused < 100 {
		t.Error("hardly anything was refused")
	}
}

// callAll calls every route of the API for officers as each of the people, and those for
// clients as one, about a draft and otherwise about what is not there, with nothing to go by.
func (w *town) callAll(n *accounts) {
	w.t.Helper()
	drafts, err := w.App.Change.Drafts(w.t.Context(), model.DefaultTenant)
	w.act(drafts, err)
	client := w.ClientToken("asks")
	about := strings.NewReplacer("drafts/{id}", "drafts/"+drafts[0].ID, "{revision}", "1", "*", "404")
	for _, who := range everybody[1:] {
		n.who = ""
		w.Login(w.people[who])
		n.who = who
		for _, r := range routesOfAPI(w.t) {
			path := parameter.ReplaceAllString(about.Replace(r.pattern), "404")
			switch kind, _, _ := strings.Cut(r.permission, "("); {
			case kind == "officer":
				w.Call(r.method, path, w.people[who].Access, nil)
			case kind == "client" && who == "sys":
				w.Call(r.method, path, client, nil)
			}
		}
	}
}

func failed(e audittest.Entry) bool {
	return e.Outcome == audit.OutcomeDeny || e.Outcome == audit.OutcomeError
}

func told(of []audittest.Entry) (all []string) {
	for _, e := range of {
		all = append(all, fmt.Sprint(e.Activity, " ", e.Outcome, " ", e.Code, " ", e.Op))
	}
	return all
}
