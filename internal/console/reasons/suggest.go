package reasons

import (
	"maps"
	"slices"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/policy"
	"rolegate/model"
)

// helper lets a page help with a form that is being filled in. Whoever may not, or has
// to enter a code first, gets no help, and is told when they send the form: a page in
// the place of a suggestion would lose what was entered.
func (p *pages) helper(v *page.Visit) (*administration.Officer, error) {
	o, err := v.Enter(administration.Policies, administration.Explain)
	switch model.CodeOf(err) {
	case model.CodeForbidden, model.CodeStepUp:
		return nil, nil
	}
	return o, err
}

// suggested are names to choose from.
type suggested struct{ Names []string }

// suggest gives names of subjects, or of registered records, for what was entered.
func (p *pages) suggest(v *page.Visit) error {
	o, err := p.helper(v)
	if err != nil || o == nil {
		return p.part(v, err, "names", suggested{})
	}
	var s suggested
	if v.Form("of") == "record" {
		s.Names, err = o.KnownRecords(v.Context(), v.Form("object"), v.Form("record"))
		return p.part(v, err, "names", s)
	}
	typ, part, named := strings.Cut(v.Form("subject"), ":")
	if !named {
		typ, part = "user", v.Form("subject")
	}
	s.Names, err = o.KnownSubjects(v.Context(), typ, part)
	for i := range s.Names {
		s.Names[i] = typ + ":" + s.Names[i]
	}
	return p.part(v, err, "names", s)
}

// about gives what belongs to the object that was chosen: its actions and fields.
func (p *pages) about(v *page.Visit) error {
	o, err := p.helper(v)
	if err != nil || o == nil {
		return p.part(v, err, "about", shown{})
	}
	s, err := p.start(v, o, Home)
	return p.part(v, err, "about", s)
}

func (p *pages) part(v *page.Visit, err error, name string, data any) error {
	if err != nil {
		return err
	}
	return v.Part("why.html", name, data)
}

func allActions(objects []policy.KnownObject) []string {
	all := map[string]bool{}
	for _, o := range objects {
		for _, a := range o.Actions {
			all[a] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
