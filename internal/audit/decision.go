package audit

import (
	"context"
	"fmt"

	"rolegate/internal/reqctx"
)

// Moved says that a decision was not recorded because its tenant has moved on:
// it has to be made again, on the revision named or a later one.
type Moved struct {
	Tenant   string
	Revision int64 // 0: there is no such tenant any more
}

func (m *Moved) Error() string {
	return fmt.Sprintf("tenant %q is at revision %d by now", m.Tenant, m.Revision)
}

// AppendDecision records a decision made on e.Revision of e.Tenant, unless the
// tenant has moved past it: then nothing is recorded and the error is a *Moved.
// So a decision may be made from memory, and is still never given after a
// change of its tenant that it does not know.
//
// Durable, the revision is read in the transaction that stores the record. A
// change that commits after that is concurrent with the question and counts as
// later. Buffered, it is held against what this process knows, which lags
// behind other processes by a poll; and nil means that the record is in memory. After a
// record was lost there, decisions are durable for a while.
// A denial that is counted, since there is a flood of them, is likewise no older
// than what this process knows, see flood.
func (l *Log) AppendDecision(ctx context.Context, e Entry) error {
	err := l.appendDecision(ctx, e)
	if err == nil && e.failure() {
		reqctx.From(ctx).MarkFailed()
	}
	return err
}

func (l *Log) appendDecision(ctx context.Context, e Entry) error {
	if known := l.store.Revisions().Known(e.Tenant); known > e.Revision {
		l.metrics.moved.Inc()
		return &Moved{e.Tenant, known}
	}
	if l.counted(ctx, &e) {
		return nil
	}
	if b := l.buffer.Load(); b != nil && !b.loses() {
		return unavailable(b.add(ctx, e))
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	records, err := l.records(ctx, nil, []Entry{e})
	if err != nil {
		return err
	}
	r := &records[0]
	r.decision, r.tenant, r.revision = true, e.Tenant, e.Revision
	return l.commit(ctx, records...)
}
