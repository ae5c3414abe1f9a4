package filter_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
)

// TestDocs holds docs/filters.md to what it shows.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(name string) string {
		t.Helper()
		_, rest, found := strings.Cut(string(page), "```"+name+"\n")
		text, _, ended := strings.Cut(rest, "```")
		if !found || !ended {
			t.Fatalf("no block %q", name)
		}
		return text
	}
	e := parse(t, block("json filter"))
	var columns map[string]filter.Column
	if err := json.Unmarshal([]byte(block("json columns")), &columns); err != nil {
		t.Fatal(err)
	}
	for _, d := range []filter.Dialect{filter.PostgreSQL, filter.SQLite} {
		text, params, err := conditional(e).SQL(d, columns, 1)
		if err != nil {
			t.Fatal(err)
		}
		oneLine := regexp.MustCompile(`\n\s*`).ReplaceAllString(strings.TrimSpace(block("sql "+string(d))), " ")
		if diff := cmp.Diff(oneLine, text); diff != "" {
			t.Errorf("%s: %s", d, diff)
		}
		var want any
		if err := json.Unmarshal([]byte(block("json params of "+string(d))), &want); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		var sent any
		if err := json.Unmarshal(got, &sent); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Errorf("%s: %s", d, diff)
		}
	}
}
