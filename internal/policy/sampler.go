package policy

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"time"

	"rolegate/model"
)

// Sampler holds a share of the decisions, once they are made, to Casbin's own
// enforcer over the same rows. It works off the answer's path: what it cannot
// keep up with it lets go. One enforcer is built at a time and dropped after.
type Sampler struct {
	Every  int          // one in this many decisions; 0: none
	Logger *slog.Logger // told of differences
	Count  func(outcome SampleOutcome)

	queue chan sample
}

// SampleOutcome is what came of re-checking a decision.
type SampleOutcome string

const (
	SampleSame      SampleOutcome = "same"
	SampleDifferent SampleOutcome = "different" // the alarm: index and Casbin disagree
	SampleSkipped   SampleOutcome = "skipped"   // the policy is too large for an enforcer
	SampleDropped   SampleOutcome = "dropped"   // the queue is full
	SampleFailed    SampleOutcome = "failed"    // Casbin gave no answer
)

// SampleOutcomes lists them.
var SampleOutcomes = []SampleOutcome{SampleSame, SampleDifferent, SampleSkipped, SampleDropped, SampleFailed}

const (
	// maxSampledRows is the largest policy an enforcer is built for.
	maxSampledRows = 50_000
	sampleQueue    = 64
	// sampleDuty is how many times as long as it worked the sampler rests.
	sampleDuty = 19
)

type sample struct {
	snapshot *Snapshot
	question model.Question
	inputs   Inputs
	decision model.Decision
}

// maxSampledPeople is the largest directory an enforcer is built for.
const maxSampledPeople = 50_000

// maxSampledFields bounds the fields of a question, for each of which Casbin is
// asked several times.
const maxSampledFields = 256

// NewSampler makes a sampler of one in every decisions. Run works its queue.
func NewSampler(every int, logger *slog.Logger, count func(SampleOutcome)) *Sampler {
	return &Sampler{Every: every, Logger: logger, Count: count, queue: make(chan sample, sampleQueue)}
}

// offer may take a decision for a re-check. It never waits.
func (s *Sampler) offer(snap *Snapshot, q *model.Question, in *Inputs, d *model.Decision) {
	if s == nil || s.Every <= 0 || rand.IntN(s.Every) != 0 {
		return
	}
	select {
	case s.queue <- sample{snap, *q, *in, *d}:
	default:
		s.Count(SampleDropped)
	}
}

// Run re-checks until ctx ends.
func (s *Sampler) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-s.queue:
			began := time.Now()
			s.Count(s.check(&x))
			rest := time.NewTimer(time.Since(began) * sampleDuty)
			select {
			case <-ctx.Done():
				rest.Stop()
				return
			case <-rest.C:
			}
		}
	}
}

// check answers a question again, by an enforcer of its moment: roles begin and
// end.
func (s *Sampler) check(x *sample) (outcome SampleOutcome) {
	defer func() {
		if v := recover(); v != nil { // Casbin's, off the path of any answer
			s.Logger.Error("a sampled decision could not be checked", "tenant", x.snapshot.tenant.ID, "panic", fmt.Sprintf("%T", v))
			outcome = SampleFailed
		}
	}()
	ask, _ := readFieldAsk(x.question.Action.Properties)
	if len(x.snapshot.rules.places) > maxSampledRows || x.snapshot.people.len() > maxSampledPeople || ask.count() > maxSampledFields {
		return SampleSkipped
	}
	casbin, err := newReference(x.snapshot, x.inputs.Now)
	if err != nil {
		s.Logger.Error("a sampled decision could not be checked", "tenant", x.snapshot.tenant.ID, "error", err)
		return SampleFailed
	}
	return s.compare(x, casbin)
}

func (s *Sampler) compare(x *sample, casbin engine) SampleOutcome {
	again := x.snapshot.decide(&x.question, &x.inputs, casbin)
	switch {
	case again.Code == model.CodeInternal:
		s.Logger.Error("a sampled decision could not be checked", "tenant", x.snapshot.tenant.ID, "error", again.Cause)
		return SampleFailed
	case reflect.DeepEqual(again, x.decision):
		return SampleSame
	}
	// Neither subject nor record, and no word that only the request vouches for:
	// the log of operators holds no personal data.
	object, action := x.snapshot.rules.literal(x.question.Resource.Type, x.question.Action.Name)
	s.Logger.Error("index and Casbin disagree: please report this, with the policy", "tenant", x.snapshot.tenant.ID,
		"revision", x.snapshot.tenant.Revision, "object", object, "action", action,
		"code", x.decision.Code, "rule", x.decision.Rule.Line, "casbin_code", again.Code, "casbin_rule", again.Rule.Line)
	return SampleDifferent
}
