// Package skim reads of an entry's leaf what verification asks of every entry, and
// steps over the rest: one pass over the bytes, without memory of its own. Package
// audit's Decode reads all of a leaf, and takes ten times as long.
package skim

import (
	"errors"

	"rolegate/internal/audit/wire"
)

// Leaf is some of a leaf's fields; see audit.Leaf. Its slices are parts of the
// bytes that were read.
type Leaf struct {
	Time     int64
	Tenant   []byte
	Class    []byte
	Activity []byte
	Outcome  []byte
	Source   []byte
	Seq      int64
	Segments []SegRef
	Count    int64
	Act      bool // it holds one
	Since    int64
}

// SegRef ties a sealed segment to its leaf; see audit.SegRef.
type SegRef struct {
	Ref, Epoch, Sum []byte
}

// Keys of a leaf's fields and of a segment's.
const (
	keyVersion  = 1
	keyTime     = 2
	keyTenant   = 3
	keyClass    = 4
	keyActivity = 5
	keyOutcome  = 6
	keySource   = 20
	keySeq      = 21
	keySegments = 22
	keyCount    = 24
	keyAct      = 25
	keySince    = 26

	keyRef   = 1
	keyEpoch = 2
	keySum   = 3
)

// version is the one there is of leaves.
const version = 1

// sizes of what a segment's fields hold.
const (
	refSize = 16
	sumSize = 32
)

var (
	errLeaf    = errors.New("it is no leaf")
	errUnknown = errors.New("it is a leaf of another version, or has a field that this release does not know")
)

// Read reads a leaf into l, whose Segments it uses again.
func (l *Leaf) Read(leaf []byte) error {
	*l = Leaf{Segments: l.Segments[:0]}
	r := wire.Reader{Rest: leaf}
	n, ok := r.Head(wire.Map)
	if !ok {
		return errLeaf
	}
	last := int64(-1)
	for range n {
		key, ok := r.Int()
		if !ok || key <= last { // deterministic encoding sorts them
			return errLeaf
		}
		if first := last < 0; first && key != keyVersion || key > keySince {
			return errUnknown
		}
		last = key
		switch key {
		case keyVersion:
			var v int64
			if v, ok = r.Int(); ok && v != version {
				return errUnknown
			}
		case keyTime:
			l.Time, ok = r.Int()
		case keyTenant:
			l.Tenant, ok = r.String(wire.Bytes)
		case keyClass:
			l.Class, ok = r.String(wire.Text)
		case keyActivity:
			l.Activity, ok = r.String(wire.Text)
		case keyOutcome:
			l.Outcome, ok = r.String(wire.Text)
		case keySource:
			l.Source, ok = r.String(wire.Bytes)
		case keySeq:
			l.Seq, ok = r.Int()
		case keySegments:
			ok = l.segments(&r)
		case keyCount:
			l.Count, ok = r.Int()
		case keySince:
			l.Since, ok = r.Int()
		case keyAct:
			l.Act, ok = true, r.Skip()
		default:
			ok = r.Skip()
		}
		if !ok {
			return errLeaf
		}
	}
	if len(r.Rest) > 0 {
		return errLeaf
	}
	return nil
}

func (l *Leaf) segments(r *wire.Reader) bool {
	n, ok := r.Head(wire.Array)
	if !ok {
		return false
	}
	for range n {
		fields, ok := r.Head(wire.Map)
		if !ok {
			return false
		}
		var s SegRef
		for range fields {
			key, ok := r.Int()
			if !ok {
				return false
			}
			switch key {
			case keyRef:
				s.Ref, ok = r.String(wire.Bytes)
			case keyEpoch:
				s.Epoch, ok = r.String(wire.Text)
			case keySum:
				s.Sum, ok = r.String(wire.Bytes)
			default:
				ok = r.Skip()
			}
			if !ok {
				return false
			}
		}
		// Less than all of it would be no segment, and many of them from a few bytes.
		if len(s.Ref) != refSize || len(s.Epoch) == 0 || len(s.Sum) != sumSize {
			return false
		}
		l.Segments = append(l.Segments, s)
	}
	return true
}
