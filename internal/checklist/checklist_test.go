package checklist

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// item is one line of the checklist: what is done, and what must come of it.
type item struct {
	number int
	must   string
	check  func(t *testing.T) // nil where why says what stands instead
	why    string
}

var items = map[int]item{}

// holds adds an item that a test shows. Files call it from init, beside the
// check.
func holds(number int, must string, check func(t *testing.T)) {
	add(item{number: number, must: must, check: check})
}

// stands adds an item without a test; why is the reason, or where it is given.
func stands(number int, must, why string) { add(item{number: number, must: must, why: why}) }

func add(i item) {
	if _, twice := items[i.number]; twice {
		panic(fmt.Sprintf("item %d is there twice", i.number))
	}
	for _, other := range items {
		if i.check != nil && other.check != nil && reflect.ValueOf(i.check).Pointer() == reflect.ValueOf(other.check).Pointer() {
			panic(fmt.Sprintf("items %d and %d have one check, as after two of one name were merged", i.number, other.number))
		}
	}
	items[i.number] = i
}

// sections of the checklist, with the numbers of their items.
var sections = []struct {
	letter, title string
	first, last   int
}{
	{"A", "Login (password step)", 1, 19},
	{"B", "TOTP", 20, 47},
	{"C", "Recovery", 48, 58},
	{"D", "Tokens / JWT", 59, 89},
	{"E", "Refresh and sessions", 90, 109},
	{"F", "Password change and reset", 110, 121},
	{"G", "Administration", 122, 135},
	{"H", "Enumeration and timing", 136, 144},
	{"I", "Rate limiting and availability", 145, 155},
	{"J", "HTTP hardening", 156, 176},
	{"K", "Crypto at rest", 177, 185},
	{"L", "Audit logging", 186, 192},
}

// desirable items come before 1.0 or after; all others must hold for any release.
var desirable = []int{10, 14, 16, 19, 32, 40, 44, 45, 47, 57, 58, 81, 88, 104, 107, 108, 120, 121, 133, 144, 155, 176, 184, 185, 192}

func (i item) name() string {
	for _, s := range sections {
		if s.first <= i.number && i.number <= s.last {
			return s.letter + strconv.Itoa(i.number)
		}
	}
	panic(fmt.Sprintf("item %d is of no section", i.number))
}

func (i item) priority() string {
	if slices.Contains(desirable, i.number) {
		return "P1"
	}
	return "P0"
}

var update = flag.Bool("update", false, "rewrite docs/security-checklist.md")

const page = "../../docs/security-checklist.md"

// TestChecklist runs every item, and when all of them ran holds the page to what
// came of it.
func TestChecklist(t *testing.T) {
	var mu sync.Mutex
	states := map[int]bool{}
	t.Cleanup(func() {
		for _, i := range items {
			if _, ran := states[i.number]; i.check != nil && !ran {
				return // -run chose some
			}
		}
		hold(t, states)
	})
	for _, n := range slices.Sorted(maps.Keys(items)) {
		i := items[n]
		if i.check == nil {
			continue
		}
		t.Run(i.name(), func(t *testing.T) {
			t.Cleanup(func() {
				mu.Lock()
				defer mu.Unlock()
				states[n] = !t.Failed() && !t.Skipped()
			})
			i.check(t)
		})
	}
}

// hold compares the page with what the tests say, or writes it.
func hold(t *testing.T, states map[int]bool) {
	text := render(states)
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Error(err)
	}
	if diff := gocmp.Diff(string(got), text); diff != "" {
		t.Errorf("docs/security-checklist.md is not what the tests say; -update writes it (-page +tests):\n%s", diff)
	}
}

func render(states map[int]bool) string {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s. %s\n\n| item | | must hold | state |\n|---|---|---|---|\n", s.letter, s.title)
		for n := s.first; n <= s.last; n++ {
			i, there := items[n]
			if !there {
				continue
			}
			state := cmp.Or(i.why, "fails")
			if states[n] {
				state = "holds"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", i.name(), i.priority(), i.must, state)
		}
	}
	return b.String()
}

const head = `# Security checklist

What must hold of Rolegate, item by item. "holds" is what the test of the item's name said when this page was written:
item B21 is ` + "`" + `go test ./internal/checklist -run TestChecklist/B21` + "`" + `. Every run of all tests holds the page to them;
` + "`" + `go test ./internal/checklist -update` + "`" + ` writes it. P0 must hold for any release, P1 before 1.0; where a sentence stands in
place of a state, there is no test, and it says why.
`
