// Package audit writes the record: one durable entry for every login step,
// token, decision and administrative act, committed before it is answered.
//
//	services ──Entry──▶ record ─┬─▶ leaf: what happened, deterministic CBOR, no personal data
//	                            └─▶ segment: who and which, sealed under the person's and the month's key
//
//	Append, AppendDecision ──▶ queue ──▶ committer: many records, one transaction
//	AppendDecision, buffered ─▶ memory ──▶ flusher ──┘
//	denials, in a flood ─▶ counts ─▶ each minute ────┘
//	AppendIn ──────────────────▶ the transaction of the change itself
//
// A leaf says what was decided, why, by which rule, and when. Whatever names a
// person or a record lies sealed beside it: the key that opens it is derived
// from a key of the person and a key of the month, so destroying either erases
// the plaintext and leaves the leaf untouched. Both keys live wrapped in the
// keystore, a database apart from the log.
//
// When the record cannot be written the caller gets CodeAuditUnavailable and
// must answer no. A record is sealed before its transaction begins, in which
// only its number is added, so that the log's head is held for short.
//
// The leaves are those of a Merkle tree (package tree), whose end is kept with the
// log's head and grows in the transaction that stores them, with a MAC under a key of
// the keystore (head.go). What is made of the
// log has packages of its own, of which this one knows none but tree:
//
//	tree            hashes, the frontier of an append, tiles
//	checkpoint      signs the tree once a second; proofs and tiles
//	search          finds and reads entries, each reading an entry itself
//	bundle, verify  the log as an auditor gets it, and what it is held against
//	wire, skim      CBOR as both read it, strict and fast
//	selfverify      verify over the live log, once a day
//	sink, ocsf      the way out, to a file or a webhook
package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// Timeout bounds an append of its own: a log that does not answer within it is
// unavailable, and so is the answer that waits for it.
const Timeout = 2 * time.Second

// leafVersion is Leaf.Version of the entries this build writes.
const leafVersion = 1

// Log is the one way to write a record. Safe for concurrent use.
type Log struct {
	store   store.Store
	people  *people
	refs    cache[string, string] // of tenants, by id
	now     func() time.Time
	source  []byte
	headKey []byte // see head.go
	commits *committer
	buffer  atomic.Pointer[buffer] // nil: durable
	flood   atomic.Pointer[flood]  // nil: each denial has an entry
	watch   *watch                 // nil: nothing to watch
	metrics *metrics
	closing sync.Once
}

// Open makes a log over the store, with sealed segments under keys of the
// keystore that kek wraps. It writes the keystore's pepper at first use. Close
// it before the databases.
func Open(ctx context.Context, st store.Store, keys store.Keystore, kek *keyring.KEK, now func() time.Time) (*Log, error) {
	people, err := openPeople(ctx, keys, kek, now)
	if err != nil {
		return nil, fmt.Errorf("open keystore: %w", err)
	}
	source := make([]byte, 8)
	rand.Read(source)
	m := newMetrics()
	l := &Log{store: st, people: people, now: now, source: source, metrics: m}
	if l.headKey, err = secret(ctx, keys, kek, headKeyName); err != nil {
		return nil, fmt.Errorf("open keystore: %w", err)
	}
	if err := l.openHead(ctx, keys); err != nil {
		return nil, fmt.Errorf("give the log's head a MAC: %w", err)
	}
	l.commits = startCommitter(l)
	return l, nil
}

// Append commits the entries together, within Timeout. nil means they are
// durable; anything else means the answer must be no.
func (l *Log) Append(ctx context.Context, entries ...Entry) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	records, err := l.records(ctx, nil, entries)
	if err != nil {
		return err
	}
	if err := l.commit(ctx, records...); err != nil {
		return err
	}
	markFailed(ctx, entries)
	return nil
}

// markFailed has the request know that the log says that it failed, where the entries
// that are in it now do.
func markFailed(ctx context.Context, entries []Entry) {
	if slices.ContainsFunc(entries, Entry.failure) {
		reqctx.From(ctx).MarkFailed()
	}
}

