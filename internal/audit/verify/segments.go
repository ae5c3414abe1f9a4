package verify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"hash"
	"math"
	"slices"
	"time"

	"rolegate/internal/audit/skim"
	"rolegate/internal/store"
)

// sizes of what lies before the ciphertext in the bytes that a leaf's sum is over.
const (
	saltSize       = 16
	commitmentSize = 16
)

// segments checks what is sealed beside entries.
type segments struct {
	acts   *acts
	leaf   skim.Leaf // of the entry, read into again and again
	digest hash.Hash
	sum    [sha256.Size]byte
	shreds map[int64]*Shred
	// missing: a segment is, and no act is known to have destroyed it.
	missing bool
}

// entry goes through the segments that a leaf names and those that are there.
func (s *segments) entry(it *Item, r *Report) {
	sealed := it.Sealed
	for place := range s.leaf.Segments {
		ref := &s.leaf.Segments[place]
		for ; len(sealed) > 0 && sealed[0].Place < int64(place); sealed = sealed[1:] {
			s.extra(it.Index, &sealed[0], r)
		}
		if len(sealed) > 0 && sealed[0].Place == int64(place) {
			s.present(it.Index, place, ref, &sealed[0].Segment, r)
			sealed = sealed[1:]
			continue
		}
		s.absent(it.Index, place, ref, r)
	}
	for i := range sealed {
		s.extra(it.Index, &sealed[i], r)
	}
}

func (s *segments) extra(index int64, sealed *store.StoredSegment, r *Report) {
	r.fault(Tampered(index, "entry %d has a sealed segment %d that it does not name", index, sealed.Place).of(bytesOf(&sealed.Segment)...))
}

func bytesOf(s *store.Segment) [][]byte { return [][]byte{s.Ref, s.Salt, s.Commitment, s.Ciphertext} }

func (s *segments) present(index int64, place int, ref *skim.SegRef, sealed *store.Segment, r *Report) {
	switch {
	case !bytes.Equal(sealed.Ref, ref.Ref):
		r.fault(Tampered(index, "entry %d: its sealed segment %d is stored under another person's pseudonym", index, place).of(bytesOf(sealed)...))
	case len(sealed.Salt) != saltSize || len(sealed.Commitment) != commitmentSize || !s.sums(sealed, ref.Sum):
		r.fault(Tampered(index, "entry %d: its sealed segment %d was altered", index, place).of(bytesOf(sealed)...))
	default:
		r.Segments++
	}
	if e := s.acts.destroying(index, place, &s.leaf, ref, false); e != nil {
		r.fault(Tampered(index, "REVIVED: entry %d has a sealed segment %d, which the act of entry %d has destroyed", index, place, e.index))
	}
}

func (s *segments) sums(sealed *store.Segment, sum []byte) bool {
	if s.digest == nil {
		s.digest = sha256.New()
	}
	s.digest.Reset()
	s.digest.Write(sealed.Salt)
	s.digest.Write(sealed.Commitment)
	s.digest.Write(sealed.Ciphertext)
	return bytes.Equal(s.digest.Sum(s.sum[:0]), sum)
}

func (s *segments) absent(index int64, place int, ref *skim.SegRef, r *Report) {
	e := s.acts.destroying(index, place, &s.leaf, ref, true)
	if e == nil {
		s.missing = true
		r.fault(Tampered(index, "entry %d: its sealed segment %d is missing, and no act has destroyed it%s", index, place, s.acts.why(index, place, &s.leaf, ref)))
		return
	}
	shred, ok := s.shreds[e.index]
	if !ok {
		if s.shreds == nil {
			s.shreds = map[int64]*Shred{}
		}
		shred = &Shred{Act: e.index, Kind: e.act.Kind, Days: math.MaxInt64}
		s.shreds[e.index] = shred
	}
	shred.Segments++
	shred.Days = min(shred.Days, int64(time.UnixMicro(e.leaf.Time).Sub(time.UnixMicro(s.leaf.Time))/day))
}

// shredded counts by act.
func (s *segments) shredded() (all []Shred) {
	for _, shred := range s.shreds {
		all = append(all, *shred)
	}
	slices.SortFunc(all, func(a, b Shred) int { return cmp.Compare(a.Act, b.Act) })
	return all
}
