package audit

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
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

// monthOf is the month of the key that seals the leaf's segments.
func monthOf(l Leaf) string { return time.UnixMicro(l.Time).UTC().Format("2006-01") }
