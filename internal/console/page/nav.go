package page

import (
	"cmp"
	"slices"
	"strings"

	"rolegate/internal/i18n"
)

// Section is a part of the pages that the navigation leads to.
type Section struct {
	Path   string // where it begins; its pages are below
	Text   i18n.Text
	Order  int    // of the sections
	Object string // shown to who has this right; "" to everybody who is logged in
	Action string
}

// Section adds one.
func (f *Frame) Section(s Section) {
	f.sections = append(f.sections, s)
	slices.SortFunc(f.sections, func(a, b Section) int { return cmp.Compare(a.Order, b.Order) })
}

// Link leads to a section.
type Link struct {
	Path, Text string
	Current    bool
}

func (v *Visit) nav() (links []Link) {
	if v.Session == nil || v.Session.Restricted {
		return nil
	}
	for _, s := range v.area.sections {
		if s.Object == "" || v.May(s.Object, s.Action) {
			path := v.R.URL.Path
			links = append(links, Link{s.Path, s.Text.In(v.Lang, nil), path == s.Path || strings.HasPrefix(path, s.Path+"/")})
		}
	}
	return links
}
