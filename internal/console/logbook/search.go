package logbook

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/console/page"
	"rolegate/model"
)

// perPage is how many entries a page has.
const perPage = 50

// asked is what was looked for, and what was found.
type asked struct {
	Values map[string]string // as entered, by the names of search.Parameters
	Wrong  map[string]string // of those that are not what they should be: what they should
	Zone   string
	Page   *search.Page
	Next   string // the address of the next page
	First  string // of the first, "" on it
}

// Classes and Outcomes are what to choose from.
func (asked) Classes() []audit.Class {
	return []audit.Class{audit.ClassLogin, audit.ClassDecision, audit.ClassAdmin, audit.ClassBreakGlass, audit.ClassSystem}
}

func (asked) Outcomes() []audit.Outcome {
	return []audit.Outcome{audit.OutcomeAllow, audit.OutcomeDeny, audit.OutcomeOK, audit.OutcomeError}
}

// More tells whether something is looked for that the form does not show at once.
func (a asked) More() bool {
	for _, name := range []string{"activity", "code", "rule", "revision", "client", "trace_id"} {
		if a.Values[name] != "" {
			return true
		}
	}
	return false
}

func (p *pages) search(v *page.Visit, o *administration.Officer) error {
	zone := v.Zone()
	a := asked{Values: map[string]string{}, Wrong: map[string]string{}, Zone: zone.String()}
	parameters := map[string]string{}
	for _, parameter := range search.Parameters {
		entered := v.Query(parameter.Name)
		a.Values[parameter.Name], parameters[parameter.Name] = entered, entered
	}
	for _, name := range []string{"from", "until"} {
		if at, ok := moment(a.Values[name], zone, name == "until"); ok {
			a.Values[name], parameters[name] = at.In(zone).Format(inputTime), at.Format(time.RFC3339)
		}
	}
	order, err := search.ParseOrder(v.Query("order"))
	a.Values["order"] = string(order)
	f, wrong := search.Parse(parameters)
	if err == nil {
		err = wrong
	}
	if wrong, ok := errors.AsType[*search.Wrong](err); ok {
		what := v.T(wants[wrong.Want])
		a.Wrong[wrong.Name] = what
		return v.Again(model.Errorf(model.CodeInvalidRequest, "%s: %s", v.T("by."+wrong.Name), what).Because(err), "search.html", a)
	}
	if err != nil {
		return err
	}
	var after *search.Cursor
	first := a.address(parameters)
	place, err := v.After("log\x00" + first)
	if err != nil {
		return err
	}
	if c, ok := search.ParseCursor(place); ok {
		after, a.First = &c, first
	}
	found, err := o.SearchLog(v.Context(), f, order, perPage, after)
	if err != nil {
		return v.Again(err, "search.html", a)
	}
	a.Page = &found
	if found.Next != nil {
		if place, err = v.Next("log\x00"+first, found.Next.String()); err != nil {
			return err
		}
		parameters["after"] = place
		a.Next = a.address(parameters)
	}
	return v.Render("search.html", a)
}

// wants are the texts of what a parameter should have been.
var wants = map[search.Want]string{
	search.WantName: "want.name", search.WantClass: "want.choice", search.WantOutcome: "want.choice", search.WantOrder: "want.choice",
	search.WantNumber: "want.number", search.WantTime: "want.time", search.WantText: "want.text",
	search.WantLater: "want.later", search.WantHappens: "want.happens", search.WantTrace: "want.trace",
}

// address is a page of the same search. Times are those of the first page, whatever
// zone its reader is in by then.
func (a *asked) address(parameters map[string]string) string {
	q := url.Values{}
	for name, value := range parameters {
		if value != "" {
			q.Set(name, value)
		}
	}
	if order := a.Values["order"]; order != string(search.Newest) {
		q.Set("order", order)
	}
	return Home + "?" + q.Encode()
}

// inputTime is how a browser's field has a time, in its reader's zone.
const inputTime = "2006-01-02T15:04"

// moment reads a time as a form or a link has it. A day alone is all of it, so its end
// is where the next one begins.
func moment(text string, zone *time.Location, end bool) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	for _, form := range []string{inputTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, true
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err == nil && end {
		t = t.AddDate(0, 0, 1)
	}
	return t, err == nil
}

// row is an entry in a list.
type row struct {
	Index int64
	audit.Leaf
}

// Rows are the entries that were found.
func (a asked) Rows() []row {
	rows := make([]row, len(a.Page.Entries))
	for i, e := range a.Page.Entries {
		rows[i] = row{e.Index, e.Leaf}
	}
	return rows
}

// At is when it happened, Path where all of it is.
func (r row) At() time.Time { return time.UnixMicro(r.Time) }
func (r row) Path() string  { return Home + "/" + strconv.FormatInt(r.Index, 10) }

// Denied counts the members of a batch that were.
func (r row) Denied() (n int) {
	for _, i := range r.Items {
		if i.Outcome == audit.OutcomeDeny {
			n++
		}
	}
	return n
}
