package audit

import "rolegate/internal/audit/wire"

// encode gives the leaf's bytes in deterministic CBOR (RFC 8949, section 4.2.1),
// but for its Seq, which is known only inside the transaction that stores it:
// the leaf is head, the number, tail. It is written by hand because a leaf is
// encoded for every answer; Decode, by a library, reads it, and a test holds the
// two against each other.
func (l *Leaf) encode() (head, tail []byte) {
	b := make([]byte, 0, 384)
	b = wire.AppendHead(b, wire.Map, uint64(l.fields()))
	b = wire.AppendInt(append(b, 1), int64(l.Version))
	b = wire.AppendInt(append(b, 2), l.Time)
	b = fieldBytes(b, 3, l.Tenant)
	b = appendText(append(b, 4), string(l.Class))
	b = appendText(append(b, 5), string(l.Activity))
	b = appendText(append(b, 6), string(l.Outcome))
	b = fieldText(b, 7, string(l.Code))
	if len(l.Roles) > 0 {
		b = wire.AppendHead(append(b, 8), wire.Array, uint64(len(l.Roles)))
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
		b = wire.AppendHead(append(b, 18), wire.Array, uint64(len(l.Items)))
		for i := range l.Items {
			b = l.Items[i].append(b)
		}
	}
	b = appendText(append(b, 19), l.Actor)
	b = wire.AppendBytes(append(b, 20), l.Source)
	b = append(b, 21)
	end := len(b)
	if len(l.Segments) > 0 {
		b = wire.AppendHead(append(b, 22), wire.Array, uint64(len(l.Segments)))
		for _, s := range l.Segments {
			b = wire.AppendHead(b, wire.Map, 3)
			b = wire.AppendBytes(append(b, 1), s.Ref)
			b = appendText(append(b, 2), s.Epoch)
			b = wire.AppendBytes(append(b, 3), s.Sum)
		}
	}
	b = fieldBytes(b, 23, l.PrevPolicy)
	if l.Count != 0 {
		b = wire.AppendInt(append(b, 24, 24), l.Count)
	}
	if l.Act != nil {
		b = append(append(b, 24, 25), mustEncode(l.Act)...)
	}
	if l.Since != 0 {
		b = wire.AppendInt(append(b, 24, 26), l.Since)
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
	b = wire.AppendHead(b, wire.Map, uint64(n))
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
	return wire.AppendBytes(append(b, key), v)
}

func fieldInt(b []byte, key byte, v int64) []byte {
	if v == 0 {
		return b
	}
	return wire.AppendInt(append(b, key), v)
}

func appendText(b []byte, s string) []byte {
	return append(wire.AppendHead(b, wire.Text, uint64(len(s))), s...)
}
