// Package audit writes the record: one durable entry for every login step,
// token, decision and administrative act, committed before it is answered.
//
//	services ──Entry──▶ Log.Append ─┬─▶ leaf: what happened, deterministic CBOR, no personal data
//	                                └─▶ segment: who and which, sealed under the person's and the month's key
//
// A leaf says what was decided, why, by which rule, and when. Whatever names a
// person or a record lies sealed beside it: the key that opens it is derived
// from a key of the person and a key of the month, so destroying either erases
// the plaintext and leaves the leaf untouched. Both keys live wrapped in the
// keystore, a database apart from the log.
//
// There is one append path. Append commits records alone (decisions, failures);
// AppendIn joins the transaction of the change it records, so neither exists
// without the other. When the record cannot be written the caller gets
// CodeAuditUnavailable and must answer no.
//
// For now the entries are a plain table; the Merkle tree, checkpoints and the
// verifier come with the log issue, and the bytes may change until then.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

// Timeout bounds an append of its own: a log that does not answer within it is
// unavailable, and so is the answer that waits for it.
const Timeout = 2 * time.Second

// leafVersion is Leaf.Version of the entries this build writes.
const leafVersion = 1

// Log is the one way to write a record. Safe for concurrent use.
type Log struct {
	store  store.Store
	people *people
	now    func() time.Time
	source []byte
	encode cbor.EncMode
}

// Open makes a log over the store, with sealed segments under keys of the
// keystore that kek wraps. It writes the keystore's pepper at first use.
func Open(ctx context.Context, st store.Store, keys store.Keystore, kek *keyring.KEK, now func() time.Time) (*Log, error) {
	people, err := openPeople(ctx, keys, kek, now)
	if err != nil {
		return nil, fmt.Errorf("open keystore: %w", err)
	}
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	source := make([]byte, 8)
	rand.Read(source)
	return &Log{store: st, people: people, now: now, source: source, encode: mode}, nil
}

// Append commits the entries in a transaction of their own, within Timeout.
// nil means they are durable; anything else means the answer must be no.
func (l *Log) Append(ctx context.Context, entries ...Entry) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := l.store.InTx(ctx, func(tx store.Tx) error { return l.AppendIn(ctx, tx, entries...) })
	return unavailable(err)
}

// AppendIn adds the entries to the transaction of the change they record.
func (l *Log) AppendIn(ctx context.Context, tx store.Tx, entries ...Entry) error {
	rows := make([]store.Entry, len(entries))
	seq, err := tx.TakeSeq(ctx, l.source, len(entries))
	if err != nil {
		return unavailable(err)
	}
	for i, e := range entries {
		row, err := l.record(ctx, tx, e, seq+int64(i))
		if err != nil {
			return unavailable(fmt.Errorf("record %s: %w", e.Activity, err))
		}
		rows[i] = row
	}
	if _, err := tx.AppendEntries(ctx, rows); err != nil {
		return unavailable(err)
	}
	reqctx.From(ctx).MarkRecorded()
	return nil
}

// RecordFailure commits the entry of a request that was refused before a
// service saw it: no token, no JSON, too large. route is the pattern, never the
// path, which may hold a secret.
func (l *Log) RecordFailure(ctx context.Context, caller model.Caller, route string, code model.Code) error {
	class := ClassLogin
	if strings.Contains(route, "/access/") {
		class = ClassDecision
	}
	e := Entry{Tenant: caller.Tenant, Class: class, Activity: RequestFailed, Outcome: OutcomeDeny, Code: code, Op: route, Caller: caller}
	if caller.Kind == model.CallerClient {
		e.Service = caller.ID
	}
	return l.Append(ctx, e)
}

// unavailable gives every failure of the log the one code that callers answer
// with, and keeps the cause for operators.
func unavailable(err error) error {
	if err == nil || model.CodeOf(err) == model.CodeAuditUnavailable {
		return err
	}
	return model.Errorf(model.CodeAuditUnavailable, "the record of this request could not be written, so it was refused").Because(err)
}

