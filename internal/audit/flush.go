package audit

import "time"

// lateAfter is how old a record may become before it is dated anew.
const lateAfter = 30 * time.Second

// flush is a batch on its way from memory. The times of the log go on, but for what
// clocks differ by, and a verification says where they do not. So what an outage has
// kept from being written for long has the time it is written at, and says since when
// it was due: no record is older than twice lateAfter when it comes into the log.
type flush struct {
	held    []*held
	records []record // of each of them
	at      time.Time
}

// seal makes the records of a batch, trying again while a database is out. What no
// record can be made of is left out.
func (b *buffer) seal(batch []*held) *flush {
	l, ctx := b.log, b.ctx
	f := &flush{at: l.now().Round(0)} // by the clock that leaves are dated by, which may be set
	var drafted []*held
	drafts := make([]draft, 0, len(batch))
	var people []personID
	for _, h := range batch {
		e, at := h.entry, h.at
		if f.at.Sub(at) > lateAfter {
			e.Since, at = at, f.at
		}
		b.insist(func() error {
			d, err := l.draft(ctx, nil, &e, &h.request, at)
			if err == nil {
				drafted, drafts, people = append(drafted, h), append(drafts, d), append(people, d.people()...)
			}
			return err
		})
	}
	b.insist(func() error { // new people's keys together; whom that fails for is tried alone below
		if err := l.people.ensure(ctx, people...); err != nil && outage(err) {
			return err
		}
		return nil
	})
	for i, d := range drafts {
		b.insist(func() error {
			r, err := l.seal(ctx, d)
			if err == nil {
				f.held, f.records = append(f.held, drafted[i]), append(f.records, r)
			}
			return err
		})
	}
	return f
}

func (b *buffer) writeAll() {
	defer close(b.wrote)
	for f := range b.ready {
		b.write(f)
		b.end()
	}
}

// write commits a batch; one that the database refuses though it is fine is
// written record by record.
func (b *buffer) write(f *flush) {
	err := b.try(f)
	if err == nil {
		return
	}
	if outage(err) {
		b.insist(func() error {
			if err = b.try(f); err != nil && !outage(err) {
				return nil // what is at fault is found below
			}
			return err
		})
		if err == nil || outage(err) {
			return
		}
	}
	for i, h := range f.held {
		one := &flush{[]*held{h}, f.records[i : i+1], f.at}
		b.insist(func() error { return b.try(one) })
	}
}

// try commits a batch, whose records are made again where they are late.
func (b *buffer) try(f *flush) error {
	if b.log.now().Round(0).Sub(f.at) > lateAfter {
		*f = *b.seal(f.held)
	}
	return b.commit(f.records)
}

// commit commits records, and waits for their fate: once Close waits no longer only
// if their transaction has begun, which has its own deadline.
func (b *buffer) commit(records []record) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	a, err := b.log.commits.begin(records)
	if err != nil {
		return err
	}
	return a.fate(b.ctx)
}
