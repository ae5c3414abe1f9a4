package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"golang.org/x/net/html"

	"rolegate/internal/app"
	"rolegate/internal/console"
	"rolegate/internal/console/page"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// town is a service with somebody in every office, and with names in it that are no
// names.
type town struct {
	*testkit.Kit
	t      *testing.T
	people map[string]*testkit.Person // by id, and nobody as ""
	ways   []string                   // to pages that links are sent for, not shown
	dead   []string                   // links to nowhere that were found
}

// everybody in the order in which a page is tried: the least first.
var everybody = []string{"", "ann", "sys", "sec", "aud"}

// hostile is what breaks a page that believes what it is given.
const hostile = `"'><img src=x onerror=alert(1)><script>alert(1)</script>姓名`

// newTown fills a service by the acts of people and of the host.
func newTown(t *testing.T, k *testkit.Kit) *town {
	t.Helper()
	w := &town{Kit: k, t: t, people: map[string]*testkit.Person{"": nil, "ann": k.MustEnrol("ann", "sales-rep")}}
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "aud": model.AuditAdmin} {
		w.people[id] = k.MustEnrol(id)
		grant := app.RoleRequest{Tenant: model.DefaultTenant, Member: id, Role: office, Reason: hostile}
		if _, err := app.Assign.Run(context.Background(), k.App, testkit.Operator, grant); err != nil {
			t.Fatal(err)
		}
	}
	w.act(app.AddUser.Run(context.Background(), k.App, testkit.Operator,
		app.UserRequest{Tenant: model.DefaultTenant, User: hostile, Username: "hostile", Roles: []string{"sales-rep"}, Reason: hostile}))
	w.act(app.AddClient.Run(context.Background(), k.App, testkit.Operator,
		app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}}))
	w.act(app.ImportDirectory.Run(context.Background(), k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant,
		Text: []byte(`{"teams": [{"id": "emea"}], "units": [{"id": "company"}], "territories": [{"id": "world"}]}`)}))
	w.ways = append(w.ways, "/invite/"+w.Invite("newcomer"))
	w.AddDevice(w.people["ann"], hostile)
	login := k.Request("/v1/login", "", map[string]any{"username": "ann", "password": "wrong" + hostile})
	login.Header.Set("User-Agent", "<script>alert('h')</script>")
	w.Want(w.Send(login), 401)
	// A draft that the policy in force has overtaken, and one that it has not.
	w.visitor("sec").Post("/console/policy/drafts", "title", hostile).Want(t, http.StatusOK, "")
	w.changes()
	return w
}

// changes publishes a policy, by which drafts are out of date and there is one to go
// back to, and has a draft wait for approval, with rows and cases.
func (w *town) changes() {
	w.t.Helper()
	now, err := w.App.Change.Current(context.Background(), model.DefaultTenant)
	w.act(now, err)
	row := "# " + hostile + "\np, role:sales-rep, contact, export, own, , allow\n"
	w.act(app.ImportPolicy.Run(context.Background(), w.App, testkit.Operator,
		app.FileRequest{Tenant: model.DefaultTenant, Text: []byte(now.Text + row), Reason: hostile}))
	sec := w.visitor("sec")
	sec.Post("/console/policy/drafts", "title", "Imports of "+hostile).Want(w.t, http.StatusOK, "")
	draft := "/console/changes/" + path.Base(sec.Page.URL.Path)
	sec.Get(draft+"/cases").Want(w.t, http.StatusOK, draft+"/cases")
	sec.Submit(`form[action="`+draft+`/cases"]`, "cases", "- name: "+strconv.Quote(hostile)+"\n  roles: [sales-rep]\n  action: export\n"+
		"  resource: {type: contact, id: "+strconv.Quote(hostile)+", properties: {owner: ann}}\n  want: deny\n").Want(w.t, http.StatusOK, draft+"/cases")
	sec.Get(draft)
	sec.Submit(`form[action="`+draft+`/submit"]`).Want(w.t, http.StatusOK, draft)
}

