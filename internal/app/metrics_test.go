package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"rolegate/internal/testkit"
)

// family is a metric in a text: what Prometheus adds to a histogram's name is
// taken off.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

var metricName = regexp.MustCompile(`rolegate_[a-z_]+`)

// families lists the metrics of a service that has answered something of each kind.
func families(t *testing.T) (names []string) {
	k := testkit.NewPostgres(t, "ROLEGATE_AUDIT=buffered", "ROLEGATE_AUDIT_FILE="+filepath.Join(t.TempDir(), "audit.jsonl"))
	k.Evaluate(k.ClientToken("crm"), "stranger", "read", "contact", nil)
	for line := range strings.Lines(metricsOf(t, k)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok && strings.HasPrefix(rest, "rolegate_") {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	return names
}

// Every alert about decisions is about all routes that give them.
func TestSlowDecisionsOfEveryRoute(t *testing.T) {
	text, err := os.ReadFile("../../docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`rolegate_http_request_duration_seconds_bucket\{route=~"([^"]+)"`).FindSubmatch(text)
	if found == nil {
		t.Fatal("no alert is about the time of decisions")
	}
	watched := regexp.MustCompile("^(?:" + string(found[1]) + ")$")
	for _, route := range []string{"/access/v1/evaluation", "/access/v1/evaluations", "/v1/filter", "/v1/forward-auth", "/v1/forward-auth/path/*"} {
		if !watched.MatchString(route) {
			t.Errorf("%s may take as long as it likes", route)
		}
	}
}

// What operators read about metrics is what there is, and all of it.
func TestMetricsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	there := families(t)
	var told []string
	for _, m := range regexp.MustCompile("`(rolegate_[a-z_]+)").FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1])
	}
	for _, name := range there {
		if !slices.Contains(told, name) {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
	for _, name := range told {
		if !slices.Contains(there, family(name)) {
			t.Errorf("docs/operations.md names %s, which is no metric", name)
		}
	}
}

// An alert about a metric or a label that is not there never fires.
func TestAlertsAreOfMetricsThatAreThere(t *testing.T) {
	text, err := os.ReadFile("../../docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	there, count := families(t), 0
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			count++
			if r.Alert == "" || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%+v is not an alert that says what it means", r)
			}
			names := metricName.FindAllString(r.Expr, -1)
			for _, name := range names {
				if !slices.Contains(there, family(name)) {
					t.Errorf("%s watches %s, which is no metric", r.Alert, name)
				}
			}
			if len(names) == 0 && !strings.Contains(r.Expr, "up{") {
				t.Errorf("%s watches nothing of ours", r.Alert)
			}
			// It counts once, at a start, before anybody has seen the counter at 0.
			if r.Alert == "RolegateSinkMoved" && r.Expr != "rolegate_audit_sink_moved_total > 0" {
				t.Errorf("%s: nothing increases where the first value is 1: %s", r.Alert, r.Expr)
			}
			if strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") || strings.Count(r.Expr, "{") != strings.Count(r.Expr, "}") {
				t.Errorf("%s: %s", r.Alert, r.Expr)
			}
		}
	}
	if count < 10 {
		t.Errorf("%d alerts", count)
	}
}

// What is refused counts under its code, so that an alarm can tell what callers
// bring about themselves.
func TestProblemsAreCounted(t *testing.T) {
	k := testkit.New(t)
	client := k.ClientToken("crm")
	question := map[string]any{"subject": map[string]any{"type": "user", "id": "eve"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1"}}
	k.Want(k.Post("/access/v1/evaluation", "nothing", question), 401)
	question["context"] = map[string]any{"min_revision": 1_000_000}
	k.Want(k.Post("/access/v1/evaluation", client, question), 503)
	text := metricsOf(t, k)
	for _, want := range []string{`rolegate_problems_total{code="unauthorized"} 1`, `rolegate_problems_total{code="revision_unavailable"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// A clock that is set while the service runs is counted. (I155)
func TestClockJumpsAreCounted(t *testing.T) {
	k := testkit.New(t)
	counted := func(direction string, times int) func() bool {
		return func() bool {
			return strings.Contains(metricsOf(t, k), fmt.Sprintf("rolegate_clock_jumps_total{direction=%q} %d\n", direction, times))
		}
	}
	eventually(t, "both are there to watch", func() bool { return counted("forward", 0)() && counted("back", 0)() })
	k.Advance(time.Hour)
	eventually(t, "forward", counted("forward", 1))
	k.Advance(-time.Hour)
	eventually(t, "back", counted("back", 1))
	eventually(t, "each once", counted("forward", 1))
}
