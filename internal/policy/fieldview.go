package policy

import (
	"hash/maphash"
	"sync/atomic"

	"rolegate/model"
)

// fieldViews remembers what answers say about fields: many people see the same.
// It is a bounded table without locks: a place holds the last view that fell on
// it, and a view is a pure function of its key, so nothing in it can go stale.
type fieldViews struct {
	seed   maphash.Seed
	places [1024]atomic.Pointer[fieldView]
	bytes  atomic.Int64 // that the views in the places take, about
}

type fieldView struct {
	table                *fieldTable
	read, unmask, update bits
	fields               *model.Fields
}

// followsRecord is the view of an object about whose fields nobody says anything.
// It is shared: nobody changes it.
var followsRecord = &model.Fields{Masks: map[string]string{}}

// nothingAboutFields tells whether neither rows nor the catalogue say anything
// about fields of the object: then they follow the record.
func (rs *ruleset) nothingAboutFields(o *object) bool {
	return len(o.fields.rows) == 0 && len(rs.any.fields.rows) == 0 && (o.entry == nil || len(o.entry.Fields) == 0)
}

// get is the view of somebody who may read, unmask and update the given fields.
// It is shared: nobody changes it.
func (v *fieldViews) get(t *fieldTable, read, unmask, update bits) *model.Fields {
	var h maphash.Hash
	h.SetSeed(v.seed)
	maphash.WriteComparable(&h, t)
	for _, set := range [3]bits{read, unmask, update} {
		for _, word := range set {
			maphash.WriteComparable(&h, word)
		}
	}
	place := &v.places[h.Sum64()%uint64(len(v.places))]
	if got := place.Load(); got != nil && got.table == t && got.read.equal(read) && got.unmask.equal(unmask) && got.update.equal(update) {
		return got.fields
	}
	made := &fieldView{t, clone(read), clone(unmask), clone(update), t.view(read, unmask, update)}
	v.bytes.Add(made.bytes() - place.Swap(made).bytes())
	return made.fields
}

// bytes is what a view takes in memory, about; nothing for none. The names are
// the table's.
func (v *fieldView) bytes() int64 {
	if v == nil {
		return 0
	}
	f := v.fields
	words := len(v.read) + len(v.unmask) + len(v.update)
	names := cap(f.Hidden) + cap(f.Masked) + cap(f.ReadOnly) + cap(f.Open)
	return 350 + 8*int64(words) + 16*int64(names) + 60*int64(len(f.Masks))
}

func clone(b bits) bits { return append(bits(nil), b...) }

// view sorts the table's fields into hidden, masked and read-only. Where others
// than those are kept back it names the open ones too: nobody could tell them from
// the others, else.
func (t *fieldTable) view(read, unmask, update bits) *model.Fields {
	f := &model.Fields{Masks: map[string]string{}}
	for i, name := range t.names {
		if !read.has(i) {
			f.Hidden = append(f.Hidden, name)
			continue
		}
		if t.masked.has(i) && !unmask.has(i) {
			f.Masked = append(f.Masked, name)
			f.Masks[name] = t.masks[i]
		}
		if !update.has(i) {
			f.ReadOnly = append(f.ReadOnly, name)
		}
	}
	if others := t.index[everything]; !read.has(others) || !update.has(others) {
		for i, name := range t.names {
			if i != others && read.has(i) {
				f.Open = append(f.Open, name)
			}
		}
	}
	return f
}
