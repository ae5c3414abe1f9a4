package administration

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
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
// names first). What the table has no column for stays as it is: of who is there
// already, the rest is taken from the directory. An empty cell empties what it stands
// for; of roles, it leaves them. CodeImportInvalid names every bad line.
func (o *Officer) PeopleFile(ctx context.Context, table []byte) ([]byte, error) {
	if _, err := o.right(ctx, model.AnyRecord, ""); err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(table, []byte("\ufeff"))))
	r.TrimLeadingSpace = true
	columns, err := r.Read()
	if err != nil {
		return nil, badTable(tableDetail(err))
	}
	if bad := badColumns(columns); len(bad) > 0 {
		return nil, badTable(bad...)
	}
	f := peopleFile{}
	var bad []model.Detail
	for n := 0; ; n++ {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badTable(append(bad, tableDetail(err))...)
		}
		if n >= maxPeople {
			return nil, model.Errorf(model.CodeLimitExceeded, "the table has more than %d people; split it", maxPeople)
		}
		line, _ := r.FieldPos(0)
		if err := o.addPerson(ctx, &f, columns, cells); err != nil {
			if model.CodeOf(err) != model.CodeInvalidRequest {
				return nil, err
			}
			bad = append(bad, model.Detail{Line: line, Code: model.CodeInvalidRequest, Reason: err.Error()})
		}
	}
	if len(bad) > 0 {
		return nil, badTable(bad...)
	}
	return json.Marshal(f, json.Deterministic(true))
}

// peopleFile is an import file as a table of people makes it.
type peopleFile struct {
	Subjects    []model.Subject             `json:"subjects"`
	Assignments []directory.AssignmentEntry `json:"assignments,omitempty"`
}

func (o *Officer) addPerson(ctx context.Context, f *peopleFile, columns, cells []string) error {
	id := directory.Bare("user", strings.TrimSpace(cells[slices.Index(columns, "id")]))
	if id == "" {
		return model.Errorf(model.CodeInvalidRequest, "the id is empty")
	}
	s, err := o.Store.Subject(ctx, o.tenant, "user", id)
	if err != nil && !notFound(err) {
		return err
	}
	s.Type, s.ID = "user", id
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
				entry, err := o.kept(ctx, id, directory.Bare("role", role))
				if err != nil {
					return err
				}
				f.Assignments = append(f.Assignments, entry)
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
func (o *Officer) kept(ctx context.Context, id, role string) (directory.AssignmentEntry, error) {
	e := directory.AssignmentEntry{Member: "user:" + id, Role: role}
	held, err := o.Store.Assignments(ctx, o.tenant, e.Member, role)
	if err != nil || len(held) == 0 {
		return e, err
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	e.From, e.Until = moment(held[0].From), moment(held[0].Until)
	return e, nil
}

func several(cell string) (out []string) {
	for part := range strings.SplitSeq(cell, ";") {
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
		columns[i] = name
		attribute, is := strings.CutPrefix(name, attributeColumn)
		switch {
		case seen[name]:
			bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: fmt.Sprintf("the column %q is there twice", clip(name))})
		case is && attribute != "", slices.Contains(PeopleColumns, name):
		default:
			bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest,
				Reason: fmt.Sprintf("%q is no column; there are %s and %sNAME", clip(name), strings.Join(PeopleColumns, ", "), attributeColumn)})
		}
		seen[name] = true
	}
	if !seen["id"] {
		bad = append(bad, model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: "there is no column id"})
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
	d := model.Detail{Line: 1, Code: model.CodeInvalidRequest, Reason: "there is no line with the names of columns"}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		d.Line, d.Column, d.Reason = e.Line, e.Column, "the line is no CSV"
		if errors.Is(e.Err, csv.ErrFieldCount) {
			d.Column, d.Reason = 0, "the line has another number of cells than the first"
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