// record makes the stored form of an entry.
func (l *Log) record(ctx context.Context, tx store.Tenants, e Entry, seq int64) (store.Entry, error) {
	now := l.now().UTC()
	leaf := Leaf{
		Version: leafVersion, Time: now.UnixMicro(), Class: e.Class, Activity: e.Activity,
		Outcome: e.Outcome, Code: e.Code, Roles: e.Roles, Object: e.Object, Op: e.Op, Rule: e.Rule,
		PolicyHash: e.PolicyHash, Revision: e.Revision, Service: e.Service,
		Request: reqctx.From(ctx).TraceID, Level: e.Level, Age: e.Age, Items: e.Items,
		Actor: string(e.Caller.Kind), Source: l.source, Seq: seq, PrevPolicy: e.PrevPolicy, Count: e.Count,
	}
	if e.Tenant != "" {
		t, err := tx.Tenant(ctx, e.Tenant)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return store.Entry{}, err
		}
		leaf.Tenant = t.Ref
	}
	var row store.Entry
	if err := l.seal(ctx, &leaf, &row, e.parts(ctx), now); err != nil {
		return store.Entry{}, err
	}
	bytes, err := l.encode.Marshal(leaf)
	if err != nil {
		return store.Entry{}, err
	}
	row.Leaf = bytes
	return row, nil
}

// parts are the plaintexts of the entry's segments, one for each person: whom
// it is about, with where the request came from; the caller, where that is
// another person, who then takes the origin along; and the others.
func (e Entry) parts(ctx context.Context) []Part {
	about := Part{e.Person, map[string]any{}}
	for k, v := range e.Personal {
		about.Personal[k] = clip(v)
	}
	if e.Person != "" {
		about.Personal["person"] = clip(e.Person)
	}
	if caller := e.Caller.String(); e.Person == "" && isPerson(e.Caller) {
		about.Person = caller
	}
	parts := []Part{about}
	origin := &parts[0]
	if isPerson(e.Caller) {
		if e.Person != "" && e.Person != e.Caller.String() {
			parts = append(parts, Part{e.Caller.String(), map[string]any{}})
			origin = &parts[1]
		}
		origin.Personal["caller"] = clip(e.Caller.String())
	}
	req := reqctx.From(ctx)
	if req.Address != "" {
		origin.Personal["address"] = req.Address
	}
	if req.UserAgent != "" {
		origin.Personal["agent"] = clip(req.UserAgent)
	}
	parts = append(parts, e.Others...)
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.Personal) == 0 })
}

// isPerson tells whether a person is behind the caller.
func isPerson(c model.Caller) bool {
	return c.Kind == model.CallerUser || c.Kind == model.CallerOperator
}

// clip bounds what a caller can make us store of one value, so a name of a
// megabyte is one entry of ordinary size.
func clip(v any) any {
	const max = 512
	if s, ok := v.(string); ok && len(s) > max {
		return s[:max] + "…"
	}
	return v
}

// seal adds a segment for each part, under the keys of its person and of the
// class's month. A part that is about nobody we know is sealed under a key of
// the tenant's own.
func (l *Log) seal(ctx context.Context, leaf *Leaf, row *store.Entry, parts []Part, now time.Time) error {
	if len(parts) == 0 {
		return nil
	}
	ids := make([]string, len(parts))
	for i, p := range parts {
		ids[i] = p.Person
	}
	keys, err := l.people.all(ctx, leaf.Tenant, ids)
	if err != nil {
		return fmt.Errorf("person keys: %w", err)
	}
	month := now.Format("2006-01")
	mk, err := l.people.month(ctx, leaf.Tenant, leaf.Class, month)
	if err != nil {
		return fmt.Errorf("month key: %w", err)
	}
	epoch := string(leaf.Class) + "/" + month
	for _, p := range parts {
		plain, err := json.Marshal(p.Personal)
		if err != nil {
			return err
		}
		pk := keys[p.Person]
		salt, commitment, ct, err := keyring.SealSegment(pk.key, mk, segmentLabel(epoch, pk.ref), plain)
		if err != nil {
			return err
		}
		s := store.Segment{Ref: pk.ref, Salt: salt, Commitment: commitment, Ciphertext: ct}
		row.Sealed = append(row.Sealed, s)
		leaf.Segments = append(leaf.Segments, SegRef{Ref: pk.ref, Epoch: epoch, Sum: segmentSum(s)})
	}
	return nil
}

func segmentLabel(epoch string, ref []byte) string { return fmt.Sprintf("%s|%x", epoch, ref) }

// segmentSum is SHA-256 over the sealed bytes in stored order.
func segmentSum(s store.Segment) []byte {
	h := sha256.New()
	h.Write(s.Salt)
	h.Write(s.Commitment)
	h.Write(s.Ciphertext)
	return h.Sum(nil)
}
