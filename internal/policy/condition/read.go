package condition

import "cmp"

// scalar is a single value that is there. Scalars of one kind are equal if they
// are ==. It is small because everything is done with it.
type scalar struct {
	kind Kind    // never Any
	nano int32   // of Time, within the second
	num  float64 // of Number; of Bool, 0 or 1; of Time, whole seconds since 1970
	str  string  // of String
}

// compare orders two scalars of one kind; strings by their bytes.
func (s *scalar) compare(t *scalar) int {
	if s.kind == String {
		return cmp.Compare(s.str, t.str)
	}
	return cmp.Or(cmp.Compare(s.num, t.num), cmp.Compare(s.nano, t.nano))
}

// maxExact is the largest integer up to which doubles hold every integer.
const maxExact = 1<<53 - 1

// read returns the term as a value of the kind, or false for what is absent: not
// sent, null, or of another type. Read as Any, a term is what it turns out to
// be, and absent if that cannot be compared.
func (t *Term) read(f *Facts, want Kind) (s scalar, ok bool) {
	switch t.From {
	case Literal:
		return t.Value, true
	case UserID:
		s, ok = scalar{kind: String, str: f.UserID}, f.UserID != ""
	case UserUnit:
		s, ok = scalar{kind: String, str: f.Unit}, f.Unit != ""
	case RequestIP:
		s, ok = scalar{kind: String, str: f.IP}, f.IP != ""
	case RequestClient:
		s, ok = scalar{kind: String, str: f.Client}, f.Client != ""
	case RequestACR:
		s, ok = scalar{kind: Number, num: float64(f.ACR)}, true
	case RequestAuthAge:
		s, ok = scalar{kind: Number, num: f.AuthAge.Seconds()}, f.HasAuth
	case RequestTime:
		s, ok = t.clock(f), !f.Time.IsZero()
	default:
		v, _ := t.raw(f)
		return t.convert(v, want)
	}
	return s, ok && (want == s.kind || want == Any)
}

// clock reads request.time, or a part of it.
func (t *Term) clock(f *Facts) scalar {
	at := f.Time.Add(t.Shift)
	if t.Part == "" {
		return timeOf(at)
	}
	return scalar{kind: Number, num: float64(parts[t.Part](at.In(t.Zone)))}
}

// raw returns an attribute as it was sent. It is meant for the sources that
// hold JSON; the built-in ones have their types and are read as such.
func (a *Attr) raw(f *Facts) (v any, sent bool) {
	switch a.From {
	case Record:
		if f.fixes(a.Name) {
			return f.Fixed[a.Name], true
		}
		if f.Record != nil {
			return f.Record.Attribute(a.Name)
		}
	case User:
		if f.User != nil {
			return f.User.Attribute(a.Name)
		}
	case Action:
		v, sent = f.Action[a.Name]
	case Context:
		v, sent = f.Context[a.Name]
	}
	return v, sent
}

// convert makes a scalar of the attribute's JSON value, or of one element. A
// time is a string until something says otherwise.
func (a *Attr) convert(v any, want Kind) (s scalar, ok bool) {
	switch v := v.(type) {
	case string:
		if want == Time {
			return parseTime(v)
		}
		if a.From == Record {
			v = bareOf(a.Prefix, v)
		}
		s = scalar{kind: String, str: v}
	case float64:
		if a.Exact && (v > maxExact || v < -maxExact) {
			return scalar{}, false
		}
		s = scalar{kind: Number, num: v}
	case bool:
		s = boolean(v)
	default:
		return scalar{}, false
	}
	return s, want == s.kind || want == Any
}

func boolean(b bool) scalar {
	if b {
		return scalar{kind: Bool, num: 1}
	}
	return scalar{kind: Bool}
}
