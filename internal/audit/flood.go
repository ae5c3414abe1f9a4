package audit

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"time"

	"rolegate/internal/reqctx"
)

// bounds say how many denials a minute have an entry each, by their source, and
// how many sources are told apart.
type bounds struct {
	limits  map[origin]int64
	sources int
	counts  int // kinds of what is counted
	// Each tenant has a few more sources and counts, for what is beyond these two.
}

var defaultBounds = bounds{
	limits: map[origin]int64{
		ofPerson:  300,
		ofCaller:  300,
		ofNetwork: 60,
		ofNobody:  1200,
		ofCrowd:   300,
	},
	sources: 1 << 16,
	counts:  1 << 12,
}

// flood keeps denials that come in floods from filling the log: of each source
// the first of a minute have an entry each, the others are counted.
//
//	denial ─▶ its source's tally ─┬─ within its limit ─▶ an entry, committed, then the answer
//	                              └─ past it ─▶ a count in memory, and the answer at once
//	                                               └─ each minute ─▶ an entry: Count of them, Since when
//
// What is allowed, what an error prevented and what is an act is never counted.
// Before the first count the store says that this process holds counts, and it
// does as long as there are any (counts.go): those that a crash takes are a gap in
// the log, as records are that were in memory. While the store does not
// answer nothing is counted, so that a denial that cannot be recorded is refused
// as any other answer is.
type flood struct {
	log      *Log
	buffered bool // the source is held by the buffer anyway
	bounds   bounds
	clock    func() int64
	wanted   chan struct{} // has room for one: a denial could be counted, but the store does not know
	cancel   context.CancelFunc
	ended    chan struct{}
	held     bool // the store may say so of this process; of the goroutine, and after it of close

	mu      sync.Mutex // held for what follows, never while waiting
	seed    maphash.Seed
	began   int64            // the minute of the tallies, see clock
	tallies map[uint64]int64 // entries of each source; by a hash, so that nothing of a request is kept
	nobody  int64            // entries of refusals of nobody we know

	counts map[kind]*count
	oldest int64 // when the first of them was counted
	open   bool  // the store knows that there are counts, as of beat
	beat   int64
	stuck  bool // some could not be written
	closed bool
}

// origin is what kind of source a denial has.
type origin string

const (
	ofPerson  origin = "person"  // whom one client asks about
	ofCaller  origin = "caller"  // a caller we know
	ofNetwork origin = "network" // of a caller we do not
	ofNobody  origin = "nobody"  // all of those
	ofCrowd   origin = "crowd"   // all of a tenant that there is no room to tell apart
)

// source is who is behind denials, as far as they are counted together.
type source struct {
	origin origin
	tenant string
	asked  string // by which client; of a caller its kind
	name   string // the person, the caller, or the network
}

func sourceOf(e *Entry, network string) source {
	caller := cmp.Or(e.Caller.ID, e.Service)
	switch {
	case e.Class == ClassDecision && e.Activity != RequestFailed:
		return source{ofPerson, e.Tenant, caller, e.Person}
	case caller != "":
		return source{ofCaller, e.Tenant, string(e.Caller.Kind), caller}
	}
	return source{origin: ofNetwork, name: network}
}

// denial tells whether the entry is one of those that come in floods: a no, and
// nothing but that. An answer that says more, such as why, or who else could, has
// an entry of its own however many there are, or what it told would be in none.
func (e *Entry) denial() bool {
	return e.Outcome == OutcomeDeny && !e.Code.Fault() && e.Act == nil && len(e.Items) == 0 &&
		e.Count == 0 && (e.Class != ClassDecision || e.Activity == Evaluated || e.Activity == RequestFailed)
}

// counted tells whether a denial was counted, and may be answered. If not it
// needs its entry.
func (l *Log) counted(ctx context.Context, e *Entry) bool {
	f := l.flood.Load()
	if f == nil || !e.denial() || !f.take(e, reqctx.From(ctx).Network()) {
		return false
	}
	reqctx.From(ctx).SetReceipt(nil) // recorded, and nowhere
	return true
}

func (f *flood) take(e *Entry, network string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, past := f.past(sourceOf(e, network))
	if !past || !f.counting() {
		return false
	}
	f.count(s, e, network)
	f.log.metrics.counted.WithLabelValues(string(s.origin)).Inc()
	return true
}

// past tells whether the source has had its entries of this minute, and what it
// is counted as. If not, this one is of them.
func (f *flood) past(s source) (source, bool) {
	if now := f.clock(); now-f.began >= int64(time.Minute) {
		f.began, f.nobody = now, 0
		clear(f.tallies)
	}
	key := maphash.Comparable(f.seed, s)
	n, known := f.tallies[key]
	switch {
	case n >= f.bounds.limits[s.origin]:
		return s, true
	case s.origin == ofNetwork && f.nobody >= f.bounds.limits[ofNobody]:
		return source{origin: ofNobody}, true
	case !known && len(f.tallies) >= f.bounds.sources && s.origin != ofCrowd:
		return f.past(source{origin: ofCrowd, tenant: s.tenant})
	}
	f.tallies[key]++
	if s.origin == ofNetwork {
		f.nobody++
	}
	return s, false
}

// counting tells whether counts may be kept in memory, and asks for it if not.
func (f *flood) counting() bool {
	if f.closed || f.stuck {
		return false
	}
	if !f.open {
		select {
		case f.wanted <- struct{}{}:
		default:
		}
		return false
	}
	// Without a tie to the store a denial could be one no longer.
	return f.clock()-f.beat <= int64(beatFor) && (f.log.watch == nil || !f.log.watch.stale())
}
