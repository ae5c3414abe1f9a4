package search_test

import (
	"errors"
	"strings"
	"testing"

	"rolegate/internal/audit/search"
)

// A value that can be none is told from one that is not found.
func TestParametersThatCanBeNone(t *testing.T) {
	const early, late = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00+08:00"
	for _, c := range []struct {
		values map[string]string
		wrong  string // the parameter; "" for none
		want   search.Want
	}{
		{map[string]string{"activity": "authz_evaluate"}, "", ""},
		{map[string]string{"activity": "nope"}, "activity", search.WantHappens},
		{map[string]string{"trace_id": strings.Repeat("0a", 16)}, "", ""},
		{map[string]string{"trace_id": "GQ2TQMZRGEZDGNBVGY3TQOJQGE"}, "", ""},
		{map[string]string{"trace_id": "zz"}, "trace_id", search.WantTrace},
		{map[string]string{"trace_id": strings.Repeat("0A", 16)}, "trace_id", search.WantTrace},
		{map[string]string{"from": early, "until": late}, "", ""},
		{map[string]string{"from": late, "until": early}, "until", search.WantLater},
		{map[string]string{"from": early, "until": early}, "until", search.WantLater},
	} {
		_, err := search.Parse(c.values)
		wrong, _ := errors.AsType[*search.Wrong](err)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%v: %v", c.values, err)
		case c.wrong != "" && (wrong == nil || wrong.Name != c.wrong || wrong.Want != c.want):
			t.Errorf("%v: %v, want one about %s", c.values, err, c.wrong)
		}
	}
}
