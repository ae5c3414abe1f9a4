package directory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/store"
	"rolegate/model"
)

// importFile is a parsed file: ids bare, every entry well formed in itself.
type importFile struct {
	Subjects    []numbered[model.Subject]
	Teams       []numbered[model.Team]
	Units       []numbered[model.Unit]
	Territories []numbered[model.Territory]
	Roles       []numbered[string]
	Assignments []numbered[model.Assignment]
	Resources   []numbered[model.Resource]
}

// numbered is an entry with its place in the file's list.
type numbered[T any] struct {
	i int
	v T
}

// changes is what decisions have to know of the file; in an import nothing is
// taken away.
func (in importFile) changes() (changes []store.Change) {
	if len(in.Teams)+len(in.Units)+len(in.Territories) > 0 {
		changes = append(changes, store.Change{Kind: store.ChangedGroups})
	}
	for _, e := range in.Roles {
		changes = append(changes, roleChange(e.v))
	}
	for _, e := range in.Subjects {
		changes = append(changes, subjectChange(e.v.Key()))
	}
	for _, e := range in.Assignments {
		changes = append(changes, memberChange(e.v.Member))
	}
	for _, e := range in.Resources {
		changes = append(changes, store.ResourceChange(e.v.Type, e.v.ID))
	}
	return changes
}

func (in importFile) counts() ImportResult {
	return ImportResult{Subjects: len(in.Subjects), Teams: len(in.Teams), Units: len(in.Units), Territories: len(in.Territories),
		Roles: len(in.Roles), Assignments: len(in.Assignments), Resources: len(in.Resources)}
}

// lists are the members of a file.
var lists = []string{"subjects", "teams", "units", "territories", "roles", "assignments", "resources"}

// parseImport reads a file strictly and names every entry that is bad in itself.
// It is an error if the file as a whole has another form: what its entries refer
// to is then not known.
func parseImport(file []byte, levels int) (in importFile, bad []model.Detail, err error) {
	file = bytes.TrimPrefix(file, []byte("\ufeff")) // a byte order mark, which some shells write
	if err := checkNesting(file, levels); err != nil {
		return in, nil, err
	}
	var raw map[string]jsontext.Value
	err = json.Unmarshal(file, &raw)
	switch {
	case err != nil:
		return in, nil, importInvalid([]model.Detail{complain("", file, err)})
	case raw == nil:
		return in, nil, importInvalid([]model.Detail{{Reason: "an object is wanted here, not null"}})
	}
	list := split(raw, &bad)
	misshapen := len(bad) > 0
	in.Subjects = entries(&bad, "subjects", list["subjects"], cleanSubject)
	in.Teams = entries(&bad, "teams", list["teams"], func(t model.Team) (model.Team, string, error) {
		t.ID = Bare("team", t.ID)
		return t, t.ID, checkGroup("team", t.ID)
	})
	in.Units = entries(&bad, "units", list["units"], func(u model.Unit) (model.Unit, string, error) {
		u.ID, u.Parent = Bare("unit", u.ID), Bare("unit", u.Parent)
		bareAll("user", u.Heads)
		return u, u.ID, checkBare("unit", u.ID)
	})
	in.Territories = entries(&bad, "territories", list["territories"], func(t model.Territory) (model.Territory, string, error) {
		t.ID, t.Parent = Bare("territory", t.ID), Bare("territory", t.Parent)
		return t, t.ID, checkBare("territory", t.ID)
	})
	in.Roles = entries(&bad, "roles", list["roles"], func(r string) (string, string, error) {
		r = Bare("role", r)
		return r, r, checkGroup("role", r)
	})
	in.Assignments = entries(&bad, "assignments", list["assignments"], cleanAssignment)
	in.Resources = entries(&bad, "resources", list["resources"], func(r model.Resource) (model.Resource, string, error) {
		if err := checkID("type", r.Type); err != nil {
			return r, "", err
		}
		return r, r.Type + ":" + r.ID, checkID("id", r.ID)
	})
	if misshapen {
		return in, nil, importInvalid(bad)
	}
	return in, bad, nil
}

// split cuts the lists of a file into their entries, collecting what is no such
// list.
func split(raw map[string]jsontext.Value, bad *[]model.Detail) map[string][]jsontext.Value {
	entries := map[string][]jsontext.Value{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(lists, name) {
			*bad = append(*bad, model.Detail{Path: name, Reason: unknown(lists)})
			continue
		}
		var list []jsontext.Value
		if err := json.Unmarshal(raw[name], &list); err != nil {
			*bad = append(*bad, complain(name, raw[name], err))
		}
		entries[name] = list
	}
	return entries
}

// entries decodes and cleans a list, collecting what is bad; an entry whose key
// stands twice is bad too, since which of the two counts would be a guess.
func entries[Sent, T any](bad *[]model.Detail, list string, raw []jsontext.Value, clean func(Sent) (T, string, error)) []numbered[T] {
	var out []numbered[T]
	first := map[string]int{}
	for i, r := range raw {
		path := fmt.Sprintf("%s[%d]", list, i)
		var sent Sent
		if err := json.Unmarshal(r, &sent, json.RejectUnknownMembers(true)); err != nil {
			*bad = append(*bad, complain(path, r, err))
			continue
		}
		v, key, err := clean(sent)
		if err != nil {
			*bad = append(*bad, model.Detail{Path: path, Reason: err.Error()})
			continue
		}
		if j, twice := first[key]; twice {
			*bad = append(*bad, model.Detail{Path: path, Reason: fmt.Sprintf("%q is already in %s[%d]", key, list, j)})
			continue
		}
		first[key] = i
		out = append(out, numbered[T]{i, v})
	}
	return out
}

func cleanSubject(s model.Subject) (model.Subject, string, error) {
	s.Unit, s.Manager, s.Contact = Bare("unit", s.Unit), Bare("user", s.Manager), Bare("contact", s.Contact)
	bareAll("team", s.Teams)
	bareAll("territory", s.Territories)
	bareAll("account", s.Accounts)
	if err := checkID("type", s.Type); err != nil {
		return s, "", err
	}
	if s.Type == "role" || s.Type == "team" || strings.Contains(s.Type, ":") {
		return s, "", model.Errorf(model.CodeInvalidRequest, "%q cannot be the type of a subject", s.Type)
	}
	for _, team := range s.Teams {
		if err := checkGroup("team", team); err != nil {
			return s, "", err
		}
	}
	return s, s.Key(), checkID("id", s.ID)
}

// sentAssignment is an assignment as a file has it: a window without an end, and
// one that ends at the zero time, are not the same.
type sentAssignment struct {
	Member string     `json:"member"`
	Role   string     `json:"role"`
	From   time.Time  `json:"from"`
	Until  *time.Time `json:"until"`
}

// cleanAssignment checks member, role and window; offices and existence are
// checked against the directory.
func cleanAssignment(sent sentAssignment) (model.Assignment, string, error) {
	a := model.Assignment{Member: MemberKey(sent.Member), Role: Bare("role", sent.Role), From: sent.From.UTC().Truncate(time.Microsecond)}
	key := a.Member + " " + a.Role
	if sent.Until != nil {
		if a.Until = sent.Until.UTC().Truncate(time.Microsecond); a.Until.IsZero() {
			return a, key, model.Errorf(model.CodeInvalidRequest, "until is the zero time, which ends nothing")
		}
	}
	return a, key, checkAssignment(a)
}

func bareAll(kind string, ids []string) {
	for i, id := range ids {
		ids[i] = Bare(kind, id)
	}
}
