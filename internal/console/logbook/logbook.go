// Package logbook is the pages of the log: looking for entries, one entry with what it
// seals, and charts of logins and decisions.
//
// Reading is by right and with a code entered lately, and is itself an entry, as
// through the API. Days and hours are the reader's.
package logbook

import (
	"embed"
	"maps"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
)

//go:embed templates/*.html
var templates embed.FS

// Home is where the pages are.
const (
	Home   = "/console/log"
	charts = Home + "/charts"
)

type pages struct{ *page.Area }

// Add adds the pages to the frame.
func Add(f *page.Frame) {
	p := &pages{f.New(templates, words())}
	const object, action = administration.AuditLog, administration.Read
	f.Section(page.Section{Path: Home, Text: texts["log.section"], Order: 60, Object: object, Action: action})
	p.Officer("GET", Home, object, action, p.search)
	p.Officer("GET", Home+"/{index}", object, action, p.entry)
	p.Officer("GET", charts, object, action, p.charts)
}

// words are the texts of these pages, with what the log's own words mean.
func words() page.Texts {
	all := maps.Clone(texts)
	for code := range i18n.Codes() {
		all["code."+string(code)] = i18n.Text{EN: i18n.Title(i18n.English, code), ZH: i18n.Title(i18n.Chinese, code)}
	}
	maps.Copy(all, events)
	return all
}
