package testkit

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// Visitor is a browser without scripts: it keeps cookies, follows redirects and sends
// forms as they are in a page.
type Visitor struct {
	k        *Kit
	t        testing.TB
	Language string            // Accept-Language
	Cookies  map[string]string // by name, whatever a browser on http would hide
	Page     *Page             // the last one
	Header   map[string]string // of each request, besides; HX-Request as htmx sends it
}

// Page is a page as it came.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Root   *html.Node
}

// Visitor is somebody without a session, who reads English.
func (k *Kit) Visitor(t testing.TB) *Visitor {
	return &Visitor{k: k, t: t, Language: "en", Cookies: map[string]string{}}
}

// VisitorAs is a visitor with a session of a person's.
func (k *Kit) VisitorAs(t testing.TB, p *Person) *Visitor {
	v := k.Visitor(t)
	v.Cookies["__Host-rolegate-access"], v.Cookies["__Host-rolegate-refresh"] = p.Access, p.Refresh
	return v
}

// Get opens a page.
func (v *Visitor) Get(path string) *Page {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil, "")
}

// Post sends fields, pairs of name and value, as a form of the last page would.
func (v *Visitor) Post(path string, fields ...string) *Page {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.PostForm(path, form)
}

// PostForm is Post for fields of any number.
func (v *Visitor) PostForm(path string, form url.Values) *Page {
	v.t.Helper()
	return v.send(http.MethodPost, path, strings.NewReader(form.Encode()), "application/x-www-form-urlencoded")
}

// Submit sends the form that a selector finds in the last page, with its hidden and
// filled fields and those given: pairs of name and value.
func (v *Visitor) Submit(selector string, fields ...string) *Page {
	v.t.Helper()
	form := v.Page.One(v.t, selector)
	values := url.Values{}
	for _, f := range cascadia.QueryAll(form, cascadia.MustCompile("input, textarea, select, button")) {
		name, typ := Attr(f, "name"), Attr(f, "type")
		switch {
		case name == "" || f.Data == "button" || typ == "submit" || typ == "file":
		case (typ == "checkbox" || typ == "radio") && !hasAttr(f, "checked"):
		case f.Data == "textarea":
			values.Add(name, strings.TrimPrefix(Text(f), "\n"))
		case f.Data == "select":
			for i, o := range cascadia.QueryAll(f, cascadia.MustCompile("option")) {
				if hasAttr(o, "selected") || i == 0 && len(cascadia.QueryAll(f, cascadia.MustCompile("option[selected]"))) == 0 {
					value := Attr(o, "value")
					if !hasAttr(o, "value") {
						value = Text(o)
					}
					values.Add(name, value)
				}
			}
		default:
			values.Add(name, Attr(f, "value"))
		}
	}
	given := map[string]bool{}
	for i := 0; i+1 < len(fields); i += 2 {
		if !given[fields[i]] {
			given[fields[i]] = true
			values.Del(fields[i])
		}
		values.Add(fields[i], fields[i+1])
	}
	if Attr(form, "enctype") == "multipart/form-data" {
		for _, f := range cascadia.QueryAll(form, cascadia.MustCompile("input[type=file]")) { // no file is chosen, and browsers say so first
			values[Attr(f, "name")] = slices.Insert(values[Attr(f, "name")], 0, "")
		}
	}
	action := Attr(form, "action")
	if action == "" {
		action = v.Page.URL.RequestURI()
	}
	if strings.EqualFold(Attr(form, "method"), "post") {
		return v.PostForm(action, values)
	}
	return v.Get(action + "?" + values.Encode())
}

func (v *Visitor) send(method, path string, body io.Reader, contentType string) *Page {
	v.t.Helper()
	var sent []byte
	if body != nil {
		sent, _ = io.ReadAll(body)
	}
	for range 10 {
		at, err := url.Parse(v.k.URL + path)
		if err != nil {
			v.t.Fatal(err)
		}
		req, err := http.NewRequest(method, at.String(), bytes.NewReader(sent))
		if err != nil {
			v.t.Fatal(err)
		}
		req.Header.Set("Accept-Language", v.Language)
		req.Header.Set("Accept", "text/html")
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			if site, set := v.Header["Sec-Fetch-Site"]; !set || site == "" { // or a test says where from
				req.Header.Set("Origin", v.k.URL)
			}
		}
		if v.Page != nil {
			v.refer(req)
		}
		for name, value := range v.Header {
			req.Header.Set(name, value)
		}
		for name, value := range v.Cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			v.t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			v.t.Fatal(err)
		}
		if v.k.Saw != nil {
			v.k.Saw(req, Answer{Status: res.StatusCode, Header: res.Header, Raw: b})
		}
		for _, c := range res.Cookies() {
			if c.MaxAge < 0 {
				delete(v.Cookies, c.Name)
			} else {
				v.Cookies[c.Name] = c.Value
			}
		}
		if res.StatusCode == http.StatusSeeOther {
			method, path, sent, contentType = http.MethodGet, res.Header.Get("Location"), nil, ""
			continue
		}
		root, err := html.Parse(bytes.NewReader(b))
		if err != nil {
			v.t.Fatal(err)
		}
		v.Page = &Page{URL: at, Status: res.StatusCode, Header: res.Header, Body: string(b), Root: root}
		return v.Page
	}
	v.t.Fatalf("%s: redirects go round", path)
	return nil
}

// refer tells where a request comes from, as far as the page it comes from has browsers
// tell (Referrer Policy, section 8.3; Fetch, section 3.2.5).
func (v *Visitor) refer(req *http.Request) {
	switch v.Page.Header.Get("Referrer-Policy") {
	case "no-referrer":
		if req.Header.Get("Origin") != "" {
			req.Header.Set("Origin", "null")
		}
	case "strict-origin":
		req.Header.Set("Referer", v.k.URL+"/")
	default:
		req.Header.Set("Referer", v.Page.URL.String())
	}
}

// Want fails the test unless the page has the status and comes from a path.
func (p *Page) Want(t testing.TB, status int, path string) *Page {
	t.Helper()
	if p.Status != status || path != "" && p.URL.Path != path {
		t.Fatalf("%s answers %d, want %s and %d:\n%s", p.URL.RequestURI(), p.Status, path, status, p.Text("main"))
	}
	return p
}

// All finds elements by a CSS selector.
func (p *Page) All(selector string) []*html.Node {
	return cascadia.QueryAll(p.Root, cascadia.MustCompile(selector))
}

// One finds the element a selector is for; there is exactly one.
func (p *Page) One(t testing.TB, selector string) *html.Node {
	t.Helper()
	found := p.All(selector)
	if len(found) != 1 {
		t.Fatalf("%s: %d elements are %s:\n%s", p.URL.Path, len(found), selector, p.Text("main"))
	}
	return found[0]
}

// Text is what the elements of a selector say, each on a line.
func (p *Page) Text(selector string) string {
	var all []string
	for _, n := range p.All(selector) {
		all = append(all, Text(n))
	}
	return strings.Join(all, "\n")
}

// Text is what an element says, with its blanks joined.
func Text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	if n.Data == "textarea" {
		return b.String()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Attr is an attribute of an element, "" where it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
