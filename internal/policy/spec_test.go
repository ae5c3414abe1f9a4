package policy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rolegate/model"
)

// spec is what a policy means, said a second time and as plainly as Go allows:
// loops over rows, nothing compiled, nothing remembered. It shares no code with
// the package but the catalogue's types. Tests hold Decide, and Casbin, to it.
type spec struct {
	rows   [][]string // kind first
	dir    model.Directory
	cat    *Catalog
	strict bool
}

// Truth values, so that Kleene's "or" is max.
const (
	specNo      = -1
	specUnknown = 0
	specYes     = 1
)

func specIs(b bool) int {
	if b {
		return specYes
	}
	return specNo
}

// decide gives the code of the decision, and what a reading may show.
func (s spec) decide(q model.Question, in Inputs) (model.Code, *model.Fields) {
	if !slices.ContainsFunc(s.dir.Subjects, func(x model.Subject) bool { return x.Key() == key(q) }) {
		return model.ReasonSubjectUnknown, nil
	}
	if q.Subject.Type == "user" && slices.Contains(s.dir.Disabled, q.Subject.ID) {
		return model.ReasonSubjectDisabled, nil
	}
	code, unproven := s.action(q, in, q.Action.Name)
	if code != model.ReasonAllowed {
		return code, nil
	}
	if unproven {
		return model.ReasonStepUp, nil
	}
	return code, s.shown(q, in)
}

func key(q model.Question) string { return q.Subject.Type + ":" + q.Subject.ID }

func (s spec) action(q model.Question, in Inputs, action string) (code model.Code, unproven bool) {
	o := s.cat.Objects[q.Resource.Type]
	named := func(column int, word string, onAny bool) bool {
		return slices.ContainsFunc(s.rows, func(r []string) bool {
			return r[0] != "g" && r[column] == word && (column == 2 || r[0] != "p3" && (r[2] == q.Resource.Type || onAny && r[2] == "*"))
		})
	}
	if o == nil && !named(2, q.Resource.Type, false) {
		return model.ReasonObjectUnknown, false
	}
	if o == nil && !named(3, action, true) && !named(3, "*", false) {
		return model.ReasonActionUnknown, false
	}
	if o != nil {
		if _, declared := o.Actions[action]; !declared && !named(3, action, true) {
			return model.ReasonActionUnknown, false
		}
		if !o.Enabled {
			return model.ReasonObjectDisabled, false
		}
	}
	granted, denied := s.grants(q, in, action)
	if denied {
		return model.ReasonDenied, false
	}
	if !granted {
		return model.ReasonNotGranted, false
	}
	if s.restricted(q, in, action) {
		return model.ReasonRestricted, false
	}
	if changes, _ := q.Action.Properties["changes"].(map[string]any); action == "update" && changes != nil {
		would := q
		would.Resource.Properties = maps.Clone(q.Resource.Properties)
		if would.Resource.Properties == nil {
			would.Resource.Properties = map[string]any{}
		}
		maps.Copy(would.Resource.Properties, changes)
		if s.restricted(would, in, action) {
			return model.ReasonRestricted, false
		}
	}
	if len(s.closed(q, in, action)) > 0 {
		return model.ReasonFieldsClosed, false
	}
	unproven = s.unproven(q, in, action)
	if o != nil {
		for _, required := range o.Actions[action].Requires {
			sub, subUnproven := s.action(q, in, required)
			if sub != model.ReasonAllowed {
				return model.ReasonRequiredAction, false
			}
			unproven = unproven || subUnproven
		}
	}
	return model.ReasonAllowed, unproven
}

// grants: some allow row surely reaches the record; some deny row perhaps does.
func (s spec) grants(q model.Question, in Inputs, action string) (granted, denied bool) {
	for _, r := range s.about("p", q, in, action) {
		reached := min(s.scope(r[4], q, in, action), s.condition(r[5], q, in))
		granted = granted || r[6] == "allow" && reached == specYes
		denied = denied || r[6] == "deny" && reached != specNo
	}
	return granted, denied
}