// records makes the entries' records, which asks the keystore about whom it was not
// asked before.
func (l *Log) records(ctx context.Context, tx store.Tenants, entries []Entry) ([]record, error) {
	records := make([]record, len(entries))
	for i := range entries {
		var err error
		if records[i], err = l.record(ctx, tx, &entries[i]); err != nil {
			return nil, unavailable(fmt.Errorf("record %s: %w", entries[i].Activity, err))
		}
	}
	return records, nil
}

func (l *Log) commit(ctx context.Context, records ...record) error {
	ctx, end := tracing.Part(ctx, "append")
	defer end()
	receipt, err := l.commits.append(ctx, records)
	if err != nil {
		return unavailable(err)
	}
	reqctx.From(ctx).SetReceipt(receipt)
	return nil
}

// AppendIn adds the entries to the transaction of the change they record. The
// transaction is its caller's to bound; a keystore that hangs does not hold it up.
func (l *Log) AppendIn(ctx context.Context, tx store.Tx, entries ...Entry) error {
	sealing, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	records, err := l.records(sealing, tx, entries)
	if err != nil {
		return err
	}
	head, seq, err := tx.TakeHead(ctx, l.source, len(records))
	if err != nil {
		return unavailable(err)
	}
	if _, err := l.grow(ctx, tx, head, seq, records); err != nil {
		return unavailable(err)
	}
	tx.OnCommit(func() { markFailed(ctx, entries) }) // before it, the failure would have no entry
	return nil
}

// AppendRefusal is Append for an entry that may say no to anybody, as often as
// they ask: past the limit of whoever asks it is counted instead, see flood.
func (l *Log) AppendRefusal(ctx context.Context, e Entry) error {
	if l.counted(ctx, &e) {
		markFailed(ctx, []Entry{e})
		return nil
	}
	return l.Append(ctx, e)
}

// RecordFailure commits the entry of a request that was refused before a
// service saw it: no token, no JSON, too large. route is method and pattern, never
// the path, which may hold a secret. In a flood refusals are counted.
func (l *Log) RecordFailure(ctx context.Context, caller model.Caller, route string, code model.Code) error {
	e := Entry{Tenant: caller.Tenant, Class: classOf(route), Activity: RequestFailed, Outcome: OutcomeDeny, Code: code, Op: route, Caller: caller}
	if code.Fault() {
		e.Outcome = OutcomeError
	}
	if caller.Kind == model.CallerClient {
		e.Service = caller.ID
	}
	return l.AppendRefusal(ctx, e)
}

// routes are the beginnings of those that are not about logging in.
var routes = []struct {
	begins string
	class  Class
}{
	{"/access/", ClassDecision},
	{"/v1/filter", ClassDecision},
	{"/v1/explain", ClassDecision},
	{"/v1/permissions", ClassDecision},
	{"/v1/forward-auth", ClassDecision},
	{"/v1/admin/", ClassAdmin},
	{"/v1/audit/", ClassAdmin},
	{"/console/why", ClassDecision},
	{"/console/", ClassAdmin},
}

func classOf(route string) Class {
	_, path, _ := strings.Cut(route, " ")
	for _, r := range routes {
		if strings.HasPrefix(path, r.begins) {
			return r.class
		}
	}
	return ClassLogin
}

// Close writes what is still queued and stops. Until ctx ends it waits for the
// database; what is then left of a buffer is lost, and the next start finds
// that out.
func (l *Log) Close(ctx context.Context) (err error) {
	l.closing.Do(func() {
		b, f := l.buffer.Load(), l.flood.Load()
		if b != nil {
			err = b.close(ctx)
		}
		if f != nil {
			err = errors.Join(err, f.close(ctx))
		}
		if l.watch != nil {
			l.watch.close()
		}
		l.commits.close(ctx)
		if b != nil && err == nil {
			err = l.store.HoldSource(ctx, l.source, time.Time{})
		}
	})
	return err
}

// unavailable gives every failure of the log the one code that callers answer
// with, and keeps the cause for operators.
func unavailable(err error) error {
	if _, moved := err.(*Moved); moved || err == nil || model.CodeOf(err) == model.CodeAuditUnavailable {
		return err
	}
	return model.Errorf(model.CodeAuditUnavailable, "the record of this request could not be written, so it was refused").Because(err)
}
