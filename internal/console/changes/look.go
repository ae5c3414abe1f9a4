package changes

import (
	"net/url"
	"strconv"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// checkPage is what is noticed about a draft.
type checkPage struct {
	*draftPage
	Mistakes []model.Detail // of rows that cannot be read
	found
	Only string // "new" to leave out what was so before
}

// found is what is noticed about a document, the most severe first.
type found struct {
	Found  rows[model.Finding]
	Errors int // how many of each severity there are
	Warns  int
	Notes  int
}

func (p *pages) check(v *page.Visit, o *administration.Officer) error {
	d, err := p.seen(v, o)
	if err != nil {
		return err
	}
	c := &checkPage{draftPage: d, Mistakes: details(d.Bad), Only: v.Query("only")}
	c.found = foundIn(v, "from", d.Findings, c.Only == "new")
	return v.Render("check.html", c)
}

// foundIn are findings in words, as far as one page shows them; onlyNew leaves out
// what was so before.
func foundIn(v *page.Visit, name string, all []model.Finding, onlyNew bool) (in found) {
	var listed []model.Finding
	for _, of := range []struct {
		severity model.Severity
		count    *int
	}{{model.SeverityError, &in.Errors}, {model.SeverityWarning, &in.Warns}, {model.SeverityNotice, &in.Notes}} {
		for _, f := range all {
			if f.Severity == of.severity && (f.New || !onlyNew) {
				listed = append(listed, f)
				*of.count++
			}
		}
	}
	in.Found = cut(v, name, listed)
	i18n.Findings(v.Lang, in.Found.Shown)
	return in
}

// Row leads to a row of the draft, in the editor.
func (d *draftPage) Row(line int) string {
	n := strconv.Itoa(line)
	return d.Editor("/lines?at=" + n + "#L" + n)
}

// reviewPage is what a draft changes, to be read by whoever answers for it.
type reviewPage struct {
	*draftPage
	Changed rows[changed]
}

func (p *pages) review(v *page.Visit, o *administration.Officer) error {
	d, err := p.seen(v, o)
	if err != nil {
		return err
	}
	return v.Render("review.html", &reviewPage{d, said(v, d.Changes)})
}

// changed is a change of a row in words. A name says of a row what its author likes,
// so what a named row means is said beside it.
type changed struct {
	model.RowChange
	Was, Is string
}

// said are changes of rows in words, as far as one page shows them.
func said(v *page.Visit, changes []model.RowChange) rows[changed] {
	cutting := cut(v, "from", changes)
	i18n.Changes(v.Lang, cutting.Shown)
	r := rows[changed]{Of: cutting.Of, First: cutting.First, Last: cutting.Last, Next: cutting.Next}
	for _, c := range cutting.Shown {
		in := changed{RowChange: c}
		if c.Before.Name != "" && c.Kind != model.RowRenamed {
			in.Was = i18n.PolicyRow(v.Lang, &c.Before)
		}
		if c.After.Name != "" {
			in.Is = i18n.PolicyRow(v.Lang, &c.After)
		}
		r.Shown = append(r.Shown, in)
	}
	return r
}

// simulatePage is who gains and who loses what.
type simulatePage struct {
	*draftPage
	Ran bool
	model.Simulated
	Shown    rows[model.Shift]
	Counts   []kindCount
	OpensLog bool // whoever looks may have recorded requests asked again, too
	Requests bool // and wants that
	Days     int  // of the log
}

type kindCount struct {
	Kind  model.ShiftKind
	Count int
}

// simulate shows what a simulation is, and runs it for who asks: it decides up to
// some hundred thousand requests.
func (p *pages) simulate(v *page.Visit, o *administration.Officer) error {
	d, err := p.seen(v, o)
	if err != nil {
		return err
	}
	opens := o.OpensLog(v.Context())
	if code := model.CodeOf(opens); opens != nil && code != model.CodeForbidden && code != model.CodeStepUp {
		return opens
	}
	s := &simulatePage{draftPage: d, Ran: v.Query("run") != "" && d.Bad == nil, Requests: v.Query("requests") != "",
		OpensLog: opens == nil || model.CodeOf(opens) == model.CodeStepUp}
	if !s.Ran {
		return v.Render("simulate.html", s)
	}
	if s.Simulated, err = o.SimulateDraft(v.Context(), d.Draft.ID, s.Requests); err != nil {
		return err
	}
	i18n.Simulated(v.Lang, &s.Simulated)
	s.Shown = cut(v, "from", s.Shifts)
	if r := s.Recorded; r != nil {
		s.Days = int(r.Until.Sub(r.From).Hours() / 24)
		s.Shown.Next = without(s.Shown.Next, "requests") // they are listed here, and once
	}
	for _, kind := range []model.ShiftKind{model.ShiftGains, model.ShiftMixed, model.ShiftProof, model.ShiftLoses, model.ShiftReason} {
		n := 0
		for _, shift := range s.Shifts {
			if shift.Kind == kind {
				n++
			}
		}
		s.Counts = append(s.Counts, kindCount{kind, n})
	}
	return v.Render("simulate.html", s)
}

// without is a query without a parameter.
func without(query, name string) string {
	q, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil || query == "" {
		return query
	}
	q.Del(name)
	return "?" + q.Encode()
}
