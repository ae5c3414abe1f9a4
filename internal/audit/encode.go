package audit

import "encoding/binary"

// CBOR major types (RFC 8949, section 3.1), shifted into place.
const (
	cborUint  = 0 << 5
	cborNint  = 1 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
)

// encode gives the leaf's bytes in deterministic CBOR (RFC 8949, section 4.2.1),
// but for its Seq, which is known only inside the transaction that stores it:
// the leaf is head, the number, tail. It is written by hand because a leaf is
// encoded for every answer; Decode, by a library, reads it, and a test holds the
// two against each other.
func (l *Leaf) encode() (head, tail []byte) {
	b := make([]byte, 0, 384)
	b = appendHead(b, cborMap, l.fields())
	b = appendInt(append(b, 1), int64(l.Version))
	b = appendInt(append(b, 2), l.Time)
	b = fieldBytes(b, 3, l.Tenant)
	b = appendText(append(b, 4), string(l.Class))
	b = appendText(append(b, 5), string(l.Activity))
	b = appendText(append(b, 6), string(l.Outcome))
	b = fieldText(b, 7, string(l.Code))
	if len(l.Roles) > 0 {
		b = appendHead(append(b, 8), cborArray, len(l.Roles))
		for _, r := range l.Roles {
			b = appendText(b, r)
		}
	}
	b = fieldText(b, 9, l.Object)
	b = fieldText(b, 10, l.Op)
	b = fieldText(b, 11, l.Rule)
	b = fieldBytes(b, 12, l.PolicyHash)
	b = fieldInt(b, 13, l.Revision)
	b = fieldText(b, 14, l.Service)
	b = fieldText(b, 15, l.Request)
	b = fieldInt(b, 16, int64(l.Level))
	b = fieldInt(b, 17, l.Age)
	if len(l.Items) > 0 {
		b = appendHead(append(b, 18), cborArray, len(l.Items))
		for i := range l.Items {
			b = l.Items[i].append(b)
		}
	}
	b = appendText(append(b, 19), l.Actor)
	b = appendBytes(append(b, 20), l.Source)
	b = append(b, 21)
	end := len(b)
	if len(l.Segments) > 0 {
		b = appendHead(append(b, 22), cborArray, len(l.Segments))
		for _, s := range l.Segments {
			b = appendHead(b, cborMap, 3)
			b = appendBytes(append(b, 1), s.Ref)
			b = appendText(append(b, 2), s.Epoch)
			b = appendBytes(append(b, 3), s.Sum)
		}
	}
	b = fieldBytes(b, 23, l.PrevPolicy)
	if l.Count != 0 {
		b = appendInt(append(b, 24, 24), l.Count)
	}
	if l.Act != nil {
		b = append(append(b, 24, 25), mustEncode(l.Act)...)
	}
	if l.Since != 0 {
		b = appendInt(append(b, 24, 26), l.Since)
	}
	return b[:end:end], b[end:]
}

// fields counts the map's entries: eight are always there.
func (l *Leaf) fields() int {
	n := 8
	for _, there := range []bool{
		len(l.Tenant) > 0, l.Code != "", len(l.Roles) > 0, l.Object != "", l.Op != "", l.Rule != "",
		len(l.PolicyHash) > 0, l.Revision != 0, l.Service != "", l.Request != "", l.Level != 0, l.Age != 0,
		len(l.Items) > 0, len(l.Segments) > 0, len(l.PrevPolicy) > 0, l.Count != 0, l.Act != nil, l.Since != 0,
	} {
		if there {
			n++
		}
	}
	return n
}

func (i *Item) append(b []byte) []byte {
	n := 1
	for _, s := range []string{string(i.Code), i.Object, i.Op, i.Rule} {
		if s != "" {
			n++
		}
	}
	b = appendHead(b, cborMap, n)
	b = appendText(append(b, 1), string(i.Outcome))
	b = fieldText(b, 2, string(i.Code))
	b = fieldText(b, 3, i.Object)
	b = fieldText(b, 4, i.Op)
	return fieldText(b, 5, i.Rule)
}

// fieldText, fieldBytes and fieldInt leave out what is empty.
func fieldText(b []byte, key byte, s string) []byte {
	if s == "" {
		return b
	}
	return appendText(append(b, key), s)
}

func fieldBytes(b []byte, key byte, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendBytes(append(b, key), v)
}

func fieldInt(b []byte, key byte, v int64) []byte {
	if v == 0 {
		return b
	}
	return appendInt(append(b, key), v)
}

func appendText(b []byte, s string) []byte  { return append(appendHead(b, cborText, len(s)), s...) }
func appendBytes(b []byte, v []byte) []byte { return append(appendHead(b, cborBytes, len(v)), v...) }

func appendInt(b []byte, v int64) []byte {
	if v < 0 {
		return appendNumber(b, cborNint, uint64(-1-v))
	}
	return appendNumber(b, cborUint, uint64(v))
}

func appendHead(b []byte, major byte, n int) []byte { return appendNumber(b, major, uint64(n)) }

// appendNumber writes the number in its shortest form.
func appendNumber(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}
