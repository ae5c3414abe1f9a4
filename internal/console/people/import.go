package people

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/directory"
	"rolegate/model"
)

// maxShown bounds the steps of an import that a preview lists; the counts are of all.
const maxShown = 500

// importPage is an import on its way: the form, and what it would do.
type importPage struct {
	Format  string // json or csv
	File    string
	Columns []string

	Previewed bool
	Steps     []step
	More      int // steps that are not listed
	Total     int
	Counts    []counted
	Digest    string
	Reason    string
}

// step is what happens to one entry, in words.
type step struct {
	Place, Outcome, Kind, ID string
	Was, Is                  string
}

type counted struct {
	Kind string
	directory.Counts
}

func (p *pages) importForm(v *page.Visit, _ *administration.Officer) error {
	return v.Render("import.html", importPage{Format: "json", Columns: administration.PeopleColumns})
}

func (p *pages) preview(v *page.Visit, o *administration.Officer) error {
	d := importPage{Format: v.Form("format"), File: v.Document("file"), Columns: administration.PeopleColumns}
	file := []byte(d.File)
	var err error
	if d.Format == "csv" {
		file, err = o.PeopleFile(v.Context(), file)
	}
	if err != nil {
		return v.Again(err, "import.html", d)
	}
	done, err := o.PreviewImport(v.Context(), file)
	if err != nil {
		return v.Again(err, "import.html", d)
	}
	d.Format, d.File = "json", string(file)
	return v.Render("preview.html", d.with(done))
}

func (p *pages) apply(v *page.Visit, o *administration.Officer) error {
	d := importPage{Format: "json", File: v.Document("file"), Columns: administration.PeopleColumns, Reason: v.Form("reason")}
	done, err := o.ImportFile(v.Context(), []byte(d.File), v.Form("digest"), d.Reason)
	if err != nil { // with what it would do now
		if again, failed := o.PreviewImport(v.Context(), []byte(d.File)); failed == nil {
			return v.Again(err, "preview.html", d.with(again))
		}
		return v.Again(err, "import.html", d)
	}
	return v.Done(Organization+"/lines", "import.done", "count", len(done.Steps))
}

func (d importPage) with(done administration.Imported) importPage {
	r := done.Result
	d.Previewed, d.Digest, d.Total = true, done.Digest, len(done.Steps)
	d.Counts = []counted{{"subjects", r.Subjects}, {"teams", r.Teams}, {"units", r.Units}, {"territories", r.Territories}, {"roles", r.Roles},
		{"assignments", r.Assignments}, {"resources", r.Resources}}
	for i, s := range done.Steps {
		if i == maxShown {
			d.More = len(done.Steps) - maxShown
			break
		}
		kind, id := told(s.Is)
		row := step{Place: s.Place, Outcome: string(s.Outcome), Kind: kind, ID: id, Is: spelled(s.Is)}
		if s.Was != nil {
			row.Was = spelled(s.Was)
		}
		d.Steps = append(d.Steps, row)
	}
	return d
}

// told is what an entry is, and which.
func told(v any) (kind, id string) {
	switch v := v.(type) {
	case model.Subject:
		return "subjects", v.Key()
	case model.Team:
		return "teams", v.ID
	case model.Unit:
		return "units", v.ID
	case model.Territory:
		return "territories", v.ID
	case model.Role:
		return "roles", v.ID
	case model.Assignment:
		return "assignments", v.Member + " ← " + v.Role
	case model.Resource:
		return "resources", v.Type + ":" + v.ID
	}
	return "", fmt.Sprint(v)
}

// spelled is an entry as an import file has it.
func spelled(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return ""
	}
	return string(b)
}
