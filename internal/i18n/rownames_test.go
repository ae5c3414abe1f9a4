package i18n

import (
	"os"
	"strings"
	"testing"
)

// Every name in the starter policy is there in both languages, and none that it has
// no more.
func TestRowNamesAreThoseOfTheStarterPolicy(t *testing.T) {
	text, err := os.ReadFile("../../policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	named, above := map[string]bool{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		kind, _, isRow := strings.Cut(line, ",")
		if isRow && !strings.HasPrefix(line, "#") && strings.Contains("p p2 p3 p4 g", kind) && above != "" {
			named[above] = true
		}
		above, _ = strings.CutPrefix(line, "# ")
		if above == line {
			above = ""
		}
	}
	if len(named) < 100 {
		t.Fatalf("%d rows have names", len(named))
	}
	for name := range named {
		if zh := RowName(Chinese, name); zh == name {
			t.Errorf("%q has no Chinese", name)
		}
		if en := RowName(English, name); en != name {
			t.Errorf("%q is %q in English", name, en)
		}
	}
	for name := range rowNames {
		if !named[name] {
			t.Errorf("%q names no row", name)
		}
	}
	if got := RowName(Chinese, "Ours"); got != "Ours" {
		t.Errorf("a name of somebody's own is %q", got)
	}
}
