package filter

// ColumnsByName are the columns of a table that keeps each field the filter asks
// for in a column of the field's own name, plainly: strings as Text, numbers as
// Float, bools as Boolean, lists and shares as JSON; on SQLite times as Text.
//
// A field has no column here, and SQL then refuses it, where the filter does not
// tell its type (null in JSON is not NULL) and, but on SQLite, where that is Time:
// what a column of times holds cannot be guessed. Of the others ColumnType says
// what the table must hold: an integer read as Text is an error on PostgreSQL
// where it is looked for, and is its digits where a part of it is.
func (f Filter) ColumnsByName(d Dialect) map[string]Column {
	columns := map[string]Column{}
	if f.Expr != nil {
		f.Expr.named(d, columns)
	}
	return columns
}

// named adds the fields of which the expression tells what they are. The first
// that is told counts; SQL refuses what contradicts it.
func (e *Expr) named(d Dialect, columns map[string]Column) {
	scalars := map[Type]ColumnType{String: Text, Number: Float, Bool: Boolean}
	if d == SQLite {
		scalars[Time] = Text
	}
	add := func(field string, t ColumnType) {
		if _, met := columns[field]; !met && field != "" && t != "" {
			columns[field] = Column{Name: field, Type: t}
		}
	}
	switch e.Op {
	case Has, Any, All, Shared:
		add(e.Field, JSON)
	case In:
		add(e.Field, scalars[e.Type])
		add(e.Other, JSON)
	default:
		add(e.Field, scalars[e.Type])
		add(e.Other, scalars[e.Type])
	}
	for i := range e.Args {
		e.Args[i].named(d, columns)
	}
}
