package policies

import (
	"net/http"
	"strconv"
	"strings"

	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/policy/rewrite"
	"rolegate/model"
)

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

// textPage is the document as text, to be written.
type textPage struct {
	*desk
	Document  string
	Version   int64
	Seen      string
	Theirs    []rewrite.Hunk // what somebody else changed since it was seen
	By        string         // who
	Conflicts int            // places that both changed, marked in Document
}

func (p *pages) text(v *page.Visit, d *desk) error {
	return v.Render("text.html", &textPage{desk: d, Document: d.Text, Version: d.Draft.Version, Seen: pack(d.Text)})
}

// saveText saves a text, with bad rows and all: nothing is lost, and they are listed
// beside it. Where somebody else was first, both are brought together and shown.
func (p *pages) saveText(v *page.Visit, d *desk) error {
	document := rewrite.Normal(v.Document("document"))
	shown := &textPage{desk: d, Document: document, Version: d.Draft.Version, Seen: pack(d.Text)}
	if moved := p.moved(v, d); moved != nil {
		return v.Again(moved, "text.html", p.merged(v, d, shown))
	}
	err := p.save(v, d, change.Edit{Title: d.Draft.Title, Document: document, Cases: d.Draft.Cases})
	if model.CodeOf(err) == model.CodePrecondition { // between the two looks at it
		now, failed := p.draft(v, d.officer)
		if failed != nil {
			return failed
		}
		shown.desk = now
		return v.Again(err, "text.html", p.merged(v, now, shown))
	}
	if err != nil {
		return v.Again(err, "text.html", shown)
	}
	after, err := p.reading(v, document, d.Vocabulary.Catalog)
	if err != nil {
		return err
	}
	if len(after.Bad) > 0 {
		return v.Done(d.Base+"/text", "text.saved.bad", "count", len(after.Bad))
	}
	return v.Done(d.Base+"/text", "text.saved")
}

// merged brings what was entered and what is saved by now together.
func (p *pages) merged(v *page.Visit, now *desk, mine *textPage) *textPage {
	seen, ok := p.unpack(v.Raw("seen"))
	if !ok {
		seen = now.Text // then all of the difference is mine
	}
	mine.Version, mine.Seen, mine.By = now.Draft.Version, pack(now.Text), now.Draft.EditedBy
	mine.Theirs = rewrite.Compare(seen, now.Text)
	mine.Document, mine.Conflicts = rewrite.Merge(seen, mine.Document, now.Text)
	return mine
}

// linesPage is a part of the document, by line.
type linesPage struct {
	*desk
	Lines      []numbered
	First, All int
	Before     string
	Next       string
}

type numbered struct {
	N    int
	Text string
	Bad  []model.Detail
}

// linesShown is how many lines a page shows.
const linesShown = 250

func (p *pages) lines(v *page.Visit, d *desk) error {
	lines := strings.Split(strings.TrimSuffix(d.Text, "\n"), "\n")
	l := &linesPage{desk: d, All: len(lines)}
	from := (min(max(atoi(v.Query("at")), 1), len(lines)) - 1) / linesShown * linesShown
	bad := map[int][]model.Detail{}
	for _, b := range d.Bad {
		bad[b.Line] = append(bad[b.Line], b)
	}
	for n := from; n < min(from+linesShown, len(lines)); n++ {
		l.Lines = append(l.Lines, numbered{n + 1, lines[n], bad[n+1]})
	}
	l.First = from + 1
	if from > 0 {
		l.Before = d.to("/lines", "at", itoa(from-linesShown+1))
	}
	if from+linesShown < len(lines) {
		l.Next = d.to("/lines", "at", itoa(from+linesShown+1))
	}
	return v.Render("lines.html", l)
}

// ListedBad are the bad rows that a page lists.
func (d *desk) ListedBad() []model.Detail { return d.Bad[:min(len(d.Bad), listed)] }

// LineLink is where a line is shown.
func (d *desk) LineLink(n int) string { return d.to("/lines", "at", itoa(n)) + "#L" + itoa(n) }

// download is the document as a file.
func (p *pages) download(v *page.Visit, d *desk) error {
	name := "policy-" + strconv.FormatInt(d.InForce.Revision, 10)
	if d.Draft != nil {
		name = "policy-draft-" + strconv.FormatInt(d.Draft.Version, 10)
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	v.W.WriteHeader(http.StatusOK)
	v.W.Write([]byte(d.Text)) // an error means the reader is gone
	return nil
}
