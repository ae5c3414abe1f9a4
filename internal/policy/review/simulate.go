package review

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Sample is a request to be decided under both documents. What Inputs say of
// proofs, time and the registered record holds for both.
type Sample struct {
	Question model.Question
	Inputs   policy.Inputs
}

// Samples are requests worth comparing, and what they leave out.
type Samples struct {
	Each iter.Seq2[Sample, error] // an error ends the simulation
	Left []model.Unseen
}

// Bounds of a simulation.
const (
	MaxSamples = 200_000 // decided; more are not looked at, and the answer says so
	MaxShifts  = 1_000   // listed
	maxRecords = 10      // ids listed of one shift
)

// Simulate decides each sample under both views and gathers who gains and who
// loses what. It stops with the context's error when that ends.
func Simulate(ctx context.Context, before, after *policy.View, samples Samples) (model.Simulated, error) {
	out := model.Simulated{Left: slices.Clone(samples.Left)}
	shifts := gathered{}
	for s, err := range samples.Each {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return model.Simulated{}, err
		}
		if out.Compared == MaxSamples {
			out.Left = append(out.Left, model.Unseen{What: model.UnseenSamples, Looked: out.Compared})
			break
		}
		out.Compared++
		if err := compare(before, after, &s, shifts); err != nil {
			return model.Simulated{}, err
		}
	}
	for _, s := range shifts {
		out.Same -= s.Samples
	}
	out.Same += out.Compared
	out.Shifts, out.Unlisted = shifts.list(MaxShifts)
	return out, nil
}

// shiftOrder puts first what nobody may overlook.
var shiftOrder = []model.ShiftKind{model.ShiftGains, model.ShiftMixed, model.ShiftProof, model.ShiftLoses, model.ShiftReason}

type shiftKey struct {
	kind                    model.ShiftKind
	subject, action, object string
}

// gathered are the shifts met so far.
type gathered map[shiftKey]*model.Shift

// list gives up to so many of them, what matters most first, and how many others there are.
func (g gathered) list(most int) (listed []model.Shift, others int) {
	for _, s := range g {
		listed = append(listed, *s)
	}
	slices.SortFunc(listed, func(a, b model.Shift) int {
		return cmp.Or(slices.Index(shiftOrder, a.Kind)-slices.Index(shiftOrder, b.Kind),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Subject, b.Subject))
	})
	others = max(0, len(listed)-most)
	return listed[:len(listed)-others], others
}

// compare decides a sample under both views and notes a difference.
func compare(before, after *policy.View, s *Sample, shifts gathered) error {
	a, b := before.Decide(&s.Question, &s.Inputs), after.Decide(&s.Question, &s.Inputs)
	for _, d := range []*model.Decision{&a, &b} {
		if d.Code == model.CodeInternal {
			return fmt.Errorf("simulate %s on %s: %w", s.Question.Action.Name, s.Question.Resource.Type, d.Cause)
		}
	}
	at := shifts.note(&s.Question, &a, &b)
	if at != nil && len(at.Records) < maxRecords && !slices.Contains(at.Records, s.Question.Resource.ID) {
		at.Records = append(at.Records, s.Question.Resource.ID)
	}
	return nil
}

// note counts a difference between two answers, and gives where it belongs; nil for none.
func (g gathered) note(q *model.Question, a, b *model.Decision) *model.Shift {
	kind, opened, closed := shift(a, b)
	if kind == "" {
		return nil
	}
	key := shiftKey{kind, q.Subject.Type + ":" + q.Subject.ID, q.Action.Name, q.Resource.Type}
	at := g[key]
	if at == nil {
		at = &model.Shift{Kind: kind, Subject: key.subject, Action: key.action, Object: key.object, Records: []string{}, Before: a.Code, After: b.Code, Opened: opened, Closed: closed}
		g[key] = at
	}
	at.Samples++
	return at
}

// shift says how one answer becomes another; "" for not at all.
func shift(a, b *model.Decision) (kind model.ShiftKind, opened, closed []string) {
	switch was, is := may(a), may(b); {
	case !was && is:
		return model.ShiftGains, nil, nil
	case was && !is:
		return model.ShiftLoses, nil, nil
	case !was && a.Code != b.Code:
		return model.ShiftReason, nil, nil
	case a.Allow != b.Allow || a.StepUp != nil && *a.StepUp != *b.StepUp:
		return model.ShiftProof, nil, nil
	}
	switch opened, closed = less(a.Fields, b.Fields), less(b.Fields, a.Fields); {
	case len(opened) > 0 && len(closed) > 0:
		return model.ShiftMixed, opened, closed
	case len(opened) > 0:
		return model.ShiftGains, opened, nil
	case len(closed) > 0:
		return model.ShiftLoses, nil, closed
	}
	return "", nil, nil
}

// may tells whether proof of identity is all that can be in the way.
func may(d *model.Decision) bool { return d.Allow || d.Code == model.ReasonStepUp }

// less lists the fields that one answer keeps back, hidden, masked or from
// writing, and another does not, or not as much.
func less(a, b *model.Fields) (names []string) {
	if a == nil || b == nil {
		return nil
	}
	as, bs := keptBack(a), keptBack(b)
	for name := range as {
		if as.of(name)&^bs.of(name) != 0 {
			names = append(names, name)
		}
	}
	for name := range bs {
		if _, met := as[name]; !met && as.of(name)&^bs.of(name) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// kept is of each field what an answer keeps back: a bit for seeing it at all, in
// full, and for writing it.
type kept map[string]int

// of is what is kept back of a field; what is in no list is as all others are.
func (k kept) of(name string) int {
	if n, listed := k[name]; listed {
		return n
	}
	return k["*"]
}

func keptBack(f *model.Fields) kept {
	kept := kept{}
	for _, name := range f.Open {
		kept[name] = 0
	}
	for _, name := range f.ReadOnly {
		kept[name] |= 1
	}
	for _, name := range f.Masked {
		kept[name] |= 2
	}
	for _, name := range f.Hidden {
		kept[name] |= 1 | 2 | 4
	}
	return kept
}
