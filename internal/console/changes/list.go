package changes

import (
	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
)

// listPage has the drafts by state, and the last of what was published.
type listPage struct {
	Groups  []group // that something can still come of
	Ended   []change.Draft
	Notices []change.Notice
	May     bool // make one, in package policies
	history
}

// group is the drafts in one state.
type group struct {
	State  change.State
	Drafts []change.Draft
}

// newest is how many revisions are shown beside the drafts.
const newest = 5

func (p *pages) list(v *page.Visit, o *administration.Officer) error {
	l, err := p.listed(v, o)
	if err != nil {
		return err
	}
	return v.Render("list.html", l)
}

func (p *pages) listed(v *page.Visit, o *administration.Officer) (*listPage, error) {
	drafts, err := o.Drafts(v.Context())
	if err != nil {
		return nil, err
	}
	l := &listPage{May: v.May(administration.Policies, administration.Import)}
	for _, state := range []change.State{change.Approved, change.Submitted, change.Open} { // the nearest to its end first
		g := group{State: state}
		for _, d := range drafts {
			if d.State == state {
				g.Drafts = append(g.Drafts, d)
			}
		}
		l.Groups = append(l.Groups, g)
	}
	for _, d := range drafts {
		if !d.State.Open() {
			l.Ended = append(l.Ended, d)
		}
	}
	if l.Notices, err = o.Notices(v.Context()); err != nil {
		return nil, err
	}
	l.history, err = p.history(v, o, 0, newest)
	return l, err
}

// Any tells whether there is a draft something can come of.
func (l *listPage) Any() bool {
	for _, g := range l.Groups {
		if len(g.Drafts) > 0 {
			return true
		}
	}
	return false
}
