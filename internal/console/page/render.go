package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// New makes an area of its templates (a directory of *.html, in which names beginning
// with "_" are parts that others include: embed templates/*.html, for without the star
// they are left out) and its texts. A template that does not
// parse is a mistake in the program: it panics when its page is shown.
//
// A template defines "title" and "main"; it is given a Look, and has the functions
// t (a text, with words: pairs of name and value), has (whether there is one), when (a
// moment), day, asset (the address of a file) and list (its arguments). A text
// "next.CODE" is told with every failure of that code: what to do about it here.
func (f *Frame) New(templates fs.FS, texts Texts) *Area {
	a := &Area{Frame: f, texts: joined(texts), templates: map[i18n.Lang]map[string]func() *template.Template{}, documents: map[string]bool{}, reopens: map[string]bool{}, imports: map[string]bool{}, twice: map[string]func(*Visit) error{}}
	for _, l := range i18n.Langs {
		a.templates[l] = a.read(l, templates)
	}
	return a
}

// states are pages that any page may turn into.
var states = []string{"failed.html", "ended.html", "stepup.html", "resume.html"}

// read finds the pages of a language. Each is parsed when it is first shown: most of
// them are not, in most processes, and all together take 20 MB.
func (a *Area) read(l i18n.Lang, own fs.FS) map[string]func() *template.Template {
	found, err := fs.Glob(own, "templates/*.html")
	if err != nil {
		panic(err)
	}
	part := func(file string) bool { return strings.HasPrefix(path.Base(file), "_") }
	frame := sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(a.functions(l)).ParseFS(files, "templates/*.html"))
	})
	parts := sync.OnceValue(func() *template.Template {
		t := template.Must(frame().Clone())
		for _, file := range found {
			if part(file) {
				template.Must(t.ParseFS(own, file))
			}
		}
		return t
	})
	pages := map[string]func() *template.Template{}
	add := func(from func() *template.Template, in fs.FS, file string) {
		pages[path.Base(file)] = sync.OnceValue(func() *template.Template {
			return template.Must(template.Must(from().Clone()).ParseFS(in, file))
		})
	}
	for _, name := range states {
		add(frame, files, "states/"+name)
	}
	for _, file := range found {
		if !part(file) {
			add(parts, own, file)
		}
	}
	return pages
}

func (a *Area) functions(l i18n.Lang) template.FuncMap {
	return template.FuncMap{
		"t":     func(key string, words ...any) string { return a.text(l, key, words...) },
		"has":   func(key string) bool { _, ok := a.texts[key]; return ok },
		"row":   func(name string) string { return i18n.RowName(l, name) },
		"said":  func(p model.Phrase) string { return i18n.Phrase(l, p) },
		"when":  when,
		"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"asset": asset,
		"list":  func(of ...any) []any { return of },
	}
}

// when is a moment, which the page's script spells in the reader's own time zone.
func when(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s UTC</time>`, t.Format(time.RFC3339), t.Format("2006-01-02 15:04"))) // digits only
}

// Look is what a template sees.
type Look struct {
	*Visit
	Data    any
	Problem *api.Problem // of a form that is shown once more
	Said    string       // what was done a moment ago
	Kept    string       // of a form that was interrupted: where it goes
	Fields  []Field      // and what was in it
}

// Deviceless tells whether the reader has no device for one-time codes: nothing but
// their password proves who they are.
func (l Look) Deviceless() (bool, error) {
	if l.Session == nil || l.Session.Assurance.Level >= 2 {
		return false, nil
	}
	devices, err := l.area.Login.Devices(l.Context(), *l.Session)
	return len(devices) == 0, err
}

// Nav is what leads to other pages.
func (l Look) Nav() []Link { return l.nav() }

// Passing tells whether what is wrong may well be over when it is tried again.
func (l Look) Passing() bool {
	return l.Problem.Status >= http.StatusInternalServerError || l.Problem.Status == http.StatusTooManyRequests
}

// Here is the address of the page, for what comes back to it; of a form that failed,
// that of the page it is on.
func (l Look) Here() string { return l.here() }

// User is the user name of who is logged in, "" for nobody.
func (l Look) User() string {
	if l.Session == nil {
		return ""
	}
	return l.Session.Username
}

// contentSecurityPolicy lets a page have our own files and forms, and pictures drawn
// here: nothing inline, nothing from elsewhere, no frame around it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// referrerPolicy has a browser tell nobody which page it comes from: an address may hold
// an invitation. It still tells our origin, without which Safari before 16.4 sends forms
// as if from nowhere, and we refuse those.
const referrerPolicy = "strict-origin"

// Render shows a page of the area.
func (v *Visit) Render(name string, data any) error {
	return v.render(http.StatusOK, name, Look{Visit: v, Data: data, Said: v.said()})
}

// Part shows only one template that a page defines, to be put into it.
func (v *Visit) Part(name, part string, data any) error {
	return v.execute(http.StatusOK, name, part, Look{Visit: v, Data: data})
}

func (v *Visit) render(status int, name string, look Look) error {
	return v.execute(status, name, "page", look)
}

func (v *Visit) execute(status int, name, part string, look Look) error {
	page := v.area.templates[v.Lang][name]
	if page == nil {
		return fmt.Errorf("no page %s", name)
	}
	t := page()
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, part, look); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", referrerPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Content-Language", string(v.Lang))
	h.Add("Vary", "Accept-Language, Cookie, HX-Request")
	v.W.WriteHeader(status)
	v.W.Write(body.Bytes()) // an error means the reader is gone
	return nil
}
