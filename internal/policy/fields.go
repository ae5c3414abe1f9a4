package policy

import (
	"maps"
	"slices"

	"rolegate/model"
)

// fieldAsk is what a question says about fields, in action.properties.
type fieldAsk struct {
	fields   []string       // read or written
	changes  map[string]any // what an update would make of the record
	changed  []string       // keys of changes: written
	returned []string       // return_fields: read back after writing
	used     []string       // filter_fields, sort_fields and aggregate_fields
	strict   bool           // strict_fields: refuse instead of hiding
}

// count is how many names there are in all.
func (ask *fieldAsk) count() int {
	return len(ask.fields) + len(ask.returned) + len(ask.used) + len(ask.changed)
}

// maxFields bounds the names of one question: as many as the fields of an object.
const maxFields = maxFieldNames

// readFieldAsk reads action.properties. Anything malformed spoils the question:
// a list that cannot be read is a list of fields nobody checked.
func readFieldAsk(properties map[string]any) (ask fieldAsk, bad *Malformed) {
	if len(properties) == 0 {
		return ask, nil
	}
	var filtered, sorted, aggregated []string
	for _, list := range []struct {
		name string
		into *[]string
	}{
		{"fields", &ask.fields}, {"return_fields", &ask.returned},
		{"filter_fields", &filtered}, {"sort_fields", &sorted}, {"aggregate_fields", &aggregated},
	} {
		var ok bool
		if *list.into, ok = fieldNames(properties[list.name]); !ok {
			return fieldAsk{}, &Malformed{Member: "action.properties." + list.name, Want: WantFieldNames}
		}
	}
	ask.used = slices.Concat(filtered, sorted, aggregated)
	switch changes := properties["changes"].(type) {
	case nil:
	case map[string]any: // what is changed is written, named among fields or not
		ask.changes = changes
		ask.changed = slices.Sorted(maps.Keys(changes))
	default:
		return fieldAsk{}, &Malformed{Member: "action.properties.changes", Want: WantObject}
	}
	if ask.count() > maxFields {
		return fieldAsk{}, &Malformed{Member: "action.properties", Want: WantFewerFields, Limit: maxFields}
	}
	switch strict := properties["strict_fields"].(type) {
	case nil:
	case bool:
		ask.strict = strict
	default:
		return fieldAsk{}, &Malformed{Member: "action.properties.strict_fields", Want: WantBool}
	}
	return ask, nil
}

