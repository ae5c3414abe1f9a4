package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rolegate/internal/app"
)

func readDoc(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every setting stands in the operator's table with its default, and no other does.
func TestSettingsAreDocumented(t *testing.T) {
	doc := readDoc(t, "docs/operations.md")
	for _, s := range app.Settings() {
		row := regexp.MustCompile("(?m)^\\|[^|\n]*`" + s.Name + "`[^|\n]*\\|([^|\n]*)\\|").FindStringSubmatch(doc)
		if row == nil {
			t.Errorf("docs/operations.md does not explain %s", s.Name)
			continue
		}
		if s.Default != "" && !strings.Contains(row[1], s.Default) {
			t.Errorf("docs/operations.md gives %s the default %s, the code %s", s.Name, row[1], s.Default)
		}
	}
	for _, name := range regexp.MustCompile(`ROLEGATE_[A-Z_]+`).FindAllString(doc, -1) {
		known := strings.HasSuffix(name, "_")
		for _, s := range app.Settings() {
			known = known || s.Name == name || s.Name+"_FILE" == name
		}
		if !known {
			t.Errorf("docs/operations.md names %s, which is no setting", name)
		}
	}
}

// Every decision is listed, in the order of its number.
func TestDecisionsAreListed(t *testing.T) {
	files, err := os.ReadDir("../../docs/decisions")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, f := range files {
		if f.Name() != "README.md" {
			want = append(want, f.Name())
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| \[\d{4}\]\((.*)\) \|`).FindAllStringSubmatch(readDoc(t, "docs/decisions/README.md"), -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/decisions/README.md lists\n%q, there are\n%q", got, want)
	}
}

// Every code that travels stands in the API's table, and no other does.
func TestCodesAreDocumented(t *testing.T) {
	source := readDoc(t, "model/error.go") + readDoc(t, "model/decision.go")
	constants := regexp.MustCompile(`(?m)^\s*(?:Code|Reason)\w+\s+Code\s*=\s*"(\w+)"`).FindAllStringSubmatch(source, -1)
	if len(constants) < 40 {
		t.Fatalf("only %d codes found", len(constants))
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\|\\s*`(\\w+)`").FindAllStringSubmatch(readDoc(t, "docs/api.md"), -1) {
		rows[m[1]] = true
	}
	codes := map[string]bool{}
	for _, c := range constants {
		codes[c[1]] = true
		if !rows[c[1]] {
			t.Errorf("docs/api.md does not explain the code %s", c[1])
		}
	}
	for code := range rows {
		if !codes[code] {
			t.Errorf("docs/api.md explains %s, which is no code", code)
		}
	}
}
