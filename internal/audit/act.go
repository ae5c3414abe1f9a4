package audit

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Act is what an entry says of the log itself: that sealed data is to be
// destroyed, by whom, and that it was. The tree keeps acts like everything else,
// so that whoever verifies it can tell data that was destroyed by rule from data
// that is missing. One is of two people: request, approval, execution are entries
// of their own, of which the later ones name the first.
type Act struct {
	Kind ActKind `cbor:"1,keyasint"`
	// By is the pseudonym of the person who acts, one of the entry's segments; none
	// where a service acts by itself.
	By []byte `cbor:"2,keyasint,omitempty"`
	// Request is the index of the request that is approved, refused or executed.
	Request *int64 `cbor:"3,keyasint,omitempty"`
	// Digest is Scope.Digest of what the request asks for; the same in all entries
	// of one act.
	Digest []byte `cbor:"4,keyasint,omitempty"`
	// Scope is in the request, and in the execution, which destroyed all of it.
	Scope *Scope `cbor:"5,keyasint,omitempty"`
	// Floor is the Unix time in microseconds before which it must not be executed.
	Floor int64 `cbor:"6,keyasint,omitempty"`
	// Count is how many segments an execution destroyed.
	Count int64 `cbor:"7,keyasint,omitempty"`
}

// ActKind is one step of an act.
type ActKind string

const (
	EraseRequested ActKind = "erase_request" // of sealed data
	EraseApproved  ActKind = "erase_approve" // by another person, who is an audit-admin
	EraseRefused   ActKind = "erase_refuse"
	EraseExecuted  ActKind = "erase_execute"
	HoldSet        ActKind = "hold_set" // what is in the scope must not be destroyed until it is lifted
	HoldLifted     ActKind = "hold_lift"
	// A standing policy is requested and approved like an erasure; under it months
	// that are over expire without a person.
	RetentionRequested ActKind = "retention_request"
	RetentionApproved  ActKind = "retention_approve"
	RetentionExecuted  ActKind = "retention_execute"
)

// Scope is what an act is about: the segments of persons, those of whole months,
// and single ones. It names none but by pseudonyms.
type Scope struct {
	Refs     [][]byte  `cbor:"1,keyasint,omitempty"` // persons' pseudonyms
	Epochs   []Epoch   `cbor:"2,keyasint,omitempty"`
	Segments []Segment `cbor:"3,keyasint,omitempty"`
	// Classes says of a standing policy after how many days the months of a class
	// expire.
	Classes map[Class]int `cbor:"4,keyasint,omitempty"`
}

// Epoch is a month of a tenant's class: what one month key seals.
type Epoch struct {
	Tenant []byte `cbor:"1,keyasint,omitempty"` // the tenant's ref
	Epoch  string `cbor:"2,keyasint"`           // SegRef.Epoch, such as decision/2026-11
}

// Segment is one sealed segment.
type Segment struct {
	Index int64 `cbor:"1,keyasint"`
	Place int   `cbor:"2,keyasint"` // among the segments of the entry, from 0
}

// deterministic is the encoding of what is written rarely (RFC 8949, section 4.2.1).
var deterministic = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // constant options
	}
	return m
}()

// mustEncode is for types that encode whatever is in them.
func mustEncode(v any) []byte {
	b, err := deterministic.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Digest is SHA-256 over the scope in deterministic CBOR.
func (s *Scope) Digest() []byte {
	sum := sha256.Sum256(mustEncode(s))
	return sum[:]
}

// Covers tells whether the scope has the segment in it: that of an entry of a
// tenant, at its place.
func (s *Scope) Covers(index int64, place int, tenant []byte, r SegRef) bool {
	return slices.ContainsFunc(s.Refs, func(ref []byte) bool { return bytes.Equal(ref, r.Ref) }) ||
		slices.ContainsFunc(s.Epochs, func(e Epoch) bool { return e.Epoch == r.Epoch && bytes.Equal(e.Tenant, tenant) }) ||
		slices.Contains(s.Segments, Segment{index, place})
}
