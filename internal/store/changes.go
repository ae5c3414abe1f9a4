package store

import "strings"

// ChangeKind names a part of what decisions are made from.
type ChangeKind string

const (
	ChangedPolicy    ChangeKind = "policy"    // a document was published
	ChangedTenant    ChangeKind = "tenant"    // catalogue, MFA, strict fields, disabled
	ChangedSubject   ChangeKind = "subject"   // Key "type:id": the subject's row, or the user's disabled flag
	ChangedMember    ChangeKind = "member"    // Key "type:id" or "team:id": its role assignments
	ChangedRole      ChangeKind = "role"      // Key: role id; its MFA flag or existence, not its assignments
	ChangedGroups    ChangeKind = "groups"    // teams, units, territories
	ChangedResource  ChangeKind = "resource"  // Key "type:id"; the type has no colon
	ChangedDirectory ChangeKind = "directory" // anything of the directory, resources too
)

// Change names what a write changed of what decisions are made from. Key is ""
// where the kind alone says it.
type Change struct {
	Kind ChangeKind
	Key  string
}

// The bounds of a tenant's history of changes.
const (
	KeptRevisions = 5000 // older changes are forgotten
	MaxChanges    = 1000 // of one Bump; more are one ChangedDirectory
)

// ResourceChange is the change of a registered record. A type with a colon
// would leave open where the id begins.
func ResourceChange(typ, id string) Change {
	if strings.Contains(typ, ":") {
		return Change{Kind: ChangedDirectory}
	}
	return Change{ChangedResource, typ + ":" + id}
}

// Compact drops what is said twice and, where too much is left, says
// ChangedDirectory for all that is of the directory.
func Compact(changes []Change) []Change {
	seen := make(map[Change]bool, len(changes))
	var out []Change
	for _, c := range changes {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	if len(out) <= MaxChanges {
		return out
	}
	short := []Change{{Kind: ChangedDirectory}}
	for _, kind := range []ChangeKind{ChangedPolicy, ChangedTenant} {
		if seen[Change{Kind: kind}] {
			short = append(short, Change{Kind: kind})
		}
	}
	return short
}
