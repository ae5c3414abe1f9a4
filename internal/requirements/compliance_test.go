package requirements

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// claim is a row of docs/compliance.md: what is said to hold, and what shows it.
type claim struct {
	about string // clause or requirement
	state string // built, partly, not yet
	shown []string
}

var states = map[string]string{"已实现": "built", "部分实现": "partly", "尚未实现": "not yet"}

// claimsOf reads the tables of a page whose last two columns are state and tests.
func claimsOf(t *testing.T, path string) (claims []claim) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reading := false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		switch last := strings.TrimSpace(cells[len(cells)-1]); {
		case !strings.HasPrefix(line, "|"):
			reading = false
		case last == "shown by" || last == "测试":
			reading = true
		case reading && !strings.HasPrefix(line, "|---"):
			c := claim{about: strings.TrimSpace(cells[0]), state: strings.TrimSpace(cells[len(cells)-2])}
			if s, ok := states[c.state]; ok {
				c.state = s
			}
			for name := range strings.SplitSeq(last, ",") {
				if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" {
					c.shown = append(c.shown, name)
				}
			}
			claims = append(claims, c)
		}
	}
	return claims
}

var requirementName = regexp.MustCompile(`^R(\d+)$`)

// testsThere are the names of all Go tests, and of the checklist's items that have one.
func testsThere(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	item, section := regexp.MustCompile(`\bholds\((\d+),`), regexp.MustCompile(`\{"([A-L])", "[^"]*", (\d+), (\d+)\}`)
	var numbers []int
	letters := map[int]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range function.FindAllSubmatch(text, -1) {
			there[string(m[1])] = true
		}
		if !strings.Contains(path, "checklist") {
			return nil
		}
		for _, m := range item.FindAllSubmatch(text, -1) {
			n, _ := strconv.Atoi(string(m[1]))
			numbers = append(numbers, n)
		}
		for _, m := range section.FindAllSubmatch(text, -1) {
			first, _ := strconv.Atoi(string(m[2]))
			last, _ := strconv.Atoi(string(m[3]))
			for n := first; n <= last; n++ {
				letters[n] = string(m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		there[letters[n]+strconv.Itoa(n)] = true
	}
	return there
}

// TestCompliance holds docs/compliance.md to the tests there are: what it says is
// built is shown by a test that exists, and every requirement is in it.
func TestCompliance(t *testing.T) {
	claims, there := claimsOf(t, "../../docs/compliance.md"), testsThere(t)
	if len(claims) < 80 || len(there) < 500 {
		t.Fatalf("%d claims and %d tests found", len(claims), len(there))
	}
	requirementState := map[int]string{}
	for _, c := range claims {
		if m := requirementName.FindStringSubmatch(c.about); m != nil {
			n, _ := strconv.Atoi(m[1])
			if requirementState[n] != "" {
				t.Errorf("%s is there twice", c.about)
			}
			requirementState[n] = c.state
		}
	}
	if got := slices.Sorted(maps.Keys(requirementState)); len(got) != 25 || got[0] != 1 || got[24] != 25 {
		t.Errorf("the requirements are %v, want 1 to 25", got)
	}
	for n, state := range requirementState {
		_, tested := requirements[n]
		switch {
		case state == "built" && !tested:
			t.Errorf("R%d is said to be built and has no test", n)
		case state == "not yet" && tested:
			t.Errorf("R%d is said not to be there and has a test", n)
		}
	}
	for _, c := range claims {
		switch c.state {
		case "built", "partly":
			if len(c.shown) == 0 {
				t.Errorf("%s is %s, and nothing shows it", c.about, c.state)
			}
		case "not yet":
			if len(c.shown) > 0 {
				t.Errorf("%s is not there, and %v show it", c.about, c.shown)
			}
		default:
			t.Errorf("%s: the state %q", c.about, c.state)
		}
		for _, name := range c.shown {
			if m := requirementName.FindStringSubmatch(name); m != nil {
				n, _ := strconv.Atoi(m[1])
				if _, tested := requirements[n]; !tested {
					t.Errorf("%s is said to be shown by %s, which is not there", c.about, name)
				}
				continue
			}
			if !there[name] {
				t.Errorf("%s is said to be shown by %s, and there is no such test", c.about, name)
			}
		}
	}
}

// The page in Chinese says the same of each row.
func TestComplianceInChinese(t *testing.T) {
	said := func(path string) (rows []string) {
		for _, c := range claimsOf(t, path) {
			rows = append(rows, c.state+": "+strings.Join(c.shown, ", "))
		}
		return rows
	}
	if diff := cmp.Diff(said("../../docs/compliance.md"), said("../../docs/compliance.zh-CN.md")); diff != "" {
		t.Errorf("the pages differ (-en +zh):\n%s", diff)
	}
}
