package search

import (
	"bytes"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// Filter is what entries are looked for by; what is empty asks for nothing.
type Filter struct {
	Tenant   []byte // the tenant's ref; none: entries that belong to no tenant
	Subject  string // "type:id": something is sealed for this person
	Object   string // a type, or a record "type:id"
	Op       string // the action
	Activity audit.Activity
	Class    audit.Class
	Outcome  audit.Outcome
	Code     model.Code
	Rule     string // "p:12"
	Revision int64
	Service  string // the client's id
	Request  string // the trace id
	From     time.Time
	Until    time.Time // this moment is not in it

	evaluations bool // of single questions and of batches, and no other decisions
}

// record is Object where it names a record and not a type.
func (f *Filter) record() string {
	if strings.Contains(f.Object, ":") {
		return f.Object
	}
	return ""
}

// objectType is Object where it names a type.
func (f *Filter) objectType() string {
	if f.record() != "" {
		return ""
	}
	return f.Object
}

// from and until are the times in Unix microseconds, as leaves have them: the first
// that is in the filter, and the first after it.
func (f *Filter) from() int64  { return bound(f.From, minTime) }
func (f *Filter) until() int64 { return bound(f.Until, maxTime) }

const (
	minTime = -1 << 63
	maxTime = 1<<63 - 1
)

func bound(t time.Time, open int64) int64 {
	if t.IsZero() {
		return open
	}
	us := t.UnixMicro()
	if t.Nanosecond()%1000 > 0 { // between two microseconds
		us++
	}
	return us
}

// matches tells whether the leaf is looked for, as far as a leaf can tell: it does
// not say whom and which record it is about. Of a batch it is one and the same
// member that all there is to say of members must hold for; the entry as a whole
// counts as one of them.
func (f *Filter) matches(l *audit.Leaf) bool {
	return bytes.Equal(f.Tenant, l.Tenant) && f.from() <= l.Time && (f.Until.IsZero() || l.Time < f.until()) &&
		either(f.Class, l.Class) && either(f.Activity, l.Activity) && either(f.Service, l.Service) && either(f.Request, l.Request) &&
		(f.Revision == 0 || f.Revision == l.Revision) && (!f.evaluations || l.Activity == audit.Evaluated || l.Activity == audit.EvaluatedBatch) && f.matchesMember(l)
}

func (f *Filter) matchesMember(l *audit.Leaf) bool {
	if f.fits(&audit.Item{Outcome: l.Outcome, Code: l.Code, Object: l.Object, Op: l.Op, Rule: l.Rule}) {
		return true
	}
	for i := range l.Items {
		if f.fits(&l.Items[i]) {
			return true
		}
	}
	return false
}

func (f *Filter) fits(i *audit.Item) bool {
	return either(f.Outcome, i.Outcome) && either(f.Code, i.Code) && either(f.objectType(), i.Object) && either(f.Op, i.Op) && either(f.Rule, i.Rule)
}

// either tells whether what is asked for is there, or nothing is asked for.
func either[T ~string](want, is T) bool { return want == "" || want == is }