// restricted: the condition of some restriction does not surely hold.
func (s spec) restricted(q model.Question, in Inputs, action string) bool {
	return slices.ContainsFunc(s.about("p2", q, in, action), func(r []string) bool { return s.condition(r[4], q, in) != specYes })
}

func (s spec) unproven(q model.Question, in Inputs, action string) bool {
	return slices.ContainsFunc(s.about("p4", q, in, action), func(r []string) bool { return !s.assured(in, r[4], r[5]) })
}

func (s spec) assured(in Inputs, acr, maxAge string) bool {
	level, _ := strconv.Atoi(acr)
	seconds, err := strconv.Atoi(maxAge)
	return in.Assurance.Level >= level && (err != nil || in.Now.Sub(in.Assurance.AuthTime) <= time.Duration(seconds)*time.Second)
}

// about are the rows of a kind that speak of the subject, the object and a word
// (an action or a field).
func (s spec) about(kind string, q model.Question, in Inputs, word string) (rows [][]string) {
	keys := s.keys(key(q), in.Now)
	for _, r := range s.rows {
		if r[0] == kind && (keys[r[1]] || r[1] == "*") && (r[2] == "*" || r[2] == q.Resource.Type) &&
			(r[3] == word || r[3] == "*" && kind != "p3") {
			rows = append(rows, r)
		}
	}
	return rows
}

// keys are the subject itself, its teams, and the roles it comes by.
func (s spec) keys(subject string, now time.Time) map[string]bool {
	keys := map[string]bool{subject: true}
	for _, x := range s.dir.Subjects {
		if x.Key() == subject {
			for _, team := range x.Teams {
				keys["team:"+team] = true
			}
		}
	}
	for before := -1; before != len(keys); {
		before = len(keys)
		for _, a := range s.dir.Assignments {
			if keys[a.Member] && !now.Before(a.From) && (a.Until.IsZero() || now.Before(a.Until)) {
				keys["role:"+a.Role] = true
			}
		}
		for _, r := range s.rows {
			if r[0] == "g" && keys[r[1]] {
				keys[r[2]] = true
			}
		}
	}
	return keys
}

