package directory

import (
	"context"
	"errors"
	"slices"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// Collection is the directory's entries of one kind, one by one, for systems
// that keep them up to date: what one PUT, GET or DELETE does. An entry means
// what it means in an import file. The offices are not given or taken here
// (CodeOfficeReserved), and nothing here makes an account or opens one.
type Collection[T any] struct {
	service *Service
	kind    kind[T]
}

// kind is what sets the entries of one kind apart from others.
type kind[T any] struct {
	name    string // as people say it
	clean   func(T, model.Limits) (T, error)
	key     func(T) store.Key
	changes func(store.Key) []store.Change

	find func(ctx context.Context, q store.Queries, tenant string, key store.Key) (T, error)
	page func(ctx context.Context, q store.Queries, tenant string, p Query) ([]T, error)
	// put writes what was cleaned after the checks that need the directory.
	put func(ctx context.Context, s *Service, tx store.Tx, tenant string, entry T) error
	// drop deletes what is there, or says what stands against it.
	drop func(ctx context.Context, s *Service, tx store.Tx, tenant string, key store.Key) error

	wrote, dropped audit.Activity
	about          func(store.Key) audit.Entry // whom and what a record of it names
}

// Outcome says what a write did.
type Outcome string

const (
	Created   Outcome = "created"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged" // it was so already: no revision was taken
	Deleted   Outcome = "deleted"
)

// Written is what a write did.
type Written struct {
	Outcome  Outcome
	Revision int64  // of the tenant, at which decisions know of it
	ETag     string // of the entry as it is now; empty where it was deleted
}

// Stored is an entry as it is stored.
type Stored[T any] struct {
	Entry T
	ETag  string
}

// Query is which entries to list: those behind After whose key has the parts
// that Of names, Limit of them at most.
type Query struct {
	Of, After store.Key
	Limit     int
}

// Page is part of a list in the order of keys. More tells that others follow
// After. It is no older than Revision.
type Page[T any] struct {
	Entries  []Stored[T]
	After    store.Key
	More     bool
	Revision int64
}

// maxPage bounds a page, in bytes of JSON and beyond the limit of its entries;
// pageRows is how many rows are read at a time.
const (
	maxPage  = 4 << 20
	pageRows = 200
)

// Put makes the entry, or replaces it whole. What is there already as it should
// be stays: that takes no revision, and is recorded all the same.
func (c Collection[T]) Put(ctx context.Context, caller model.Caller, tenant string, entry T, cond Condition) (Written, error) {
	s := c.service
	entry, err := c.kind.clean(entry, s.Limits)
	if err != nil {
		return Written{}, err
	}
	key := c.kind.key(entry)
	var w Written
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		before, was, err := c.open(ctx, tx, caller, tenant, key)
		if err != nil {
			return err
		}
		if err := cond.Holds(was.ETag); err != nil {
			return err
		}
		tag, _, err := entityTag(before.Ref, c.kind.name, entry)
		switch {
		case err != nil:
			return err
		case was.ETag == tag:
			w = Written{Unchanged, before.Revision, tag}
			return errNothing
		}
		w = Written{Changed, before.Revision + 1, tag}
		if was.ETag == "" {
			w.Outcome = Created
		}
		if err := c.kind.put(ctx, s, tx, tenant, entry); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, c.record(caller, tenant, key, c.kind.wrote, w))
	})
	if err == errNothing {
		err = s.Log.Append(ctx, c.record(caller, tenant, key, c.kind.wrote, w))
	}
	if err != nil {
		return Written{}, err
	}
	return w, nil
}

// errNothing rolls back a transaction that would change nothing.
var errNothing = errors.New("nothing to change")

// Delete deletes the entry. CodeInUse says what still refers to it.
func (c Collection[T]) Delete(ctx context.Context, caller model.Caller, tenant string, key store.Key, cond Condition) (Written, error) {
	s := c.service
	var w Written
	err := s.Store.InTx(ctx, func(tx store.Tx) error {
		before, was, err := c.open(ctx, tx, caller, tenant, key)
		if err != nil {
			return err
		}
		if err := cond.Holds(was.ETag); err != nil {
			return err
		}
		if was.ETag == "" {
			return c.unknown(key)
		}
		if err := c.kind.drop(ctx, s, tx, tenant, key); err != nil {
			return err
		}
		w = Written{Outcome: Deleted, Revision: before.Revision + 1}
		return s.Log.AppendIn(ctx, tx, c.record(caller, tenant, key, c.kind.dropped, w))
	})
	if err != nil {
		return Written{}, err
	}
	return w, nil
}

// Get reads an entry.
func (c Collection[T]) Get(ctx context.Context, caller model.Caller, tenant string, key store.Key) (Stored[T], error) {
	s := c.service
	t, err := admit(ctx, s.Store, caller, tenant)
	if err == nil {
		err = reaches(t.Revision, caller)
	}
	if err != nil {
		return Stored[T]{}, err
	}
	found, err := c.find(ctx, s.Store, t, key)
	if err == nil && found.ETag == "" {
		err = c.unknown(key)
	}
	if err != nil {
		return Stored[T]{}, err
	}
	return found, s.Log.Append(ctx, c.record(caller, tenant, key, audit.DirectoryRead, Written{}))
}

// Clean is the entry in the form in which it is stored: ids without the prefix of their
// kind, so that what is decided about is what is written.
func (c Collection[T]) Clean(entry T) (T, error) { return c.kind.clean(entry, c.service.Limits) }

