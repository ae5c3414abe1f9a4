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
	all := maps.Clone(texts)
	maps.Copy(all, events)
	p := &pages{f.New(templates, all)}
	const object, action = administration.AuditLog, administration.Read
	f.Section(page.Section{Path: Home, Text: texts["log.section"], Order: 60, Object: object, Action: action})
	p.Officer("GET", Home, object, action, p.search)
	p.Officer("GET", Home+"/{index}", object, action, p.entry)
	p.Officer("GET", charts, object, action, p.charts)
}
