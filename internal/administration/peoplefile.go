package administration

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rolegate/internal/directory"
	"rolegate/model"
)

// PeopleColumns are what a table of people may have; id it must. An attribute has a
// column attributes.NAME of its own. Several in a cell are separated by semicolons.
var PeopleColumns = []string{"id", "unit", "manager", "teams", "territories", "roles"}

// maxPeople bounds a table of people, in rows.
const maxPeople = 20_000

// PeopleFile makes an import file of a table of people (CSV, RFC 4180, with a line of
// names first; what stands between cells may be a semicolon or a tabulator too, as
// spreadsheets have it in some countries). What the table has no column for stays as it
// is: of who is there already, the rest is taken from the directory, so each of them
// takes the right to import that one. An empty cell empties what it stands for; of
// roles, it leaves them. CodeImportInvalid names every bad line.
func (o *Officer) PeopleFile(ctx context.Context, table []byte) ([]byte, error) {
	release, err := o.importing()
	if err != nil {
		return nil, err
	}
	defer release()
	at, err := o.right(ctx, model.AnyRecord, "")
	if err != nil {
		return nil, err
	}
	table = bytes.TrimPrefix(table, []byte("\ufeff"))
	r := csv.NewReader(bytes.NewReader(table))
	r.TrimLeadingSpace, r.Comma = true, separator(table)
	columns, err := r.Read()
	if err != nil {
		return nil, badTable(tableDetail(err))
	}
	if bad := badColumns(columns); len(bad) > 0 {
		return nil, badTable(bad...)
	}
	f, err := o.peopleFile(ctx)
	if err != nil {
		return nil, err
	}
	var bad []model.Detail
	for n := 0; ; {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badTable(append(bad, tableDetail(err))...)
		}
		if !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue // spreadsheets leave such lines
		}
		if n++; n > maxPeople {
			return nil, model.Errorf(model.CodeLimitExceeded, "the table has more than %d people; split it", maxPeople)
		}
		line, _ := r.FieldPos(0)
		err = f.add(ctx, at, columns, cells)
		switch code := model.CodeOf(err); code {
		case "":
		case model.CodeInvalidRequest, model.CodeForbidden, model.CodeUserUnknown:
			bad = append(bad, model.Detail{Line: line, Code: code, Reason: model.PhraseOf(err)})
		default:
			return nil, err
		}
	}
	if len(bad) > 0 {
		return nil, badTable(bad...)
	}
	return json.Marshal(f, json.Deterministic(true))
}

// separator is what stands between the names of the columns.
func separator(table []byte) rune {
	names, _, _ := bytes.Cut(table, []byte("\n"))
	for _, r := range ",;\t" {
		if bytes.ContainsRune(names, r) {
			return r
		}
	}
	return ','
}

// peopleFile is an import file as a table of people makes it.
type peopleFile struct {
	Subjects    []model.Subject             `json:"subjects"`
	Assignments []directory.AssignmentEntry `json:"assignments,omitempty"`

	people map[string]model.Subject    // as they are
	held   map[string]model.Assignment // by member and role
}

func (o *Officer) peopleFile(ctx context.Context) (*peopleFile, error) {
	there, err := o.Store.LoadDirectory(ctx, o.tenant)
	if err != nil {
		return nil, err
	}
	f := &peopleFile{people: map[string]model.Subject{}, held: map[string]model.Assignment{}}
	for _, s := range there.Subjects {
		if s.Type == "user" {
			f.people[s.ID] = s
		}
	}
	for _, a := range there.Assignments {
		f.held[a.Member+"\x00"+a.Role] = a
	}
	return f, nil
}

func (f *peopleFile) add(ctx context.Context, at *standing, columns, cells []string) error {
	id := directory.Bare("user", strings.TrimSpace(cells[slices.Index(columns, "id")]))
	if id == "" {
		return model.Errorf(model.CodeInvalidRequest, "the id is empty")
	}
	s := f.people[id]
	s.Type, s.ID, s.Attributes = "user", id, maps.Clone(s.Attributes)
	if _, err := at.ask(ctx, Organization, Import, s.Key(), id); err != nil {
		return err
	}
	for i, column := range columns {
		cell := strings.TrimSpace(cells[i])
		switch column {
		case "id":
		case "unit":
			s.Unit = cell
		case "manager":
			s.Manager = cell
		case "teams":
			s.Teams = several(cell)
		case "territories":
			s.Territories = several(cell)
		case "roles":
			for _, role := range several(cell) {
				f.Assignments = append(f.Assignments, f.kept("user:"+id, directory.Bare("role", role)))
			}
		default:
			name := strings.TrimPrefix(column, attributeColumn)
			if s.Attributes == nil {
				s.Attributes = map[string]any{}
			}
			if cell == "" {
				delete(s.Attributes, name)
			} else {
				s.Attributes[name] = cell
			}
		}
	}
	f.Subjects = append(f.Subjects, s)
	return nil
}

// kept is an assignment, with the window it has where it is there already.
func (f *peopleFile) kept(member, role string) directory.AssignmentEntry {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	was := f.held[member+"\x00"+role]
	return directory.AssignmentEntry{Member: member, Role: role, From: moment(was.From), Until: moment(was.Until)}
}

// several are the parts of a cell; a Chinese keyboard has semicolons of full width.
func several(cell string) (out []string) {
	for part := range strings.SplitSeq(strings.ReplaceAll(cell, "；", ";"), ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

const attributeColumn = "attributes."

func badColumns(columns []string) (bad []model.Detail) {
	seen := map[string]bool{}
	for i, name := range columns {
		name = strings.TrimSpace(name)
		attribute, is := strings.CutPrefix(name, attributeColumn)
		if !is {
			name = strings.ToLower(name)
		}
		columns[i] = name
		switch {
		case seen[name]:
			bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: model.Say("the column %q is there twice", clip(name))})
		case is && attribute != "", slices.Contains(PeopleColumns, name):
		default:
			bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest,
				Reason: model.Say("%q is no column; there are %s and %sNAME", clip(name), strings.Join(PeopleColumns, ", "), attributeColumn)})
		}
		seen[name] = true
	}
	if !seen["id"] {
		bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: model.Say("there is no column id")})
	}
	return bad
}

func clip(s string) string {
	if len(s) > directory.MaxID {
		return strings.ToValidUTF8(s[:directory.MaxID], "") + "…"
	}
	return s
}

func tableDetail(err error) model.Detail {
	d := model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: model.Say("there is no line with the names of columns")}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		d.Line, d.Column, d.Reason = e.Line, e.Column, model.Say("the line is no CSV")
		if errors.Is(e.Err, csv.ErrFieldCount) {
			d.Column, d.Reason = 0, model.Say("the line has another number of cells than the first")
		}
	}
	return d
}

// maxBadLines is how many bad lines are named.
const maxBadLines = 1_000

func badTable(bad ...model.Detail) error {
	e := model.Errorf(model.CodeImportInvalid, "the table has %d bad lines, so nothing was imported", len(bad))
	e.Details = bad[:min(len(bad), maxBadLines)]
	return e
}
