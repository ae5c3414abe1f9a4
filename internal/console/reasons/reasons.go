// Package reasons is the pages that say why: why somebody can or cannot do something,
// who can do it, and what a person may do at all.
//
//	form ─▶ question, as the API would be sent it ─▶ read (the API's own checks) ─▶ Officer.Explain, WhoCan
//	                                                                              └▶ Officer.Effective
//
// What is asked about a record is sent by POST: its attributes are nobody's business
// who sees addresses. Ids alone may be in an address, so that other pages can lead here.
package reasons

import (
	"cmp"
	"embed"
	"net/url"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

//go:embed templates/*.html
var templates embed.FS

// Home is where the pages are.
const (
	Home        = "/console/why"
	who         = Home + "/who"
	permissions = Home + "/permissions"
	suggest     = Home + "/suggest"
	about       = Home + "/about"
)

type pages struct {
	*page.Area
	read func(body []byte) (policy.ExplainRequest, error)
}

// Add adds the pages to the frame. read is how the API reads a question.
func Add(f *page.Frame, read func(body []byte) (policy.ExplainRequest, error)) {
	p := &pages{f.New(templates, texts), read}
	const object, action = administration.Policies, administration.Explain
	f.Section(page.Section{Path: Home, Text: texts["why.section"], Order: 40, Object: object, Action: action})
	p.Officer("GET", Home, object, action, p.why)
	p.Officer("POST", Home, object, action, p.why)
	p.Officer("GET", who, object, action, p.who)
	p.Officer("POST", who, object, action, p.who)
	p.Officer("GET", permissions, object, action, p.permissions)
	p.Person("POST", suggest, p.suggest)
	p.Person("POST", about, p.about)
}

// Ask is the address of a question, answered as it is opened: of the entry of the log
// it is of, or "".
func Ask(subject, action, object, record, entry string) string {
	q := url.Values{"subject": {subject}, "action": {action}, "object": {object}, "record": {record}}
	if entry != "" {
		q.Set("entry", entry)
	}
	return Home + "?" + q.Encode()
}

// shown is what the forms and answers show.
type shown struct {
	Form
	Path    string
	Objects []policy.KnownObject
	Answer  *model.Explanation
	Found   *policy.Found
}

func (p *pages) why(v *page.Visit, o *administration.Officer) error {
	s, err := p.start(v, o, Home)
	if err != nil || !s.Complete(true) || v.Form("show") != "" {
		return p.show(v, err, "why.html", s)
	}
	q, err := p.question(&s.Form, s.Known())
	if err != nil {
		return v.Again(err, "why.html", s)
	}
	out, err := o.Explain(v.Context(), q)
	if err != nil {
		return v.Again(err, "why.html", s)
	}
	i18n.Explain(v.Lang, &out.Explanation)
	s.Answer = &out.Explanation
	return v.Render("why.html", s)
}

// perPage is how many of those who can are listed at once.
const perPage = 50

func (p *pages) who(v *page.Visit, o *administration.Officer) error {
	s, err := p.start(v, o, who)
	if typ, _, named := strings.Cut(s.Subject, ":"); named { // of a question why
		s.Subject = typ
	} else if typ == "" || v.Form("type") != "" {
		s.Subject = cmp.Or(v.Form("type"), "user")
	}
	if err != nil || !s.Complete(true) || v.Form("show") != "" {
		return p.show(v, err, "who.html", s)
	}
	asked := s.Form
	asked.Subject += ":*" // of this type
	q, err := p.question(&asked, s.Known())
	if err != nil {
		return v.Again(err, "who.html", s)
	}
	q.WhoCould, q.After, q.Limit = true, v.Raw("after"), perPage
	found, err := o.WhoCan(v.Context(), q)
	if err != nil {
		return v.Again(err, "who.html", s)
	}
	s.Found = &found
	return v.Render("who.html", s)
}

// start is the form as it was sent, and what it may name.
func (p *pages) start(v *page.Visit, o *administration.Officer, path string) (s shown, err error) {
	s = shown{Form: readForm(v), Path: path}
	s.Objects, err = o.Objects(v.Context())
	return s, err
}

func (p *pages) show(v *page.Visit, err error, name string, s shown) error {
	if err != nil {
		return err
	}
	return v.Render(name, s)
}

// Known is the object that is asked about, with its actions and fields; of none that
// is known it has neither.
func (s shown) Known() policy.KnownObject {
	for _, o := range s.Objects {
		if o.Name == s.Object {
			return o
		}
	}
	return policy.KnownObject{Name: s.Object}
}

// Actions are those to suggest: of the object, or of all.
func (s shown) Actions() []string {
	if known := s.Known(); len(known.Actions) > 0 {
		return known.Actions
	}
	return allActions(s.Objects)
}

// PermissionsLink leads to all that a subject may do.
func (s shown) PermissionsLink() string {
	return permissions + "?" + url.Values{"subject": {s.Subject}}.Encode()
}

// WhoLink leads to who can do this, but for attributes that were sent.
func (s shown) WhoLink() string {
	return who + "?" + url.Values{"action": {s.Action}, "object": {s.Object}, "record": {s.Record}}.Encode()
}

// WhyLink leads to why one of those who were found can.
func (s shown) WhyLink(id string) string {
	return Ask(s.Subject+":"+id, s.Action, s.Object, s.Record, "")
}

// Sent tells whether attributes were sent, which no link carries along.
func (s shown) Sent() bool { return s.Properties != "" || len(s.Fields) > 0 }
