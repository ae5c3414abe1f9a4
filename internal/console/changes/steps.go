package changes

import (
	"rolegate/internal/change"
)

// step is one of the eight of a change's life.
type step struct {
	Number int
	Name   string // edit, check, test, simulate, review, approve, publish, applied
	Mark   mark
	Path   string // where it is done or looked at; "" for on the page of the draft
}

// mark is how far a step has come.
type mark string

const (
	isDone    mark = "done"
	isNext    mark = "next"    // what it waits for
	isLater   mark = "later"   // or can be looked at any time
	isStopped mark = "stopped" // has to be mended first
)

// Done tells whether it is done.
func (s step) Done() bool { return s.Mark == isDone }

// Next tells whether the change waits for it.
func (s step) Next() bool { return s.Mark == isNext || s.Mark == isStopped }

// stepsOf tells of each step how far it has come. Simulation and review are for the
// eyes of people: nobody notes whether they looked, until somebody answers for it.
func stepsOf(d *draftPage) (steps []step, next *step) {
	state := d.Draft.State
	handed, approved, published := state != change.Open && state != change.Withdrawn, state == change.Approved, state == change.Published
	looked := doneIf(approved || published)
	sound := d.Bad == nil && d.Refused() == nil
	tested := d.Bad == nil && d.BadCases == nil && d.Passed() == len(d.Results)
	steps = []step{
		{Name: "edit", Mark: doneIf(handed || !d.Unchanged()), Path: d.Editor("")},
		{Name: "check", Mark: doneIf(sound), Path: d.Path("/check")},
		{Name: "test", Mark: doneIf(tested && (handed || len(d.Results) > 0)), Path: d.Path("/cases")},
		{Name: "simulate", Mark: looked, Path: d.Path("/simulate")},
		{Name: "review", Mark: looked, Path: d.Path("/review")},
		{Name: "approve", Mark: doneIf(approved || published)},
		{Name: "publish", Mark: doneIf(published)},
		{Name: "applied", Mark: isLater},
	}
	for i := range steps {
		steps[i].Number = i + 1
	}
	if !d.Simulates {
		steps[3].Path = ""
	}
	if published {
		steps[7].Mark, steps[7].Path = isNext, revisionPath(d.Draft.Published, "")
	}
	if !state.Open() {
		return steps, nil
	}
	switch {
	case !sound:
		next = &steps[1]
	case steps[0].Mark != isDone:
		next = &steps[0]
	case !tested:
		next = &steps[2]
	case !approved:
		next = &steps[5]
	default:
		next = &steps[6]
	}
	next.Mark = isNext
	if !sound || !tested && next == &steps[2] {
		next.Mark = isStopped
	}
	return steps, next
}

func doneIf(is bool) mark {
	if is {
		return isDone
	}
	return isLater
}
