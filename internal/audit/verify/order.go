package verify

import (
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/skim"
)

// leeway is how far times of entries may run back: replicas have clocks of their
// own, and a record waits for its turn.
const leeway = 2 * time.Minute

// order checks that each source counts without a gap and that time goes on.
type order struct {
	bySource map[string]*written
	classes  map[string]*int64
	latest   int64 // time, since the last finding
	at       int64 // index of it
	left     int64 // entries so far that cannot be seen
}

// written is what a source has written so far.
type written struct {
	seq  int64
	left int64 // order.left then
}

// skipped counts entries that cannot be seen: a source's numbers may lack so many.
func (o *order) skipped(n int64) { o.left += n }

func (o *order) follows(index int64, l *skim.Leaf, r *Report) {
	w, known := o.bySource[string(l.Source)]
	if !known {
		w = &written{}
		o.bySource[string(l.Source)] = w
	}
	switch lost := l.Seq - w.seq - 1; {
	case lost < 0:
		r.fault(Tampered(index, "entry %d has number %d of its source, which had come to %d", index, l.Seq, w.seq))
	case lost > o.left-w.left:
		r.fault(Tampered(index, "entry %d has number %d of its source, which had come to %d: what lies between is missing", index, l.Seq, w.seq))
	}
	w.seq, w.left = max(l.Seq, w.seq), o.left

	if o.latest-l.Time > leeway.Microseconds() && r.Entries > 1 {
		r.fault(Tampered(index, "entry %d is %v older than entry %d before it", index, time.Duration(o.latest-l.Time)*time.Microsecond, o.at))
		o.latest, o.at = l.Time, index // one jump of a clock is one finding, however far it was
	}
	if l.Time > o.latest || r.Begin.IsZero() {
		o.latest, o.at = l.Time, index
	}
	if at := time.UnixMicro(l.Time).UTC(); at.After(r.End) {
		r.End = at
	}
	if r.Begin.IsZero() {
		r.Begin = r.End
	}
	o.class(l.Class)
	switch {
	case string(l.Activity) == string(audit.Gap):
		r.Lost.add(l.Count)
	case l.Since != 0 && (&audit.Leaf{Since: l.Since, Count: l.Count, Outcome: audit.Outcome(l.Outcome), Activity: audit.Activity(l.Activity)}).Counts():
		r.Denials.add(l.Count)
	}
}

func (o *order) class(class []byte) {
	n, ok := o.classes[string(class)]
	if !ok {
		if o.classes == nil {
			o.classes = map[string]*int64{}
		}
		n = new(int64)
		o.classes[string(class)] = n
	}
	*n++
}

func (o *order) counts() map[audit.Class]int64 {
	counts := map[audit.Class]int64{}
	for class, n := range o.classes {
		counts[audit.Class(class)] = *n
	}
	return counts
}
