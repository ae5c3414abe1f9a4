package directory

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/model"
)

// cycleFrom finds a way round exactly for the ids that lie on one.
func TestCycleFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		parents := map[string]string{}
		for i := range n {
			parents[fmt.Sprint(i)] = rapid.SampledFrom([]string{"", "0", "1", "2", "3", "4", "5", "6", "7", "x"}).Draw(t, "parent")
		}
		for id := range parents {
			on := false
			at := id
			for range n + 1 { // an id is on a cycle if n steps or fewer lead back to it
				at = parents[at]
				on = on || at == id
			}
			if got := cycleFrom(parents, id); (got != nil) != on {
				t.Fatalf("%v from %s: %v, on a cycle: %v", parents, id, got, on)
			}
		}
	})
}

func TestParseImportNamesEveryBadEntry(t *testing.T) {
	long := strings.Repeat("x", MaxID+1)
	for _, c := range []struct {
		file  string
		wants []string // path: part of the reason
	}{
		{`{}`, nil},
		{`{"subjects": []}`, nil},
		{"\ufeff{\"roles\": [\"a\"]}", nil}, // as editors and shells begin a file
		{"\ufeff\ufeff{}", []string{"1:1: here the text stops being JSON"}},
		{`{"roles": ["rep", "role:rep"]}`, []string{`roles[1]: "rep" is already in roles[0]`}},
		{`{"subjects": [{"type": "user", "id": "*"}]}`, []string{"subjects[0]: the id is *"}},
		{`{"subjects": [{"type": "a:b", "id": "x"}, {"type": "team", "id": "x"}]}`, []string{"subjects[0]: ", "subjects[1]: "}},
		{`{"subjects": [{"type": "user", "id": "x", "admin": true}]}`, []string{"subjects[0].admin: is unknown here; there are type, id, attributes, teams, unit, "}},
		{`{"subjects": [{"type": "user", "id": 7}]}`, []string{"subjects[0].id: text is wanted here, not this number"}},
		{`{"subjects": [{"type": "user", "type": "x", "id": "y"}]}`, []string{"subjects[0].type: is there more than once"}},
		{`{"subjects": [{"type": "user", "id": "x", "teams": ["a", 7]}]}`, []string{"subjects[0].teams[1]: text is wanted here, not this number"}},
		{`{"subjects": [{"type": "user", "id": "x", "teams": "a"}]}`, []string{"subjects[0].teams: a list is wanted here, not text"}},
		{`{"subjects": [{"type": "user", "id": "x", "attributes": {"n": 1e400}}]}`, []string{"subjects[0].attributes.n: a number of usual size is wanted here, not this number"}},
		{`{"subjects": [[]]}`, []string{"subjects[0]: an object is wanted here, not a list"}},
		{`{"subjects": {}}`, []string{"subjects: a list is wanted here, not an object"}},
		{`{"roles": ["a,b", "x*", " a", "a ", "role:role:x", "a b", "*", "a\tb"]}`, []string{`roles[0]: the role "a,b" contains a comma`, `roles[1]: the role "x*" contains *`,
			`roles[2]: the role " a" begins or ends with a blank`, `roles[3]: `, `roles[4]: "role:role:x" begins with role: twice`, `roles[6]: `, `roles[7]: `}},
		{`{"teams": [{"id": "team:a,b"}, {"id": "ok"}, {"id": "team:team:x"}, {"id": "x*"}]}`, []string{`teams[0]: the team "a,b" contains a comma`, "teams[2]: ", "teams[3]: "}},
		{`{"subjects": [{"type": "user", "id": "x", "teams": ["ok", "a,b"]}]}`, []string{`subjects[0]: the team "a,b" contains a comma`}},
		// Whoever takes the prefix off again would find another's id.
		{`{"subjects": [{"type": "user", "id": "a", "manager": "user:user:b"}, {"type": "user", "id": "c", "unit": "unit:unit:x"},
			{"type": "user", "id": "d", "contact": "contact:contact:x"}, {"type": "user", "id": "e", "territories": ["territory:territory:x"]},
			{"type": "user", "id": "f", "accounts": ["ok", "account:account:x"]}], "units": [{"id": "u", "heads": ["user:user:b"]}]}`,
			[]string{`subjects[0]: "user:user:b" begins with user: twice`, `subjects[1]: "unit:unit:x" begins`, `subjects[2]: "contact:contact:x" begins`,
				`subjects[3]: "territory:territory:x" begins`, `subjects[4]: "account:account:x" begins`, `units[0]: "user:user:b" begins with user: twice`}},
		{`{"teams": [{"id": "` + long + `"}], "units": [{}], "territories": [{"id": ""}]}`, []string{"teams[0]: ", "units[0]: ", "territories[0]: "}},
		{`{"resources": [{"type": "", "id": "1"}, {"type": "deal"}]}`, []string{"resources[0]: the type is empty", "resources[1]: the id is empty"}},
		{`{"assignments": [{"member": "role:x", "role": "y"}, {"member": "team:t", "role": "audit-admin"}, {"member": "", "role": "y"}]}`,
			[]string{"assignments[0]: ", "assignments[1]: audit-admin is an office", "assignments[2]: "}},
		{`{"assignments": [{"member": "u", "role": "r", "from": "yesterday"}, {"member": "u", "role": "s", "until": 7}]}`,
			[]string{"assignments[0].from: a time with its zone is wanted here, such as 2026-", "assignments[1].until: a time with its zone is wanted"}},
		// The zero time is none: as an end it would be no end at all.
		{`{"assignments": [{"member": "u", "role": "r", "until": "0001-01-01T00:00:00Z"}, {"member": "u", "role": "s", "until": "0001-01-01T08:00:00.0000001+08:00"},
			{"member": "u", "role": "t", "from": "0001-01-01T00:00:00Z"}, {"member": "u", "role": "v", "until": "0001-01-01T00:00:01Z"}]}`,
			[]string{"assignments[0]: until is the year 1", "assignments[1]: until is the year 1", "assignments[2]: from is the year 1"}},
		{`[]`, []string{"an object is wanted here, not a list"}},
		{`{"people": []}`, []string{"people: is unknown here; there are subjects, teams, units, territories, roles, assignments, resources"}},
		{`{"people": [], "role": ["a"], "roles": ["a", 7], "teams": {}}`,
			[]string{"people: is unknown here; ", "role: is unknown here; ", "teams: a list is wanted here", "roles[1]: text is wanted here"}},
		{`null`, []string{"an object is wanted here, not null"}},
		{`{} {}`, []string{"1:4: here the text stops being JSON"}},
		{"{\n  \"roles\": [x]}", []string{"2:13: here the text stops being JSON"}},
		{"{\"roles\": [\"\xff\"]}", []string{"1:13: here the text stops being JSON"}},
		{`{"roles": [`, []string{"the JSON text ends early"}},
		{``, []string{"the JSON text ends early"}},
	} {
		_, bad, err := parseImport([]byte(c.file), model.DefaultLimits())
		var got []string
		for _, d := range bad.list {
			got = append(got, d.String())
		}
		if err != nil {
			e, ok := err.(*model.Error)
			if !ok || e.Code != model.CodeImportInvalid {
				t.Errorf("%s: %v", c.file, err)
				continue
			}
			for _, d := range e.Details {
				got = append(got, d.String())
			}
		}
		if len(got) != len(c.wants) {
			t.Errorf("%s:\n%q\nwant %q", c.file, got, c.wants)
			continue
		}
		for i, want := range c.wants {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: %q, want %q", c.file, got[i], want)
			}
		}
	}
}

