package policy

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// SearchKind is what a search looks for.
type SearchKind string

const (
	SearchSubject  SearchKind = "subject"
	SearchResource SearchKind = "resource"
	SearchAction   SearchKind = "action"
)

// SearchRequest is one search (AuthZEN section 8) as the API hands it over. The
// question lacks the id, or the action's name, of what is searched for: each
// result is one that, put in its place, makes the question allowed.
type SearchRequest struct {
	Request
	Kind  SearchKind
	After string // the page begins behind this id or name; "" begins at the first
	Limit int    // results at most
}

// Found is one page of a search.
type Found struct {
	Results  []string // ids, or action names, in byte order; never nil
	More     bool     // there may be further results, behind After
	After    string
	Revision int64 // the tenant revision every result of the page was decided on
}

// bounds are what one page may cost before it ends with what it has.
type bounds struct {
	candidates int
	time       time.Duration
}

// pageBounds keep a search that finds nothing among a million records from
// holding its place: the caller goes on with the next page.
var pageBounds = bounds{candidates: 100_000, time: 5 * time.Second}

// Search gives one page of what would be allowed: every candidate is decided by
// the same function as an evaluation, for the same caller and context. It is
// recorded as one entry. An error means there is no answer.
func (s *Service) Search(ctx context.Context, caller model.Caller, sr SearchRequest) (Found, error) {
	return s.search(ctx, caller, sr, pageBounds)
}

func (s *Service) search(ctx context.Context, caller model.Caller, sr SearchRequest, most bounds) (found Found, err error) {
	err = s.settle(ctx, caller, sr.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		if err := view.reaches(sr.MinRevision); err != nil {
			return audit.Entry{}, err
		}
		run := searching{s: s.remembering(), caller: caller, sr: sr, view: view, now: now}
		if found, err = run.page(ctx, most); err != nil {
			return audit.Entry{}, err
		}
		return run.entry(), nil
	})
	if err != nil {
		return Found{}, err
	}
	return found, nil
}

// searching is one page in the course of being found.
type searching struct {
	s      *Service
	caller model.Caller
	sr     SearchRequest
	view   *View
	now    time.Time
	stored *model.Resource // the registered record, where the question names one
	hits   []hit

	proven bool // whoever lacks nothing but proof of identity is found too
}

// hit is a result, and whose key seals it.
type hit struct{ name, about string }

// candidate is what may be a result.
type candidate struct {
	name   string
	stored *model.Resource // where records are searched for
}

// page looks at candidates until there is one result more than asked for, which
// is how it knows that the page is not the last.
func (run *searching) page(ctx context.Context, most bounds) (Found, error) {
	found := Found{Results: []string{}, After: run.sr.After, Revision: run.view.Revision()}
	if run.hopeless() {
		return found, nil
	}
	if run.sr.Kind != SearchResource {
		var err error
		if run.stored, err = run.view.record(ctx, run.s.Store, run.sr.Question.Resource); err != nil {
			return found, err
		}
	}
	start, seen := time.Now(), 0
	for c, err := range run.candidates(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return found, err
		}
		if seen == most.candidates || seen > 0 && time.Since(start) > most.time {
			found.More = true
			return found, nil
		}
		seen++
		allowed, err := run.allowed(ctx, c)
		switch {
		case err != nil:
			return found, err
		case allowed && len(found.Results) == run.sr.Limit:
			found.More = true
			return found, nil
		case allowed:
			run.hits = append(run.hits, run.hit(c))
			found.Results = append(found.Results, c.name)
		}
		found.After = c.name
	}
	return found, nil
}

// hopeless tells whether nothing can be found, since the subject in question is
// not registered: asking about strangers costs nothing.
func (run *searching) hopeless() bool {
	return run.sr.Kind != SearchSubject && !run.view.knows(run.sr.Question.Subject)
}

// allowed decides the question with the candidate in its place. A fault of ours
// is an error: a result left out would look like a denial.
func (run *searching) allowed(ctx context.Context, c candidate) (bool, error) {
	r, stored := run.sr.Request, run.stored
	switch run.sr.Kind {
	case SearchSubject:
		r.Question.Subject.ID = c.name
	case SearchResource:
		r.Question.Resource.ID, stored = c.name, c.stored
	case SearchAction:
		r.Question.Action = model.Action{Name: c.name}
	}
	d, err := run.s.decideOn(ctx, run.caller, run.view, &r, stored, run.now)
	if err == nil && d.Code == model.CodeInternal {
		err = model.Errorf(model.CodeInternal, "a candidate of the search could not be decided")
	}
	return d.Allow || run.proven && d.Code == model.ReasonStepUp, err
}

