package verify

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What a report says that it cannot prove is what the page for auditors says.
func TestUnprovenIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "It is printed with every result:")
	list, _, _ = strings.Cut(list, "\nIn a part of a log")
	var said []string
	for _, item := range strings.Split(list, "\n- ")[1:] {
		item, _, _ = strings.Cut(strings.Join(strings.Fields(item), " "), " (`audit_tags`")
		said = append(said, strings.TrimRight(item, ";."))
	}
	if !slices.Equal(said, unproven) {
		t.Errorf("docs/audit.md has\n%s\nand reports\n%s", strings.Join(said, "\n"), strings.Join(unproven, "\n"))
	}
}
