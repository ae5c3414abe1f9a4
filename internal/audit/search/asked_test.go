package search_test

import (
	"fmt"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/model"
)

// asks searches as an officer and gives what the search's own entry seals, by whose it
// is; what was destroyed is under "".
func (f *fixture) asks(q search.Filter) map[string]map[string]any {
	f.t.Helper()
	eve := model.Caller{Kind: model.CallerUser, ID: "eve", Tenant: "acme"}
	_, err := f.search.Pages(f.ctx, search.Reader{Tenant: "acme", Ref: acme, Caller: eve}, q, search.Newest, 10, nil)
	f.must(err)
	return f.sealedOf(f.size() - 1)
}

func (f *fixture) size() int64 {
	f.t.Helper()
	n, err := f.store.LogSize(f.ctx)
	f.must(err)
	return n
}

func (f *fixture) sealedOf(index int64) map[string]map[string]any {
	f.t.Helper()
	rows, err := f.store.EntriesBetween(f.ctx, index, index+1)
	f.must(err)
	leaf, err := audit.Decode(rows[0].Leaf)
	f.must(err)
	contents, err := f.log.Reveal(f.ctx, leaf, rows[0])
	f.must(err)
	found := map[string]map[string]any{}
	for _, c := range contents {
		person, _ := c["person"].(string)
		if person == "" {
			person, _ = c["caller"].(string)
		}
		found[person] = c
	}
	return found
}

// forget destroys the key of somebody of acme.
func (f *fixture) forget(person string) {
	f.t.Helper()
	_, err := f.keys.DestroyKeys(f.ctx, [][]byte{f.refs[string(acme)+person]}, nil)
	f.must(err)
	f.must(f.log.ForgetKeys(f.ctx))
}

// Whoever was erased is in no later entry by name, though somebody looks for them: what
// is left is a mark, the same each time.
func TestSearchForAnErasedPerson(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin
		before := f.asks(search.Filter{Subject: "user:ann"})
		if before["user:ann"]["subject"] != "user:ann" || before["user:eve"]["subject"] != nil {
			t.Fatalf("of somebody who is known: %v", before)
		}
		at := f.size() - 1
		f.forget("user:ann")
		if was := f.sealedOf(at); was["user:ann"] != nil {
			t.Errorf("the earlier search still says %v", was)
		}
		for range 2 {
			after := f.asks(search.Filter{Subject: "user:ann"})
			if mark := after["user:eve"]["subject_mark"]; len(after) != 1 || mark != f.log.Mark(acme, "user:ann") {
				t.Errorf("the mark is %v: %v", mark, after)
			}
		}
	})
}

// A record that an officer looks for is sealed for whom it is about, and goes with
// them; whose it is, is what the log says. What it does not say is a mark.
func TestSearchForARecord(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin
		decision := func(person string, personal map[string]any, others ...audit.Part) {
			t.Helper()
			e := evaluated("acme", person, audit.Evaluated)
			e.Personal, e.Others = personal, others
			f.must(f.log.Append(f.ctx, e))
		}
		about := audit.Part{Person: "contact:1", Personal: map[string]any{"person": "contact:1", "resource": "deal:1"}}
		decision("user:ann", map[string]any{"subject": "user:ann"}, about)
		decision("user:ann", map[string]any{"subject": "user:ann"}, audit.Part{Person: "contact:1", Personal: map[string]any{"person": "contact:1",
			"members": []audit.Member{{Item: 1, Resource: "deal:2", Person: "contact:1"}}}})
		decision("user:ann", map[string]any{"subject": "user:ann", "resource": "note:7"})
		decision("user:bob", map[string]any{"subject": "user:bob", "resource": "note:7"})
		decision("user:ann", map[string]any{"subject": "user:ann", "resource": "note:8"})
		for record, want := range map[string]string{"deal:1": "contact:1", "deal:2": "contact:1", "contact:1": "contact:1", "note:7": "user:eve", "note:8": "user:ann"} {
			got := f.asks(search.Filter{Object: record})
			for person, content := range got {
				if (content["resource"] == record) != (person == want) || content["resource_mark"] != nil {
					t.Errorf("%s is sealed for %s as %v", record, person, content)
				}
			}
			if got[want] == nil {
				t.Errorf("%s is sealed for %v", record, got)
			}
		}
		f.forget("contact:1")
		for _, record := range []string{"deal:1", "contact:1", "unheard:of"} {
			got := f.asks(search.Filter{Object: record})
			if len(got) != 1 || got["user:eve"]["resource_mark"] != f.log.Mark(acme, record) || got["user:eve"]["resource"] != nil {
				t.Errorf("%s, of nobody who is known, is sealed as %s", record, fmt.Sprint(got))
			}
		}
	})
}

// Whose a record is, is not asked of entries that seal for hundreds of people, each with
// a key of their own: what only they say is a mark, and what others say as well counts.
func TestSearchForARecordOfManyPeople(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		f.now = begin
		decision := func(e audit.Entry, personal map[string]any, others ...audit.Part) {
			t.Helper()
			e.Personal, e.Others = personal, others
			f.must(f.log.Append(f.ctx, e))
		}
		hits := func(n int, record string) (all []audit.Part) {
			for i := range n {
				person := fmt.Sprint("contact:", i)
				all = append(all, audit.Part{Person: person, Personal: map[string]any{"person": person, "resources": []string{record}}})
			}
			return all
		}
		ann := func() audit.Entry { return evaluated("acme", "user:ann", audit.SearchedResource) }
		asked := map[string]any{"subject": "user:ann"}
		decision(ann(), asked, hits(2, "deal:1")...)
		decision(ann(), asked, hits(250, "deal:2")...)
		decision(ann(), map[string]any{"subject": "user:ann", "resource": "note:3"})
		decision(ann(), map[string]any{"subject": "user:ann", "resource": "note:3"}, hits(250, "note:3")...)
		decision(ann(), asked, hits(1, "deal:4")...)
		decision(ann(), asked, hits(250, "deal:4")...)
		for record, want := range map[string]int{"deal:1": 2, "deal:2": 0, "note:3": 0, "deal:4": 1} {
			got, named := f.asks(search.Filter{Object: record}), 0
			for _, content := range got {
				if content["resource"] == record {
					named++
				}
			}
			if named != want || (got["user:eve"]["resource_mark"] != nil) != (want == 0) {
				t.Errorf("%s is sealed for %d people, want %d: %v", record, named, want, got)
			}
		}
	})
}