// Peek is the entry, or the zero value where there is none, for who decides about a
// write: nothing is recorded of it.
func (c Collection[T]) Peek(ctx context.Context, tenant string, key store.Key) (T, error) {
	found, err := c.kind.find(ctx, c.service.Store, tenant, key)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return found, err
}

// List reads a page of entries.
func (c Collection[T]) List(ctx context.Context, caller model.Caller, tenant string, q Query) (Page[T], error) {
	s := c.service
	t, err := admit(ctx, s.Store, caller, tenant)
	if err == nil {
		err = reaches(t.Revision, caller)
	}
	if err != nil {
		return Page[T]{}, err
	}
	p := Page[T]{Entries: []Stored[T]{}, After: q.After, Revision: t.Revision}
	if err := c.fill(ctx, &p, t, q); err != nil {
		return Page[T]{}, err
	}
	e := act(caller, tenant, audit.DirectoryRead, "", nil)
	e.Service, e.Op, e.Count = service(caller), c.kind.name, int64(len(p.Entries))
	byRight(&e, caller)
	return p, s.Log.Append(ctx, e)
}

// fill reads rows until there are enough, or enough bytes, and one more to see
// whether there are more.
func (c Collection[T]) fill(ctx context.Context, p *Page[T], t model.Tenant, q Query) error {
	bytes := 0
	for {
		want := min(q.Limit-len(p.Entries)+1, pageRows)
		rows, err := c.kind.page(ctx, c.service.Store, t.ID, Query{Of: q.Of, After: p.After, Limit: want})
		if err != nil {
			return err
		}
		for _, entry := range rows {
			if len(p.Entries) >= q.Limit || bytes > maxPage {
				p.More = true
				return nil
			}
			tag, size, err := entityTag(t.Ref, c.kind.name, entry)
			if err != nil {
				return err
			}
			bytes += size
			p.Entries, p.After = append(p.Entries, Stored[T]{entry, tag}), c.kind.key(entry)
		}
		if len(rows) < want {
			return nil
		}
	}
}

// open begins a write: it takes the tenant's next revision and with it the
// tenant's row, so that what is found stays so until the commit. before is the
// tenant without that revision; the ETag is empty where there is no such entry.
func (c Collection[T]) open(ctx context.Context, tx store.Tx, caller model.Caller, tenant string, key store.Key) (before model.Tenant, was Stored[T], err error) {
	revision, err := TakeBy(ctx, tx, caller, tenant, c.kind.changes(key)...)
	if err != nil {
		return before, was, err
	}
	if before, err = admit(ctx, tx, caller, tenant); err != nil {
		return before, was, err
	}
	before.Revision = revision - 1
	if err := reaches(before.Revision, caller); err != nil {
		return before, was, err
	}
	was, err = c.find(ctx, tx, before, key)
	return before, was, err
}

// find is the entry, without an ETag where there is none.
func (c Collection[T]) find(ctx context.Context, q store.Queries, t model.Tenant, key store.Key) (found Stored[T], err error) {
	found.Entry, err = c.kind.find(ctx, q, t.ID, key)
	if errors.Is(err, store.ErrNotFound) {
		return found, nil
	}
	if err == nil {
		found.ETag, _, err = entityTag(t.Ref, c.kind.name, found.Entry)
	}
	return found, err
}

func (c Collection[T]) unknown(key store.Key) error {
	return model.Errorf(model.CodeNotFound, "there is no %s %s", c.kind.name, spell(key))
}

// record is the entry of an act on one entry; without a revision it changed nothing.
func (c Collection[T]) record(caller model.Caller, tenant string, key store.Key, a audit.Activity, w Written) audit.Entry {
	e := c.kind.about(key)
	e.Tenant, e.Class, e.Activity, e.Outcome, e.Caller, e.Service = tenant, audit.ClassAdmin, a, audit.OutcomeOK, caller, service(caller)
	e.Op = c.kind.name
	byRight(&e, caller)
	if w.Outcome != Unchanged {
		e.Revision = w.Revision
	}
	return e
}

// admit looks at the tenant and at the client behind a request once more, in
// the transaction where there is one: a client that was disabled, or lost its
// scope, after its token was looked at changes and reads nothing.
func admit(ctx context.Context, q store.Queries, caller model.Caller, tenant string) (model.Tenant, error) {
	t, err := Tenant(ctx, q, tenant)
	if err != nil || caller.Kind != model.CallerClient {
		return t, err
	}
	if t.Disabled {
		return t, model.Errorf(model.CodeTenantDisabled, "tenant %q is disabled", tenant)
	}
	c, err := q.Client(ctx, caller.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (c.Disabled || !c.MayActIn(tenant)):
		return t, model.Errorf(model.CodeUnauthorized, "the client has no access any more")
	case err == nil && !slices.Contains(c.Scopes, "directory"):
		return t, model.Errorf(model.CodeForbidden, "the client does not have the scope directory any more")
	}
	return t, err
}

// reaches refuses to look at, or to write into, a directory that is older than
// the caller demands. The database is asked itself, so there is nothing to wait for.
func reaches(revision int64, caller model.Caller) error {
	if revision < caller.MinRevision {
		return model.Errorf(model.CodeRevisionBehind, "the directory is of revision %d, and at least %d was demanded", revision, caller.MinRevision)
	}
	return nil
}

// service is the client a record names as such.
func service(caller model.Caller) string {
	if caller.Kind == model.CallerClient {
		return caller.ID
	}
	return ""
}
