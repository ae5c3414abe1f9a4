// Package console serves the pages for people: one, which says what to do with an
// invitation.
package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"regexp"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/i18n"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*.html"))

// Pages are the pages. Fill it and Mount it; all fields are required.
type Pages struct {
	// Issuer is the public URL without a trailing slash: the only source of URLs.
	Issuer string
}

// Mount adds the pages to a router.
func (p *Pages) Mount(r chi.Router) {
	r.Method("GET", "/invite/{invite}", page{p.invite})
}

// page is a handler anybody may call, and that nothing is recorded of.
type page struct{ http.HandlerFunc }

// Permission tells who may call the page, for the list of routes.
func (page) Permission() string { return "public" }

// secret is what an invitation is spelled with; nothing else is ever shown.
var secret = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// invite tells what to do with an invitation. It does not look the invitation
// up: whether it is valid is told only to who accepts it.
func (p *Pages) invite(w http.ResponseWriter, r *http.Request) {
	invite := chi.URLParam(r, "invite")
	if !secret.MatchString(invite) {
		render(w, r, http.StatusNotFound, "damaged.html", nil)
		return
	}
	render(w, r, http.StatusOK, "invite.html", map[string]string{"Issuer": p.Issuer, "Invite": invite})
}

// render shows a page in both languages, the reader's first.
func render(w http.ResponseWriter, r *http.Request, status int, name string, data map[string]string) {
	langs := []i18n.Lang{i18n.English, i18n.Chinese}
	lang := i18n.Negotiate(r.Header.Get("Accept-Language"))
	if lang == i18n.Chinese {
		langs = []i18n.Lang{i18n.Chinese, i18n.English}
	}
	var body bytes.Buffer
	err := templates.ExecuteTemplate(&body, name, map[string]any{"Lang": lang, "Langs": langs, "Style": style, "Data": data})
	if err != nil {
		panic(err) // a mistake in the template, which its test finds
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Content-Language", string(lang))
	h.Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	w.Write(body.Bytes()) // an error means the reader is gone
}
