package administration

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rolegate/internal/audit/search"
	"rolegate/internal/change"
	"rolegate/internal/policy"
	"rolegate/model"
)

// What is sampled of the log for a simulation.
const (
	replayedDays     = 30
	replayedRequests = 10_000
	replayedFor      = 8 * time.Second // to read them
)

// SimulateDraft tells who would gain and lose what by a draft. With recorded, requests of
// the log are asked again as well, for who reads sealed parts of the log (OpensLog): a
// draft is a question, and what it changes of recorded requests is the answer to whatever
// its author wants to know of them, also where nobody is named.
func (o *Officer) SimulateDraft(ctx context.Context, id string, recorded bool) (model.Simulated, error) {
	var sampling *sampling
	var read change.Recorded
	if recorded {
		r, err := o.opener(ctx)
		if err != nil {
			return model.Simulated{}, err
		}
		until := o.Now().UTC()
		sampling = o.sampling(r, until)
		read = sampling.read
	}
	return observing(ctx, o, func() (model.Simulated, int, error) {
		done, err := o.Change.Simulate(ctx, o.tenant, id, read)
		if sampling != nil && (err == nil || sampling.opened) { // what was opened was read, whatever came of it
			err = cmp.Or(sampling.told(context.WithoutCancel(ctx), id, done.Recorded), err)
		}
		return done, done.Compared, err
	})
}

// OpensLog is nil for who reads sealed parts of the log: by the right to read it, with a
// second factor proven lately, as holder of the office of the log.
func (o *Officer) OpensLog(ctx context.Context) error {
	_, err := o.opener(ctx)
	return err
}

func (o *Officer) opener(ctx context.Context) (search.Reader, error) {
	log := *o
	log.object, log.action = AuditLog, Read
	if _, err := log.right(ctx, model.AnyRecord, ""); err != nil {
		return search.Reader{}, err
	}
	if opens, err := o.holds(ctx, model.AuditAdmin); err != nil || !opens {
		return search.Reader{}, cmp.Or(err, error(errNotTheirs))
	}
	return log.reader(ctx) // last, so that nobody proves anything for nothing
}

var errNotTheirs = model.Errorf(model.CodeForbidden, "recorded requests are for holders of the office %s", model.AuditAdmin)

// sampling is one reading of recorded requests.
type sampling struct {
	search *search.Search
	reader search.Reader
	wanted search.Wanted
	opened bool
	taken  int // requests of what was opened
}

func (o *Officer) sampling(r search.Reader, until time.Time) *sampling {
	return &sampling{search: o.Search, reader: r,
		wanted: search.Wanted{From: until.AddDate(0, 0, -replayedDays), Until: until, Requests: replayedRequests, For: replayedFor}}
}

func (s *sampling) read(ctx context.Context) (change.Sampled, error) {
	out := change.Sampled{From: s.wanted.From, Until: s.wanted.Until}
	found, err := s.search.Sample(ctx, s.reader, s.wanted, func(e *search.Entry, opened []map[string]any) int {
		asked, counted := policy.Recall(e.Index, &e.Leaf, opened)
		out.Asked = append(out.Asked, asked...)
		out.Counted += counted
		s.opened, s.taken = true, s.taken+len(asked)+counted
		return max(1, len(asked))
	})
	out.Of, out.More = found.Of, found.Early || found.Of != s.taken
	return out, err
}

// told records what was opened and, unless nothing came of it, what the reader is about to
// be told, for those who are named, too.
func (s *sampling) told(ctx context.Context, draft string, r *model.Recorded) error {
	var named []string
	if r == nil {
		r = &model.Recorded{}
	}
	for i := range r.Shifts {
		if who := r.Shifts[i].Subject; !slices.Contains(named, who) {
			named = append(named, who)
		}
	}
	return s.search.Told(ctx, s.reader, s.wanted, s.taken, map[string]any{"draft": draft}, named)
}