// fieldNames reads a list of field names; nothing is no names.
func fieldNames(v any) ([]string, bool) {
	if v == nil {
		return nil, true
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	names := make([]string, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok || s == "" || s == everything || len(s) > maxID {
			return nil, false
		}
		names[i] = s
	}
	return names, true
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

// sight is what one asker may do with the fields of one object: for each access
// the open ones, worked out when first asked for.
type sight struct {
	table  *fieldTable
	done   [4]bool
	open   [4]bits
	others [4]bool // fields without a name in the table
	room   []uint64
}

// sees tells which fields are open for an access.
func (a *asking) sees(access Access) (open bits, others bool) {
	v := &a.sight
	if v.table == nil {
		v.table = a.rules.fieldTable(a.object)
	}
	i := access.index()
	if !v.done[i] {
		n := len(v.table.masked)
		if cap(v.room) < 6*n {
			v.room = make([]uint64, 6*n)
		}
		v.room = v.room[:6*n]
		v.open[i] = v.room[i*n : (i+1)*n]
		v.others[i] = v.table.open(a.keys, access, a.tenant.StrictFields, v.open[i], v.room[4*n:5*n], v.room[5*n:6*n])
		v.done[i] = true
	}
	return v.open[i], v.others[i]
}

// may tells whether a field is open for an access, and names the row that closes
// it, if one does. The order is the one of the policy language, section 5, said
// in the passes of crm.conf.
func (a *asking) may(field string, access Access) (verdict, error) {
	// (a) Denials for everybody.
	for _, name := range []string{field, everything} {
		if v, err := a.engine.field(a, DeniedToAll, name, access); err != nil || !v.allow {
			return verdict{rule: v.rule}, err
		}
	}
	opened, closed, err := a.named(field, access)
	if err != nil {
		return verdict{rule: noRule}, err
	}
	openedAll, closedAll, err := a.named(everything, access)
	if err != nil {
		return verdict{rule: noRule}, err
	}
	secured := a.fieldEntry(field).Secured
	strict := a.tenant.StrictFields
	switch {
	case strict && !closed.allow:
		return closed, nil
	case strict && !closedAll.allow:
		return closedAll, nil
	case opened.allow: // (b) Rows that name the field: the most permissive wins.
		return opened, nil
	case !closed.allow:
		return closed, nil
	case openedAll.allow && !secured: // (c) Rows for all fields.
		return openedAll, nil
	case !openedAll.allow && !closedAll.allow:
		return closedAll, nil
	}
	// (d) The catalogue. Without a row, a field follows the record, but nobody
	// sees through a mask.
	return verdict{allow: !secured && access != AccessUnmask, rule: noRule}, nil
}

// named asks the rows of the subject and its roles both ways.
func (a *asking) named(field string, access Access) (opened, closed verdict, err error) {
	if opened, err = a.engine.field(a, Opened, field, access); err == nil {
		closed, err = a.engine.field(a, NotClosed, field, access)
	}
	return opened, closed, err
}

// fieldEntry is the catalogue's entry of a field; the zero value for none.
func (a *asking) fieldEntry(field string) Field {
	if a.object.entry == nil {
		return Field{}
	}
	return a.object.entry.Fields[field]
}

// masked tells whether the subject may see a field masked only.
func (a *asking) masked(field string) (bool, error) {
	if a.fieldEntry(field).Mask == "" {
		return false, nil
	}
	open, err := a.engine.opens(a, field, AccessUnmask)
	return !open, err
}

// view sorts fields into hidden, masked and read-only, as fieldTable.view does.
func (a *asking) view(names []string) (*model.Fields, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	f := &model.Fields{Masks: map[string]string{}}
	var open []string
	all := slices.Contains(names, everything)
	for _, name := range names {
		read, err := a.engine.opens(a, name, AccessRead)
		if err != nil {
			return nil, err
		}
		if !read {
			f.Hidden = append(f.Hidden, name)
			continue
		}
		if all && name != everything {
			open = append(open, name)
		}
		masked, err := a.masked(name)
		if err != nil {
			return nil, err
		}
		if masked {
			f.Masked = append(f.Masked, name)
			f.Masks[name] = a.fieldEntry(name).Mask
		}
		update, err := a.engine.opens(a, name, AccessUpdate)
		if err != nil {
			return nil, err
		}
		if !update {
			f.ReadOnly = append(f.ReadOnly, name)
		}
	}
	if slices.Contains(f.Hidden, everything) || slices.Contains(f.ReadOnly, everything) {
		f.Open = open
	}
	return f, nil
}

// fieldsOf tells the backend what to drop and to mask: of the fields named, or
// of all that have a name. A write answers about what it reads back only.
func (a *asking) fieldsOf(action string) (*model.Fields, error) {
	names := slices.Concat(a.ask.fields, a.ask.returned)
	if _, write := writes(action); write {
		names = a.ask.returned
		if len(names) == 0 {
			return nil, nil
		}
	}
	if len(names) == 0 {
		return a.engine.viewAll(a)
	}
	return a.view(names)
}

// closing gathers the fields a question is refused for.
type closing struct {
	fields []string
	rule   ruleID // of the first field that a row closes
}

// refused gathers the fields that a question is refused for.
func (a *asking) refused(action string) (closing, error) {
	if len(a.ask.fields)+len(a.ask.changed)+len(a.ask.returned)+len(a.ask.used) == 0 { // as most questions
		return closing{rule: noRule}, nil
	}
	c := closing{rule: noRule}
	err := a.eachRefused(action, func(name string, access Access, masked bool) error {
		c.fields = append(c.fields, name)
		if c.rule != noRule || masked {
			return nil
		}
		v, err := a.may(name, access)
		if err == nil {
			c.rule = v.rule
		}
		return err
	})
	slices.Sort(c.fields)
	c.fields = slices.Compact(c.fields)
	return c, err
}

// eachRefused finds the named fields that a question must not touch: written or
// read strictly though closed, or used to filter, sort or aggregate though hidden
// or masked (a count over salary > x tells the salary).
func (a *asking) eachRefused(action string, do func(name string, access Access, masked bool) error) error {
	require := func(names []string, access Access, plain bool) error {
		for _, name := range names {
			open, err := a.engine.opens(a, name, access)
			if err != nil {
				return err
			}
			masked := false
			if open && plain {
				if masked, err = a.masked(name); err != nil {
					return err
				}
			}
			if open && !masked {
				continue
			}
			if err := do(name, access, masked); err != nil {
				return err
			}
		}
		return nil
	}
	access, write := writes(action)
	if write || a.ask.strict {
		if err := require(a.ask.fields, access, false); err != nil {
			return err
		}
	}
	if write {
		if err := require(a.ask.changed, access, false); err != nil {
			return err
		}
	}
	if a.ask.strict {
		if err := require(a.ask.returned, AccessRead, false); err != nil {
			return err
		}
	}
	return require(a.ask.used, AccessRead, true)
}
