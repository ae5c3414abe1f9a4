// Package wire reads and writes the deterministic CBOR of the log (RFC 8949,
// section 4.2.1): shortest heads, definite lengths.
package wire

import "encoding/binary"

// Major is a major type (RFC 8949, section 3.1).
type Major byte

const (
	Uint  Major = 0
	Nint  Major = 1
	Bytes Major = 2
	Text  Major = 3
	Array Major = 4
	Map   Major = 5
	Tag   Major = 6
)

// Null stands for what is not there.
const Null = 0xf6

// deepest bounds how deep what is stepped over may be nested.
const deepest = 16

// Reader reads what is left. A method that does not find what it is asked for says
// false, and leaves the reader of no use.
type Reader struct{ Rest []byte }

// Peek tells the type of the next item.
func (r *Reader) Peek() (Major, bool) {
	if len(r.Rest) == 0 {
		return 0, false
	}
	return Major(r.Rest[0] >> 5), true
}

// Null steps over a null, if one is next.
func (r *Reader) Null() bool {
	if len(r.Rest) == 0 || r.Rest[0] != Null {
		return false
	}
	r.Rest = r.Rest[1:]
	return true
}

func (r *Reader) any() (major Major, n uint64, ok bool) {
	if len(r.Rest) == 0 {
		return 0, 0, false
	}
	major, info := Major(r.Rest[0]>>5), r.Rest[0]&31
	r.Rest = r.Rest[1:]
	if info < 24 {
		return major, uint64(info), true
	}
	width := 1 << (info - 24)
	if info > 27 || len(r.Rest) < width {
		return 0, 0, false
	}
	least := uint64(24)
	switch width {
	case 1:
		n = uint64(r.Rest[0])
	case 2:
		n, least = uint64(binary.BigEndian.Uint16(r.Rest)), 1<<8
	case 4:
		n, least = uint64(binary.BigEndian.Uint32(r.Rest)), 1<<16
	case 8:
		n, least = binary.BigEndian.Uint64(r.Rest), 1<<32
	}
	r.Rest = r.Rest[width:]
	return major, n, n >= least
}

// Head reads the head of a string, an array or a map: how many bytes, items or
// pairs follow. There is at least one byte for each.
func (r *Reader) Head(want Major) (n int, ok bool) {
	major, long, ok := r.any()
	if !ok || major != want || long > uint64(len(r.Rest)) {
		return 0, false
	}
	return int(long), true
}

// String reads a string of bytes or of text; it is a part of what is read.
func (r *Reader) String(want Major) (s []byte, ok bool) {
	n, ok := r.Head(want)
	if !ok {
		return nil, false
	}
	s, r.Rest = r.Rest[:n:n], r.Rest[n:]
	return s, true
}

// Int reads a number.
func (r *Reader) Int() (int64, bool) {
	major, n, ok := r.any()
	switch {
	case !ok || n > 1<<63-1:
		return 0, false
	case major == Uint:
		return int64(n), true
	case major == Nint:
		return -1 - int64(n), true
	}
	return 0, false
}

// Skip steps over an item.
func (r *Reader) Skip() bool { return r.skip(0) }

func (r *Reader) skip(depth int) bool {
	if len(r.Rest) == 0 || depth > deepest {
		return false
	}
	if r.Rest[0] >= 7<<5 { // a simple value, or a number with a fraction
		width := 0
		if info := r.Rest[0] & 31; info >= 24 {
			width = 1 << (info - 24)
			if info > 27 {
				return false
			}
		}
		if len(r.Rest) <= width {
			return false
		}
		r.Rest = r.Rest[1+width:]
		return true
	}
	major, n, ok := r.any()
	switch {
	case !ok:
		return false
	case major == Uint || major == Nint:
		return true
	case major == Tag:
		return r.skip(depth + 1)
	case n > uint64(len(r.Rest)):
		return false
	case major == Bytes || major == Text:
		r.Rest = r.Rest[n:]
		return true
	case major == Map:
		n *= 2
	}
	for range n {
		if !r.skip(depth + 1) {
			return false
		}
	}
	return true
}

// AppendHead writes the head of an item in its shortest form.
func AppendHead(b []byte, major Major, n uint64) []byte {
	first := byte(major) << 5
	switch {
	case n < 24:
		return append(b, first|byte(n))
	case n < 1<<8:
		return append(b, first|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, first|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, first|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first|27), n)
}

// AppendInt writes a number.
func AppendInt(b []byte, v int64) []byte {
	if v < 0 {
		return AppendHead(b, Nint, uint64(-1-v))
	}
	return AppendHead(b, Uint, uint64(v))
}

// AppendBytes writes a string of bytes.
func AppendBytes(b, s []byte) []byte { return append(AppendHead(b, Bytes, uint64(len(s))), s...) }
