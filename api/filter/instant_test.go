package filter_test

import (
	"testing"

	"rolegate/api/filter"
)

func all(args ...filter.Expr) filter.Expr { return filter.Expr{Op: filter.And, Args: args} }

// The type time is the dialect's own.
func TestInstant(t *testing.T) {
	own := map[filter.Dialect]filter.ColumnType{filter.SQLite: filter.Text, filter.PostgreSQL: filter.Timestamp, filter.MySQL: filter.TimestampUTC}
	shares := func(until filter.ColumnType) filter.Column {
		return filter.Column{Name: "t.s", Type: filter.Join, Table: "s", Key: "k", Value: "v", Action: "a", Until: "u", UntilType: until}
	}
	f := conditional(all(
		filter.Expr{Op: filter.Less, Field: "x", Type: filter.Time, Value: "2026-01-01T00:00:00Z"},
		filter.Expr{Op: filter.Shared, Field: "shares", Share: &filter.Share{To: []string{"*"}, Action: "read", At: "2026-01-01T00:00:00Z"}}))
	for _, d := range dialects {
		want, _, err := f.SQL(d, map[string]filter.Column{"x": {Name: "x", Type: own[d]}, "shares": shares(own[d])}, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := f.SQL(d, map[string]filter.Column{"x": {Name: "x", Type: filter.Instant}, "shares": shares(filter.Instant)}, 1)
		if got != want || err != nil {
			t.Errorf("%s: %v\n%s\n%s", d, err, got, want)
		}
	}
}

// Placeholders end where PostgreSQL's do.
func TestLastPlaceholder(t *testing.T) {
	f := conditional(all(
		filter.Expr{Op: filter.Equal, Field: "x", Type: filter.String, Value: "a"},
		filter.Expr{Op: filter.Equal, Field: "x", Type: filter.String, Value: "b"}))
	for first, fits := range map[int]bool{65_534: true, 65_535: false} {
		if _, _, err := f.SQL(filter.PostgreSQL, map[string]filter.Column{"x": {Name: "x", Type: filter.Text}}, first); (err == nil) != fits {
			t.Errorf("from $%d: %v", first, err)
		}
	}
}
