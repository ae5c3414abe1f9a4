package policy

import (
	"slices"
	"testing"

	"rolegate/internal/store"
)

// Publishing a document names itself, each role it may bring and each member
// whose roles it adds to.
func TestPublishingSaysWhatItChanges(t *testing.T) {
	doc, err := Parse("p, role:rep, contact, read, all, , allow\ng, role:lead, role:rep\ng, user:ann, role:lead\ng, team:emea, role:rep\n")
	if err != nil {
		t.Fatal(err)
	}
	got := doc.changes()
	for _, want := range []store.Change{{Kind: store.ChangedPolicy}, {Kind: store.ChangedRole, Key: "rep"}, {Kind: store.ChangedRole, Key: "lead"},
		{Kind: store.ChangedMember, Key: "user:ann"}, {Kind: store.ChangedMember, Key: "team:emea"}} {
		if !slices.Contains(got, want) {
			t.Errorf("%v does not say %v", got, want)
		}
	}
}
