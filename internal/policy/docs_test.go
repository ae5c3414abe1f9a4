package policy

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page for those who write policies has every scope and no other, and says
// how deep subtree:N goes.
func TestScopesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Scopes")
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_:N]+)` \\|").FindAllStringSubmatch(section, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	want := append(slices.Collect(maps.Keys(scopeKinds)), "subtree:N")
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/policy.md (-scopes there are +scopes documented):\n%s", diff)
	}
	if depth := fmt.Sprintf("down to N levels, 1 to %d", maxSubtree); !strings.Contains(section, depth) {
		t.Errorf("docs/policy.md does not say %q", depth)
	}
	if depth := fmt.Sprintf("subtree:%d", maxSubtree); !strings.Contains(scopeHelp, depth) {
		t.Errorf("a refused row does not say %q", depth)
	}
}
