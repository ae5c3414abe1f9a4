package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/keyring"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

// record is an entry ready to be stored: sealed, and encoded but for its number.
type record struct {
	head, tail []byte // of the leaf; see Leaf.encode
	sealed     []store.Segment
	tags       [][]byte     // of the records it is about
	event      *store.Event // for the person's login history; nil for none

	decision bool   // counts only at this revision of its tenant
	tenant   string // id
	revision int64
}

// record makes an entry's record now. tx is the transaction it belongs to, nil
// if to none.
func (l *Log) record(ctx context.Context, tx store.Tenants, e *Entry) (record, error) {
	d, err := l.draft(ctx, tx, e, reqctx.From(ctx), l.now())
	if err != nil {
		return record{}, err
	}
	if len(d.parts) > 2 { // with fewer it is no saving
		if err := l.people.ensure(ctx, d.people()...); err != nil {
			return record{}, fmt.Errorf("person keys: %w", err)
		}
	}
	r, err := l.seal(ctx, d)
	r.event = d.event
	return r, err
}

// draft is an entry on its way to a record: what is to be sealed is in the clear.
type draft struct {
	leaf    Leaf
	parts   []Part
	records []string // it is about, "type:id"
	tenant  string   // ref
	month   string   // 2026-11
	event   *store.Event
}

// people are the persons whose keys seal it.
func (d *draft) people() []personID {
	ids := make([]personID, len(d.parts))
	for i, p := range d.parts {
		ids[i] = personID{d.tenant, p.Person}
	}
	return ids
}

func (l *Log) draft(ctx context.Context, tx store.Tenants, e *Entry, req *reqctx.Request, at time.Time) (draft, error) {
	at = at.UTC()
	d := draft{month: at.Format("2006-01"), parts: e.parts(req), records: e.records(), event: e.event(req, at)}
	if e.Tenant != "" {
		var err error
		if d.tenant, err = l.ref(ctx, tx, e.Tenant); err != nil {
			return draft{}, err
		}
	}
	d.leaf = Leaf{
		Version: leafVersion, Time: at.UnixMicro(), Tenant: []byte(d.tenant), Class: e.Class, Activity: e.Activity,
		Outcome: e.Outcome, Code: e.Code, Roles: e.Roles, Object: e.Object, Op: e.Op, Rule: e.Rule,
		PolicyHash: e.PolicyHash, Revision: e.Revision, Service: e.Service,
		Request: req.TraceID, Level: cmp.Or(e.Level, e.Caller.Level), Age: e.Age, Items: e.Items,
		Actor: string(e.Caller.Kind), Source: l.source, PrevPolicy: e.PrevPolicy, Count: e.Count, Act: e.Act,
	}
	if !e.Since.IsZero() {
		d.leaf.Since = e.Since.UnixMicro()
	}
	return d, nil
}

// ref is the tenant's ref, "" for a tenant there is none of. It never changes
// once it is committed, so one that a transaction of its own sees is not kept.
func (l *Log) ref(ctx context.Context, tx store.Tenants, tenant string) (string, error) {
	if ref, ok := l.refs.get(tenant); ok {
		return ref, nil
	}
	from := tx
	if from == nil {
		from = l.store
	}
	t, err := from.TenantHead(ctx, tenant)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case tx == nil:
		l.refs.put(tenant, string(t.Ref))
	}
	return string(t.Ref), nil
}

// parts are the plaintexts of the entry's segments, one for each person: whom
// it is about, with where the request came from; the caller, where that is
// another person, who then takes the origin along; and the others.
func (e *Entry) parts(req *reqctx.Request) []Part {
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
	if req.Address != "" {
		origin.Personal["address"] = req.Address
	}
	if req.UserAgent != "" {
		origin.Personal["agent"] = clip(req.UserAgent)
	}
	parts = append(parts, e.Others...)
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.Personal) == 0 })
}

// isPerson tells whether a person we can name is behind the caller.
func isPerson(c model.Caller) bool {
	return c.ID != "" && (c.Kind == model.CallerUser || c.Kind == model.CallerOperator)
}

// clip bounds what a caller can make us store of one value, so a name of a
// megabyte is one entry of ordinary size. It cuts between characters.
func clip(v any) any {
	const most = 512
	s, ok := v.(string)
	if !ok || len(s) <= most {
		return v
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// seal adds a segment for each part, under the keys of its person and of the
// class's month, and encodes the leaf. A part that is about nobody we know is
// sealed under a key of the tenant's own. The records named in the parts get tags.
func (l *Log) seal(ctx context.Context, d draft) (record, error) {
	var r record
	if len(d.parts) > 0 {
		mk, err := l.people.month(ctx, monthID{d.tenant, d.leaf.Class, d.month})
		if err != nil {
			return r, fmt.Errorf("month key: %w", err)
		}
		epoch := string(d.leaf.Class) + "/" + d.month
		r.sealed = make([]store.Segment, len(d.parts))
		d.leaf.Segments = make([]SegRef, len(d.parts))
		for i, p := range d.parts {
			plain, err := appendObject(nil, p.Personal)
			if err != nil {
				return r, err
			}
			pk, err := l.people.person(ctx, personID{d.tenant, p.Person})
			if err != nil {
				return r, fmt.Errorf("person key: %w", err)
			}
			salt, commitment, ct, err := keyring.SealSegment(pk.key, mk, segmentLabel(epoch, pk.ref), plain)
			if err != nil {
				return r, err
			}
			s := store.Segment{Ref: pk.ref, Salt: salt, Commitment: commitment, Ciphertext: ct}
			r.sealed[i], d.leaf.Segments[i] = s, SegRef{Ref: pk.ref, Epoch: epoch, Sum: segmentSum(s)}
		}
		for _, name := range d.records {
			r.tags = append(r.tags, tag(mk, name))
		}
	}
	r.head, r.tail = d.leaf.encode()
	return r, nil
}

// appendObject writes a JSON object. Most values are texts, which need none of
// the reflection that others do.
func appendObject(b []byte, object map[string]any) ([]byte, error) {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		switch v := object[k].(type) {
		case string:
			b = appendString(b, v)
			continue
		case []Member:
			b = appendMembers(b, v)
			continue
		}
		v, err := json.Marshal(object[k])
		if err != nil {
			return nil, err
		}
		b = append(b, v...)
	}
	return append(b, '}'), nil
}

func appendMembers(b []byte, members []Member) []byte {
	b = append(b, '[')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"item":`...), int64(m.Item), 10)
		for _, v := range [...]struct{ name, value string }{
			{`,"subject":`, m.Subject}, {`,"action":`, m.Action}, {`,"resource":`, m.Resource}, {`,"person":`, m.Person},
		} {
			if v.value != "" {
				b = appendString(append(b, v.name...), v.value)
			}
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendString puts U+FFFD for what is no UTF-8, as json.Marshal does; the error
// only says so.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

func segmentLabel(epoch string, ref []byte) string { return epoch + "|" + hex.EncodeToString(ref) }

// segmentSum is SHA-256 over the sealed bytes in stored order.
func segmentSum(s store.Segment) []byte {
	h := sha256.New()
	h.Write(s.Salt)
	h.Write(s.Commitment)
	h.Write(s.Ciphertext)
	return h.Sum(nil)
}
