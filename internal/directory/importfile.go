package directory

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/store"
	"rolegate/model"
)

// importFile is a parsed file: ids bare, every entry well formed in itself.
type importFile struct {
	Subjects    []numbered[model.Subject]
	Teams       []numbered[model.Team]
	Units       []numbered[model.Unit]
	Territories []numbered[model.Territory]
	Roles       []numbered[string]
	Assignments []numbered[model.Assignment]
	Resources   []numbered[model.Resource]
}

// numbered is an entry with its place in the file's list.
type numbered[T any] struct {
	i int
	v T
}

// changes is what decisions have to know of the file; in an import nothing is
// taken away.
func (in importFile) changes() (changes []store.Change) {
	if len(in.Teams)+len(in.Units)+len(in.Territories) > 0 {
		changes = append(changes, store.Change{Kind: store.ChangedGroups})
	}
	for _, e := range in.Roles {
		changes = append(changes, roleChange(e.v))
	}
	for _, e := range in.Subjects {
		changes = append(changes, subjectChange(e.v.Key()))
	}
	for _, e := range in.Assignments {
		changes = append(changes, memberChange(e.v.Member))
	}
	for _, e := range in.Resources {
		changes = append(changes, store.ResourceChange(e.v.Type, e.v.ID))
	}
	return changes
}

