package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"rolegate/api/filter"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// filterQuestion is a request for a list filter, as understood.
type filterQuestion struct {
	policy.Request
	sql *sqlQuestion // nil where no SQL is asked for
}

// sqlQuestion says over which columns, for which database, SQL is to be written.
type sqlQuestion struct {
	dialect filter.Dialect
	columns map[string]filter.Column // nil where none are named
	first   int                      // placeholder
}

// listFilter answers which records of a type the subject may do this to, as an
// expression and, where it is asked for, as SQL. Never is an answer.
func (s *Server) listFilter(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
	body, err := readJSON(nil, r, model.CodeUnsupportedMedia, s.decisionBody())
	if err != nil {
		return err
	}
	tree, err := parse(body, s.Limits.Nesting)
	if err != nil {
		return err
	}
	q, err := readFilterQuestion(tree)
	if err != nil {
		return err
	}
	l, err := s.Decider.Filter(r.Context(), caller, q.Request)
	if err != nil {
		return err
	}
	s.Metrics.decision(&l.Decision)
	var sql *sqlAnswer
	if q.sql != nil {
		if sql, err = q.sql.write(l.Filter); err != nil {
			return err
		}
	}
	a := newAnswerWriter(localized(w, r))
	if err := a.filter(&q.Question, &l, sql); err != nil {
		return err
	}
	return a.send(w, r)
}

// readFilterQuestion checks a request, strictly: a member that we do not look at
// may have been meant to narrow the list.
func readFilterQuestion(tree map[string]any) (q filterQuestion, err error) {
	if err = known(tree, "", "subject", "action", "resource", "context", "dialect", "columns", "first_placeholder"); err != nil {
		return q, err
	}
	sent := questionOf(tree)
	for _, m := range []struct {
		member
		names []string
	}{
		{sent.subject, []string{"type", "id", "properties"}},
		{sent.action, []string{"name", "properties"}},
		{sent.resource, []string{"type"}},
	} {
		o, err := m.object()
		if err == nil {
			err = known(o, m.path, m.names...)
		}
		if err != nil {
			return q, err
		}
	}
	a, err := sent.readFor(policy.SearchResource)
	if err != nil {
		return q, err
	}
	q.Request = a.Request
	q.sql, err = readSQLQuestion(tree)
	return q, err
}

// known refuses members of the object at path that have no meaning.
func known(o map[string]any, path string, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(names, name) {
			return invalid(i18n.Unknown, clipped(get(o, path, name).path))
		}
	}
	return nil
}

// maxPlaceholder is the number of the last parameter that PostgreSQL takes.
const maxPlaceholder = 65_535

func readSQLQuestion(tree map[string]any) (*sqlQuestion, error) {
	dialect, columns, first := get(tree, "", "dialect"), get(tree, "", "columns"), get(tree, "", "first_placeholder")
	if dialect.value == nil {
		if columns.value != nil || first.value != nil {
			return nil, invalid(i18n.Missing, dialect.path)
		}
		return nil, nil
	}
	name, _ := dialect.value.(string)
	q := &sqlQuestion{dialect: filter.Dialect(name), first: 1}
	switch q.dialect {
	case filter.SQLite, filter.PostgreSQL, filter.MySQL:
	default:
		return nil, invalid(i18n.WantDialect, dialect.path)
	}
	if first.value != nil {
		n, err := first.count()
		if err != nil || n < 1 || n > maxPlaceholder {
			return nil, invalid(i18n.WantPlaceholder, first.path)
		}
		q.first = int(n)
	}
	if columns.value == nil {
		return q, nil
	}
	var err error
	q.columns, err = readColumns(columns)
	return q, err
}

// readColumns reads a mapping from fields to columns. Whether a column is one is
// for package filter to say.
func readColumns(m member) (map[string]filter.Column, error) {
	o, err := m.object()
	if err != nil {
		return nil, err
	}
	columns := map[string]filter.Column{}
	for _, field := range slices.Sorted(maps.Keys(o)) {
		sent := get(o, m.path, field)
		sent.path = clipped(sent.path)
		parts, err := sent.object()
		if err != nil {
			return nil, err
		}
		var c filter.Column
		into := map[string]*string{
			"name": &c.Name, "type": (*string)(&c.Type), "elem": (*string)(&c.Elem), "collation": &c.Collation,
			"table": &c.Table, "key": &c.Key, "value": &c.Value, "action": &c.Action, "until": &c.Until, "until_type": (*string)(&c.UntilType),
		}
		if err := known(parts, sent.path, slices.Collect(maps.Keys(into))...); err != nil {
			return nil, err
		}
		for name := range parts {
			p := get(parts, sent.path, name)
			s, ok := p.value.(string)
			if !ok {
				return nil, invalid(i18n.WantString, p.path)
			}
			*into[name] = s
		}
		columns[field] = c
	}
	return columns, nil
}

// sqlAnswer is a filter as a condition for WHERE.
type sqlAnswer struct {
	text   string
	params []any
}

// write puts the filter in SQL, without any columns over those of the fields' own
// names. What the columns cannot say is refused.
func (q *sqlQuestion) write(f filter.Filter) (*sqlAnswer, error) {
	columns := q.columns
	if columns == nil {
		columns = f.ColumnsByName(q.dialect)
	}
	text, params, err := f.SQL(q.dialect, columns, q.first)
	if err == nil {
		return &sqlAnswer{text, params}, nil
	}
	var column *filter.ColumnError
	if !errors.As(err, &column) {
		return nil, model.Errorf(model.CodeInexpressible, "the filter cannot be put in SQL over these columns").Noting(err.Error()).Because(err)
	}
	reason := model.Phrase{Text: column.Reason, Format: column.Format, Args: column.Args}
	of := model.Say("filter: column of %q: %s", column.Field, reason)
	if column.Op != "" {
		of = model.Say("filter: %s %q: %s", column.Op, column.Field, reason)
	}
	e := model.Errorf(model.CodeInexpressible, "the filter cannot be put in SQL over these columns: %s", of).Because(err)
	e.Details = []model.Detail{{Path: clipped("columns." + column.Field), Reason: reason}}
	return nil, e
}

// filter is a list filter with why it is so.
func (a *answerWriter) filter(q *model.Question, l *policy.Listed, sql *sqlAnswer) error {
	whole := *q
	whole.Resource.ID = model.AnyRecord // the reasons speak of any record
	a.raw("{")
	a.name("context")
	a.context(&whole, &l.Decision, "")
	if l.Filter.Expr != nil {
		a.name("filter")
		if err := a.json(l.Filter.Expr); err != nil {
			return err
		}
	}
	a.name("kind")
	a.quoted(string(l.Filter.Kind))
	if sql != nil {
		a.name("params")
		if err := a.json(sql.params); err != nil {
			return err
		}
	}
	a.name("revision")
	a.integer(l.Revision)
	if sql != nil {
		a.name("sql")
		a.quoted(sql.text)
	}
	a.raw("}")
	return nil
}

// json adds a value by encoding/json, whose omitempty leaves out what is not
// there, but not "" nor an empty list, which are values of a filter.
func (a *answerWriter) json(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	a.out = append(a.out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
	return nil
}