// A file is nested no deeper than any other JSON, and how deep it really is does
// not matter.
func TestParseImportNesting(t *testing.T) {
	const most = 12
	limits := model.DefaultLimits()
	limits.Nesting = most
	nested := func(levels int) []byte { // the record's attributes are on level 4
		return []byte(`{"resources": [` + "\n" + `{"type": "deal", "id": "1", "attributes": {"x": ` +
			strings.Repeat("[", levels-4) + strings.Repeat("]", levels-4) + `}}]}`)
	}
	if _, bad, err := parseImport(nested(most), limits); err != nil || len(bad.list) > 0 {
		t.Errorf("%d levels: %v %v", most, bad, err)
	}
	want := "the file is nested deeper than 12 levels (ROLEGATE_MAX_NESTING) at 2:57"
	for _, levels := range []int{most + 1, 9_000, 100_000} {
		if _, _, err := parseImport(nested(levels), limits); model.CodeOf(err) != model.CodeInvalidRequest || err.Error() != want {
			t.Errorf("%d levels: %v, want %s", levels, err, want)
		}
	}
	// Brackets in text nest nothing, and what is no JSON is refused as that.
	for file, code := range map[string]model.Code{
		`{"roles": ["` + strings.Repeat("[", 100) + `"]}`:                       "",
		`{"roles": ["a" ` + strings.Repeat("[", 100):                            model.CodeImportInvalid,
		`{"roles": [], "roles": ` + strings.Repeat("[", 100):                    model.CodeImportInvalid,
		strings.Repeat("[", most+1):                                             model.CodeInvalidRequest,
		`{"x": [` + strings.Repeat(`{"a": 1},`, 100) + `{"a": [[[[[[[[[[[1]}]}`: model.CodeInvalidRequest,
	} {
		if _, _, err := parseImport([]byte(file), limits); err == nil && code != "" || err != nil && model.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", file, err, code)
		}
	}
}

