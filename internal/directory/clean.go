package directory

import (
	"strings"
	"time"
	"unicode/utf8"

	"rolegate/model"
)

// Bounds of one entry, beside those of names.
const (
	maxAttributes = 64 << 10 // bytes of a subject's or resource's attributes
	maxListed     = 1_000    // teams, territories, accounts or heads of one entry
)

// The functions below bring an entry into the form it is stored in, or say what
// is wrong with it by itself. Ids lose the prefix that says their kind; an empty
// list or object is none.

func cleanSubject(s model.Subject, l model.Limits) (model.Subject, error) {
	s.Unit, s.Manager, s.Contact = Bare("unit", s.Unit), Bare("user", s.Manager), Bare("contact", s.Contact)
	s.Teams, s.Territories, s.Accounts = bareAll("team", s.Teams), bareAll("territory", s.Territories), bareAll("account", s.Accounts)
	if err := checkID(model.Say("type"), s.Type); err != nil {
		return s, err
	}
	if s.Type == "role" || s.Type == "team" || strings.Contains(s.Type, ":") {
		return s, model.Errorf(model.CodeInvalidRequest, "%q cannot be the type of a subject", s.Type)
	}
	if err := checkID(model.Say("id"), s.ID); err != nil {
		return s, err
	}
	for _, team := range s.Teams {
		if err := checkGroup("team", team); err != nil {
			return s, err
		}
	}
	for _, of := range []struct {
		what, kind string
		ids        []string
	}{
		{"unit", "unit", some(s.Unit)}, {"manager", "user", some(s.Manager)}, {"contact", "contact", some(s.Contact)},
		{"teams", "team", s.Teams}, {"territories", "territory", s.Territories}, {"accounts", "account", s.Accounts},
	} {
		if err := checkListed(of.what, of.ids); err != nil {
			return s, err
		}
		for _, id := range of.ids {
			if err := checkBareAs(model.Say("id in %s", of.what), of.kind, id); err != nil {
				return s, err
			}
		}
	}
	var err error
	s.Attributes, err = cleanAttributes(s.Attributes, l)
	return s, err
}

func cleanTeam(t model.Team, _ model.Limits) (model.Team, error) {
	t.ID = Bare("team", t.ID)
	return t, checkGroup("team", t.ID)
}

func cleanUnit(u model.Unit, _ model.Limits) (model.Unit, error) {
	u.ID, u.Parent, u.Heads = Bare("unit", u.ID), Bare("unit", u.Parent), bareAll("user", u.Heads)
	if err := checkBare("unit", u.ID); err != nil {
		return u, err
	}
	if u.Parent != "" {
		if err := checkBare("unit", u.Parent); err != nil {
			return u, err
		}
	}
	for _, head := range u.Heads {
		if err := checkBareAs(model.Say("head"), "user", head); err != nil {
			return u, err
		}
	}
	return u, checkListed("heads", u.Heads)
}

func cleanTerritory(t model.Territory, _ model.Limits) (model.Territory, error) {
	t.ID, t.Parent = Bare("territory", t.ID), Bare("territory", t.Parent)
	if err := checkBare("territory", t.ID); err != nil || t.Parent == "" {
		return t, err
	}
	return t, checkBare("territory", t.Parent)
}

func cleanRole(r string, _ model.Limits) (string, error) {
	r = Bare("role", r)
	return r, checkGroup("role", r)
}

func cleanResource(r model.Resource, l model.Limits) (model.Resource, error) {
	if err := checkID(model.Say("type"), r.Type); err != nil {
		return r, err
	}
	if err := checkID(model.Say("id"), r.ID); err != nil {
		return r, err
	}
	var err error
	r.Attributes, err = cleanAttributes(r.Attributes, l)
	return r, err
}

// cleanAssignment checks member, role and window; offices and existence are
// checked against the directory.
func cleanAssignment(a model.Assignment, _ model.Limits) (model.Assignment, error) {
	a.Member, a.Role = MemberKey(a.Member), Bare("role", a.Role)
	a.From, a.Until = cleanTime(a.From), cleanTime(a.Until)
	return a, checkAssignment(a)
}

// AssignmentEntry is an assignment as people write it, where a time that is left
// out is not the time 0001-01-01, which some programs send for none.
type AssignmentEntry struct {
	Member string     `json:"member"`
	Role   string     `json:"role"`
	From   *time.Time `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// Assignment is what the entry says.
func (e AssignmentEntry) Assignment() (model.Assignment, error) {
	a := model.Assignment{Member: e.Member, Role: e.Role}
	for _, t := range []struct {
		sent *time.Time
		to   *time.Time
		what string
	}{{e.From, &a.From, "from"}, {e.Until, &a.Until, "until"}} {
		if t.sent == nil {
			continue
		}
		if *t.to = cleanTime(*t.sent); t.to.IsZero() {
			return a, model.Errorf(model.CodeInvalidRequest, "%s is the year 1; leave it out, or send null, for no bound", t.what)
		}
	}
	return a, nil
}

func cleanTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// bareAll takes the kind's prefix off each id.
func bareAll(kind string, ids []string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, Bare(kind, id))
	}
	return out
}

func some(id string) []string {
	if id == "" {
		return nil
	}
	return []string{id}
}

func checkListed(what string, ids []string) error {
	if len(ids) > maxListed {
		return model.Errorf(model.CodeLimitExceeded, "there are %d %s, and %d are the most of one entry", len(ids), what, maxListed)
	}
	return nil
}

// cleanAttributes bounds attributes, in bytes and in depth.
func cleanAttributes(attributes map[string]any, l model.Limits) (map[string]any, error) {
	if len(attributes) == 0 {
		return nil, nil
	}
	for name := range attributes {
		if name == "" || len(name) > MaxID {
			return nil, model.Errorf(model.CodeInvalidRequest, "the name of an attribute is empty, or longer than %d bytes", MaxID)
		}
	}
	size, depth := measure(attributes)
	if size > maxAttributes {
		return nil, model.Errorf(model.CodeLimitExceeded, "the attributes have more than %d bytes", maxAttributes)
	}
	if depth >= l.Nesting {
		return nil, model.Exceeded(model.SettingNesting, int64(l.Nesting), "the attributes are nested %d levels deep, and their entry is one more", depth)
	}
	return attributes, nil
}

// measure is about how many bytes a value takes as JSON, and how deep it is
// nested. What is beyond the bound of bytes is not looked at.
func measure(v any) (bytes, depth int) {
	each := func(v any) {
		if bytes > maxAttributes {
			return
		}
		b, d := measure(v)
		bytes, depth = bytes+b+1, max(depth, d)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			bytes += len(name) + 3
			each(e)
		}
		return bytes + 2, depth + 1
	case []any:
		for _, e := range v {
			each(e)
		}
		return bytes + 2, depth + 1
	case string:
		return len(v) + 2, 0
	}
	return utf8.UTFMax, 0 // a number, true, false or null
}