// parseImport reads a file strictly and names every entry that is bad in itself.
// Entries are read one at a time: what a hostile file makes of memory and time is
// bounded by what it may have of good entries and of bad ones.
func parseImport(file []byte, l model.Limits) (in importFile, bad badEntries, err error) {
	lists := []list{
		{"subjects", reader(&bad, l, "subjects", &in.Subjects, cleanSubject, model.Subject.Key)},
		{"teams", reader(&bad, l, "teams", &in.Teams, cleanTeam, func(t model.Team) string { return t.ID })},
		{"units", reader(&bad, l, "units", &in.Units, cleanUnit, func(u model.Unit) string { return u.ID })},
		{"territories", reader(&bad, l, "territories", &in.Territories, cleanTerritory, func(t model.Territory) string { return t.ID })},
		{"roles", reader(&bad, l, "roles", &in.Roles, cleanRole, func(r string) string { return r })},
		{"assignments", reader(&bad, l, "assignments", &in.Assignments, cleanAssignmentEntry, assignmentKey)},
		{"resources", reader(&bad, l, "resources", &in.Resources, cleanResource, resourceKey)},
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff")) // a byte order mark, which some shells write
	if err := checkNesting(file, l.Nesting); err != nil {
		return in, bad, err
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(file))
	if err := readLists(d, lists, &bad); err != nil {
		if model.CodeOf(err) != model.CodeInternal {
			return in, badEntries{}, err
		}
		return in, badEntries{}, importInvalid([]model.Detail{complain("", file, err)})
	}
	return in, bad, nil
}

// list is a list of the file, by its name, and what takes its entries.
type list struct {
	name string
	take func(i int, entry jsontext.Value)
}

// readLists hands each entry over. Its errors are the decoder's own, but for
// those about the file as a whole.
func readLists(d *jsontext.Decoder, lists []list, bad *badEntries) error {
	if kind := d.PeekKind(); kind != '{' && kind != 0 {
		return importInvalid([]model.Detail{wanted("", model.Say("an object"), kind)})
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	n := 0
	var strangers []model.Detail
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		at := slices.IndexFunc(lists, func(l list) bool { return l.name == name })
		if at < 0 {
			if strangers = append(strangers, model.Detail{Path: clipped(name), Code: model.CodeInvalidRequest, Reason: unknown(names(lists))}); len(strangers) > len(lists) {
				return importInvalid(strangers)
			}
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		switch kind := d.PeekKind(); kind {
		case '[', 'n', 0:
		default:
			strangers = append(strangers, wanted(name, model.Say("a list"), kind))
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if token, err = d.ReadToken(); err != nil {
			return err
		}
		if token.Kind() == 'n' { // which is none
			continue
		}
		for i := 0; d.PeekKind() != ']'; i++ {
			entry, err := d.ReadValue()
			if err != nil {
				return err
			}
			if n++; n > maxEntries {
				return model.Errorf(model.CodeLimitExceeded, "the file has more than %d entries; split it", maxEntries)
			}
			if lists[at].take(i, entry); bad.full() {
				return bad.err()
			}
		}
		if _, err := d.ReadToken(); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	_, err := d.ReadToken()
	switch {
	case err == io.EOF && len(strangers) > 0:
		return importInvalid(append(strangers, bad.list...))
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return &jsontext.SyntacticError{ByteOffset: d.InputOffset() - 1}
}

// wanted says what should stand where something else does.
func wanted(path string, want model.Phrase, kind jsontext.Kind) model.Detail {
	return model.Detail{Path: path, Code: model.CodeInvalidRequest, Reason: model.Say("%s is wanted here, not %s", want, kinds[kind])}
}

func names(lists []list) (all []string) {
	for _, l := range lists {
		all = append(all, l.name)
	}
	return all
}

// clipped is a name of the file's own making, short enough to be repeated.
func clipped(name string) string {
	if len(name) > MaxID {
		return strings.ToValidUTF8(name[:MaxID], "") + "…"
	}
	return name
}

// maxEntries is how many entries a file may have.
const maxEntries = 500_000

// Between two parts stands what no id can hold.
func assignmentKey(a model.Assignment) string { return a.Member + "\x00" + a.Role }
func resourceKey(r model.Resource) string     { return r.Type + "\x00" + r.ID }

// reader decodes and cleans the entries of a list, collecting what is bad; an
// entry whose key stands twice is bad too, since which of the two counts would be
// a guess.
func reader[T, V any](bad *badEntries, l model.Limits, list string, out *[]numbered[V], clean func(T, model.Limits) (V, error), key func(V) string) func(int, jsontext.Value) {
	first := map[string]int{}
	return func(i int, entry jsontext.Value) {
		var sent T
		if err := json.Unmarshal(entry, &sent, json.RejectUnknownMembers(true)); err != nil {
			d := complain(place(list, i), entry, err)
			d.Code = model.CodeInvalidRequest
			bad.add(d)
			return
		}
		v, err := clean(sent, l)
		if err != nil {
			bad.add(model.Detail{Path: place(list, i), Code: model.CodeOf(err), Reason: model.PhraseOf(err)})
			return
		}
		k := key(v)
		if j, twice := first[k]; twice {
			bad.add(model.Detail{Path: place(list, i), Code: model.CodeConflict, Reason: model.Say("%q is already in %s", strings.ReplaceAll(k, "\x00", " "), place(list, j))})
			return
		}
		first[k] = i
		*out = append(*out, numbered[V]{i, v})
	}
}

// place is where an entry stands, as people write it.
func place(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func cleanAssignmentEntry(e AssignmentEntry, l model.Limits) (model.Assignment, error) {
	a, err := e.Assignment()
	if err != nil {
		return a, err
	}
	return cleanAssignment(a, l)
}

// offices names the entries that would grant an office.
func (in importFile) offices() (bad []model.Detail) {
	for _, e := range in.Assignments {
		if err := reserved(e.v.Role); err != nil {
			bad = append(bad, model.Detail{Path: place("assignments", e.i), Code: model.CodeOf(err), Reason: model.PhraseOf(err)})
		}
	}
	return bad
}

// maxBad is how many bad entries are named.
const maxBad = 10_000

// badEntries are what is wrong with a file.
type badEntries struct {
	list []model.Detail
	more bool // there are others
}

func (b *badEntries) add(ds ...model.Detail) {
	n := min(len(ds), maxBad-len(b.list))
	b.list, b.more = append(b.list, ds[:n]...), b.more || n < len(ds)
}

// full tells that what else is bad is not even looked at.
func (b badEntries) full() bool { return b.more }

func (b badEntries) clone() badEntries { return badEntries{slices.Clone(b.list), b.more} }

func (b badEntries) err() error {
	if b.more {
		e := model.Errorf(model.CodeImportInvalid, "the file has more than %d bad entries, of which the first are named, so nothing was imported", maxBad)
		e.Details = b.list
		return e
	}
	return importInvalid(b.list)
}

func importInvalid(bad []model.Detail) *model.Error {
	e := model.Errorf(model.CodeImportInvalid, "the file has %d bad entries, so nothing was imported", len(bad))
	if len(bad) == 1 {
		e = model.Errorf(model.CodeImportInvalid, "the file has a bad entry, so nothing was imported")
	}
	e.Details = bad
	return e
}
