package review_test

import (
	"os"
	"strings"
	"testing"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// TestDocs runs the cases of docs/policy-changes.md against the starter policy, and
// holds its tables to the codes there are.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/policy-changes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("no cases on the page")
	}
	cases, err := review.ParseCases(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, cat := starter(t)
	s, err := policy.NewSnapshot(model.Tenant{ID: "t"}, doc, cat, model.Directory{})
	if err != nil {
		t.Fatal(err)
	}
	results := cases.Run(policy.NewView(s), noon)
	if len(results) < 4 {
		t.Errorf("%d cases", len(results))
	}
	for _, r := range results {
		if !r.Passed {
			t.Errorf("%+v", r)
		}
	}
	for _, code := range model.FindingCodes {
		if strings.Count(string(page), "| `"+string(code)+"` |") != 1 {
			t.Errorf("the page does not say once what %s means", code)
		}
	}
}