func (s spec) scope(name string, q model.Question, in Inputs, action string) int {
	var who model.Subject
	for _, x := range s.dir.Subjects {
		if x.Key() == key(q) {
			who = x
		}
	}
	me := ""
	if who.Type == "user" {
		me = who.ID
	}
	one := func(name, kind string, f func(string) bool) int {
		v, sent := attribute(q, in, name)
		text, isText := v.(string)
		if !sent || v != nil && !isText {
			return specUnknown
		}
		text = strings.TrimPrefix(text, kind+":")
		return specIs(text != "" && f(text))
	}
	some := func(name, kind string, f func(string) bool) int {
		v, sent := attribute(q, in, name)
		list, isList := v.([]any)
		if !sent || v != nil && !isList {
			return specUnknown
		}
		hit := specNo
		for _, e := range list {
			text, isText := e.(string)
			if !isText {
				return specUnknown
			}
			hit = max(hit, specIs(f(strings.TrimPrefix(text, kind+":"))))
		}
		return hit
	}
	isMe := func(id string) bool { return id != "" && id == me }
	own := one("owner", "user", isMe)
	base, n, _ := strings.Cut(name, ":")
	switch base {
	case "all":
		return specYes
	case "own":
		return own
	case "created":
		return one("created_by", "user", isMe)
	case "assigned":
		return some("assignees", "user", isMe)
	case "unassigned":
		return -one("owner", "user", func(string) bool { return true })
	case "team":
		return max(own, some("teams", "team", func(t string) bool { return slices.Contains(who.Teams, t) }))
	case "subtree":
		below := map[string]bool{}
		for range 40 { // more rounds than there are people
			for _, x := range s.dir.Subjects {
				if x.Type == "user" && x.Manager != "" && (x.Manager == me || below[x.Manager] && n == "") {
					below[x.ID] = true
				}
			}
		}
		depth, _ := strconv.Atoi(n)
		for d := 1; d < depth; d++ {
			for _, x := range s.dir.Subjects {
				if x.Type == "user" && s.distance(x.ID, me) == d+1 {
					below[x.ID] = true
				}
			}
		}
		reports := func(id string) bool { return isMe(id) || below[id] }
		return max(one("owner", "user", reports), some("assignees", "user", reports))
	case "unit":
		return max(own, one("unit", "unit", func(u string) bool { return u == who.Unit }))
	case "unit_tree":
		return max(own, one("unit", "unit", func(u string) bool { return slices.Contains(s.unitsUp(u), who.Unit) }))
	case "unit_head":
		return one("unit", "unit", func(u string) bool {
			return slices.ContainsFunc(s.dir.Units, func(x model.Unit) bool {
				return slices.Contains(s.unitsUp(u), x.ID) && me != "" && slices.Contains(x.Heads, me)
			})
		})
	case "territory":
		return one("territory", "territory", func(t string) bool {
			return slices.ContainsFunc(who.Territories, func(mine string) bool { return slices.Contains(s.territoriesUp(t), mine) })
		})
	case "account":
		return one("account", "account", func(a string) bool { return slices.Contains(who.Accounts, a) })
	case "contact":
		return some("contacts", "contact", func(c string) bool { return c != "" && c == who.Contact })
	case "shared":
		keys := s.keys(key(q), in.Now)
		return s.shares(q, in, action, func(to string) bool { return keys[to] })
	case "everyone":
		return s.shares(q, in, action, func(to string) bool { return to == "*" })
	}
	panic("no scope " + name)
}

// distance is how many steps user reports to boss; 0 is not at all.
func (s spec) distance(user, boss string) int {
	for d := 1; d <= 40; d++ {
		next := ""
		for _, x := range s.dir.Subjects {
			if x.Type == "user" && x.ID == user {
				next = x.Manager
			}
		}
		if user = next; user != "" && user == boss {
			return d
		}
	}
	return 0
}

func (s spec) unitsUp(id string) (up []string) {
	for range 40 {
		up = append(up, id)
		for _, u := range s.dir.Units {
			if u.ID == id && u.Parent != "" {
				id = u.Parent
				break
			}
		}
	}
	return up
}

func (s spec) territoriesUp(id string) (up []string) {
	for range 40 {
		up = append(up, id)
		for _, t := range s.dir.Territories {
			if t.ID == id && t.Parent != "" {
				id = t.Parent
				break
			}
		}
	}
	return up
}

func (s spec) shares(q model.Question, in Inputs, action string, to func(string) bool) int {
	v, sent := attribute(q, in, "shares")
	list, isList := v.([]any)
	if !sent || v != nil && !isList {
		return specUnknown
	}
	hit := specNo
	for _, e := range list {
		m, isMap := e.(map[string]any)
		if !isMap {
			return specUnknown
		}
		until := in.Now.Add(time.Hour)
		if text, limited := m["until"].(string); limited {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return specUnknown
			}
			until = t
		}
		actions := m["actions"].([]any)
		hit = max(hit, specIs(to(m["to"].(string)) && slices.Contains(actions, any(action)) && in.Now.Before(until)))
	}
	return hit
}

// attribute is what is known of the record: what the request sends, else what
// is stored; of a stored record everything is known.
func attribute(q model.Question, in Inputs, name string) (v any, sent bool) {
	if v, sent = q.Resource.Properties[name]; sent || in.Stored == nil {
		return v, sent
	}
	return in.Stored.Attributes[name], true
}