func (w *town) act(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// visitor is a browser without scripts of one of the people, or of nobody.
func (w *town) visitor(id string) *testkit.Visitor {
	w.t.Helper()
	p := w.people[id]
	if p == nil {
		return w.Visitor(w.t)
	}
	v := w.VisitorAs(w.t, p)
	if v.Get("/step-up"); v.Page.URL.Path != "/step-up" { // a test before ended the session
		w.Login(p)
		v = w.VisitorAs(w.t, p)
	}
	return v
}

// route is one of the pages', with who may call it.
type route struct{ method, pattern, permission string }

// routes are all that the pages have, and what finds the one of a path.
func routes(t *testing.T) ([]route, *chi.Mux) {
	t.Helper()
	r := chi.NewRouter()
	permissions := map[http.Handler]string{}
	(&console.Pages{}).Mount(r, func(e page.Endpoint) http.Handler {
		h := &endpoint{e}
		permissions[h] = e.Permission()
		return h
	}, nil)
	var all []route
	err := chi.Walk(r, func(method, pattern string, h http.Handler, _ ...func(http.Handler) http.Handler) error {
		all = append(all, route{method, pattern, permissions[h]})
		return nil
	})
	if err != nil || len(all) < 5 {
		t.Fatalf("%v, %v", all, err)
	}
	return all, r
}

type endpoint struct{ page.Endpoint }

func (*endpoint) ServeHTTP(http.ResponseWriter, *http.Request) {}

// stop is a page that somebody saw, or a part of one, or a file.
type stop struct {
	who, path, pattern string
	page               bool
}

// perPattern is how many pages of one pattern, of different things or filters, one of
// the people looks at.
const perPattern = 3

// walk has everybody follow every link from the start and from every page that has no
// parameter, and gives what they saw; look is told of each page.
func (w *town) walk(look func(who string, v *testkit.Visitor)) (seen []stop) {
	w.t.Helper()
	all, mux := routes(w.t)
	for _, who := range everybody {
		v := w.visitor(who)
		queue, known, visits := append([]string{"/"}, w.ways...), map[string]bool{"/": true}, map[string]int{}
		linked := map[string]string{} // a path, from where
		for _, r := range all {
			if r.method == http.MethodGet && !strings.Contains(r.pattern, "{") && !known[r.pattern] {
				queue, known[r.pattern] = append(queue, r.pattern), true
			}
		}
		for len(queue) > 0 {
			path := queue[0]
			queue = queue[1:]
			if visits[w.pattern(mux, path)]++; visits[w.pattern(mux, path)] > perPattern {
				continue
			}
			v.Get(path)
			if look != nil {
				look(who, v)
			}
			if from := linked[path]; from != "" && v.Page.Status == http.StatusNotFound {
				w.dead = append(w.dead, fmt.Sprintf("%q follows a link of %s to %s, where nothing is", who, from, path))
			}
			if v.Page.Status != http.StatusOK {
				continue
			}
			if at := v.Page.URL.RequestURI(); !slices.ContainsFunc(seen, func(s stop) bool { return s.who == who && s.path == at }) {
				seen = append(seen, stop{who, at, w.pattern(mux, at), isPage(v.Page)})
			}
			if !isPage(v.Page) {
				continue
			}
			for _, link := range w.links(v.Page) {
				if !known[link] {
					queue, known[link], linked[link] = append(queue, link), true, path
				}
			}
		}
	}
	return seen
}

// pattern is the route of a path, "" where there is none.
func (w *town) pattern(mux *chi.Mux, path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return ""
	}
	return mux.Find(chi.NewRouteContext(), http.MethodGet, u.EscapedPath())
}

// isPage tells pages from parts of one, and from files.
func isPage(p *testkit.Page) bool {
	return strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(p.Body)), "<!doctype html")
}

// links are where a page's links lead to, all of them to us, and what it has its
// script fetch.
func (w *town) links(p *testkit.Page) (paths []string) {
	w.t.Helper()
	for _, a := range p.All("a[href], [hx-get]") {
		href := testkit.Attr(a, "href")
		if href == "" {
			href = testkit.Attr(a, "hx-get")
		}
		at, err := p.URL.Parse(href)
		if err != nil || at.Scheme != p.URL.Scheme || at.Host != p.URL.Host {
			if href != "#" && (err != nil || at.Scheme != "data" && at.Scheme != "otpauth") {
				w.t.Errorf("%s leads to %q", p.URL.RequestURI(), href)
			}
			continue
		}
		at.Fragment = ""
		paths = append(paths, at.RequestURI())
	}
	return paths
}

// unharmed tells what in a page was not put there by its template, or speaks to
// nobody: scripts, handlers and styles in the text, and keys instead of words.
func unharmed(p *testkit.Page) (bad []string) {
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		if p.Header.Get("X-Content-Type-Options") != "nosniff" {
			bad = append(bad, "a type that a browser may guess")
		}
		return bad
	}
	for n := range p.Root.Descendants() {
		if n.Type == html.TextNode {
			names := slices.Contains([]string{"code", "pre", "option", "textarea"}, n.Parent.Data) // of things, as programs have them
			if s := strings.TrimSpace(n.Data); bareKey.MatchString(s) && !names && !strings.HasPrefix(s, "rolegate.") || strings.Contains(s, "ZgotmplZ") {
				bad = append(bad, fmt.Sprintf("the text %q", s))
			}
			continue
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch src := testkit.Attr(n, "src"); {
		case n.Data == "style", n.Data == "script" && !strings.HasPrefix(src, "/assets/"), src == "x":
			bad = append(bad, "an element "+n.Data)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(value, "javascript:") || strings.Contains(a.Val, "ZgotmplZ") {
				bad = append(bad, fmt.Sprintf("%s with %s=%q", n.Data, a.Key, a.Val))
			}
		}
	}
	return bad
}
