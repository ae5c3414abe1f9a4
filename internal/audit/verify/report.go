package verify

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"rolegate/internal/audit"
)

// Status is what came of a verification, and the exit code of the command.
type Status int

const (
	OK         Status = 0
	Unanchored Status = 10 // it agrees with itself, and with nothing that was kept apart from it
	Tamper     Status = 20 // it does not agree with itself
	Diverge    Status = 30 // it does not agree with what the auditor or a witness has kept
	Malform    Status = 40 // it cannot be read as a log
)

// Report says what was verified and what was found.
type Report struct {
	Status   Status    `json:"status"`
	Result   string    `json:"result"` // Status in a word
	Origin   string    `json:"origin,omitempty"`
	Size     int64     `json:"size"`
	Root     []byte    `json:"root"`               // recomputed
	Tenant   string    `json:"tenant,omitempty"`   // ref in hex, of a tenant's part
	From     int64     `json:"from"`               // whole entries are From to To
	To       int64     `json:"to"`                 //
	Begin    time.Time `json:"begin,omitzero"`     // of the entries' times
	End      time.Time `json:"end,omitzero"`       //
	Entries  int64     `json:"entries"`            // that were whole
	Foreign  int64     `json:"foreign,omitempty"`  // of which only the hash was there
	Omitted  int64     `json:"omitted,omitempty"`  // of which only the tree knows
	Sources  int       `json:"sources"`            // processes that wrote entries
	Segments int64     `json:"segments"`           // sealed, and as the entries say
	Shredded []Shred   `json:"shredded,omitempty"` // segments that were destroyed by rule

	Lost    Counted `json:"lost"`    // records that never came to the log, as it says itself
	Denials Counted `json:"denials"` // of floods, which have no entries of their own

	Classes     map[audit.Class]int64 `json:"classes"`
	Checkpoints int64                 `json:"checkpoints"` // that match the tree
	Signed      int64                 `json:"signed"`      // of these, by a key the auditor has
	Tiles       int64                 `json:"tiles"`

	Anchors Anchors `json:"anchors"`
	// Tail is the number of entries behind the last checkpoint that is anchored.
	Tail int64 `json:"unanchored_tail"`

	Faults []Finding `json:"faults,omitempty"`
	// Sum is of all faults in turn, those that are not listed too; none has none.
	Sum  []byte `json:"faults_sum,omitempty"`
	More int64  `json:"more_faults,omitempty"` // that are not listed
	// Partial: what is wrong kept the rest of the log from being verified.
	Partial bool `json:"partial,omitempty"`
	// Answered are those of Options.Accepted that the log still is as it was then.
	Answered []Accepted `json:"answered,omitempty"`
	// Parted is the log as it is, where its entries do not make the tree that it is said
	// to have: what is appended to it can be verified from there on, once somebody has
	// answered for what is before.
	Parted *Accepted `json:"parted,omitempty"`
	Notes  []string  `json:"notes,omitempty"` // what was not checked, and why
	// Unproven is what no verification of a log can show.
	Unproven []string `json:"cannot_prove"`
}

// Shred counts the segments that an act has destroyed.
type Shred struct {
	Act      int64         `json:"act"` // index
	Kind     audit.ActKind `json:"kind"`
	Segments int64         `json:"segments"`
	Days     int64         `json:"youngest_days"` // how old the youngest of them was
}

// Counted is what entries say of things that have no entry each.
type Counted struct {
	Entries int64 `json:"entries"`           // that say so
	Count   int64 `json:"count"`             // of what they stand for
	Unknown int64 `json:"unknown,omitempty"` // entries that do not know how many
}

func (c *Counted) add(n int64) {
	c.Entries++
	if n < 0 {
		c.Unknown++
		return
	}
	c.Count += n
}

// Anchors are what was kept apart from the log and agrees with it.
type Anchors struct {
	Known     int64 `json:"known,omitempty"`     // size of the largest checkpoint the auditor has kept
	Witnessed int64 `json:"witnessed,omitempty"` // size of the largest checkpoint that a quorum of witnesses has signed
	Receipts  int64 `json:"receipts,omitempty"`  // entries whose receipts were kept
	Proofs    int64 `json:"proofs,omitempty"`    // entries whose proofs were kept
}

// Finding is a Fault as it is reported.
type Finding struct {
	Status Status `json:"status"`
	Index  *int64 `json:"index,omitempty"` // of the first entry concerned
	End    *int64 `json:"end,omitempty"`   // behind the last one, where that is another
	What   string `json:"what"`

	kind, same string // see Fault
}

// unproven is printed with every report, and stands in docs/audit.md.
var unproven = []string{
	"that no copy of a destroyed key or of sealed data survives elsewhere, such as in a backup",
	"that nothing happened which never came to the log",
	"that the sessions of those who approved an act were their own",
	"that the two of an act are two people, and not one who has two accounts",
	"that the entries behind the last checkpoint, and those that a later entry says were taken over, acts among them, were written by the service, and not put in by whoever could write to its database",
	"that the entries behind the last anchor were not exchanged: whoever has the database and the signing key can do that",
	"that what is sealed can be read, or is true: it is not opened",
	"that no checkpoint was taken away: the tree is the same without it",
	"that a search finds what the log has: its indices are not verified",
}

var results = map[Status]string{OK: "ok", Unanchored: "unanchored", Tamper: "tampered", Diverge: "diverged", Malform: "malformed"}

// mostFaults bounds how many faults are listed.
const mostFaults = 100

func (r *Report) fault(f *Fault) {
	same := f.told()
	r.sum(same)
	r.list(f, same)
}

// known lists a fault that says in other words what others say: it is not in the sum.
func (r *Report) known(f *Fault) { r.list(f, "") }

func (r *Report) list(f *Fault, same string) {
	r.Status = max(r.Status, f.Status)
	if len(r.Faults) == mostFaults {
		r.More++
		return
	}
	found := Finding{Status: f.Status, What: f.What, same: same, kind: fmt.Sprintf("%d %d %s", f.Status, f.Index, cmp.Or(f.kind, f.What))}
	if f.Index >= 0 {
		found.Index = &f.Index
	}
	if f.End > f.Index+1 {
		found.End = &f.End
	}
	r.Faults = append(r.Faults, found)
}

func (r *Report) sum(fault string) {
	sum := sha256.Sum256(append(slices.Clip(r.Sum), fault...))
	r.Sum = sum[:]
}

// Again is the report with those faults alone that an earlier one has as well, and
// whether there are any.
func (r Report) Again(before Report) (Report, bool) {
	var faults []Finding
	status := OK
	for _, f := range r.Faults {
		if slices.ContainsFunc(before.Faults, func(b Finding) bool { return b.same == f.same && f.same != "" || b.kind == f.kind }) {
			faults = append(faults, f)
			status = max(status, f.Status)
		}
	}
	if len(faults) == 0 || r.More > 0 {
		return r, len(faults) > 0
	}
	r.Faults, r.Status, r.Result, r.Sum = faults, status, results[status], nil
	for _, f := range faults {
		if f.same != "" {
			r.sum(f.same)
		}
	}
	return r, true
}