// mayField is section 5, (a) to (d).
func (s spec) mayField(q model.Question, in Inputs, field, access string) bool {
	var secured bool
	if o := s.cat.Objects[q.Resource.Type]; o != nil {
		secured = o.Fields[field].Secured
	}
	count := func(name string, everybody bool, effect string) (n int) {
		for _, r := range s.about("p3", q, in, name) {
			if r[4] == access && (r[1] == "*") == everybody && r[5] == effect {
				n++
			}
		}
		return n
	}
	if count(field, true, "deny")+count("*", true, "deny") > 0 {
		return false
	}
	allowed, denied := count(field, false, "allow"), count(field, false, "deny")
	allowedAll, deniedAll := count("*", false, "allow"), count("*", false, "deny")
	if s.strict && denied+deniedAll > 0 {
		return false
	}
	if allowed+denied > 0 {
		return allowed > 0
	}
	if secured {
		return false
	}
	if allowedAll+deniedAll > 0 {
		return allowedAll > 0
	}
	return access != "unmask"
}

func (s spec) masked(q model.Question, in Inputs, field string) bool {
	o := s.cat.Objects[q.Resource.Type]
	return o != nil && o.Fields[field].Mask != "" && !s.mayField(q, in, field, "unmask")
}

func (s spec) closed(q model.Question, in Inputs, action string) (closed []string) {
	access := "read"
	if action == "create" || action == "update" {
		access = action
	}
	strict, _ := q.Action.Properties["strict_fields"].(bool)
	for _, f := range texts(q.Action.Properties["fields"]) {
		if (access != "read" || strict) && !s.mayField(q, in, f, access) {
			closed = append(closed, f)
		}
	}
	if changes, _ := q.Action.Properties["changes"].(map[string]any); access != "read" {
		for f := range changes {
			if !s.mayField(q, in, f, access) {
				closed = append(closed, f)
			}
		}
	}
	for _, f := range texts(q.Action.Properties["return_fields"]) {
		if strict && !s.mayField(q, in, f, "read") {
			closed = append(closed, f)
		}
	}
	for _, f := range texts(q.Action.Properties["filter_fields"]) {
		if !s.mayField(q, in, f, "read") || s.masked(q, in, f) {
			closed = append(closed, f)
		}
	}
	return closed
}

func (s spec) shown(q model.Question, in Inputs) *model.Fields {
	names := append(texts(q.Action.Properties["fields"]), texts(q.Action.Properties["return_fields"])...)
	if q.Action.Name == "create" || q.Action.Name == "update" {
		if names = texts(q.Action.Properties["return_fields"]); len(names) == 0 {
			return nil
		}
	}
	if len(names) == 0 {
		names = []string{"*"}
		if o := s.cat.Objects[q.Resource.Type]; o != nil {
			names = slices.AppendSeq(names, maps.Keys(o.Fields))
		}
		for _, r := range s.rows {
			if r[0] == "p3" && r[3] != "*" && (r[2] == "*" || r[2] == q.Resource.Type) {
				names = append(names, r[3])
			}
		}
	}
	slices.Sort(names)
	f := &model.Fields{Masks: map[string]string{}}
	var open []string
	for _, name := range slices.Compact(names) {
		if name != "*" && s.mayField(q, in, name, "read") {
			open = append(open, name)
		}
		if !s.mayField(q, in, name, "read") {
			f.Hidden = append(f.Hidden, name)
			continue
		}
		if s.masked(q, in, name) {
			f.Masked = append(f.Masked, name)
			f.Masks[name] = s.cat.Objects[q.Resource.Type].Fields[name].Mask
		}
		if !s.mayField(q, in, name, "update") {
			f.ReadOnly = append(f.ReadOnly, name)
		}
	}
	if slices.Contains(f.Hidden, "*") || slices.Contains(f.ReadOnly, "*") {
		f.Open = open
	}
	return f
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, e.(string))
	}
	return out
}
