package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
)

// strict refuses what the writer never writes: unknown fields, duplicates,
// indefinite lengths.
var strict = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return m
}()

// Decode reads a stored leaf and refuses fields it does not know.
func Decode(leaf []byte) (Leaf, error) {
	var l Leaf
	if err := strict.Unmarshal(leaf, &l); err != nil {
		return Leaf{}, fmt.Errorf("leaf: %w", err)
	}
	return l, nil
}

// Unseal opens what an entry seals for a person: the sealed bytes must be those
// the leaf names, and both keys must still exist. store.ErrNotFound means that
// the entry seals nothing for that person.
func (l *Log) Unseal(ctx context.Context, leaf Leaf, e store.Entry, person string) (map[string]any, error) {
	if len(leaf.Segments) == 0 || len(leaf.Segments) != len(e.Sealed) {
		return nil, errors.New("leaf and sealed segments do not match")
	}
	pk, err := l.people.find(ctx, personID{string(leaf.Tenant), person})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(leaf.Segments, func(r SegRef) bool { return bytes.Equal(r.Ref, pk.ref) })
	if i < 0 {
		return nil, store.ErrNotFound
	}
	ref, s := leaf.Segments[i], e.Sealed[i]
	if !bytes.Equal(ref.Sum, segmentSum(s)) {
		return nil, errors.New("sealed bytes are not those the leaf names")
	}
	mk, err := l.people.findMonth(ctx, monthID{string(leaf.Tenant), leaf.Class, monthOf(leaf)})
	if err != nil {
		return nil, err
	}
	plain, err := keyring.OpenSegment(pk.key, mk, segmentLabel(ref.Epoch, ref.Ref), s.Salt, s.Commitment, s.Ciphertext)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(plain, &m)
}

// monthOf is the month of the key that seals the leaf's segments.
func monthOf(l Leaf) string { return time.UnixMicro(l.Time).UTC().Format("2006-01") }
