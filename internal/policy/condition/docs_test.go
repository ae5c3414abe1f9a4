package condition

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var example = regexp.MustCompile("(?s)```condition\n(.*?)```")

// TestDocs runs the examples of docs/conditions.md: a condition, and below it
// lines with what it is and of which facts, or why it is refused.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range example.FindAllStringSubmatch(string(page), -1) {
		var text string
		for line := range strings.Lines(block[1]) {
			line, indented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
			switch {
			case line == "":
			case !indented:
				text = line
			default:
				want, about, _ := strings.Cut(line, " ")
				runExample(t, text, want, strings.TrimSpace(about))
				ran++
			}
		}
	}
	if ran < 60 {
		t.Errorf("%d examples found, too few to be the page", ran)
	}
}

func runExample(t *testing.T, text, want, about string) {
	t.Helper()
	c, err := Compile(text, schema)
	if want == "refused" {
		var e *Error
		if !errors.As(err, &e) || e.Reason.Text != about {
			t.Errorf("%s is refused: %v, the page says %s", text, err, about)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	if got := c.Eval(documented(t, about)); got.String() != want {
		t.Errorf("%s of %s is %v, the page says %s", text, about, got, want)
	}
}

// documented reads facts as the page gives them.
func documented(t *testing.T, text string) *Facts {
	t.Helper()
	var in struct {
		Record, User, Action, Context attributes
		Request                       struct {
			IP      string
			Time    time.Time
			ACR     int
			AMR     []string
			AuthAge *float64 `json:"auth_age"`
		}
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	f := &Facts{Record: in.Record, User: in.User, Action: in.Action, Context: in.Context, IP: in.Request.IP, Time: in.Request.Time, ACR: in.Request.ACR, AMR: in.Request.AMR}
	f.UserID, _ = in.User["id"].(string)
	f.Unit, _ = in.User["unit"].(string)
	roles, _ := in.User["roles"].([]any)
	for _, r := range roles {
		f.Roles = append(f.Roles, r.(string))
	}
	if age := in.Request.AuthAge; age != nil {
		f.AuthAge, f.HasAuth = time.Duration(*age*float64(time.Second)), true
	}
	f.Below = func(unit, root string) bool { return unit == root || strings.HasPrefix(unit, root+"/") }
	return f
}