// What a file may cost is bounded by what it may hold: reading ends where there
// are too many entries, bad or good.
func TestParseImportIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		code model.Code
	}{
		"bad entries":  {`{"teams":[` + strings.Repeat("1,", 4<<20) + `1]}`, model.CodeImportInvalid},
		"empty ones":   {`{"subjects":[` + strings.Repeat("{},", 4<<20) + `{}]}`, model.CodeImportInvalid},
		"one repeated": {`{"roles":[` + strings.Repeat(`"x",`, 2<<20) + `"x"]}`, model.CodeImportInvalid},
		"good entries": {func() string {
			var b strings.Builder
			for i := range maxEntries {
				fmt.Fprintf(&b, `"r%d",`, i)
			}
			return `{"roles":[` + b.String() + `"one more"]}`
		}(), model.CodeLimitExceeded},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, bad, err := parseImport([]byte(c.file), model.DefaultLimits())
		runtime.ReadMemStats(&after)
		if model.CodeOf(err) != c.code || len(bad.list) > maxBad {
			t.Errorf("%s: %d bad entries, %v", name, len(bad.list), err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<30 {
			t.Errorf("%s: %d MiB were spent on a file of %d", name, spent>>20, len(c.file)>>20)
		}
	}
}

// Ids may be written with their kind; null ends nothing.
func TestParseImportSpellings(t *testing.T) {
	in, bad, err := parseImport([]byte(`{
		"subjects": [{"type": "user", "id": "ann", "teams": ["team:emea", "apac"], "manager": "user:bob", "unit": "unit:sales",
		              "territories": ["territory:north"], "accounts": ["account:acme"], "contact": "contact:c1"}],
		"units": [{"id": "unit:sales", "parent": "unit:company", "heads": ["user:bob"]}],
		"assignments": [{"member": "ann", "role": "role:rep", "from": "2026-01-01T08:00:00+08:00", "until": null}]}`), model.DefaultLimits())
	if err != nil || len(bad.list) > 0 {
		t.Fatal(err, bad)
	}
	s := in.Subjects[0].v
	if !slices.Equal(s.Teams, []string{"emea", "apac"}) || s.Manager != "bob" || s.Unit != "sales" || s.Territories[0] != "north" ||
		s.Accounts[0] != "acme" || s.Contact != "c1" {
		t.Errorf("%+v", s)
	}
	if u := in.Units[0].v; u.ID != "sales" || u.Parent != "company" || u.Heads[0] != "bob" {
		t.Errorf("%+v", u)
	}
	a := in.Assignments[0].v
	if a.Member != "user:ann" || a.Role != "rep" || a.From.Format("2006-01-02 15:04 MST") != "2026-01-01 00:00 UTC" || !a.Until.IsZero() {
		t.Errorf("%+v", a)
	}
}

// FuzzParseImport: nothing hostile panics, and what is accepted is clean.
func FuzzParseImport(f *testing.F) {
	f.Add([]byte(`{"subjects": [{"type": "user", "id": "ann"}], "assignments": [{"member": "ann", "role": "rep"}]}`))
	f.Add([]byte(`{"subjects": [{"type": "user", "id": "\u0000"}]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		in, _, err := parseImport(file, model.DefaultLimits())
		if err != nil {
			return
		}
		for _, s := range values(in.Subjects) {
			if s.Type == "role" || s.ID == "" || checkID(model.Say("id"), s.ID) != nil {
				t.Errorf("accepted %+v", s)
			}
		}
		for _, a := range values(in.Assignments) {
			if checkAssignment(a) != nil {
				t.Errorf("accepted %+v", a)
			}
		}
		in.check(model.Directory{})
	})
}
