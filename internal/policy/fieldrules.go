package policy

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"

	"rolegate/model"
)

// Access is what is done with a field; none implies another.
type Access string

const (
	AccessRead   Access = "read"
	AccessUpdate Access = "update"
	AccessCreate Access = "create"
	AccessUnmask Access = "unmask" // see a masked field as it is; reading it is another matter
)

var accesses = []Access{AccessRead, AccessUpdate, AccessCreate, AccessUnmask}

// index is the place of an access in accesses.
func (a Access) index() int { return slices.Index(accesses, a) }

// maxFieldNames bounds the fields that the catalogue declares of an object, those
// that the object's rows name, and those that rows for every object do: an answer
// about an object lists them all.
const maxFieldNames = 2_048

// checkFieldNames refuses the rows that first name a field beyond maxFieldNames.
func checkFieldNames(rows []Row) (problems []model.Detail) {
	names := map[string]map[string]bool{}
	for _, row := range rows {
		if row.Kind != FieldRule {
			continue
		}
		object, field := row.Cells[colObject], row.Cells[colField]
		of := names[object]
		switch {
		case of == nil:
			names[object] = map[string]bool{field: true}
		case of[field]:
		case len(of) < maxFieldNames:
			of[field] = true
		default:
			problems = append(problems, model.Detail{Line: row.Line, Reason: model.Say("rows of %s name more than %d fields", object, maxFieldNames)})
		}
	}
	return problems
}

// FieldPass chooses which p3 rows are looked at, and how they combine.
type FieldPass uint8

const (
	DeniedToAll FieldPass = iota // e2/m5: allowed unless a row for everybody denies
	Opened                       // e3/m3: allowed if a row of the subject or its roles allows
	NotClosed                    // e2/m3: allowed unless a row of the subject or its roles denies
)

// fieldRules are the p3 rows of one object.
type fieldRules struct {
	rows  map[fieldKey]*fieldRows
	table atomic.Pointer[fieldTable] // made when fields of the object are first asked for
	bits  atomic.Pointer[fieldBits]  // likewise
}

type fieldKey struct {
	field  string // a name or "*"
	access Access
}

// fieldRows are the rows about one access to one field.
type fieldRows struct {
	everyone        rowList // denials for everybody
	allows, denials rowList // for the subjects named
}

func (f *fieldRules) add(e rowRef, row *Row) {
	if f.rows == nil {
		f.rows = map[fieldKey]*fieldRows{}
	}
	key := fieldKey{row.Cells[colField], Access(row.Cells[colAccess])}
	r := f.rows[key]
	if r == nil {
		r = &fieldRows{}
		f.rows[key] = r
	}
	to := &r.allows
	switch {
	case e.subject == star:
		to = &r.everyone
	case row.Cells[colVerdict] == deny:
		to = &r.denials
	}
	*to = append(*to, e)
}

func (f *fieldRules) finish() {
	for _, r := range f.rows {
		r.everyone, r.allows, r.denials = r.everyone.finished(), r.allows.finished(), r.denials.finished()
	}
}

// fieldTable is what the rows and the catalogue say of all fields of an object
// that have a name, so that they can be asked for together: a field is a bit.
type fieldTable struct {
	names   []string // sorted; with "*" for all others
	listed  bool     // the catalogue lists the object's fields
	index   map[string]int
	masks   []string // mask style of each, empty for none
	masked  bits     // those with a mask
	secured bits
	own     *fieldBits // the object's rows
	starred *fieldBits // the rows for every object
	places  [2][]int32 // places in names of the fields of own and starred
}

// fieldBits are the p3 rows of one object, or of all, by access.
type fieldBits struct {
	names    []string
	accesses [4]accessBits // as accesses has them
}

// accessBits is the rows about one access.
type accessBits struct {
	everyone    []int32    // places in names of fields that are denied to everybody
	everyoneAny bool       // all fields are
	rows        []fieldBit // by subject
}

// fieldBit is a row: whom it is about, which field, what it says.
type fieldBit struct {
	subject subjectID
	field   int32 // place in names, or allFields
	allow   bool
}

const allFields = -1

// fieldTable is the object's table.
func (rs *ruleset) fieldTable(o *object) *fieldTable {
	if t := o.fields.table.Load(); t != nil {
		return t
	}
	t := newFieldTable(o, o.fields.asBits(), rs.any.fields.asBits())
	if o.fields.table.CompareAndSwap(nil, t) { // two may make it; they make the same
		rs.fieldBytes.Add(int64(len(t.names))*120 + int64(len(t.places[1]))*4 + t.own.bytes())
	}
	return t
}

