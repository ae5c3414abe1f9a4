package filter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
)

func TestColumnsByName(t *testing.T) {
	f := conditional(all(
		filter.Expr{Op: filter.Not, Args: []filter.Expr{{Op: filter.Present, Field: "owner"}}},
		filter.Expr{Op: filter.In, Field: "owner", Type: filter.String, Value: []any{"ann"}},
		filter.Expr{Op: filter.Present, Field: "teams"},
		filter.Expr{Op: filter.Any, Field: "teams", Type: filter.String, Value: []any{"a"}},
		filter.Expr{Op: filter.Shared, Field: "shares", Share: &filter.Share{To: []string{"*"}, Action: "read", At: "2026-01-01T00:00:00Z"}},
		filter.Expr{Op: filter.Less, Field: "amount", Type: filter.Number, Value: 1.0},
		filter.Expr{Op: filter.Equal, Field: "vip", Type: filter.Bool, Value: true},
		filter.Expr{Op: filter.In, Field: "region", Other: "regions", Type: filter.String},
		filter.Expr{Op: filter.Equal, Field: "stage", Other: "before", Type: filter.String},
		filter.Expr{Op: filter.Equal, Field: "unsaid", Other: "unsaid2"},
		filter.Expr{Op: filter.Present, Field: "bare"},
		filter.Expr{Op: filter.Less, Field: "closed", Type: filter.Time, Value: "2026-01-01T00:00:00Z"},
	))
	for _, d := range dialects {
		want := map[string]filter.Column{}
		for field, typ := range map[string]filter.ColumnType{"owner": filter.Text, "teams": filter.JSON, "shares": filter.JSON, "amount": filter.Float,
			"vip": filter.Boolean, "region": filter.Text, "regions": filter.JSON, "stage": filter.Text, "before": filter.Text} {
			want[field] = filter.Column{Name: field, Type: typ}
		}
		if d == filter.SQLite { // elsewhere what holds a time depends on more
			want["closed"] = filter.Column{Name: "closed", Type: filter.Text}
		}
		if diff := cmp.Diff(want, f.ColumnsByName(d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d, diff)
		}
	}
	if got := (filter.Filter{Kind: filter.Always}).ColumnsByName(filter.SQLite); len(got) != 0 {
		t.Error(got)
	}
}

// A field that is named like no column is refused, wherever its name comes from.
func TestColumnsByHostileNames(t *testing.T) {
	for _, field := range []string{`owner" OR 1=1 --`, "a b", "rolegate_1", "", "合同 金额"} {
		f := conditional(filter.Expr{Op: filter.Equal, Field: field, Type: filter.String, Value: "x"})
		for _, d := range dialects {
			if text, _, err := f.SQL(d, f.ColumnsByName(d), 1); err == nil {
				t.Errorf("%s: %s", d, text)
			}
		}
	}
}
