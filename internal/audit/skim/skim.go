// Package skim reads of an entry's leaf what verification asks of every entry, and
// steps over the rest: one pass over the bytes, without memory of its own. Package
// audit's Decode reads all of a leaf, and takes ten times as long.
package skim

import (
	"encoding/binary"
	"errors"
)

// Leaf is some of a leaf's fields; see audit.Leaf. Its slices are parts of the
// bytes that were read.
type Leaf struct {
	Time     int64
	Tenant   []byte
	Class    []byte
	Source   []byte
	Seq      int64
	Segments []SegRef
	Act      bool // it holds one
}

// SegRef ties a sealed segment to its leaf; see audit.SegRef.
type SegRef struct {
	Ref, Epoch, Sum []byte
}

// Keys of a leaf's fields and of a segment's.
const (
	keyTime     = 2
	keyTenant   = 3
	keyClass    = 4
	keySource   = 20
	keySeq      = 21
	keySegments = 22
	keyAct      = 25

	keyRef   = 1
	keyEpoch = 2
	keySum   = 3
)

var errLeaf = errors.New("it is no leaf")

// Read reads a leaf into l, whose Segments it uses again.
func (l *Leaf) Read(leaf []byte) error {
	*l = Leaf{Segments: l.Segments[:0]}
	r := reader{leaf}
	n, ok := r.head(majorMap)
	if !ok {
		return errLeaf
	}
	last := int64(-1)
	for range n {
		key, ok := r.int()
		if !ok || key <= last { // deterministic encoding sorts them
			return errLeaf
		}
		last = key
		switch key {
		case keyTime:
			l.Time, ok = r.int()
		case keyTenant:
			l.Tenant, ok = r.string(majorBytes)
		case keyClass:
			l.Class, ok = r.string(majorText)
		case keySource:
			l.Source, ok = r.string(majorBytes)
		case keySeq:
			l.Seq, ok = r.int()
		case keySegments:
			ok = l.segments(&r)
		case keyAct:
			l.Act, ok = true, r.skip(0)
		default:
			ok = r.skip(0)
		}
		if !ok {
			return errLeaf
		}
	}
	if len(r.rest) > 0 {
		return errLeaf
	}
	return nil
}

func (l *Leaf) segments(r *reader) bool {
	n, ok := r.head(majorArray)
	if !ok {
		return false
	}
	for range n {
		fields, ok := r.head(majorMap)
		if !ok {
			return false
		}
		var s SegRef
		for range fields {
			key, ok := r.int()
			if !ok {
				return false
			}
			switch key {
			case keyRef:
				s.Ref, ok = r.string(majorBytes)
			case keyEpoch:
				s.Epoch, ok = r.string(majorText)
			case keySum:
				s.Sum, ok = r.string(majorBytes)
			default:
				ok = r.skip(0)
			}
			if !ok {
				return false
			}
		}
		l.Segments = append(l.Segments, s)
	}
	return true
}

// CBOR major types (RFC 8949, section 3.1).
const (
	majorUint  = 0
	majorNint  = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
)

// deepest bounds how deep what is stepped over may be nested.
const deepest = 16

// reader reads CBOR of definite lengths.
type reader struct{ rest []byte }

// any reads the head of an item, whatever it is.
func (r *reader) any() (major byte, n uint64, ok bool) {
	if len(r.rest) == 0 {
		return 0, 0, false
	}
	major, info := r.rest[0]>>5, r.rest[0]&31
	r.rest = r.rest[1:]
	if info < 24 {
		return major, uint64(info), true
	}
	width := 1 << (info - 24)
	if info > 27 || len(r.rest) < width {
		return 0, 0, false
	}
	switch width {
	case 1:
		n = uint64(r.rest[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(r.rest))
	case 4:
		n = uint64(binary.BigEndian.Uint32(r.rest))
	case 8:
		n = binary.BigEndian.Uint64(r.rest)
	}
	r.rest = r.rest[width:]
	return major, n, true
}

// head reads the head of an item of that type. There is at least one byte for each
// of the n things that are to follow.
func (r *reader) head(want byte) (n uint64, ok bool) {
	major, n, ok := r.any()
	return n, ok && major == want && n <= uint64(len(r.rest))
}

func (r *reader) string(want byte) (s []byte, ok bool) {
	n, ok := r.head(want)
	if !ok {
		return nil, false
	}
	s, r.rest = r.rest[:n:n], r.rest[n:]
	return s, true
}

func (r *reader) int() (int64, bool) {
	major, n, ok := r.any()
	switch {
	case !ok || n > 1<<63-1:
		return 0, false
	case major == majorUint:
		return int64(n), true
	case major == majorNint:
		return -1 - int64(n), true
	}
	return 0, false
}

// skip steps over an item.
func (r *reader) skip(depth int) bool {
	major, n, ok := r.any()
	if !ok || depth > deepest {
		return false
	}
	switch major {
	case majorBytes, majorText:
		if n > uint64(len(r.rest)) {
			return false
		}
		r.rest = r.rest[n:]
		return true
	case majorMap, majorArray:
		if n > uint64(len(r.rest)) {
			return false
		}
		if major == majorMap {
			n *= 2
		}
		for range n {
			if !r.skip(depth + 1) {
				return false
			}
		}
		return true
	case majorTag:
		return r.skip(depth + 1)
	}
	return true // a number, or one of the simple values
}
