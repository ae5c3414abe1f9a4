// Package people is the pages about those who work here: accounts, the roles they hold,
// the three offices, the organization they are in, and imports of it.
//
//	/console/people         accounts, roles and their holders, offices
//	/console/organization   teams, units, territories, reporting lines, imports
//
// Whom a page is about is a parameter, never a part of the path: ids are any text. Each
// page asks the administration for its own right; what is offered on it is what the
// reader might do, and decides nothing.
package people

import (
	"embed"
	"net/url"
	"slices"
	"strings"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/model"
)

//go:embed all:templates
var templates embed.FS

// Home is where the accounts are, Organization the groups.
const (
	Home         = "/console/people"
	Organization = "/console/organization"
)

// pageSize is how many entries a list shows.
const pageSize = 50

type pages struct{ *page.Area }

// Add adds the pages to the frame.
func Add(f *page.Frame) {
	const users, roles, offices, org = administration.Users, administration.Roles, administration.Offices, administration.Organization
	p := &pages{f.New(templates, texts)}
	f.Section(page.Section{Path: Home, Text: texts["users.title"], Order: 10, Object: users, Action: administration.Read})
	f.Section(page.Section{Path: Organization, Text: texts["organization.title"], Order: 15, Object: org, Action: administration.Read})

	p.Officer("GET", Home, users, administration.Read, p.users)
	p.Officer("GET", Home+"/user", users, administration.Read, about(p.user, "id"))
	p.Officer("GET", Home+"/new", users, administration.Create, p.newUser)
	p.Officer("POST", Home+"/new", users, administration.Create, p.addUser)
	p.Officer("POST", Home+"/invite", users, administration.Invite, about(p.invite, "id"))
	p.Officer("POST", Home+"/disable", users, administration.Disable, about(p.disable, "id"))
	p.Officer("POST", Home+"/enable", users, administration.Enable, about(p.enable, "id"))
	p.Officer("POST", Home+"/unlock", users, administration.Unlock, about(p.unlock, "id"))
	p.Officer("POST", Home+"/sessions", users, administration.EndSessions, about(p.endSessions, "id"))
	p.Officer("POST", Home+"/assign", roles, administration.Assign, about(p.assign, "id", "role"))
	p.Officer("POST", Home+"/unassign", roles, administration.Assign, about(p.unassign, "id", "role"))

	p.Officer("GET", Home+"/roles", roles, administration.Read, p.roles)
	p.Officer("POST", Home+"/roles", roles, administration.Create, p.addRole)
	p.Officer("GET", Home+"/role", roles, administration.Read, about(p.role, "id"))
	p.Officer("POST", Home+"/role", roles, administration.Update, about(p.changeRole, "id"))

	p.Officer("GET", Home+"/offices", offices, administration.Read, p.offices)
	p.Officer("POST", Home+"/offices", offices, administration.Request, p.requestOffice)
	p.Officer("POST", Home+"/offices/approve", offices, administration.Approve, p.decideOffice(true))
	p.Officer("POST", Home+"/offices/deny", offices, administration.Approve, p.decideOffice(false))

	p.Officer("GET", Organization, org, administration.Read, p.groups("team"))
	p.Officer("GET", Organization+"/units", org, administration.Read, p.groups("unit"))
	p.Officer("GET", Organization+"/territories", org, administration.Read, p.groups("territory"))
	p.Officer("GET", Organization+"/group", org, administration.Read, about(p.group, "id"))
	p.Officer("POST", Organization+"/group", org, administration.Update, p.putGroup)
	p.Officer("POST", Organization+"/delete", org, administration.Update, about(p.deleteGroup, "id"))
	p.Officer("POST", Organization+"/assign", roles, administration.Assign, about(p.assignTeam, "id", "role"))
	p.Officer("POST", Organization+"/unassign", roles, administration.Assign, about(p.unassignTeam, "id", "role"))
	p.Officer("GET", Organization+"/lines", org, administration.Read, p.lines)
	p.Officer("GET", Organization+"/member", org, administration.Read, about(p.member, "id"))
	p.Officer("POST", Organization+"/member", org, administration.Update, about(p.putMember, "id"))

	p.Imports(Organization + "/import")
	p.Imports(Organization + "/import/apply")
	p.Officer("GET", Organization+"/import", org, administration.Import, p.importForm)
	p.Officer("POST", Organization+"/import", org, administration.Import, p.preview)
	p.Officer("POST", Organization+"/import/apply", org, administration.Import, p.apply)
}

// about is a page about somebody or something, named by parameters: without them it is
// about nothing.
func about(h func(*page.Visit, *administration.Officer) error, names ...string) func(*page.Visit, *administration.Officer) error {
	return func(v *page.Visit, o *administration.Officer) error {
		for _, name := range names {
			if v.Raw(name) == "" && (v.R.Method == "POST" || v.R.URL.Query().Get(name) == "") {
				return &model.Error{Code: model.CodeNotFound}
			}
		}
		return h(v, o)
	}
}

// at is an address with parameters: pairs of name and value, of which empty ones are
// left out.
func at(path string, words ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(words); i += 2 {
		if words[i+1] != "" {
			q.Set(words[i], words[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// onward is the address of a list's next page, "" where there is none.
func onward(v *page.Visit, more bool, list, after, path string, words ...string) (string, error) {
	if !more {
		return "", nil
	}
	place, err := v.Next(list, after)
	return at(path, append(words, "after", place)...), err
}

// held is an assignment as it stands now.
type held struct {
	model.Assignment
	State string // active, later or ended
}

func heldAt(all []model.Assignment, now time.Time) (out []held) {
	for _, a := range all {
		h := held{a, "active"}
		switch {
		case a.EndedAt(now):
			h.State = "ended"
		case !a.ActiveAt(now):
			h.State = "later"
		}
		out = append(out, h)
	}
	return out
}

// window is the time from which and until which a form has a role given, in UTC as the
// form says.
func window(v *page.Visit) (a model.Assignment, err error) {
	a.Role = v.Form("role")
	for name, to := range map[string]*time.Time{"from": &a.From, "until": &a.Until} {
		text := v.Form(name)
		if text == "" {
			continue
		}
		for _, layout := range []string{"2006-01-02T15:04", time.DateTime, time.RFC3339} {
			if *to, err = time.Parse(layout, text); err == nil {
				break
			}
		}
		if err != nil || to.IsZero() {
			return a, model.Errorf(model.CodeInvalidRequest, "%q is no time: write it as 2026-12-31T18:00, in UTC", text)
		}
	}
	return a, nil
}

// several are the entries of a field that takes some, one on each line: ids may have
// commas and semicolons in them.
func several(text string) (out []string) {
	for part := range strings.SplitSeq(text, "\n") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}