func newFieldTable(o *object, own, starred *fieldBits) *fieldTable {
	t := &fieldTable{index: map[string]int{}, own: own, starred: starred}
	var declared map[string]Field
	if o.entry != nil {
		declared = o.entry.Fields
	}
	// A record may hold what neither the catalogue nor a row names: a row that
	// hides everything must not be lost on that.
	names := map[string]bool{everything: true}
	t.listed = len(declared) > 0
	for name := range declared {
		names[name] = true
	}
	for _, b := range [2]*fieldBits{own, starred} {
		for _, name := range b.names {
			names[name] = true
		}
	}
	t.names = slices.Sorted(maps.Keys(names))
	t.masks = make([]string, len(t.names))
	t.masked, t.secured = newBits(len(t.names)), newBits(len(t.names))
	for i, name := range t.names {
		t.index[name] = i
		field := declared[name]
		if t.masks[i] = field.Mask; field.Mask != "" {
			t.masked.set(i)
		}
		if field.Secured {
			t.secured.set(i)
		}
	}
	for i, b := range [2]*fieldBits{own, starred} {
		for _, name := range b.names {
			t.places[i] = append(t.places[i], int32(t.index[name]))
		}
	}
	return t
}

func (b *fieldBits) bytes() (n int64) {
	for _, a := range b.accesses {
		n += int64(len(a.rows)) * 12
	}
	return n + int64(len(b.names))*24
}

// asBits is the rows by access and subject.
func (f *fieldRules) asBits() *fieldBits {
	if b := f.bits.Load(); b != nil {
		return b
	}
	b := &fieldBits{}
	place := map[string]int32{everything: allFields}
	for key := range f.rows {
		if _, met := place[key.field]; !met {
			place[key.field] = int32(len(b.names))
			b.names = append(b.names, key.field)
		}
	}
	for key, rows := range f.rows {
		a, field := &b.accesses[key.access.index()], place[key.field]
		switch {
		case len(rows.everyone) == 0:
		case field == allFields:
			a.everyoneAny = true
		default:
			a.everyone = append(a.everyone, field)
		}
		for _, e := range rows.allows {
			a.rows = append(a.rows, fieldBit{e.subject, field, true})
		}
		for _, e := range rows.denials {
			a.rows = append(a.rows, fieldBit{e.subject, field, false})
		}
	}
	for i := range b.accesses {
		slices.SortFunc(b.accesses[i].rows, func(x, y fieldBit) int { return cmp.Compare(x.subject, y.subject) })
	}
	f.bits.Store(b) // two may make it; they make the same
	return b
}

// bits is a set of fields.
type bits []uint64

func newBits(n int) bits         { return make(bits, (n+63)/64) }
func (b bits) set(i int)         { b[i>>6] |= 1 << (i & 63) }
func (b bits) remove(i int)      { b[i>>6] &^= 1 << (i & 63) }
func (b bits) has(i int) bool    { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bits) equal(c bits) bool { return slices.Equal(b, c) }

// open puts the fields that the holder may access into out, and tells whether
// fields without a name are open. It is section 5 of the policy language, (a) to
// (d), for all fields together; allow and deny are scratch space.
func (t *fieldTable) open(h *holder, access Access, strict bool, out, allow, deny bits) (others bool) {
	clear(allow)
	clear(deny)
	var all gathered
	var everyone [2][]int32
	for i, b := range [2]*fieldBits{t.own, t.starred} {
		a := &b.accesses[access.index()]
		all.everyoneAny = all.everyoneAny || a.everyoneAny
		everyone[i] = a.everyone
		a.gather(h, t.places[i], allow, deny, &all)
	}
	// (c) and (d): what holds where no row names the field. Without a row, a
	// field follows the record, but nobody sees through a mask.
	others = all.allow || !all.deny && access != AccessUnmask
	if all.everyoneAny || strict && all.deny {
		clear(out)
		return false
	}
	var rest uint64
	if others {
		rest = ^rest
	}
	for i := range out {
		named := allow[i] | deny[i]
		out[i] = allow[i] | rest&^named&^t.secured[i]
		if strict {
			out[i] &^= deny[i]
		}
	}
	for i, fields := range everyone { // (a)
		for _, f := range fields {
			out.remove(int(t.places[i][f]))
		}
	}
	return others
}

// gathered is what rows for all fields say.
type gathered struct{ allow, deny, everyoneAny bool }

// gather adds up the rows of the holder.
func (a *accessBits) gather(h *holder, places []int32, allow, deny bits, all *gathered) {
	add := func(r *fieldBit) {
		switch {
		case r.field == allFields && r.allow:
			all.allow = true
		case r.field == allFields:
			all.deny = true
		case r.allow:
			allow.set(int(places[r.field]))
		default:
			deny.set(int(places[r.field]))
		}
	}
	if len(a.rows) < longList {
		for i := range a.rows {
			if r := &a.rows[i]; h.has(r.subject) {
				add(r)
			}
		}
		return
	}
	for _, id := range h.ids {
		i, _ := slices.BinarySearchFunc(a.rows, id, func(r fieldBit, id subjectID) int { return cmp.Compare(r.subject, id) })
		for ; i < len(a.rows) && a.rows[i].subject == id; i++ {
			add(&a.rows[i])
		}
	}
}