// hit keeps of a candidate what the record needs; the candidate itself would keep
// its whole chunk in memory.
func (run *searching) hit(c candidate) hit {
	if run.sr.Kind != SearchResource {
		return hit{name: c.name}
	}
	r := run.sr.Question.Resource
	r.ID = c.name
	return hit{c.name, run.about(r, c.stored)}
}

// candidates yields in byte order what is behind After.
func (run *searching) candidates(ctx context.Context) iter.Seq2[candidate, error] {
	q := run.sr.Question
	switch run.sr.Kind {
	case SearchSubject:
		return run.named(run.view.people.types[q.Subject.Type].ids())
	case SearchAction:
		return run.named(run.view.actionNames(q.Resource.Type))
	}
	records := run.resources(ctx, q.Resource.Type)
	if own := run.view.ownRecords(q.Resource.Type); len(own) > 0 {
		return merged(run.named(own), records)
	}
	return records
}

// ownRecords lists in byte order the ids of records that are the directory's own.
func (v *View) ownRecords(object string) []string {
	switch object {
	case userObject:
		return v.people.types["user"].ids()
	case teamObject:
		return slices.Sorted(maps.Keys(v.people.known))
	}
	return nil
}

// merged yields the candidates of both, which are in byte order, in byte order;
// what is in both as the second has it.
func merged(a, b iter.Seq2[candidate, error]) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		next, stop := iter.Pull2(a)
		defer stop()
		x, _, more := next()
		for y, err := range b {
			for ; err == nil && more && x.name < y.name; x, _, more = next() {
				if !yield(x, nil) {
					return
				}
			}
			if err == nil && more && x.name == y.name {
				x, _, more = next()
			}
			if !yield(y, err) {
				return
			}
		}
		for ; more; x, _, more = next() {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (run *searching) named(sorted []string) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		from, _ := slices.BinarySearch(sorted, run.sr.After)
		for _, name := range sorted[from:] {
			if name > run.sr.After && !yield(candidate{name: name}, nil) {
				return
			}
		}
	}
}

// resourceChunk is how many registered records are held at a time.
const resourceChunk = 500

// resources yields the registered records of a type. "*" is no record's id: it
// asks about none in particular.
func (run *searching) resources(ctx context.Context, typ string) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		for after := run.sr.After; ; {
			chunk, err := run.s.Store.Resources(ctx, run.caller.Tenant, typ, after, resourceChunk)
			if err == nil {
				// They may be newer than the view: then this makes it known, and
				// the page is asked for again.
				_, err = run.s.Store.TenantHead(ctx, run.caller.Tenant)
			}
			if err != nil {
				yield(candidate{}, err)
				return
			}
			for i, r := range chunk {
				if r.ID != model.AnyRecord && !yield(candidate{r.ID, &chunk[i]}, nil) {
					return
				}
			}
			if len(chunk) < resourceChunk {
				return
			}
			after = chunk[len(chunk)-1].ID
		}
	}
}

// actionNames lists in byte order the actions of an object that have a name: the
// catalogue's, and those that rows name for it or for every object.
func (v *View) actionNames(object string) []string {
	o := v.rules.objects[object]
	if o == nil {
		return nil
	}
	return v.rules.actionsOf(o)
}

// remembering is the service for one page: what a token proves is looked up once,
// not once a candidate.
func (s *Service) remembering() *Service {
	once := *s
	once.Assurer = &lastAssurance{Assurer: s.Assurer}
	return &once
}

// lastAssurance remembers what the last token proved, or that it proved nothing.
type lastAssurance struct {
	Assurer
	known             bool
	tenant, user, raw string
	proven            model.Assurance
	err               error
}

func (l *lastAssurance) Assurance(ctx context.Context, tenant, user, raw string) (model.Assurance, error) {
	if l.known && l.tenant == tenant && l.user == user && l.raw == raw {
		return l.proven, l.err
	}
	a, err := l.Assurer.Assurance(ctx, tenant, user, raw)
	l.known = err == nil || model.CodeOf(err) == model.CodeUnauthorized
	l.tenant, l.user, l.raw, l.proven, l.err = tenant, user, raw, a, err
	return a, err
}
