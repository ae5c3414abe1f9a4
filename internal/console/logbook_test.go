package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// TestDenialExplained goes from the log to the reasons of a denial.
func TestDenialExplained(t *testing.T) {
	k := testkit.New(t)
	eve := officer(t, k, "eve", model.AuditAdmin)
	k.MustEnrol("ann", "sales-rep")
	crm := k.ClientToken("crm")
	if a := k.Evaluate(crm, "ann", "read", "contact", map[string]any{"owner": "bob"}); a.Body["decision"] != false {
		t.Fatalf("%s", a.Raw)
	}
	k.Evaluate(crm, "ann", "read", "contact", map[string]any{"owner": "ann"})
	batch := k.Post("/access/v1/evaluations", crm, map[string]any{"subject": map[string]any{"type": "user", "id": "ann"}, "evaluations": []any{
		map[string]any{"action": map[string]any{"name": "delete"}, "resource": map[string]any{"type": "contact", "id": "2"}},
		map[string]any{"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "deal", "id": "a:b"}},
	}})
	k.Want(batch, 200)

	v := k.VisitorAs(t, eve)
	v.Get("/console/log").Want(t, 200, "")
	v.Submit(".ask", "subject", "user:ann", "class", "decision", "outcome", "deny", "action", "read", "object", "contact").Want(t, 200, "/console/log")
	if got := testkit.Attr(v.Page.One(t, "#subject"), "value"); got != "user:ann" {
		t.Errorf("the form forgets: %q", got)
	}
	if got := testkit.Text(v.Page.One(t, "#outcome option[selected]")); got != "denied" {
		t.Errorf("the form forgets: %q", got)
	}
	rows := v.Page.All("tbody tr")
	if len(rows) != 1 || !strings.Contains(testkit.Text(rows[0]), "not_granted") {
		t.Fatalf("found %q", v.Page.Text("tbody"))
	}
	entry := testkit.Attr(v.Page.One(t, "tbody th a"), "href")
	v.Get(entry).Want(t, 200, "")
	if got := v.Page.Text(".segment"); !strings.Contains(got, "user:ann") || !strings.Contains(got, "contact:1") || !strings.Contains(got, "opened") {
		t.Errorf("what is sealed: %q", got)
	}
	index := strings.TrimPrefix(entry, "/console/log/")
	if got := v.Page.Text("main"); !strings.Contains(got, "/v1/audit/entries/"+index+"/proof") || !strings.Contains(got, "Hash of the entry") {
		t.Errorf("the proof: %q", got)
	}
	why := testkit.Attr(v.Page.One(t, ".reasons a"), "href")
	v.Get(why).Want(t, 200, "/console/why")
	for id, want := range map[string]string{"#subject": "user:ann", "#action": "read", "#object": "contact", "#record": "1"} {
		if got := testkit.Attr(v.Page.One(t, id), "value"); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if got := v.Page.Text("main"); !strings.Contains(got, "entry "+index) || !strings.Contains(got, "Denied") || !strings.Contains(got, "What came nearest") {
		t.Errorf("the reasons: %q", got)
	}

	// Each member of a batch has a question of its own.
	v.Get("/console/log?activity=authz_evaluate_batch").Want(t, 200, "")
	v.Get(testkit.Attr(v.Page.One(t, "tbody th a"), "href")).Want(t, 200, "")
	var links []string
	for _, a := range v.Page.All(".reasons a") {
		links = append(links, testkit.Attr(a, "href"))
	}
	if len(links) != 2 || !strings.Contains(links[0], "action=delete") || !strings.Contains(links[1], url.QueryEscape("a:b")) || !strings.Contains(links[1], "object=deal") {
		t.Errorf("questions of a batch: %v", links)
	}

	// What was read is in the log, and of whom.
	v.Get("/console/log?activity=audit_read&subject=user:ann").Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got < 2 {
		t.Errorf("%d records of reading ann's", got)
	}
	v.Get("/console/log?activity=audit_search&subject=user:eve").Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got < 4 {
		t.Errorf("%d records of searching", got)
	}
	v.Get("/console/log/999999999").Want(t, 404, "")
	v.Get("/console/log/x").Want(t, 404, "")
}

// TestLogForm: pages of a search, its times in the reader's own zone, what is wrong in
// it, and who may not see it at all.
func TestLogForm(t *testing.T) {
	k := testkit.New(t)
	eve, ann := officer(t, k, "eve", model.AuditAdmin), k.MustEnrol("ann", "sales-rep")
	crm := k.ClientToken("crm")
	for i := range 130 {
		k.Evaluate(crm, "ann", "read", "contact", map[string]any{"owner": fmt.Sprint("u", i)})
	}
	v := k.VisitorAs(t, eve)
	v.Get("/console/log?class=decision").Want(t, 200, "")
	seen := map[string]bool{}
	for page := 1; ; page++ {
		for _, a := range v.Page.All("tbody th a") {
			if at := testkit.Attr(a, "href"); seen[at] {
				t.Fatalf("%s twice", at)
			} else {
				seen[at] = true
			}
		}
		next := v.Page.All(`a[rel="next"]`)
		if len(next) == 0 {
			break
		}
		k.Evaluate(crm, "ann", "read", "contact", nil) // what comes meanwhile moves nothing
		v.Get(testkit.Attr(next[0], "href")).Want(t, 200, "")
		if got := testkit.Text(v.Page.One(t, "#class option[selected]")); got != "decision" {
			t.Errorf("page %d forgets: %q", page+1, got)
		}
	}
	if len(seen) != 130 {
		t.Errorf("%d entries, want 130", len(seen))
	}

	v.Cookies["__Host-rolegate-zone"] = "Asia/Shanghai"
	here := k.Now().In(time.FixedZone("", 8*3600))
	v.Get("/console/log")
	v.Submit(".ask", "class", "decision", "from", here.Add(-time.Minute).Format("2006-01-02T15:04"), "until", here.Add(2*time.Minute).Format("2006-01-02T15:04")).Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got != 50 {
		t.Errorf("by local times: %d entries", got)
	}
	if got := testkit.Attr(v.Page.One(t, "#from"), "value"); got != here.Add(-time.Minute).Format("2006-01-02T15:04") {
		t.Errorf("the form forgets: %q", got)
	}
	v.Submit(".ask", "until", here.Add(-time.Minute).Format("2006-01-02T15:04"), "from", "").Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got != 0 {
		t.Errorf("before all: %d entries", got)
	}
	v.Get("/console/log?class=decision&from="+here.Format(time.DateOnly)+"&until="+here.Format(time.DateOnly)).Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got != 50 && here.Hour() > 0 {
		t.Errorf("today: %d entries", got)
	}
	v.Cookies["__Host-rolegate-zone"] = "../../etc/passwd"
	v.Get("/console/log").Want(t, 200, "")
	if got := v.Page.Text("#from-help"); !strings.Contains(got, "UTC") {
		t.Errorf("of a zone that is none: %q", got)
	}

	v.Language = "zh-CN"
	for name, value := range map[string]string{"subject": "ann", "object": "contact:", "class": "none", "outcome": "none", "revision": "x", "from": "yesterday", "rule": strings.Repeat("x", 2000)} {
		v.Get("/console/log?"+url.Values{name: {value}}.Encode()).Want(t, 400, "")
		if name != "class" && name != "outcome" {
			if got := v.Page.Text("#" + name + "-help strong"); got == "" || testkit.Attr(v.Page.One(t, "#"+name), "aria-invalid") != "true" {
				t.Errorf("%s: it says %q", name, got)
			}
		}
	}
	v.Get("/console/log?after=7").Want(t, 400, "")
	v.Get("/console/log?order=random").Want(t, 400, "")
	v.Get("/console/log?" + url.Values{"object": {hostile}, "action": {hostile}, "client": {hostile}}.Encode())
	if bad := unharmed(v.Page); len(bad) > 0 {
		t.Errorf("the page has %v", bad)
	}

	a := k.VisitorAs(t, ann)
	for _, path := range []string{"/console/log", "/console/log/3", "/console/log/charts"} {
		a.Get(path).Want(t, 403, "")
	}
	k.Advance(6 * time.Minute)
	for _, path := range []string{"/console/log", "/console/log/3", "/console/log/charts"} {
		if v.Get(path); v.Page.Status == 200 || len(v.Page.All("#code")) != 1 {
			t.Errorf("%s with an old code: %d", path, v.Page.Status)
		}
	}
}

// TestCharts counts what happened, in the reader's own hours and days.
func TestCharts(t *testing.T) {
	k := testkit.New(t)
	eve := officer(t, k, "eve", model.AuditAdmin)
	k.MustEnrol("ann", "sales-rep")
	crm := k.ClientToken("crm")
	for i := range 7 {
		k.Evaluate(crm, "ann", "read", "contact", map[string]any{"owner": []string{"ann", "bob"}[i%2]})
	}
	k.Want(k.Post("/v1/login", "", map[string]any{"username": "ann", "password": "wrong"}), http.StatusUnauthorized)
	v := k.VisitorAs(t, eve)
	for _, period := range []string{"day", "week", "month", "none"} {
		for _, zone := range []string{"", "Asia/Kathmandu", "America/New_York"} {
			v.Cookies["__Host-rolegate-zone"] = zone
			v.Get("/console/log/charts?period="+period).Want(t, 200, "")
			var cells []string
			for _, td := range v.Page.All("tfoot td") {
				cells = append(cells, testkit.Text(td))
			}
			if len(cells) != 4 || cells[0] == "0" || cells[1] != "1" || cells[2] != "4" || cells[3] != "3" {
				t.Errorf("%s, %s: %v", period, zone, cells)
			}
			if n := len(v.Page.All("tbody tr")); n != map[string]int{"day": 24, "week": 7, "month": 30, "none": 24}[period] {
				t.Errorf("%s: %d rows", period, n)
			}
			if n := len(v.Page.All("svg rect.denied")); n != 1 {
				t.Errorf("%s: %d bars", period, n)
			}
		}
	}
	denials := v.Page.All("tbody td:last-child a")
	v.Get(testkit.Attr(denials[len(denials)-1], "href")).Want(t, 200, "/console/log")
	if got := len(v.Page.All("tbody tr")); got != 3 {
		t.Errorf("a bar leads to %d denials", got)
	}
	v.Get("/console/log?activity=audit_count").Want(t, 200, "")
	if got := len(v.Page.All("tbody tr")); got != 12 {
		t.Errorf("%d records of counting", got)
	}
}

// Who may read the log without its office sees what happened, but not to whom, and is
// told no reasons without the right to.
func TestSealedFromOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.csv")
	if err := os.WriteFile(file, []byte(rolegate.StarterPolicy+"p, role:sales-rep, rolegate.audit, read, all, , allow\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := testkit.New(t, "ROLEGATE_POLICY="+file)
	bob := k.MustEnrol("bob", "sales-rep")
	k.Evaluate(k.ClientToken("crm"), "ann", "read", "contact", map[string]any{"owner": "bob"})
	k.Login(bob)
	v := k.VisitorAs(t, bob)
	v.Get("/console/log?class=decision").Want(t, 200, "")
	v.Get(testkit.Attr(v.Page.One(t, "tbody th a"), "href")).Want(t, 200, "")
	got := v.Page.Text("main")
	if strings.Contains(got, "ann") || !strings.Contains(got, "closed to you") || !strings.Contains(got, "takes the right rolegate.policy:explain") || len(v.Page.All(`a[href^="/console/why"]`)) > 0 {
		t.Errorf("%s", got)
	}
}
