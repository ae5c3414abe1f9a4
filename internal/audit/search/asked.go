package search

import (
	"context"
	"slices"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// seal puts what was asked into the record. Whom and which record was looked for is
// sealed under the key of the one it is about, so that an erasure takes it along.
// Nobody gets a key by being looked for: a name that the log does not know, as it never
// did or was made to forget it, is there as a mark alone.
func (s *Search) seal(ctx context.Context, e *audit.Entry, tenant []byte, f *Filter, asked map[string]any, found []Entry) error {
	e.Personal = map[string]any{"filters": asked}
	if f.Subject != "" {
		if err := s.sealName(ctx, e, tenant, "subject", f.Subject, []string{f.Subject}); err != nil {
			return err
		}
	}
	record := f.record()
	if record == "" {
		return nil
	}
	owners, nobodys, err := s.owners(ctx, record, found)
	if err != nil {
		return err
	}
	if nobodys {
		e.Personal["resource"] = record
		return nil
	}
	return s.sealName(ctx, e, tenant, "resource", record, append(owners, record))
}

// sealName adds a name for those of the people whose it is that the log knows.
func (s *Search) sealName(ctx context.Context, e *audit.Entry, tenant []byte, what, name string, people []string) error {
	known := false
	for _, person := range people {
		_, err := s.Log.Pseudonym(ctx, tenant, person)
		switch {
		case err == nil:
			known = true
			e.Others = append(e.Others, audit.Part{Person: person, Personal: map[string]any{"person": person, what: name}})
		case !notFound(err):
			return err
		}
	}
	if !known {
		e.Personal[what+"_mark"] = s.Log.Mark(tenant, name)
	}
	return nil
}

// What is asked whose a record is, of the entries that were found: each segment may
// need a key of its own, and a search for records seals for up to a thousand people.
const (
	ownersOf   = 20  // entries
	segmentsOf = 200 // of all of these; an entry that has more than are left is passed over
)

// owners are the people whose a record is, as the entries about it say that were found.
// That it is nobody's they say only where all of what they seal can be opened, as what
// was destroyed may have been its owner's, and where not one person alone has asked
// for it, whose own it may be. An entry that seals too much to be opened here may have
// been its owner's, too: what only such a one says is neither, and leaves a mark.
func (s *Search) owners(ctx context.Context, record string, found []Entry) (owners []string, nobodys bool, err error) {
	var asked []Entry
	var indices []int64
	left, passed := segmentsOf, false
	for _, e := range found[:min(len(found), ownersOf)] {
		if len(e.Leaf.Segments) > left {
			passed = true
			continue
		}
		left -= len(e.Leaf.Segments)
		asked, indices = append(asked, e), append(indices, e.Index)
	}
	slices.Sort(indices)
	sealed, err := s.Store.SealedAt(ctx, indices)
	if err != nil {
		return nil, false, err
	}
	var askers []string
	named, destroyed, opening := false, false, s.Log.Opening()
	for _, e := range asked {
		contents, err := opening.Reveal(ctx, e.Leaf, store.Entry{Leaf: e.Bytes, Sealed: sealed[e.Index]})
		if err != nil {
			return nil, false, err
		}
		for _, content := range contents {
			destroyed = destroyed || content == nil
			here, owned := namedIn(content, record)
			named = named || here
			person, _ := content["person"].(string)
			switch {
			case !here || person == "":
			case owned && !slices.Contains(owners, person):
				owners = append(owners, person)
			case !owned && !slices.Contains(askers, person):
				askers = append(askers, person)
			}
		}
	}
	switch {
	case len(owners) > 0:
		return owners, false, nil
	case passed:
		return nil, false, nil
	case len(askers) == 1:
		return askers, false, nil
	}
	return nil, named && !destroyed, nil
}

// namedIn tells whether what is sealed for somebody names a record, and whether that
// is since the record is about them, or else since they were asked about. Somebody's
// search of the log says nothing of it.
func namedIn(content map[string]any, record string) (named, owned bool) {
	if content["filters"] != nil {
		return false, false
	}
	list, _ := content["resources"].([]any)
	if content["resource"] == record || slices.Contains(list, any(record)) {
		return true, content["subject"] == nil
	}
	members, _ := content["members"].([]any)
	for _, m := range members {
		if member, _ := m.(map[string]any); member["resource"] == record {
			return true, member["person"] != nil
		}
	}
	return false, false
}
