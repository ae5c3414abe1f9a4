package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
)

// Reveal opens all that an entry seals: what each of the leaf's segments holds, in
// their order. One that cannot be opened is nil: a key or the sealed bytes were
// destroyed, or the bytes are not those the leaf names. An error means that a key
// could not be asked for. Keys are looked up each time, so that one that was
// destroyed opens nothing from then on, and none is made.
func (l *Log) Reveal(ctx context.Context, leaf Leaf, e store.Entry) ([]map[string]any, error) {
	return l.Opening().Reveal(ctx, leaf, e)
}

// Opening opens many entries one after the other: it asks for each key once. It is for
// one use at a time, and a short one: what is destroyed meanwhile it may open still.
type Opening struct {
	people  *people
	months  map[monthID]opener
	persons map[string]opener // by pseudonym
}

// opener is a key, or why there is none.
type opener struct {
	key []byte
	err error
}

// Opening begins one.
func (l *Log) Opening() *Opening {
	return &Opening{l.people, map[monthID]opener{}, map[string]opener{}}
}

// Reveal is Log.Reveal.
func (o *Opening) Reveal(ctx context.Context, leaf Leaf, e store.Entry) ([]map[string]any, error) {
	if len(leaf.Segments) == 0 {
		return nil, nil
	}
	opened := make([]map[string]any, len(leaf.Segments))
	month, err := once(o.months, monthID{string(leaf.Tenant), leaf.Class, monthOf(leaf)}, func(id monthID) ([]byte, error) { return o.people.monthIfAny(ctx, id) })
	if errors.Is(err, store.ErrNotFound) {
		return opened, nil
	}
	if err != nil {
		return nil, err
	}
	for i, ref := range leaf.Segments {
		at := slices.IndexFunc(e.Sealed, func(s store.Segment) bool { return bytes.Equal(segmentSum(s), ref.Sum) })
		if at < 0 {
			continue
		}
		key, err := once(o.persons, string(ref.Ref), func(ref string) ([]byte, error) { return o.people.byRef(ctx, []byte(ref)) })
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := e.Sealed[at]
		plain, err := keyring.OpenSegment(key, month, segmentLabel(ref.Epoch, ref.Ref), s.Salt, s.Commitment, s.Ciphertext)
		if err == nil {
			err = json.Unmarshal(plain, &opened[i])
		}
		if err != nil {
			opened[i] = nil // of other keys than these: as good as destroyed
		}
	}
	return opened, nil
}

// once asks for a key that has not been asked for. That a database did not answer is not
// kept.
func once[K comparable](known map[K]opener, k K, ask func(K) ([]byte, error)) ([]byte, error) {
	o, there := known[k]
	if !there {
		if o.key, o.err = ask(k); o.err == nil || errors.Is(o.err, store.ErrNotFound) {
			known[k] = o
		}
	}
	return o.key, o.err
}

// byRef opens the key of the person with a pseudonym.
func (p *people) byRef(ctx context.Context, ref []byte) ([]byte, error) {
	row, err := p.keys.PersonKeyByRef(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.kek.Open(row.Wrapped, personPlace(row.Index))
}

// monthIfAny opens a month's key where there is one.
func (p *people) monthIfAny(ctx context.Context, id monthID) ([]byte, error) {
	row, err := p.keys.MonthKey(ctx, []byte(id.tenant), string(id.class), id.month)
	if err != nil {
		return nil, err
	}
	return p.kek.Open(row.Wrapped, monthPlace(row.Tenant, row.Class, row.Month))
}
