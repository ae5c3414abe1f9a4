// Package changes is the pages of the life of a policy's change: drafts on their way,
// what was published, and what comes of both. A draft is begun and its
// rows are written in package policies.
//
//	/console/changes ─▶ {id}: where it stands ─▶ check, cases, simulate, review, rebase
//	        │             └─ submit, approve, reject, publish, withdraw
//	        └─▶ revisions ─▶ {revision}: applied? ─▶ rollback
//
// A form says which version of a draft its reader saw. Where another was first, what
// was entered stays, beside what the draft is by now; where that is what the form
// wanted, sent twice or from a page gone back to, it is said to be done.
package changes

import (
	"embed"
	"net/url"
	"strconv"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/model"
)

//go:embed all:templates
var templates embed.FS

// Home is where the pages are.
const Home = "/console/changes"

type pages struct{ *page.Area }

// Add adds the pages to the frame.
func Add(f *page.Frame) {
	p := &pages{f.New(templates, texts)}
	f.Section(page.Section{Path: Home, Text: texts["changes.section"], Order: 31, Object: administration.Policies, Action: administration.Read})

	const draft = Home + "/{id}"
	p.Documents(draft + "/cases")
	p.may("GET", Home, administration.Read, p.list)
	p.may("GET", draft, administration.Read, p.draft)
	p.may("GET", draft+"/check", administration.Read, p.check)
	p.may("GET", draft+"/cases", administration.Read, p.cases)
	p.may("POST", draft+"/cases", administration.Import, p.saveCases)
	p.may("GET", draft+"/simulate", administration.Simulate, p.simulate)
	p.may("GET", draft+"/review", administration.Read, p.review)
	p.may("GET", draft+"/rebase", administration.Import, p.rebase)
	p.may("POST", draft+"/rebase", administration.Import, p.rebased)
	p.may("POST", draft+"/submit", administration.Import, p.submit)
	p.may("POST", draft+"/withdraw", administration.Import, p.withdraw)
	p.may("POST", draft+"/approve", administration.Approve, p.approve)
	p.may("POST", draft+"/reject", administration.Approve, p.reject)
	p.may("POST", draft+"/publish", administration.Publish, p.publish)

	const revision = Home + "/revisions/{revision}"
	p.may("GET", Home+"/revisions", administration.Read, p.revisions)
	p.may("GET", revision, administration.Read, p.revision)
	p.may("GET", revision+"/applied", administration.Read, p.applied)
	p.may("GET", revision+"/rollback", administration.Rollback, p.askRollback)
	p.may("POST", revision+"/rollback", administration.Rollback, p.rollback)
}

func (p *pages) may(method, path, action string, h func(*page.Visit, *administration.Officer) error) {
	p.Officer(method, path, administration.Policies, action, h)
}

// draftPath is the page of a draft, or one below it.
func draftPath(id, below string) string { return Home + "/" + url.PathEscape(id) + below }

// revisionPath is the page of a revision, or one below it.
func revisionPath(revision int64, below string) string {
	return Home + "/revisions/" + strconv.FormatInt(revision, 10) + below
}

// editorPath is where package policies has a draft's rows.
func editorPath(id, below string) string {
	return "/console/policy/drafts/" + url.PathEscape(id) + below
}

// number reads a number above zero as it is written; 0 for anything else.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}

// ofPath is the revision in the path.
func ofPath(v *page.Visit) (int64, error) {
	n := number(v.Param("revision"))
	if n == 0 {
		return 0, &model.Error{Code: model.CodeNotFound}
	}
	return n, nil
}

// rows are a part of a long list, with the way on.
type rows[T any] struct {
	Shown []T
	Of    int    // all there are
	First int    // the number of the first one shown, from 1
	Last  int    // of the last one
	Next  string // of the page that goes on; "" for none
}

// perPage is how much of a list one page shows.
const perPage = 100

// cut takes from a list what the address asks for, by the name of a parameter.
func cut[T any](v *page.Visit, name string, all []T) rows[T] {
	from := min(int(min(number(v.Query(name)), 1<<30)), len(all))
	to := min(from+perPage, len(all))
	r := rows[T]{Shown: all[from:to], Of: len(all), First: from + 1, Last: to}
	if to < len(all) {
		q := v.R.URL.Query()
		q.Set(name, strconv.Itoa(to))
		r.Next = "?" + q.Encode()
	}
	return r
}
