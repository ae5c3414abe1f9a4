package policy

import (
	"maps"
	"slices"

	"rolegate/model"
)

// fieldAsk is what a question says about fields, in action.properties.
type fieldAsk struct {
	fields   []string // read or written
	changed  []string // keys of changes: written
	returned []string // return_fields: read back after writing
	used     []string // filter_fields, sort_fields and aggregate_fields
	strict   bool     // strict_fields: refuse instead of hiding
}

// maxFields bounds the names of one question, since each is asked of the engine
// several times.
const maxFields = 256

// readFieldAsk reads action.properties. Anything malformed spoils the question:
// a list that cannot be read is a list of fields nobody checked.
func readFieldAsk(properties map[string]any) (fieldAsk, bool) {
	var ask fieldAsk
	var used [3][]string
	for name, into := range map[string]*[]string{
		"fields":           &ask.fields,
		"return_fields":    &ask.returned,
		"filter_fields":    &used[0],
		"sort_fields":      &used[1],
		"aggregate_fields": &used[2],
	} {
		names, ok := listOf(properties[name], true, func(v any) (string, bool) {
			s, ok := v.(string)
			return s, ok && s != "" && s != everything && len(s) <= maxID
		})
		if !ok {
			return fieldAsk{}, false
		}
		*into = names.list
	}
	ask.used = slices.Concat(used[:]...)
	switch changes := properties["changes"].(type) {
	case nil:
	case map[string]any: // what is changed is written, named among fields or not
		ask.changed = slices.Sorted(maps.Keys(changes))
	default:
		return fieldAsk{}, false
	}
	if len(ask.fields)+len(ask.returned)+len(ask.used)+len(ask.changed) > maxFields {
		return fieldAsk{}, false
	}
	switch strict := properties["strict_fields"].(type) {
	case nil:
	case bool:
		ask.strict = strict
	default:
		return fieldAsk{}, false
	}
	return ask, true
}

// writes tells which access an action has to the fields it names; other actions
// read them.
func writes(action string) (Access, bool) {
	switch action {
	case "create":
		return AccessCreate, true
	case "update":
		return AccessUpdate, true
	}
	return AccessRead, false
}

// fieldGate is the field pass of one question about one object.
type fieldGate struct {
	engine  Engine
	subject string
	object  string
	fields  map[string]Field // of the catalogue
	strict  bool             // the tenant's choice
}

// may tells whether a field is open for an access, and names the row that closes
// it, if one does. The order is the one of the policy language, section 5.
func (g *fieldGate) may(field string, access Access) (Verdict, error) {
	one := FieldQuery{Subject: g.subject, Object: g.object, Field: field, Access: access}
	all := one
	all.Field = everything

	// (a) Denials for everybody.
	for _, q := range []FieldQuery{one, all} {
		if v, err := g.engine.Field(DeniedToAll, q); err != nil || !v.Allow {
			return Verdict{Rule: v.Rule}, err
		}
	}
	opened, closed, err := g.named(one)
	if err != nil {
		return Verdict{}, err
	}
	openedAll, closedAll, err := g.named(all)
	if err != nil {
		return Verdict{}, err
	}
	secured := g.fields[field].Secured
	switch {
	case g.strict && !closed.Allow:
		return closed, nil
	case g.strict && !closedAll.Allow:
		return closedAll, nil
	case opened.Allow: // (b) Rows that name the field: the most permissive wins.
		return opened, nil
	case !closed.Allow:
		return closed, nil
	case openedAll.Allow && !secured: // (c) Rows for all fields.
		return openedAll, nil
	case !openedAll.Allow && !closedAll.Allow:
		return closedAll, nil
	}
	// (d) The catalogue. Without a row, a field follows the record, but nobody
	// sees through a mask.
	return Verdict{Allow: !secured && access != AccessUnmask}, nil
}

// named asks the rows of the subject and its roles both ways.
func (g *fieldGate) named(q FieldQuery) (opened, closed Verdict, err error) {
	if opened, err = g.engine.Field(Opened, q); err == nil {
		closed, err = g.engine.Field(NotClosed, q)
	}
	return opened, closed, err
}

// masked tells whether the subject may see a field masked only.
func (g *fieldGate) masked(field string) (bool, error) {
	if g.fields[field].Mask == "" {
		return false, nil
	}
	v, err := g.may(field, AccessUnmask)
	return !v.Allow, err
}

// view sorts fields into hidden, masked and read-only.
func (g *fieldGate) view(names []string) (*model.Fields, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	f := &model.Fields{Masks: map[string]string{}}
	for _, name := range names {
		read, err := g.may(name, AccessRead)
		if err != nil {
			return nil, err
		}
		if !read.Allow {
			f.Hidden = append(f.Hidden, name)
			continue
		}
		masked, err := g.masked(name)
		if err != nil {
			return nil, err
		}
		if masked {
			f.Masked = append(f.Masked, name)
			f.Masks[name] = g.fields[name].Mask
		}
		update, err := g.may(name, AccessUpdate)
		if err != nil {
			return nil, err
		}
		if !update.Allow {
			f.ReadOnly = append(f.ReadOnly, name)
		}
	}
	return f, nil
}

// closing gathers the fields a question is refused for.
type closing struct {
	fields []string
	rule   *Row // of the first field that a row closes
}

func (c *closing) add(field string, rule *Row) {
	c.fields = append(c.fields, field)
	if c.rule == nil {
		c.rule = rule
	}
}

// refused finds the named fields that a question must not touch: written or read
// strictly though closed, or used to filter, sort or aggregate though hidden or
// masked (a count over salary > x tells the salary).
func (g *fieldGate) refused(action string, ask fieldAsk) (closing, error) {
	var c closing
	require := func(names []string, access Access, plain bool) error {
		for _, name := range names {
			v, err := g.may(name, access)
			if err != nil {
				return err
			}
			if v.Allow && plain {
				masked, err := g.masked(name)
				if err != nil {
					return err
				}
				v.Allow, v.Rule = !masked, nil
			}
			if !v.Allow {
				c.add(name, v.Rule)
			}
		}
		return nil
	}
	access, write := writes(action)
	if write || ask.strict {
		if err := require(ask.fields, access, false); err != nil {
			return c, err
		}
	}
	if write {
		if err := require(ask.changed, access, false); err != nil {
			return c, err
		}
	}
	if ask.strict {
		if err := require(ask.returned, AccessRead, false); err != nil {
			return c, err
		}
	}
	if err := require(ask.used, AccessRead, true); err != nil {
		return c, err
	}
	slices.Sort(c.fields)
	c.fields = slices.Compact(c.fields)
	return c, nil
}
