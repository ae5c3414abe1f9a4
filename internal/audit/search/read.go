package search

import (
	"bytes"
	"context"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/model"
)

// Reader is who reads the log of a tenant, or, without one, what belongs to none.
type Reader struct {
	Tenant string // id
	Ref    []byte // the tenant's
	Caller model.Caller
	// Opens what is sealed, too.
	Opens bool
}

// State is what became of something sealed.
type State string

const (
	Closed    State = "closed"    // it was not opened for this reader
	Opened    State = "opened"    //
	Destroyed State = "destroyed" // there is no key to it any more, or not what it opened
)

// Sealed is one segment of an entry.
type Sealed struct {
	audit.SegRef
	State   State
	Content map[string]any
}

// LeafHash is the hash of the entry in the tree.
func (e *Entry) LeafHash() []byte { return tree.LeafHash(e.Bytes) }

// Closed are the entry's segments as they are before anybody opens them.
func (e *Entry) Closed() []Sealed {
	sealed := make([]Sealed, len(e.Leaf.Segments))
	for i, ref := range e.Leaf.Segments {
		sealed[i] = Sealed{SegRef: ref, State: Closed}
	}
	return sealed
}

// Pages is Find for a reader, whose tenant the filter is about: a page is given when
// it is recorded what was asked and how much there was.
func (s *Search) Pages(ctx context.Context, r Reader, f Filter, o Order, limit int, after *Cursor) (Page, error) {
	f.Tenant = r.Ref
	p, err := s.Find(ctx, f, o, limit, after)
	if err != nil {
		return Page{}, err
	}
	e := r.entry(audit.LogSearched)
	e.Count = int64(len(p.Entries))
	asked := f.asked(o, limit)
	if after != nil {
		asked["after"] = after.String()
	}
	if err := s.seal(ctx, &e, r.Ref, &f, asked, p.Entries); err != nil {
		return Page{}, err
	}
	return p, s.Log.Append(ctx, e)
}

// Read gives one entry of the reader's tenant; CodeNotFound where there is none of
// that index, or of another tenant. What is opened is recorded for those it is about.
func (s *Search) Read(ctx context.Context, r Reader, index int64) (Entry, []Sealed, error) {
	none := model.Errorf(model.CodeNotFound, "there is no entry %d, or it is of another tenant or of none", index)
	found, err := s.Store.EntriesBetween(ctx, index, index+1)
	if err != nil {
		return Entry{}, nil, err
	}
	if len(found) != 1 {
		return Entry{}, nil, none
	}
	leaf, err := audit.Decode(found[0].Leaf)
	if err != nil {
		return Entry{}, nil, none.Because(err)
	}
	if !bytes.Equal(leaf.Tenant, r.Ref) {
		return Entry{}, nil, none
	}
	e := Entry{index, leaf, found[0].Leaf}
	sealed := e.Closed()
	record := r.entry(audit.LogRead)
	record.Personal = map[string]any{"index": index}
	if r.Opens {
		contents, err := s.Log.Reveal(ctx, leaf, found[0])
		if err != nil {
			return Entry{}, nil, err
		}
		for i, content := range contents {
			if sealed[i].State, sealed[i].Content = Opened, content; content == nil {
				sealed[i].State = Destroyed
				continue
			}
			record.Count++
			if err := s.tell(ctx, &record, r, &sealed[i], index); err != nil {
				return Entry{}, nil, err
			}
		}
	}
	return e, sealed, s.Log.Append(ctx, record)
}

// tell adds to the record of a reading that it was of somebody's data, for the one
// whose it is.
func (s *Search) tell(ctx context.Context, record *audit.Entry, r Reader, opened *Sealed, index int64) error {
	person, _ := opened.Content["person"].(string)
	if person == "" {
		person, _ = opened.Content["caller"].(string)
	}
	if person == "" || person == r.Caller.String() || slices.ContainsFunc(record.Others, func(p audit.Part) bool { return p.Person == person }) {
		return nil
	}
	ref, err := s.Log.Pseudonym(ctx, r.Ref, person)
	if err == nil && bytes.Equal(ref, opened.Ref) { // else it is a shared key's, or a name that was cut off
		record.Others = append(record.Others, audit.Part{Person: person, Personal: map[string]any{"person": person, "index": index}})
	}
	if notFound(err) {
		return nil
	}
	return err
}

// entry is what all records of reading have in common.
func (r *Reader) entry(a audit.Activity) audit.Entry {
	e := audit.Entry{Tenant: r.Tenant, Class: audit.ClassAdmin, Activity: a, Outcome: audit.OutcomeOK, Caller: r.Caller}
	if g := r.Caller.Grounds; g != nil {
		e.Object, e.Op, e.Rule, e.PolicyHash = g.Object, g.Action, g.Rule, g.PolicyHash
	}
	return e
}

// asked is what was asked for, as it is sealed, but for whom and which record.
func (f *Filter) asked(o Order, limit int) map[string]any {
	asked := map[string]any{"order": string(o), "limit": limit}
	for name, value := range map[string]string{
		"object": f.objectType(), "action": f.Op, "activity": string(f.Activity), "class": string(f.Class), "outcome": string(f.Outcome),
		"code": string(f.Code), "rule": f.Rule, "client": f.Service, "trace_id": f.Request,
	} {
		if value != "" {
			asked[name] = value
		}
	}
	if f.Revision != 0 {
		asked["revision"] = f.Revision
	}
	for name, t := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !t.IsZero() {
			asked[name] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	return asked
}
